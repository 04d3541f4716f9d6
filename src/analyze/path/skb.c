// SPDX-License-Identifier: GPL-2.0-only
/* The lives of socket buffers: how they are filled, cloned, merged and freed. */
#include <stdlib.h>
#include <string.h>

#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/core/task.h"
#include "analyze/paths.h"
#include "common/vec.h"

static void on_fill(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	struct holder *s;

	if (!t)
		return;
	t->fill_to = ev->v[F_to];
	t->fill_len = ev->v[F_len];
	t->fill_skb = ev->v[F_skb];
	s = skb_filled(e, ev->v[F_skb]);
	if (!s)
		return;
	if (ev->v[F_to])
		skb_take(e, s, ev->v[F_to], ev->v[F_len]);
	if (!t->op || !t->op->send)
		return;
	if (!t->op->first_skb)
		t->op->first_skb = s->addr;
	skb_join(e, t->op->first_skb, s);
}

static void on_cloning(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);

	if (t)
		t->cloning = ev->v[F_skb];
}

/* What a socket has in its queue is cloned no more. */
static bool is_queued(const struct holder *h)
{
	const struct custody *last = custody_last(h->custody, 0);

	return last && (last->holder == BY_SOCKET || last->holder == BY_TAP);
}

/*
 * The clone's parent, if that was recorded; else, of those that have its head, the one that was
 * last seen as the clone is now.
 */
static const struct holder *parent_of(struct engine *e, const struct holder *clone,
				      const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	const struct holder *parent = t && t->cloning ? skb_find(e, t->cloning) : NULL;
	uint64_t seq = 0;

	if (t)
		t->cloning = 0;
	if (parent && clone->head && parent != clone && holder_has(parent, clone->head))
		return parent;
	parent = NULL;

	for (size_t i = 0; clone->head && i < clone->head->count; i++) {
		const struct holder *h = clone->head->owners[i].by;
		uint64_t at = h->custody ? h->custody->at.seq : 0;

		if (h == clone || h->weak || is_queued(h))
			continue;
		if (parent && (parent->data == ev->v[F_data]) >= (h->data == ev->v[F_data]) && at <= seq)
			continue;
		parent = h;
		seq = at;
	}
	return parent;
}

/* What the parent holds, with its past; but: not this block. */
static void inherit(struct engine *e, struct holder *s, const struct holder *parent,
		    const struct block *but)
{
	custody_put(s->custody);
	s->custody = custody_get(parent->custody);
	for (size_t i = 0; i < parent->count; i++) {
		struct block *b = parent->blocks[i];
		const struct owner *o = block_owner(b, parent);
		struct owner *own = block_owner(b, s);

		if (b == but)
			continue;
		if (!own) {
			if (holder_add(s, b, o->since, o->base))
				e->err = -ENOMEM;
		} else if (!own->since && o->since) {
			own->since = o->since;
			own->base = custody_get(o->base);
		}
	}
}

static void on_clone(struct engine *e, const struct event *ev)
{
	struct holder *s = skb_find(e, ev->v[F_skb]);
	const struct holder *parent;

	if (!ev->v[F_skb])
		return;
	/* A clone is a new skb: one known by that pointer was freed unseen. */
	if (s)
		skb_renew(e, s);
	s = skb_of(e, ev, true);
	parent = s ? parent_of(e, s, ev) : NULL;
	if (parent)
		inherit(e, s, parent, NULL);
	else if (s && s->head)
		skb_unnamed(e, s->head);
	/* It has a packet already: whoever fills it next has it anew. */
	if (s)
		s->passed = true;
}

/* net/core/skbuff.c: skb_morph makes one skb a clone of another, letting go of what it held. */
static void on_morph(struct engine *e, const struct event *ev)
{
	struct holder *to = skb_find(e, ev->v[F_to]), *from = skb_of(e, ev, true);

	if (!to)
		to = skb_filled(e, ev->v[F_to]);
	if (!to || !from || to == from)
		return;
	inherit(e, to, from, NULL);
	for (size_t i = 0; i < to->count;)
		if (block_owner(to->blocks[i], from))
			i++;
		else
			holder_drop(&e->holders, to, to->blocks[i], &(struct doom){0});
	to->head = from->head;
}

