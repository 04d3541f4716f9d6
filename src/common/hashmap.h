/* SPDX-License-Identifier: GPL-2.0-only */
/* A hash map from 64-bit keys to pointers, for kernel addresses and thread ids. */
#ifndef COMMON_HASHMAP_H
#define COMMON_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashmap_slot {
	uint64_t key;
	void *value; /* NULL: empty */
};

struct hashmap {
	struct hashmap_slot *slots;
	size_t cap, count; /* cap is 0 or a power of two */
};

void *hashmap_find(const struct hashmap *t, uint64_t key);

/* Replaces what was there; value must not be NULL. 0 or -ENOMEM. */
int hashmap_set(struct hashmap *t, uint64_t key, void *value);

/* Gives what was there, or NULL. */
void *hashmap_remove(struct hashmap *t, uint64_t key);

/* Calls fn for every value, in no order; fn must not change the map. */
void hashmap_each(const struct hashmap *t, void (*fn)(void *value, void *ctx), void *ctx);

/* Removes every value for which fn gives true; fn may free it, and must not change the map. */
void hashmap_prune(struct hashmap *t, bool (*fn)(void *value, void *ctx), void *ctx);

/* Frees the slots, not the values. */
void hashmap_free(struct hashmap *t);

#endif
