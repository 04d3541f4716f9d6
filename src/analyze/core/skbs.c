// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/skbs.h"

#include <stdlib.h>

#include "common/vec.h"

static const struct doom moved = {0};

struct mark {
	enum caveat caveat;
	uint64_t filled_by; /* what this skb itself was filled with is let off; 0: nothing is */
};

static int mark_payload(void *ctx, const struct payload *p)
{
	const struct mark *m = ctx;

	if (!m->filled_by || p->c->kind != HOP_COPY || p->c->skb != m->filled_by)
		message_caveat(p->msg, m->caveat);
	return 0;
}

static void mark_memory(struct engine *e, uint64_t addr, uint64_t len, enum caveat d,
			uint64_t filled_by)
{
	struct mark m = {d, filled_by};

	content_each(e->content, SPACE_KERNEL, addr, len, mark_payload, &m);
}

void skb_mark(struct engine *e, const struct holder *s, enum caveat d)
{
	for (size_t i = 0; i < s->count; i++)
		mark_memory(e, s->blocks[i]->addr, s->blocks[i]->len, d, 0);
}

static struct holder *new_skb(struct engine *e, uint64_t addr)
{
	struct holder *s = holder_new(&e->holders);

	if (!s || hashmap_set(&e->skbs, addr, s)) {
		holder_end(&e->holders, s, NULL);
		e->err = -ENOMEM;
		return NULL;
	}
	s->addr = addr;
	return s;
}

static void let_go(struct engine *e, struct holder *s)
{
	while (s->count)
		holder_drop(&e->holders, s, s->blocks[0], &moved);
	custody_put(s->custody);
	s->custody = NULL;
	s->data = s->len = s->lead = 0;
	s->member_count = 0;
	s->passed = s->sent = s->taken = false;
}

void skb_renew(struct engine *e, struct holder *s)
{
	skb_mark(e, s, CAVEAT_RECYCLED);
	let_go(e, s);
}

void skb_born(struct engine *e, uint64_t addr)
{
	struct holder *s = skb_find(e, addr);

	if (!s || !s->passed)
		return;
	skb_mark(e, s, CAVEAT_RECYCLED);
	s->passed = false;
	custody_put(s->custody);
	s->custody = NULL;
}

struct holder *skb_filled(struct engine *e, uint64_t addr)
{
	struct holder *s = skb_find(e, addr);

	if (!s)
		return new_skb(e, addr);
	if (s->passed)
		skb_renew(e, s);
	return s;
}

/* Somebody but s has this memory. */
static bool has_others(const struct block *b, const struct holder *s)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->owners[i].by != s && !b->owners[i].by->weak)
			return true;
	return false;
}

static bool is_within(const struct block *b, uint64_t addr, uint64_t len)
{
	return addr >= b->addr && addr - b->addr <= b->len && len <= b->len - (addr - b->addr);
}

/*
 * An skb that is no clone has its head for itself: whoever had it before was freed on a way that
 * passes no tracepoint (__kfree_skb in the TCP stack), and what others left there is not what this
 * skb brings: that came into its head by a copy.
 */
static void claim_alone(struct engine *e, struct holder *s, struct block *b)
{
	if (!has_others(b, s))
		return;
	mark_memory(e, b->addr, b->len, CAVEAT_RECYCLED, s->addr);
	block_evict(b, s);
}

void skb_join(struct engine *e, uint64_t first, struct holder *s)
{
	struct holder *lead = skb_find(e, first);

	if (!lead || lead == s || s->lead == first)
		return;
	if (vec_reserve(&lead->members, &lead->member_cap, lead->member_count + 1)) {
		e->err = -ENOMEM;
		return;
	}
	lead->members[lead->member_count++] = s->addr;
	s->lead = first;
}

void skb_pass(struct engine *e, struct holder *s, const struct custody *node, bool linear)
{
	if (holder_pass(s, node)) {
		e->err = -ENOMEM;
		return;
	}
	if (linear)
		s->member_count = 0;
	for (size_t i = 0; i < s->member_count; i++) {
		struct holder *m = skb_find(e, s->members[i]);

		if (!m || m->lead != s->addr || m->passed)
			continue;
		custody_put(m->custody);
		m->custody = custody_get(s->custody);
	}
}

