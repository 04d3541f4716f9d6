// SPDX-License-Identifier: GPL-2.0-only
/*
 * The range map against a naive model that remembers every byte of a small window.
 * usage: prop_rangemap [SEED [OPERATIONS]]; PROP_SEED and PROP_OPS in the environment do the same.
 *
 * Checked after every operation: its result, a walk over a random range. Every so often: all
 * bytes, the count of pieces, the references held on every tag. Memory runs out at random; an
 * operation that says -ENOMEM must have changed nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/rangemap.h"
#include "common/vec.h"

#define SPACES 3
#define WINDOW 2048
#define TAGS 24
#define FULL_EVERY 512
#define NEW_MAP_EVERY 8192

struct tag {
	long refs;
};

struct byte {
	uint64_t origin, off;
	struct tag *tag;
	bool set;
};

static const uint32_t space_ids[SPACES] = {0, 7, UINT32_MAX};
/* One window begins at 0, one ends at 2^64. */
static const uint64_t bases[SPACES] = {UINT64_MAX - WINDOW + 1, 0, 0x7fffffffe000};

static struct byte model[SPACES][WINDOW];
static struct tag tags[TAGS];
static struct rangemap *map;
static uint64_t seed, ops_done;
static unsigned fail_one_in;	/* an allocation fails; 0: never */
static unsigned big_one_in = 1; /* a range may be as long as the window */
static size_t most;		/* pieces at one time */
static long allocs, refused;

static uint64_t rnd(void)
{
	static uint64_t x;

	if (!x)
		x = seed * 0x9e3779b97f4a7c15 + 1;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static uint64_t below(uint64_t n)
{
	return (rnd() >> 11) % n;
}

static void die(const char *what)
{
	fprintf(stderr, "prop_rangemap: %s; seed %" PRIu64 ", operation %" PRIu64 "\n", what, seed,
		ops_done);
	abort();
}

static void *maybe_alloc(size_t size)
{
	if (fail_one_in && !below(fail_one_in)) {
		refused++;
		return NULL;
	}
	allocs++;
	return malloc(size);
}

static void release(void *mem)
{
	allocs--;
	free(mem);
}

static void tag_get(void *tag)
{
	((struct tag *)tag)->refs++;
}

static void tag_put(void *tag)
{
	if (--((struct tag *)tag)->refs < 0)
		die("more puts than gets");
}

static const struct rangemap_ops ops = {tag_get, tag_put, maybe_alloc, release};

/* ---- the model ---- */

static bool follows(const struct byte *a, const struct byte *b)
{
	return a->set && b->set && a->origin == b->origin && a->off + 1 == b->off &&
	       a->tag == b->tag;
}

static size_t model_pieces(long refs[TAGS])
{
	size_t n = 0;

	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned i = 0; i < WINDOW; i++) {
			const struct byte *b = &model[s][i];

			if (!b->set || (i && follows(b - 1, b)))
				continue;
			n++;
			if (b->tag)
				refs[b->tag - tags]++;
		}
	return n;
}

struct walk {
	unsigned s;
	uint64_t at, end; /* offsets in the window */
};

static int check_piece(void *ctx, const struct rm_piece *p)
{
	struct walk *w = ctx;
	uint64_t from = p->addr - bases[w->s];

	if (p->space != space_ids[w->s] || !p->len || from < w->at || from + p->len > w->end)
		die("piece out of place");
	for (; w->at < from; w->at++)
		if (model[w->s][w->at].set)
			die("piece missing");
	for (uint64_t i = 0; i < p->len; i++, w->at++) {
		const struct byte *b = &model[w->s][w->at];

		if (!b->set || b->origin != p->origin || b->off != p->off + i || b->tag != p->tag)
			die("wrong byte");
	}
	return 0;
}

static void check_range(unsigned s, uint64_t from, uint64_t len)
{
	struct walk w = {s, from, from + len};

	if (rangemap_walk(map, space_ids[s], bases[s] + from, len, check_piece, &w))
		die("walk failed");
	for (; w.at < w.end; w.at++)
		if (model[s][w.at].set)
			die("piece missing at the end");
}

static void check_all(void)
{
	long refs[TAGS] = {0};

	if (model_pieces(refs) != rangemap_pieces(map))
		die("wrong count of pieces");
	for (unsigned t = 0; t < TAGS; t++)
		if (refs[t] != tags[t].refs)
			die("wrong count of references");
	for (unsigned s = 0; s < SPACES; s++)
		check_range(s, 0, WINDOW);
}

/* ---- operations ---- */

struct range {
	unsigned s;
	uint64_t at, len;
};

static struct range some_range(void)
{
	struct range r = {.s = (unsigned)below(SPACES), .at = below(WINDOW)};
	uint64_t max = below(big_one_in) ? 12 : WINDOW;

	if (!below(256))
		r.at = 0;
	r.len = below(max + 1);
	if (r.len > WINDOW - r.at)
		r.len = WINDOW - r.at;
	return r;
}

static struct tag *some_tag(void)
{
	uint64_t t = below(TAGS + 1);

	return t == TAGS ? NULL : &tags[t];
}

/* A tag that depends on the bytes, so that model and map agree on it. */
static struct tag *derived_tag(uint64_t origin, uint64_t off, const struct tag *old)
{
	uint64_t v = origin * 5 + off / 16 * 3 + (old ? (uint64_t)(old - tags) : 11);

