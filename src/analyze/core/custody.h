/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Custody: through whose hands the bytes of a holder went, newest first. A hand-off appends one
 * node to its holder, whatever the number of bytes; nodes never change and are shared, so that a
 * clone's custody is its parent's up to the clone.
 */
#ifndef ANALYZE_CORE_CUSTODY_H
#define ANALYZE_CORE_CUSTODY_H

#include <stdbool.h>

#include "analyze/core/hop.h"

struct site;

struct custody {
	uint32_t refs;
	enum hop_kind kind; /* HOP_HANDOFF, or HOP_DMA or HOP_PIO where a device took the bytes */
	enum hand holder; /* who has them now */
	unsigned int from;  /* who may have had them before, as HOLDER_BIT()s */
	unsigned int stacked; /* who else, on another device */
	unsigned int back;    /* who else, if `holder` had the same frame before */
	uint32_t frame_len;   /* bytes of the packet, from the header that is current on */
	const char *why;    /* of the gap before it, where someone else had them */
	struct custody *prev;
	/*
	 * A joint: nodes of prev newer than `since`, then those of base. Bytes that a holder took
	 * over from another have a past of their own.
	 */
	bool joint;
	struct custody *base;
	uint64_t since;
	struct stamp at;
	uint64_t skb, sk;
	const struct site *site; /* of HOP_PIO */
	char dev[16];
};

/* A node after prev (may be NULL), of which it takes a reference; one reference. NULL: no memory. */
struct custody *custody_after(struct custody *prev, const struct custody *node);

/* What happened in `top` after `since`, before that what happened in base. NULL: no memory. */
struct custody *custody_joint(struct custody *top, uint64_t since, struct custody *base);

struct custody *custody_get(struct custody *c);
void custody_put(struct custody *c);

/* The newest node that is no joint, or NULL; nodes up to `floor` do not count. */
const struct custody *custody_last(const struct custody *c, uint64_t floor);

/*
 * Shows fn the nodes newer than floor, newest first; nonzero ends the walk and is given back.
 */
typedef int (*custody_fn)(void *ctx, const struct custody *c);
int custody_each(const struct custody *c, uint64_t floor, custody_fn fn, void *ctx);

#endif