void skb_unnamed(struct engine *e, struct block *head)
{
	struct holder *h = holder_new(&e->holders);

	if (!h || holder_add(h, head, 0, NULL)) {
		holder_end(&e->holders, h, NULL);
		e->err = -ENOMEM;
		return;
	}
	h->unnamed = true;
}

/* The skb that nobody knew by name is this one; linear: it has nothing but its head. */
static void name(struct engine *e, struct holder *s, struct holder *unnamed, bool linear)
{
	if (!s->custody)
		s->custody = custody_get(unnamed->custody);
	for (size_t i = 0; i < unnamed->count && !linear; i++) {
		const struct owner *o = block_owner(unnamed->blocks[i], unnamed);

		if (holder_add(s, unnamed->blocks[i], o->since, o->base))
			e->err = -ENOMEM;
	}
	holder_end(&e->holders, unnamed, &moved);
}

static int find_unnamed(void *ctx, const struct rm_piece *p)
{
	(void)ctx;
	return block_unnamed(p->tag) != NULL;
}

bool skb_is_unnamed(const struct engine *e, uint64_t head, uint64_t end)
{
	return rangemap_walk(e->holders.memory, SPACE_KERNEL, head, end, find_unnamed, NULL) == 1;
}

static void set_head(struct engine *e, struct holder *s, const struct event *ev, bool shared)
{
	uint64_t head = ev->v[F_head], end = ev->v[F_end];
	struct block *b, *old = s->head;

	if (!head || (old && old->addr == head && old->len >= end))
		return;
	/* With a new head comes the payload (pskb_expand_head, skb_morph), or it is another skb. */
	if (old && old->addr != head && s->passed &&
	    (!content_has_payload(e->content, SPACE_KERNEL, head, end) ||
	     skb_is_unnamed(e, head, end))) {
		skb_renew(e, s);
		old = NULL;
	}
	b = block_of(&e->holders, head, end);
	if (!b) {
		if (end && head + end > head)
			e->err = -ENOMEM;
		return; /* a range that wraps is a stale fetch */
	}
	/* The hands that an skb has passed are its new head's, too. */
	if (holder_add(s, b, 0, NULL))
		e->err = -ENOMEM;
	s->head = b;
	while (!shared && block_unnamed(b))
		name(e, s, block_unnamed(b), !ev->v[F_dlen]);
	if (!shared)
		claim_alone(e, s, b);
	/* Not where it has become part of the new one. */
	if (old && old != b && holder_has(s, old))
		holder_drop(&e->holders, s, old, &moved);
}

struct holder *skb_of(struct engine *e, const struct event *ev, bool shared)
{
	struct holder *s = skb_find(e, ev->v[F_skb]);

	if (!s)
		s = new_skb(e, ev->v[F_skb]);
	if (s)
		set_head(e, s, ev, shared);
	return s;
}

void skb_linear(struct engine *e, struct holder *s)
{
	for (size_t i = 0; s->head && i < s->count;)
		if (s->blocks[i] == s->head)
			i++;
		else
			holder_drop(&e->holders, s, s->blocks[i], &moved);
}

void skb_take(struct engine *e, struct holder *s, uint64_t addr, uint64_t len)
{
	struct block *b = block_at(&e->holders, addr);

	if (b && is_within(b, addr, len) && holder_has(s, b))
		return;
	b = block_of(&e->holders, addr, len);
	if (!b)
		return; /* the range wraps */
	if (holder_add(s, b, 0, NULL))
		e->err = -ENOMEM;
}

void skb_end(struct engine *e, struct holder *s, const struct doom *doom)
{
	holder_end(&e->holders, s, doom);
}

void skb_take_over(struct engine *e, struct holder *s, uint64_t other)
{
	struct holder *from = hashmap_remove(&e->skbs, other);

	if (from && s && holder_share(s, from, e->seq))
		e->err = -ENOMEM;
	if (from)
		skb_end(e, from, &moved);
}
