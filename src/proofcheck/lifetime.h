/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long bytes stay where they lie: until the memory is written again, given to a device to write,
 * taken for another packet, or freed by the last who has it.
 */
#ifndef PROOFCHECK_LIFETIME_H
#define PROOFCHECK_LIFETIME_H

#include "proofcheck/check.h"

struct lifetimes {
	struct check *c;
	struct lifetime *all;
	size_t count;
	uint64_t from; /* when the first of them begins */
};

/* Of all places among a line's premises, whose `until` is known. 0 or -ENOMEM. */
int lifetimes_begin(struct lifetimes *ls, struct check *c, const struct line *l);

/* The place that a record ends while it matters, or NULL; *how says what happens to it. */
const struct line *lifetimes_end(struct lifetimes *ls, const struct record *r, const char **how);
void lifetimes_free(struct lifetimes *ls);

#endif
