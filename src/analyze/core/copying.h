/* SPDX-License-Identifier: GPL-2.0-only */
/* What copies make: new content in the kernel's memory, or bytes in a receiver's buffer. */
#ifndef ANALYZE_CORE_COPYING_H
#define ANALYZE_CORE_COPYING_H

#include "analyze/core/engine.h"

/* An address, and whose: SPACE_KERNEL or a thread's space. */
struct place {
	uint32_t space;
	uint64_t addr;
};

/*
 * len bytes were copied: what is at src is at dst now, too, and the rest of dst is overwritten.
 * `like` has the kind of hop, the site and the sample at src. Gives the bytes of payload and of
 * frames carried.
 */
uint64_t copy_within(struct engine *e, const struct content *like, struct place src,
		     struct place dst, uint64_t len);

/* len bytes from coordinate `at` of a node on were copied to dst. */
void copy_from(struct engine *e, const struct content *like, struct content *from, uint64_t at,
	       uint64_t dst, uint64_t len);

/*
 * Memory is overwritten, by bytes of the message `source` (NULL: of none): what another message
 * still has there was freed unseen.
 */
void check_overwrite(struct engine *e, const struct message *source, struct place dst, uint64_t len);

/* Compares a node's sample with what was sampled of the same bytes before. */
void check_sample(struct content *c);

#endif
