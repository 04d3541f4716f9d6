// SPDX-License-Identifier: GPL-2.0-only
/* Hand-offs: the same bytes at the same address change hands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/engine.h"

struct rule {
	unsigned int from;
	enum holder to;
};

static const struct rule rules[EV_COUNT] = {
#define HANDOFF(event, from, to) [EV_##event] = {from, to},
#include "analyze/handoff.def"
#undef HANDOFF
};

struct hop *hop_after(struct engine *e, enum hop_kind kind, enum holder holder, struct hop *prev,
		      unsigned int from_mask, const char *why)
{
	struct hop *gap = NULL, *h;

	if (!(from_mask & 1u << prev->holder)) {
		gap = hop_new(HOP_GAP, prev->holder, prev, prev->msg, e->now);
		if (gap) {
			gap->why = why;
			gap->sk = prev->sk;
		}
		prev = gap;
	}
	h = prev ? hop_new(kind, holder, prev, prev->msg, e->now) : NULL;
	if (!h)
		e->err = -ENOMEM;
	hop_put(gap);
	return h;
}

struct passing {
	struct engine *e;
	const struct event *ev;
	const struct rule *rule;
};

static void read_dev(const struct event *ev, char *dev, size_t size)
{
	size_t len = ev->array_len[A_dev] < size - 1 ? ev->array_len[A_dev] : size - 1;

	memset(dev, 0, size);
	if (ev->array[A_dev])
		memcpy(dev, ev->array[A_dev], strnlen((const char *)ev->array[A_dev], len));
}

static void *passed_tag(void *ctx, const struct rm_piece *p)
{
	struct passing *pa = ctx;
	struct hop *from = p->tag, *h;

	/* Memory that the skb holds in two ways is handed on once. */
	if (!from->msg || from->depth > DEPTH_MAX || (from->kind == HOP_HANDOFF && from->file_off == pa->ev->file_off))
		return from;
	h = hop_after(pa->e, HOP_HANDOFF, pa->rule->to, from, pa->rule->from,
		      "a hand-off before this one is not recorded");
	if (!h)
		return from;
	h->refs = 0;
	h->src = h->dst = p->addr;
	h->src_len = p->len;
	h->off = p->off;
	h->skb = pa->ev->v[F_skb];
	h->sk = pa->ev->v[F_sk];
	read_dev(pa->ev, h->dev, sizeof(h->dev));
	return h;
}

/* All memory of the skb that can hold payload: its head, and what else was filled or joined. */
static void retag_skb(struct engine *e, const struct skb *s, const struct event *ev)
{
	struct passing pa = {e, ev, &rules[ev->kind]};

	if (s->head)
		engine_check(e, rangemap_retag(e->map, SPACE_KERNEL, s->head, s->end, passed_tag,
					      &pa));
	for (size_t i = 0; i < s->extra_count; i++)
		if (!skb_within_head(s, s->extras[i].addr))
			engine_check(e, rangemap_retag(e->map, SPACE_KERNEL, s->extras[i].addr,
						      s->extras[i].len, passed_tag, &pa));
}

void on_handoff(struct engine *e, const struct event *ev)
{
	struct skb *s = skb_of(e, ev, false);

	if (!s)
		return;
	s->passed = true;
	s->data = ev->v[F_data];
	s->len = ev->v[F_len];
	if (ev->kind == EV_NETIF_RX)
		frame_local(e, ev->v[F_skb]);
	if (ev->kind == EV_GRO_RECEIVE)
		frame_received(e, ev);
	retag_skb(e, s, ev);
	if (ev->kind == EV_DEV_XMIT)
		frame_sent(e, ev);
}

struct tapping {
	struct engine *e;
	const struct event *ev;
	struct head *head;
};

#define TAPS_MAX 256 /* of one frame: no machine has as many packet sockets */

static int tap_piece(void *ctx, const struct rm_piece *p)
{
	struct tapping *ta = ctx;
	struct hop *from = p->tag, *h;
	struct tap *more;

	if (!from->msg || ta->head->tap_count >= TAPS_MAX)
		return 0;
	more = realloc(ta->head->taps, (ta->head->tap_count + 1) * sizeof(*more));
	h = more ? hop_after(ta->e, HOP_HANDOFF, BY_TAP, from, rules[EV_TAP_RCV].from,
			     "a hand-off before this one is not recorded") : NULL;
	if (more)
		ta->head->taps = more;
	if (!h) {
		ta->e->err = -ENOMEM;
		return 1;
	}
	h->src = h->dst = p->addr;
	h->src_len = p->len;
	h->off = p->off;
	h->skb = ta->ev->v[F_skb];
	h->sk = ta->ev->v[F_sk];
	more[ta->head->tap_count++] = (struct tap){h->sk, p->addr, p->len, h, false};
	return 0;
}

/* A packet socket takes the frame beside its way: its holder is one more, not the next. */
void on_tap(struct engine *e, const struct event *ev)
{
	struct skb *s = skb_of(e, ev, true);
	struct tapping ta = {e, ev, s ? hashmap_find(&e->heads, s->head) : NULL};

	if (ta.head)
		rangemap_walk(e->map, SPACE_KERNEL, s->head, s->end, tap_piece, &ta);
}

struct tap_search {
	uint64_t sk, addr;
	bool keep;
	struct hop *found;
};

static void search_taps(void *value, void *ctx)
{
	const struct head *h = value;
	struct tap_search *ts = ctx;

	if (ts->found || ts->addr < h->addr || ts->addr >= h->addr + h->size)
		return;
	for (size_t i = 0; i < h->tap_count && !ts->found; i++) {
		struct tap *t = &h->taps[i];

		if (t->read || t->sk != ts->sk || ts->addr < t->addr ||
		    ts->addr >= t->addr + t->len)
			continue;
		ts->found = t->hop;
		t->read = !ts->keep;
	}
}

/* A packet socket reads each frame it took once, unless it only peeks. */
struct hop *tap_hop(struct engine *e, uint64_t sk, uint64_t addr, bool peek)
{
	struct tap_search ts = {sk, addr, peek, NULL};

	hashmap_each(&e->heads, search_taps, &ts);
	return ts.found;
}
