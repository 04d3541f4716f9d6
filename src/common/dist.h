/* SPDX-License-Identifier: GPL-2.0-only */
/* The distribution of many times in little memory: exact while few values differ, else in bins. */
#ifndef COMMON_DIST_H
#define COMMON_DIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * So many different values are kept one by one. Above that all go into bins, each as wide as
 * 1/128 of the power of two it stands in, and told by its lower middle: at most 0.4 % off.
 */
#define DIST_VALUES 2048
#define DIST_ERROR (1.0 / 256)

struct dist_value {
	uint64_t value, count;
};

struct dist {
	struct dist_value *values; /* sorted; NULL once there are bins */
	size_t used, cap;
	uint64_t *bins;
	uint64_t count, min, max; /* exact either way */
};

/* 0 or -ENOMEM, and then nothing has changed. */
int dist_add(struct dist *d, uint64_t value);

/* Nearest rank: the smallest value that at least `percent` of all do not exceed; 0 of none. */
uint64_t dist_percentile(const struct dist *d, unsigned int percent);

/*
 * How far apart the ends of the interval stand in which the median lies with 99.9 % confidence,
 * whatever the distribution: those of rank n/2 ± 1.65 √n. The range of all where they are few.
 */
uint64_t dist_spread(const struct dist *d);

/*
 * The mean of the middle half. Where values are of two kinds, the median jumps from one to the
 * other with the shares of the two; this moves along with them. 0 of none.
 */
uint64_t dist_middle(const struct dist *d);

static inline bool dist_exact(const struct dist *d)
{
	return !d->bins;
}

/* Values in [from, to), both among those that bins end at: powers of two do. */
uint64_t dist_between(const struct dist *d, uint64_t from, uint64_t to);

void dist_free(struct dist *d);

#endif
