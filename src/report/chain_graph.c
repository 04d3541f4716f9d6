// SPDX-License-Identifier: GPL-2.0-only
#include "report/chain_graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool step_moves(const struct step *s)
{
	return s->kind == HOP_COPY || s->kind == HOP_COPY_UNKNOWN || s->kind == HOP_EMULATED_DMA ||
	       s->kind == HOP_TRANSFORM;
}

static bool leads_on(const struct step *s)
{
	return s->kind != HOP_HANDOFF && s->kind != HOP_DROP && s->kind != HOP_START;
}

static enum place_kind kind_of(const struct chain_view *v, size_t i)
{
	const struct step *s = &v->steps[i];

	if (!i)
		return PLACE_SENDER;
	if (s->kind == HOP_WIRE || s->holder == BY_DEVICE)
		return PLACE_DEVICE;
	if (s->holder == BY_RECEIVER)
		return PLACE_RECEIVER;
	return s->kind == HOP_GAP ? PLACE_UNKNOWN : PLACE_KERNEL;
}

/* The device at either end of a wire is named by the hops on its side of it. */
static const char *device_at(const struct chain_view *v, size_t i)
{
	size_t k = i;

	if (v->steps[i].kind != HOP_WIRE && *v->steps[i].dev)
		return v->steps[i].dev;
	while (++k < v->count)
		if (*v->steps[k].dev && v->steps[k].kind != HOP_WIRE)
			return v->steps[k].dev;
	return "";
}

static void name_place(const struct chain_view *v, struct place *p)
{
	static const char *const titles[] = {"sender's buffer", "kernel buffer", "device",
					     "receiver's buffer", "not recorded"};

	if (p->kind == PLACE_DEVICE)
		snprintf(p->title, sizeof(p->title), "device %s", device_at(v, p->into));
	else if (v->steps[p->into].holder == BY_RING)
		snprintf(p->title, sizeof(p->title), "%s", holder_name(BY_RING));
	else
		snprintf(p->title, sizeof(p->title), "%s", titles[p->kind]);
}

static void fill_place(const struct analysis *r, const struct flow *f, const struct chain_view *v,
		       struct place *p)
{
	const struct step *s = &v->steps[p->into];

	/* A gap has no address of its own: the bytes turn up where the next hop finds them. */
	if (s->kind == HOP_GAP && p->into + 1 < v->count)
		s++;
	p->len = s->len;
	name_place(v, p);
	if (p->kind == PLACE_DEVICE)
		return;
	p->addr = s->kind == HOP_GAP || s->src == s->dst || p->kind == PLACE_UNKNOWN ? s->src : s->dst;
	p->phys = step_phys(r, f, s, p->addr == s->dst);
}

int chain_graph_make(const struct analysis *r, const struct flow *f, const struct chain_view *v,
	       struct chain_graph *c)
{
	unsigned int copies = 0;

	*c = (struct chain_graph){calloc(v->count + 1, sizeof(*c->places)), 0};
	if (!c->places)
		return -ENOMEM;
	for (size_t i = 0; i < v->count; i++) {
		const struct step *s = &v->steps[i];
		struct place *p = &c->places[c->count];

		if (i && !leads_on(s)) {
			p[-1].end = i + 1;
			continue;
		}
		*p = (struct place){.kind = kind_of(v, i), .into = i, .end = i + 1};
		if (s->kind == HOP_COPY || s->kind == HOP_COPY_UNKNOWN)
			p->copy = ++copies;
		fill_place(r, f, v, p);
		c->count++;
	}
	return 0;
}

void chain_graph_free(struct chain_graph *c)
{
	free(c->places);
	*c = (struct chain_graph){0};
}

void chain_graph_arrow(const struct chain_view *v, const struct place *p, char *buf, size_t size)
{
	const struct step *s = &v->steps[p->into];
	char where[320];

	step_where(s, where, sizeof(where));
	if (p->copy)
		snprintf(buf, size, "copy %u: %s%s%s%s%s", p->copy, where, s->site ? " (" : "",
			 s->site ? s->site->primitive : "", s->site ? ")" : "",
			 s->checked ? ", content agrees" : "");
	else if (s->kind == HOP_TRANSFORM)
		snprintf(buf, size, "transform, in place: %s", event_kind_name((enum event_kind)s->event));
	else
		snprintf(buf, size, "%s: %s%s", hop_kind_name((enum hop_kind)s->kind), where,
			 s->checked ? ", content agrees" : "");
}

void step_time(const struct chain_view *v, size_t i, char *buf, size_t size)
{
	const struct step *s = &v->steps[i];

	*buf = '\0';
	if (s->kind != HOP_WIRE && s->kind != HOP_GAP && s->kind != HOP_COPY_UNKNOWN)
		snprintf(buf, size, "%.1f us", (double)(s->ts - v->steps[0].ts) / 1000);
}
