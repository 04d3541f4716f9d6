// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transforms: the CPU reads the payload of an skb and writes other bytes in its place, which stand
 * for it. drivers/net/wireguard: encrypt_packet and decrypt_packet have made the packet one buffer
 * of its own (skb_cow_data) when they list its memory for the cipher.
 */
#include "analyze/core/copying.h"
#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/paths.h"

static void transform(struct engine *e, const struct event *ev, int turn)
{
	struct content like = {.kind = HOP_TRANSFORM, .holder = BY_SAME, .turn = turn,
			       .at = engine_stamp(e)};
	struct place at = {SPACE_KERNEL, ev->v[F_data]};

	if (skb_of(e, ev, true))
		copy_within(e, &like, at, at, ev->v[F_len] - ev->v[F_dlen]);
}

static void on_encrypt(struct engine *e, const struct event *ev)
{
	transform(e, ev, 1);
}

static void on_decrypt(struct engine *e, const struct event *ev)
{
	transform(e, ev, -1);
}

static const struct handler handlers[] = {
	{EV_ENCRYPT, on_encrypt}, {EV_DECRYPT, on_decrypt}, {0, NULL},
};

const struct path path_transform = {.name = "transform", .handlers = handlers};
