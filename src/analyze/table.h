/* SPDX-License-Identifier: GPL-2.0-only */
/* A hash table from 64-bit keys to pointers, for kernel addresses and thread ids. */
#ifndef ANALYZE_TABLE_H
#define ANALYZE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_slot {
	uint64_t key;
	void *value; /* NULL: empty */
};

struct table {
	struct table_slot *slots;
	size_t room, count; /* room is 0 or a power of two */
};

void *table_find(const struct table *t, uint64_t key);

/* Replaces what was there; value must not be NULL. 0 or -ENOMEM. */
int table_set(struct table *t, uint64_t key, void *value);

/* Gives what was there, or NULL. */
void *table_remove(struct table *t, uint64_t key);

/* Calls fn for every value, in no order; fn must not change the table. */
void table_each(const struct table *t, void (*fn)(void *value, void *ctx), void *ctx);

/* Frees the slots, not the values. */
void table_free(struct table *t);

#endif
