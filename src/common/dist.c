// SPDX-License-Identifier: GPL-2.0-only
#include "common/dist.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/vec.h"

#define SUB_BITS 7
#define SUB (1u << SUB_BITS)
#define BINS ((64 - SUB_BITS + 1) * SUB)

/* Values below SUB have a bin each; from there on every power of two has SUB of them. */
static size_t bin_of(uint64_t v)
{
	unsigned int shift;

	if (v < SUB)
		return (size_t)v;
	shift = 63 - (unsigned int)__builtin_clzll(v) - SUB_BITS;
	return ((size_t)shift + 1) * SUB + (size_t)((v >> shift) - SUB);
}

static uint64_t bin_start(size_t bin)
{
	size_t shift = bin / SUB;

	return shift ? (uint64_t)(bin % SUB + SUB) << (shift - 1) : bin;
}

static uint64_t bin_middle(size_t bin)
{
	size_t shift = bin / SUB;
	uint64_t width = shift ? 1ULL << (shift - 1) : 1;

	return bin_start(bin) + (width - 1) / 2;
}

/* The first of the values that is not below v. */
static size_t find(const struct dist *d, uint64_t v)
{
	size_t low = 0, high = d->used;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (d->values[middle].value < v)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_bins(struct dist *d)
{
	d->bins = calloc(BINS, sizeof(*d->bins));
	if (!d->bins)
		return -ENOMEM;
	for (size_t i = 0; i < d->used; i++)
		d->bins[bin_of(d->values[i].value)] += d->values[i].count;
	free(d->values);
	d->values = NULL;
	d->used = d->cap = 0;
	return 0;
}

static int add_value(struct dist *d, uint64_t v)
{
	size_t at = find(d, v);
	int err = 0;

	if (at < d->used && d->values[at].value == v) {
		d->values[at].count++;
		return 0;
	}
	if (d->used == DIST_VALUES) {
		err = make_bins(d);
		if (!err)
			d->bins[bin_of(v)]++;
		return err;
	}
	err = vec_reserve(&d->values, &d->cap, d->used + 1);
	if (err)
		return err;
	memmove(&d->values[at + 1], &d->values[at], (d->used - at) * sizeof(*d->values));
	d->values[at] = (struct dist_value){v, 1};
	d->used++;
	return 0;
}

int dist_add(struct dist *d, uint64_t value)
{
	if (d->bins) {
		d->bins[bin_of(value)]++;
	} else {
		int err = add_value(d, value);

		if (err)
			return err;
	}
	if (!d->count || value < d->min)
		d->min = value;
	if (value > d->max)
		d->max = value;
	d->count++;
	return 0;
}

/* The value of that rank, from 1; what is out of range is the least or the most. */
static uint64_t at_rank(const struct dist *d, uint64_t rank)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < d->used; i++) {
		seen += d->values[i].count;
		if (seen >= rank)
			return d->values[i].value;
	}
	for (size_t i = 0; d->bins && i < BINS; i++) {
		seen += d->bins[i];
		if (seen && seen >= rank) {
			uint64_t v = bin_middle(i);

			return v < d->min ? d->min : v > d->max ? d->max : v;
		}
	}
	return d->max;
}

uint64_t dist_percentile(const struct dist *d, unsigned int percent)
{
	/* Split, so that no count overflows. */
	return at_rank(d, d->count / 100 * percent + (d->count % 100 * percent + 99) / 100);
}

uint64_t dist_spread(const struct dist *d)
{
	uint64_t half = (uint64_t)ceil(1.65 * sqrt((double)d->count));
	uint64_t middle = (d->count + 1) / 2;

	return at_rank(d, middle + half) - at_rank(d, middle > half ? middle - half : 1);
}

/* The part of [seen, seen + count) that lies in [from, to). */
static uint64_t overlap(uint64_t seen, uint64_t count, uint64_t from, uint64_t to)
{
	uint64_t low = seen > from ? seen : from, high = seen + count < to ? seen + count : to;

	return high > low ? high - low : 0;
}

uint64_t dist_middle(const struct dist *d)
{
	uint64_t from = d->count / 4, to = d->count - from, seen = 0;
	double sum = 0;

	for (size_t i = 0; i < d->used; i++) {
		sum += (double)overlap(seen, d->values[i].count, from, to) *
		       (double)d->values[i].value;
		seen += d->values[i].count;
	}
	for (size_t i = 0; d->bins && i < BINS; i++) {
		sum += (double)overlap(seen, d->bins[i], from, to) * (double)bin_middle(i);
		seen += d->bins[i];
	}
	return to > from ? (uint64_t)(sum / (double)(to - from) + 0.5) : 0;
}

uint64_t dist_between(const struct dist *d, uint64_t from, uint64_t to)
{
	uint64_t n = 0;

	for (size_t i = 0; i < d->used; i++)
		if (d->values[i].value >= from && d->values[i].value < to)
			n += d->values[i].count;
	for (size_t i = 0; d->bins && i < BINS; i++)
		if (bin_start(i) >= from && bin_start(i) < to)
			n += d->bins[i];
	return n;
}

void dist_free(struct dist *d)
{
	free(d->values);
	free(d->bins);
	memset(d, 0, sizeof(*d));
}
