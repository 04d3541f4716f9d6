/* SPDX-License-Identifier: GPL-2.0-only */
/* A set of numbers as disjoint ranges, in order: which bytes of a copy have been booked. */
#ifndef ANALYZE_CORE_SPANSET_H
#define ANALYZE_CORE_SPANSET_H

#include <stddef.h>
#include <stdint.h>

struct spanset_range {
	uint64_t from, to; /* [from, to) */
};

struct spanset {
	struct spanset_range one, *ranges; /* ranges: NULL while one is enough */
	size_t count, cap;
};

/* Adds [from, to); *added gets how many numbers of it were not there yet. 0 or -ENOMEM. */
int spanset_add(struct spanset *s, uint64_t from, uint64_t to, uint64_t *added);
void spanset_free(struct spanset *s);

#endif