/*
 * skb_try_coalesce: `to` takes over the memory of `from`, or, where it cannot, `from` is put on
 * its list of fragments (net/ipv4/inet_fragment.c: inet_frag_reasm_finish). Either way the memory
 * lives as long as `to`, and the end of `from` (kfree_skb_partial) passes no tracepoint.
 */
static void on_coalesce(struct engine *e, const struct event *ev)
{
	if (ev->v[F_to] != ev->v[F_skb])
		skb_take_over(e, skb_find(e, ev->v[F_to]), ev->v[F_skb]);
}

/*
 * Is what is freed another packet than was last seen under this pointer, so that the free of that
 * one was not recorded? One that shares its head may be changed by its other owners' makers. Headers
 * are pulled and pushed meanwhile, which leaves the end where it was.
 */
static bool is_another(struct engine *e, const struct holder *s, const struct event *ev)
{
	if (s->head && s->head->addr != ev->v[F_head])
		return !content_has_payload(e->content, SPACE_KERNEL, ev->v[F_head], ev->v[F_end]);
	return s->head && s->head->count == 1 && s->data && ev->v[F_data] &&
	       s->data + s->len != ev->v[F_data] + ev->v[F_len];
}

/* Of an skb that no event told of, such as one in a receive ring: what a device wrote there is gone. */
static void forget_head(struct engine *e, const struct event *ev)
{
	if (!block_at(&e->holders, ev->v[F_head]))
		engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, ev->v[F_head],
					       ev->v[F_end]));
}

static void on_free(struct engine *e, const struct event *ev)
{
	struct doom d = {ev->v[F_reason], ev->kind == EV_DROP_SKB};
	struct holder *s;

	if (!skb_find(e, ev->v[F_skb]) && skb_is_unnamed(e, ev->v[F_head], ev->v[F_end]))
		skb_of(e, ev, false);
	s = hashmap_remove(&e->skbs, ev->v[F_skb]);
	if (!s) {
		forget_head(e, ev);
		return;
	}
	if (is_another(e, s, ev)) {
		skb_mark(e, s, CAVEAT_RECYCLED);
		d.dropped = false;
	}
	/* A device has read it: it is on the wire. */
	d.dropped &= !s->sent;
	skb_end(e, s, &d);
}

/*
 * The recording outlives the workload: what is still in an skb then was never freed. Only what hangs on
 * one whose free was put off goes with it, whenever the next soft interrupt comes (net/core/skbuff.c:
 * skb_attempt_defer_free).
 */
static void finish(struct engine *e)
{
	for (const struct holder *h = e->holders.all; h; h = h->next)
		if (!h->weak && !(h->lead && !skb_find(e, h->lead)))
			skb_mark(e, h, CAVEAT_NOT_FREED);
}

static const char *const splitters[] = {
#define SPLITTER(function) function,
#include "analyze/path/splitters.def"
#undef SPLITTER
};

static bool splits(const struct site *site)
{
	for (size_t i = 0; site && i < ARRAY_SIZE(splitters); i++)
		if (!strcmp(site->function, splitters[i]))
			return true;
	return false;
}

/* The headers of an skb are copied for a part of it, a new skb that shares its other memory. */
static bool on_copy(struct engine *e, const struct copying *c)
{
	const struct block *b = splits(c->site) ? block_at(&e->holders, c->src) : NULL;
	const struct owner *o = b ? block_newest(b) : NULL;
	struct block *to;

	if (!o || block_at(&e->holders, c->dst))
		return false;
	to = block_of(&e->holders, c->dst, c->len);
	if (to)
		skb_unnamed(e, to);
	if (to && block_unnamed(to))
		inherit(e, block_unnamed(to), o->by, o->by->head);
	return false;
}

static const struct handler handlers[] = {
	{EV_SKB_FILL, on_fill},	   {EV_SKB_CLONING, on_cloning}, {EV_SKB_CLONE, on_clone},   {EV_SKB_MORPH, on_morph},
	{EV_COALESCE, on_coalesce}, {EV_CONSUME_SKB, on_free}, {EV_DEFER_FREE, on_free},
	{EV_DROP_SKB, on_free},	   {0, NULL},
};

const struct path path_skb = {.name = "skb", .handlers = handlers, .claim = on_copy, .finish = finish};
