// SPDX-License-Identifier: GPL-2.0-only
#include "proofcheck/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hashmap.h"
#include "common/vec.h"

#define CPUS 1024
#define NEST 8

struct cpu {
	uint64_t maps[NEST]; /* begun and not ended */
	unsigned int depth;
	uint64_t wrote;
};

/* Memory that a device reads and writes whenever it likes. */
struct allocation {
	uint64_t from, to, place;
};

struct answers {
	const struct world *world;
	struct cpu *cpus;
	struct hashmap given; /* the place of a dev_in, by its token */
	struct allocation *allocations;
	size_t count, cap;
};

struct answers *answers_new(const struct world *w)
{
	struct answers *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->world = w;
	a->cpus = calloc(CPUS, sizeof(*a->cpus));
	if (!a->cpus) {
		free(a);
		return NULL;
	}
	return a;
}

static void free_place(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

void answers_free(struct answers *a)
{
	if (!a)
		return;
	hashmap_each(&a->given, free_place, NULL);
	hashmap_free(&a->given);
	free(a->allocations);
	free(a->cpus);
	free(a);
}

static uint64_t allocation_of(const struct answers *a, const struct record *r)
{
	struct move m[MOVES_MAX];

	if (record_moves(a->world, r, m) != 1)
		return 0;
	for (size_t i = a->count; i--;) {
		const struct allocation *x = &a->allocations[i];

		if ((m[0].from >= x->from && m[0].from + m[0].n <= x->to) ||
		    (m[0].to >= x->from && m[0].to + m[0].n <= x->to))
			return x->place;
	}
	return 0;
}

uint64_t answers_what(const struct answers *a, const struct record *r)
{
	const struct cpu *c = r->raw.cpu < CPUS ? &a->cpus[r->raw.cpu] : NULL;
	const uint64_t *given;

	switch (r->format->kind) {
	case R_DMA_MAP_RET:
		return c && c->depth ? c->maps[c->depth - 1] : 0;
	case R_DEV_DONE:
		given = hashmap_find(&a->given, record_get(r, N_token));
		return given ? *given : 0;
	case R_GRO:
		return c ? c->wrote : 0;
	default:
		return a->count ? allocation_of(a, r) : 0;
	}
}

static void begin_map(struct cpu *c, uint64_t place)
{
	if (c->depth == NEST) {
		memmove(c->maps, c->maps + 1, sizeof(c->maps) - sizeof(c->maps[0]));
		c->depth--;
	}
	c->maps[c->depth++] = place;
}

static int give(struct answers *a, uint64_t token, uint64_t place)
{
	uint64_t *kept = malloc(sizeof(*kept));

	free(hashmap_remove(&a->given, token));
	if (!kept || hashmap_set(&a->given, token, kept)) {
		free(kept);
		return -ENOMEM;
	}
	*kept = place;
	return 0;
}

static void forget(struct answers *a, uint64_t from, uint64_t to)
{
	for (size_t i = a->count; i--;)
		if (a->allocations[i].from < to && from < a->allocations[i].to)
			a->allocations[i] = a->allocations[--a->count];
}

static int allocate(struct answers *a, const struct record *r)
{
	uint64_t from, to;

	if (!record_memory(a->world, r, &from, &to))
		return 0;
	forget(a, from, to);
	if (r->format->kind == R_DMA_FREE)
		return 0;
	if (vec_reserve(&a->allocations, &a->cap, a->count + 1))
		return -ENOMEM;
	a->allocations[a->count++] = (struct allocation){from, to, r->raw.file_off};
	return 0;
}

static void follow_cpu(struct cpu *c, const struct record *r)
{
	switch (r->format->kind) {
	case R_DMA_MAP:
		begin_map(c, r->raw.file_off);
		break;
	case R_DMA_MAP_RET:
		c->depth -= c->depth != 0;
		break;
	case R_DEV_WROTE:
		c->wrote = r->raw.file_off;
		break;
	case R_GRO:
		c->wrote = 0;
		break;
	default:
		break;
	}
}

int answers_follow(struct answers *a, const struct record *r)
{
	if (r->raw.cpu < CPUS)
		follow_cpu(&a->cpus[r->raw.cpu], r);
	switch (r->format->kind) {
	case R_DEV_IN:
		return give(a, record_get(r, N_token), r->raw.file_off);
	case R_DEV_DONE:
		free(hashmap_remove(&a->given, record_get(r, N_token)));
		return 0;
	case R_DMA_ALLOC:
	case R_DMA_FREE:
		return allocate(a, r);
	default:
		return 0;
	}
}
