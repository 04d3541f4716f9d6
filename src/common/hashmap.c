// SPDX-License-Identifier: GPL-2.0-only
#include "common/hashmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t home(const struct hashmap *t, uint64_t key)
{
	return (size_t)((key ^ key >> 29) * 0x9e3779b97f4a7c15ULL >> 17) & (t->cap - 1);
}

/* The slot of key, or the empty one where it belongs; the map is never full. */
static struct hashmap_slot *slot_of(const struct hashmap *t, uint64_t key)
{
	size_t i = home(t, key);

	while (t->slots[i].value && t->slots[i].key != key)
		i = (i + 1) & (t->cap - 1);
	return &t->slots[i];
}

void *hashmap_find(const struct hashmap *t, uint64_t key)
{
	return t->cap ? slot_of(t, key)->value : NULL;
}

static int grow(struct hashmap *t)
{
	struct hashmap bigger = {.cap = t->cap ? t->cap * 2 : 64, .count = t->count};

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap; i++)
		if (t->slots[i].value)
			*slot_of(&bigger, t->slots[i].key) = t->slots[i];
	free(t->slots);
	*t = bigger;
	return 0;
}

int hashmap_set(struct hashmap *t, uint64_t key, void *value)
{
	struct hashmap_slot *s;

	if ((t->count + 1) * 4 > t->cap * 3) {
		int err = grow(t);

		if (err)
			return err;
	}
	s = slot_of(t, key);
	t->count += !s->value;
	*s = (struct hashmap_slot){key, value};
	return 0;
}

/* Later members of the run move up, so that a search never stops at the hole. */
static void empty_slot(struct hashmap *t, size_t hole)
{
	size_t i;

	for (i = (hole + 1) & (t->cap - 1); t->slots[i].value; i = (i + 1) & (t->cap - 1)) {
		size_t want = home(t, t->slots[i].key);

		if (((i - want) & (t->cap - 1)) >= ((i - hole) & (t->cap - 1))) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole].value = NULL;
	t->count--;
}

void *hashmap_remove(struct hashmap *t, uint64_t key)
{
	struct hashmap_slot *s = t->cap ? slot_of(t, key) : NULL;
	void *value = s ? s->value : NULL;

	if (value)
		empty_slot(t, (size_t)(s - t->slots));
	return value;
}

void hashmap_prune(struct hashmap *t, bool (*fn)(void *value, void *ctx), void *ctx)
{
	/* What moves into a slot emptied is seen there; what moves over the end was seen before. */
	for (size_t i = 0; i < t->cap;) {
		if (t->slots[i].value && fn(t->slots[i].value, ctx))
			empty_slot(t, i);
		else
			i++;
	}
}

void hashmap_each(const struct hashmap *t, void (*fn)(void *value, void *ctx), void *ctx)
{
	for (size_t i = 0; i < t->cap; i++)
		if (t->slots[i].value)
			fn(t->slots[i].value, ctx);
}

void hashmap_free(struct hashmap *t)
{
	free(t->slots);
	memset(t, 0, sizeof(*t));
}