	return v % 9 == 0 ? NULL : &tags[v % TAGS];
}

static void *copy_tag(void *ctx, const struct rm_piece *src, uint64_t daddr)
{
	if (*(uint64_t *)ctx > daddr)
		die("destination address out of place");
	*(uint64_t *)ctx = daddr + src->len - 1;
	return derived_tag(src->origin, src->off, src->tag);
}

static void *new_tag(void *ctx, const struct rm_piece *p)
{
	(void)ctx;
	return derived_tag(p->origin, p->off, p->tag);
}

/* Gives the bytes of each clipped piece the tag that its first byte gives. */
static void model_retag(struct byte *b, uint64_t len)
{
	struct byte before = {0};
	struct tag *tag = NULL;

	for (uint64_t i = 0; i < len; i++) {
		struct byte now = b[i];

		if (now.set && !follows(&before, &now))
			tag = derived_tag(now.origin, now.off, now.tag);
		if (now.set)
			b[i].tag = tag;
		before = now;
	}
}

static int do_insert(void)
{
	struct range r = some_range();
	struct rm_piece p = {space_ids[r.s], bases[r.s] + r.at,		  r.len,
			     below(4),	     below(4) ? r.at : below(64), some_tag()};
	int err = rangemap_insert(map, &p);

	for (uint64_t i = 0; !err && i < r.len; i++)
		model[r.s][r.at + i] = (struct byte){p.origin, p.off + i, p.tag, true};
	return err;
}

static int do_clear(void)
{
	struct range r = some_range();
	int err = rangemap_clear(map, space_ids[r.s], bases[r.s] + r.at, r.len);

	if (!err)
		memset(&model[r.s][r.at], 0, r.len * sizeof(struct byte));
	return err;
}

static int do_clear_space(void)
{
	unsigned s = (unsigned)below(SPACES);

	if (below(200))
		return 0;
	rangemap_clear_space(map, space_ids[s]);
	memset(model[s], 0, sizeof(model[s]));
	return 0;
}

static int do_copy(void)
{
	struct range src = some_range(), dst = some_range();
	bool retag = !below(3);
	uint64_t last_addr = 0;
	int64_t bytes, want = 0;
	static struct byte moved[WINDOW];

	if (below(2)) { /* near, to overlap */
		dst.s = src.s;
		dst.at = src.at + below(33);
		dst.at = dst.at < 16 ? 0 : dst.at - 16;
	}
	if (dst.at > WINDOW - src.len)
		dst.at = WINDOW - src.len;
	bytes = rangemap_copy(map, space_ids[src.s], bases[src.s] + src.at, space_ids[dst.s],
			     bases[dst.s] + dst.at, src.len, retag ? copy_tag : NULL, &last_addr);
	if (bytes < 0)
		return (int)bytes;
	memcpy(moved, &model[src.s][src.at], src.len * sizeof(moved[0]));
	for (uint64_t i = 0; i < src.len; i++)
		want += moved[i].set;
	if (want != bytes)
		die("wrong count of bytes copied");
	if (retag)
		model_retag(moved, src.len);
	memcpy(&model[dst.s][dst.at], moved, src.len * sizeof(moved[0]));
	return 0;
}

static int do_retag(void)
{
	struct range r = some_range();
	int err = rangemap_retag(map, space_ids[r.s], bases[r.s] + r.at, r.len, new_tag, NULL);

	if (!err)
		model_retag(&model[r.s][r.at], r.len);
	return err;
}

static void fresh_map(void)
{
	unsigned oom = fail_one_in;

	rangemap_free(map);
	for (unsigned t = 0; t < TAGS; t++)
		if (tags[t].refs)
			die("references left behind");
	if (allocs)
		die("memory left behind");
	memset(model, 0, sizeof(model));
	fail_one_in = 0;
	map = rangemap_new(&ops);
	fail_one_in = oom;
	if (!map)
		die("no memory");
}

static void one_operation(void)
{
	static int (*const table[])(void) = {do_insert, do_insert, do_insert,	   do_copy, do_copy,
					     do_copy,	do_clear,  do_clear_space, do_retag};
	int err = table[below(ARRAY_SIZE(table))]();
	struct range r = some_range();

	if (err && err != -ENOMEM)
		die("operation failed");
	if (err && !fail_one_in)
		die("out of memory without a reason");
	if (err)
		check_all();
	check_range(r.s, r.at, r.len);
	if (rangemap_pieces(map) > most)
		most = rangemap_pieces(map);
}

static uint64_t number(int argc, char **argv, int arg, const char *env, uint64_t otherwise)
{
	const char *s = argc > arg ? argv[arg] : getenv(env);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t count = number(argc, argv, 2, "PROP_OPS", 2000000);

	seed = number(argc, argv, 1, "PROP_SEED", (uint64_t)time(NULL));
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	for (ops_done = 0; ops_done < count; ops_done++) {
		if (ops_done % NEW_MAP_EVERY == 0) {
			fail_one_in = ops_done / NEW_MAP_EVERY % 2 ? 3 : 0;
			big_one_in = ops_done / NEW_MAP_EVERY % 3 ? 1000 : 16;
			fresh_map();
		}
		one_operation();
		if (ops_done % FULL_EVERY == 0)
			check_all();
	}
	check_all();
	printf("%" PRIu64 " operations, up to %zu pieces, %ld allocations refused\n", count, most,
	       refused);
	rangemap_free(map);
	return 0;
}
