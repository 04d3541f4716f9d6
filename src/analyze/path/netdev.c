// SPDX-License-Identifier: GPL-2.0-only
/* Hand-offs of socket buffers between devices, the stack and sockets. */
#include <stdlib.h>

#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/paths.h"

struct rule {
	unsigned int from, stacked, back;
	enum hand to;
};

static const struct rule rules[EV_COUNT] = {
#define HANDOFF(event, from, stacked, back, to) [EV_##event] = {from, stacked, back, to},
#include "analyze/core/handoffs.def"
#undef HANDOFF
};

static void pass(struct engine *e, struct holder *h, const struct event *ev)
{
	const struct rule *r = &rules[ev->kind];
	struct custody node = {.kind = HOP_HANDOFF, .holder = r->to, .from = r->from,
			       .stacked = r->stacked, .back = r->back,
			       .frame_len = (uint32_t)ev->v[F_len], .at = engine_stamp(e),
			       .why = "a hand-off before this one is not recorded",
			       .skb = ev->v[F_skb], .sk = ev->v[F_sk]};

	event_dev(ev, node.dev);
	skb_pass(e, h, &node, !ev->v[F_dlen]);
}

static void on_handoff(struct engine *e, const struct event *ev)
{
	struct holder *s = skb_of(e, ev, false);

	if (!s)
		return;
	s->passed = true;
	s->sent = s->taken = false;
	s->data = ev->v[F_data];
	s->len = ev->v[F_len];
	pass(e, s, ev);
	if (!ev->v[F_dlen])
		skb_linear(e, s);
}

/* A packet socket takes the frame beside its path: what it queues is a holder of its own. */
static void on_tap(struct engine *e, const struct event *ev)
{
	struct holder *s = skb_of(e, ev, true), *entry = s ? holder_new(&e->holders) : NULL;

	if (!s)
		return;
	if (!entry) {
		e->err = -ENOMEM;
		return;
	}
	entry->weak = true;
	if (holder_share(entry, s, e->seq))
		e->err = -ENOMEM;
	if (!entry->count) {
		holder_end(&e->holders, entry, NULL);
		return;
	}
	e->seq++;
	pass(e, entry, ev);
}

static const struct handler handlers[] = {
	{EV_DEV_QUEUE, on_handoff},	{EV_DEV_XMIT, on_handoff},   {EV_NETIF_RX, on_handoff},
	{EV_GRO_RECEIVE, on_handoff},	{EV_NETIF_RECEIVE, on_handoff}, {EV_SK_QUEUE, on_handoff},
	{EV_RDMA_XMIT, on_handoff},	{EV_RDMA_RCV, on_handoff},   {EV_TAP_RCV, on_tap},
	{0, NULL},
};

const struct path path_netdev = {.name = "netdev", .handlers = handlers};
