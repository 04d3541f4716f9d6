/* SPDX-License-Identifier: GPL-2.0-only */
/* Chains: the hops of bytes that reached a receiver, from the sender on. */
#ifndef ANALYZE_CORE_CHAIN_H
#define ANALYZE_CORE_CHAIN_H

#include "analyze/core/content.h"

/* len bytes of a message, from off on, that a receiver got: in c, from coordinate `at` on. */
struct delivery {
	struct message *msg;
	struct content *c;
	uint64_t at, off, len;
};

struct link {
	enum hop_kind kind;
	enum hand holder;	 /* who has the bytes now */
	const struct content *c; /* where they are; of a wire NULL */
	uint64_t at;		 /* coordinate in c */
	const struct custody *k; /* of a hand-off */
	const struct late *wire;
	const struct stamp *when;
	const char *why; /* of a gap */
	uint64_t skb, sk;
};

struct chain {
	struct link *links; /* oldest first */
	size_t count, cap;
	uint32_t kinds[HOP_KINDS]; /* how many links of each */
	bool unknown; /* somewhere it is not recorded which instruction copied */
	bool cut;     /* it is longer than any real packet's, and not followed to its beginning */
	struct delivery of;
};

/* Follows the bytes back to their sender; ch keeps its memory from call to call. 0 or -ENOMEM. */
int chain_make(struct chain *ch, const struct delivery *d);
void chain_free(struct chain *ch);

/* Steps of a chain for reports, free of the objects that the analysis throws away. */
void chain_step(const struct chain *ch, size_t i, struct step *s);
int chain_view_take(struct chain_view *v, const struct chain *ch);

/* How many hops lead from the sender to the receiver. */
static inline uint64_t chain_hops(const struct chain *ch)
{
	return ch->count - 1;
}

static inline uint64_t chain_copies(const struct chain *ch)
{
	return ch->kinds[HOP_COPY] + ch->kinds[HOP_COPY_UNKNOWN];
}

#endif
