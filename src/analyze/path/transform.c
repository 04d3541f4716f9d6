// SPDX-License-Identifier: GPL-2.0-only
/* Transforms: the CPU reads the payload of an skb and writes other bytes in its place. */
#include "analyze/core/copying.h"
#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/paths.h"

static void on_transform(struct engine *e, const struct event *ev)
{
	struct content like = {.kind = HOP_TRANSFORM, .holder = BY_SAME, .at = engine_stamp(e)};
	struct place at = {SPACE_KERNEL, ev->v[F_data]};

	/* What is not linear is made so first (drivers/net/wireguard: skb_cow_data). */
	if (skb_of(e, ev, true))
		copy_within(e, &like, at, at, ev->v[F_len] - ev->v[F_dlen]);
}

static const struct handler handlers[] = {{EV_TRANSFORM, on_transform}, {0, NULL}};

const struct path path_transform = {.name = "transform", .handlers = handlers};
