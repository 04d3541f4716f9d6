// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/engine.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/core/path.h"
#include "analyze/core/task.h"
#include "common/vec.h"

struct listing {
	const struct handler *list[PATHS_MAX + 1];
	size_t count;
};

static int list_handlers(struct engine *e)
{
	for (int kind = 0; kind < EV_COUNT; kind++) {
		struct listing l = {0};

		for (size_t i = 0; e->paths[i]; i++)
			for (const struct handler *h = e->paths[i]->handlers; h->fn; h++)
				if (h->event == (enum event_kind)kind && l.count < PATHS_MAX)
					l.list[l.count++] = h;
		if (!l.count)
			continue;
		e->handlers[kind] = malloc((l.count + 1) * sizeof(l.list[0]));
		if (!e->handlers[kind])
			return -ENOMEM;
		memcpy(e->handlers[kind], l.list, (l.count + 1) * sizeof(l.list[0]));
	}
	return 0;
}

int engine_init(struct engine *e, const struct rundir *run, const struct path *const *paths)
{
	int err = 0;

	memset(e, 0, sizeof(*e));
	e->run = run;
	e->paths = paths;
	e->last_flow = &e->flows;
	ledger_init(&e->ledger);
	e->content = content_map_new();
	if (!e->content || holders_init(&e->holders, e->content) || list_handlers(e))
		return -ENOMEM;
	for (size_t i = 0; paths[i] && !err; i++)
		if (paths[i]->init)
			err = paths[i]->init(e, &e->state[i]);
	return err ? err : tasks_load(e);
}

/* Nothing happens twice on a CPU at the same nanosecond. */
static bool is_double(const struct event *a, const struct event *b)
{
	if (a->ts != b->ts || a->cpu != b->cpu || a->kind != b->kind || a->tid != b->tid || a->ip != b->ip ||
	    memcmp(a->v, b->v, sizeof(a->v)) != 0)
		return false;
	for (int i = 0; i < A_COUNT; i++)
		if (a->array_len[i] != b->array_len[i] ||
		    (a->array_len[i] && memcmp(a->array[i], b->array[i], a->array_len[i]) != 0))
			return false;
	return true;
}

int engine_event(struct engine *e, const struct event *ev)
{
	const struct handler *const *h = e->handlers[ev->kind];

	e->doubled += e->now && is_double(e->now, ev);
	e->now = ev;
	e->by_kind[ev->kind]++;
	e->ledger.now = ev->ts;
	/* What one path makes of an event is before what the next one makes of it. */
	for (; h && *h; h++) {
		e->seq++;
		(*h)->fn(e, ev);
	}
	ledger_settle(&e->ledger);
	return e->err;
}

void *engine_state(const struct engine *e, const struct path *p)
{
	for (size_t i = 0; e->paths && e->paths[i]; i++)
		if (e->paths[i] == p)
			return e->state[i];
	return NULL;
}

void engine_finish(struct engine *e)
{
	e->now = NULL;
	for (size_t i = 0; e->paths && e->paths[i]; i++)
		if (e->paths[i]->finish)
			e->paths[i]->finish(e);
	tasks_finish(e);
	holders_end(&e->holders);
	hashmap_free(&e->skbs);
	rangemap_free(e->content);
	e->content = NULL;
	ledger_finish(&e->ledger);
}

static void free_value(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

void engine_free(struct engine *e)
{
	if (e->content)
		engine_finish(e);
	for (size_t i = 0; e->paths && e->paths[i]; i++)
		if (e->paths[i]->free)
			e->paths[i]->free(e);
	tasks_free(e);
	holders_free(&e->holders);
	ledger_free(&e->ledger);
	while (e->flows) {
		struct flow *f = e->flows;

		e->flows = f->next;
		flow_free(f);
	}
	hashmap_each(&e->others, free_value, NULL);
	hashmap_free(&e->others);
	hashmap_free(&e->flow_by_key);
	for (int kind = 0; kind < EV_COUNT; kind++)
		free(e->handlers[kind]);
	memset(e, 0, sizeof(*e));
}

struct stamp stamp_of(const struct engine *e, const struct event *ev)
{
	return (struct stamp){e->seq, ev->ts, ev->file_off, ev->ip, ev->cpu, ev->tid, ev->kind};
}

struct stamp engine_stamp(const struct engine *e)
{
	return stamp_of(e, e->now);
}

struct flow *flow_new(struct engine *e, uint64_t key, const char *proto)
{
	struct flow *f = calloc(1, sizeof(*f));

	if (!f || hashmap_set(&e->flow_by_key, key, f)) {
		free(f);
		e->err = -ENOMEM;
		return NULL;
	}
	f->index = (unsigned int)++e->next_flow;
	f->proto = proto;
	f->sender.fd = f->receiver.fd = -1;
	*e->last_flow = f;
	e->last_flow = &f->next;
	return f;
}

void event_dev(const struct event *ev, char dev[16])
{
	size_t len = ev->array_len[A_dev] < 15 ? ev->array_len[A_dev] : 15;

	memset(dev, 0, 16);
	if (ev->array[A_dev])
		memcpy(dev, ev->array[A_dev], strnlen((const char *)ev->array[A_dev], len));
}

/* What the CPU has stored, by a site. Of copies in frames that are not known yet copying.c tells. */
static void count_stored(struct engine *e, const struct content *c)
{
	if (!c->site || (c->kind != HOP_COPY && c->kind != HOP_EMULATED_DMA && c->kind != HOP_PIO))
		return;
	if (c->msg)
		engine_check(e, flow_add_stored(c->msg->flow, c->site, c->len));
	else if (c->kind == HOP_PIO)
		engine_check(e, late_copied(c->late, &(struct late_copy){c->off, c->off + c->len, c->site, false}));
}

struct content *content_make(struct engine *e, struct content *like)
{
	struct content *c;

	if (!like->at.seq)
		like->at = engine_stamp(e);
	c = content_new(like);
	if (!c)
		e->err = -ENOMEM;
	else
		count_stored(e, c);
	return c;
}

void content_place(struct engine *e, uint64_t addr, struct content *c, uint64_t at, uint64_t len)
{
	engine_check(e, content_put_at(e->content, SPACE_KERNEL, addr, c, at, len));
}

struct custody *custody_at(struct engine *e, uint64_t addr)
{
	const struct block *b = block_at(&e->holders, addr);
	const struct owner *o = b ? block_newest(b) : NULL;

	return o ? owner_custody(o, &e->err) : NULL;
}
