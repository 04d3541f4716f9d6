// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations per second of the range map, by live pieces. Addresses are drawn as a slab
 * hands them out: any of a set of buffers, again and again.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/rangemap.h"
#include "common/vec.h"

#define OPS 2000000u
#define SLOT 2048u /* bytes between buffers */

static const uint64_t kernel_base = 0xffff888000000000, user_base = 0x7f0000000000;

static uint64_t x = 88172645463325252;

static uint64_t below(uint64_t n)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint64_t)(((unsigned __int128)x * n) >> 64);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t slot(uint64_t live)
{
	return kernel_base + below(live) * SLOT;
}

static void fill(struct rangemap *map, uint64_t live)
{
	for (uint64_t i = 0; i < live; i++) {
		struct rm_piece p = {0, kernel_base + i * SLOT, 1400, i, 0, NULL};

		if (rangemap_insert(map, &p))
			err(1, "bench_rangemap");
	}
}

/* A message of 1400 bytes on its way: user buffer, kernel buffer, user buffer, free. 5 operations.
 */
static void op_message(struct rangemap *map, uint64_t live, uint64_t i)
{
	uint64_t skb = slot(live), buf = user_base + below(16) * SLOT;
	struct rm_piece p = {1, buf, 1400, i, 0, NULL};

	rangemap_insert(map, &p);
	rangemap_copy(map, 1, buf, 0, skb, 1400, NULL, NULL);
	rangemap_clear(map, 1, buf, 1400);
	rangemap_copy(map, 0, skb, 2, buf, 1400, NULL, NULL);
	rangemap_clear(map, 2, buf, 1400);
}

static void op_insert_clear(struct rangemap *map, uint64_t live, uint64_t i)
{
	struct rm_piece p = {0, slot(live), 1400, i, 0, NULL};

	rangemap_insert(map, &p);
	rangemap_clear(map, 0, slot(live) + 100, 200);
}

static void op_copy(struct rangemap *map, uint64_t live, uint64_t i)
{
	(void)i;
	rangemap_copy(map, 0, slot(live), 0, slot(live), 1400, NULL, NULL);
}

static int count_bytes(void *ctx, const struct rm_piece *p)
{
	*(uint64_t *)ctx += p->len;
	return 0;
}

static void op_walk(struct rangemap *map, uint64_t live, uint64_t i)
{
	static uint64_t bytes;

	(void)i;
	rangemap_walk(map, 0, slot(live), 1400, count_bytes, &bytes);
}

static const struct {
	const char *name;
	void (*op)(struct rangemap *map, uint64_t live, uint64_t i);
	unsigned calls; /* of the map */
} benches[] = {
	{"message", op_message, 5},
	{"insert+clear", op_insert_clear, 2},
	{"copy", op_copy, 1},
	{"walk", op_walk, 1},
};

int main(void)
{
	printf("range map\n%-14s %10s %12s %14s %12s\n", "operation", "pieces", "ns each",
	       "million/s", "bytes/piece");
	for (size_t b = 0; b < ARRAY_SIZE(benches); b++)
		for (uint64_t live = 100; live <= 1000000; live *= 10) {
			struct rangemap *map = rangemap_new(NULL);
			double start, took, bytes;

			if (!map)
				err(1, "bench_rangemap");
			fill(map, live);
			bytes = (double)rangemap_memory(map) / (double)live;
			start = now();
			for (uint64_t i = 0; i < OPS / benches[b].calls; i++)
				benches[b].op(map, live, i);
			took = (now() - start) / OPS;
			printf("%-14s %10llu %12.0f %14.2f %12.0f\n", benches[b].name,
			       (unsigned long long)live, took * 1e9, 1e-6 / took, bytes);
			rangemap_free(map);
		}
	return 0;
}
