// SPDX-License-Identifier: GPL-2.0-only
/* The lives of socket buffers: how they are filled, cloned, merged and freed. */
#include <stdlib.h>

#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/core/task.h"
#include "analyze/paths.h"

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
	if (s)
		skb_take(e, s, ev->v[F_to], ev->v[F_len]);
}

/* The clone's parent: of those that have its head the one that was last seen as the clone is now. */
static const struct holder *parent_of(const struct holder *clone, const struct event *ev)
{
	const struct holder *parent = NULL;
	uint64_t seq = 0;

	for (size_t i = 0; clone->head && i < clone->head->count; i++) {
		const struct holder *h = clone->head->owners[i].by;
		uint64_t at = h->custody ? h->custody->at.seq : 0;

		if (h == clone || h->weak)
			continue;
		if (parent && (parent->data == ev->v[F_data]) >= (h->data == ev->v[F_data]) && at <= seq)
			continue;
		parent = h;
		seq = at;
	}
	return parent;
}

static void inherit(struct engine *e, struct holder *s, const struct holder *parent)
{
	custody_put(s->custody);
	s->custody = custody_get(parent->custody);
	for (size_t i = 0; i < parent->count; i++) {
		struct block *b = parent->blocks[i];
		const struct owner *o = block_owner(b, parent);
		struct owner *own = block_owner(b, s);

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
	parent = s ? parent_of(s, ev) : NULL;
	if (parent)
		inherit(e, s, parent);
	else if (s && s->head)
		skb_unnamed(e, s->head);
}

/* net/core/skbuff.c: skb_morph makes one skb a clone of another, letting go of what it held. */
static void on_morph(struct engine *e, const struct event *ev)
{
	struct holder *to = skb_find(e, ev->v[F_to]), *from = skb_of(e, ev, true);

	if (!to)
		to = skb_filled(e, ev->v[F_to]);
	if (!to || !from || to == from)
		return;
	inherit(e, to, from);
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

/* The end of an skb that had no other event. */
static void free_unnamed(struct engine *e, uint64_t head, const struct doom *d)
{
	const struct block *b = block_at(&e->holders, head);
	struct holder *h = b ? block_unnamed(b) : NULL;

	if (h)
		skb_end(e, h, d);
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
	struct holder *s = hashmap_remove(&e->skbs, ev->v[F_skb]);

	if (!s) {
		free_unnamed(e, ev->v[F_head], &d);
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

static void mark_unfreed(void *value, void *ctx)
{
	skb_mark(ctx, value, CAVEAT_NOT_FREED);
}

/* The recording outlives the workload: what is still in an skb then was never freed. */
static void finish(struct engine *e)
{
	struct holder **unnamed;
	size_t n;

	engine_check(e, holders_unnamed(&e->holders, &unnamed, &n));
	hashmap_each(&e->skbs, mark_unfreed, e);
	for (size_t i = 0; i < n; i++) {
		mark_unfreed(unnamed[i], e);
		skb_end(e, unnamed[i], &(struct doom){0});
	}
	free(unnamed);
}

static const struct handler handlers[] = {
	{EV_SKB_FILL, on_fill},	   {EV_SKB_CLONE, on_clone},  {EV_SKB_MORPH, on_morph},
	{EV_COALESCE, on_coalesce}, {EV_CONSUME_SKB, on_free}, {EV_DEFER_FREE, on_free},
	{EV_DROP_SKB, on_free},	   {0, NULL},
};

const struct path path_skb = {.name = "skb", .handlers = handlers, .finish = finish};
