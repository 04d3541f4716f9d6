/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Holders: who holds bytes. A holder (an skb, or what a socket keeps of one) has blocks of memory,
 * which it may share with others, and a custody of its own: one node a hand-off, whatever the
 * number of blocks. A block's memory is free when nobody holds it any more.
 */
#ifndef ANALYZE_CORE_HOLDER_H
#define ANALYZE_CORE_HOLDER_H

#include "analyze/core/content.h"

struct holder;

struct owner {
	struct holder *by;
	uint64_t since;	      /* when it got the block; what was before is in base */
	struct custody *base;
};

struct block {
	uint64_t addr, len;
	uint32_t refs;
	struct owner *owners;
	size_t count, cap;
};

struct holder {
	uint64_t addr; /* of the skb; 0: it has no name (yet) */
	struct custody *custody;
	struct block **blocks;
	size_t count, cap;
	struct block *head;  /* one of the blocks, or NULL: not known yet */
	uint64_t data, len;  /* as at the last hand-off; 0: there was none */
	uint64_t lead;	     /* the skb whose list of fragments this one is on, or 0 */
	uint64_t *members;   /* the skbs on its own */
	size_t member_count, member_cap;
	bool passed;	     /* has been handed on since it was filled */
	bool unnamed;	     /* it is known that an skb holds the memory, and not yet which */
	bool weak;	     /* an entry of a queue, which keeps no memory alive */
	bool taken;	     /* by a receive */
	bool sent;	     /* a device has read it since */
	struct holder *next, **link; /* of all that there are */
};

/* What happens to the bytes of memory that is freed. */
struct doom {
	uint64_t reason;
	bool dropped;
};

struct holders {
	struct rangemap *memory; /* address → block */
	struct rangemap *content;
	struct holder *all; /* newest first */
};

int holders_init(struct holders *hs, struct rangemap *content);

void holders_free(struct holders *hs);

/* Ends all holders that there are. */
void holders_end(struct holders *hs);

struct holder *holder_new(struct holders *hs);

/* Lets go of all blocks and frees the holder; NULL is fine. */
void holder_end(struct holders *hs, struct holder *h, const struct doom *doom);

/* The block that an address is in, or NULL. */
struct block *block_at(const struct holders *hs, uint64_t addr);

/* The first block that has a byte of the range, or NULL. */
struct block *block_within(const struct holders *hs, uint64_t addr, uint64_t len);

/*
 * The block of exactly this range, new where there was none. Smaller blocks within it become part
 * of it, with their owners. NULL: no memory, or the range wraps.
 */
struct block *block_of(struct holders *hs, uint64_t addr, uint64_t len);

bool holder_has(const struct holder *h, const struct block *b);

/* h holds b from now on; what happened before is in base (may be NULL). 0 or -ENOMEM. */
int holder_add(struct holder *h, struct block *b, uint64_t since, struct custody *base);

/* All blocks of another, with their past, as a clone has them. 0 or -ENOMEM. */
int holder_share(struct holder *h, const struct holder *other, uint64_t now);

/* h holds b no more; without another owner its memory is free. */
void holder_drop(struct holders *hs, struct holder *h, struct block *b, const struct doom *doom);

/* Everybody but h (and queue entries) lets go of b, whose content stays. */
void block_evict(struct block *b, const struct holder *but);

/* The owner that is h, or NULL. */
struct owner *block_owner(const struct block *b, const struct holder *h);

/* Who held b's bytes until now, by this owner; one reference, or NULL: none, or no memory (*err). */
struct custody *owner_custody(const struct owner *o, int *err);

/* The owner that is an skb without a name, or NULL. */
struct holder *block_unnamed(const struct block *b);

/* The owner whose last hand-off is the newest, or NULL. */
const struct owner *block_newest(const struct block *b);

/*
 * Of the owners whose last hand-off was to this socket the one that has waited longest and has not
 * been taken, or NULL.
 */
const struct owner *block_queued(const struct block *b, uint64_t sk, enum hand hand);

/* Appends a hand-off. 0 or -ENOMEM. */
int holder_pass(struct holder *h, const struct custody *node);

#endif
