// SPDX-License-Identifier: GPL-2.0-only
/* Receives that are done with a packet: is what they copied of it recorded? */
#include <stdlib.h>

#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/core/task.h"
#include "analyze/paths.h"

/* What a packet socket was given: whose frame lay at a head when it was given it last. */
struct offer {
	uint64_t sk;
	struct flow *flow;
};

static int first_flow(void *ctx, const struct payload *p)
{
	*(struct flow **)ctx = p->msg->flow;
	return 1;
}

static void on_tap(struct engine *e, const struct event *ev)
{
	struct hashmap *offers = engine_state(e, &path_observer);
	uint64_t key = mix(ev->v[F_sk], ev->v[F_head], 0);
	struct offer *o = hashmap_find(offers, key);
	struct flow *f = NULL;

	/* The rest of the buffer may hold what an earlier frame left there. */
	content_each(e->content, SPACE_KERNEL, ev->v[F_data], ev->v[F_len] - ev->v[F_dlen], first_flow, &f);
	if (!o && !f)
		return;
	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o || hashmap_set(offers, key, o)) {
			free(o);
			e->err = -ENOMEM;
			return;
		}
	}
	*o = (struct offer){ev->v[F_sk], f};
}

/* Out of what an skb has, if that is all in its head. */
static bool is_out_of(const struct op *op, const struct event *ev)
{
	uint64_t data = ev->v[F_data];

	return ev->v[F_dlen] || !data || (op->from >= data && op->from + op->copied <= data + ev->v[F_len]);
}

/* A packet socket is done with a frame that it copied nothing of, or with a clone that nobody has made. */
static void check_frame(struct engine *e, struct op *op, const struct event *ev, const struct holder *s)
{
	const struct hashmap *offers = engine_state(e, &path_observer);
	bool known = s && s->head && s->head->addr == ev->v[F_head];
	const struct offer *o;

	op->consumed = true;
	o = known ? NULL : hashmap_find(offers, mix(op->sk, ev->v[F_head], 0));
	if (o && o->flow)
		o->flow->caveats[CAVEAT_OBSERVER]++;
	else if (s && (!op->copied || !is_out_of(op, ev)))
		skb_mark(e, s, CAVEAT_OBSERVER);
}

static void on_consumed(struct engine *e, const struct event *ev)
{
	const struct thread *t = thread_find(e, ev->tid);
	struct op *op = t ? t->op : NULL;
	const struct holder *s = skb_find(e, ev->v[F_skb]);
	const struct custody *last = s ? custody_last(s->custody, 0) : NULL;

	if (!op || op->send || !op->count)
		return;
	/* What another socket's queue gives up in an interrupt. */
	if (last && last->holder == BY_SOCKET && last->sk && last->sk != op->sk)
		return;
	if (op->tap)
		check_frame(e, op, ev, s);
	else if (last && last->holder == BY_SOCKET && last->sk == op->sk && !op->copied)
		for (size_t i = 0; i < s->count; i++)
			content_each(e->content, SPACE_KERNEL, s->blocks[i]->addr, s->blocks[i]->len, first_flow,
				     &op->freed);
}

static void mark_offered(void *value, void *ctx)
{
	const struct offer *o = value;
	const struct op *op = ctx;

	if (o->sk == op->sk && o->flow)
		o->flow->caveats[CAVEAT_OBSERVER]++;
}

/* A receive that copied nothing known, out of a frame whose end is not recorded: it may be anybody's. */
static void on_received(struct engine *e, const struct event *ev)
{
	const struct thread *t = thread_find(e, ev->tid);
	struct op *op = t ? t->op : NULL;
	/* Behind a message of recvmmsg comes another, or an attempt that may have brought nothing. */
	bool good = ev->kind == EV_RECV_ENTER ? t && t->many : ev->kind == EV_SYSCALL_EXIT && (int64_t)ev->v[F_ret] > 0;
	bool got = op && op->count && (op->copied || good);

	if (op && op->count && !op->copied && op->freed && (good || ev->kind == EV_MMSG_EXIT))
		op->freed->caveats[CAVEAT_UNACCOUNTED]++;
	if (got && !op->send && op->tap && !op->peek && !op->item_count && !op->consumed)
		hashmap_each(engine_state(e, &path_observer), mark_offered, op);
}

static int init(struct engine *e, void **state)
{
	(void)e;
	*state = calloc(1, sizeof(struct hashmap));
	return *state ? 0 : -ENOMEM;
}

static void free_offer(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

static void free_state(struct engine *e)
{
	struct hashmap *offers = engine_state(e, &path_observer);

	if (offers) {
		hashmap_each(offers, free_offer, NULL);
		hashmap_free(offers);
	}
	free(offers);
}

static const struct handler handlers[] = {
	{EV_TAP_RCV, on_tap},	    {EV_CONSUME_SKB, on_consumed}, {EV_DEFER_FREE, on_consumed},
	{EV_DROP_SKB, on_consumed}, {EV_SYSCALL_EXIT, on_received},
	{EV_MMSG_EXIT, on_received}, {EV_RECV_ENTER, on_received},  {0, NULL},
};

const struct path path_observer = {.name = "observer", .handlers = handlers, .init = init, .free = free_state};
