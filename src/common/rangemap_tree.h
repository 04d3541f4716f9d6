/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ordered structure under the range map: a B+tree of disjoint address ranges per
 * address space, on pooled nodes. It knows no references and merges nothing; rangemap.c does.
 *
 * Addresses of a leaf stand apart from the rest, so that a search touches few cache lines.
 * An entry's range may reach beyond the separator of its leaf; a search therefore looks
 * at the last entry of the leaf before, too.
 */
#ifndef COMMON_RANGEMAP_TREE_H
#define COMMON_RANGEMAP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Measured best of 16, 32 and 64 each; the property test also runs with 8. */
#ifndef RT_LEAF
#define RT_LEAF 32
#endif
#ifndef RT_FAN
#define RT_FAN 64
#endif
#define RT_HEIGHT 40 /* levels above the leaves; an inner node has 2 children on the whole */

struct rt_val {
	uint64_t last; /* last byte of the range, so that a range may end at 2^64 */
	uint64_t origin;
	uint64_t off;
	void *tag;
};

struct rt_entry {
	uint64_t addr;
	struct rt_val val;
};

struct rt_leaf {
	struct rt_leaf *next, *prev; /* by address; next also links free leaves */
	uint32_t n;
	uint64_t addr[RT_LEAF];
	struct rt_val val[RT_LEAF];
};

/* key[i] is no more than any address under child[i], and more than any before; key[0] is unused. */
struct rt_inner {
	struct rt_inner *next; /* links free nodes */
	uint32_t n;
	uint64_t key[RT_FAN];
	void *child[RT_FAN];
};

struct rt_tree {
	void *root;	 /* a leaf where height is 0; NULL: empty */
	unsigned height; /* inner levels */
};

struct rt_pool {
	void *(*alloc)(size_t size);
	void (*release)(void *mem);
	struct rt_chunk *chunks;
	struct rt_leaf *leaves;
	struct rt_inner *inners;
	size_t free_leaves, free_inners;
	size_t bytes;
};

/* Where a search ended. */
struct rt_spot {
	struct rt_leaf *home; /* where an entry that starts at the address belongs */
	uint64_t home_last;   /* the last address that belongs there */
	struct rt_leaf *leaf; /* of the first entry that does not end before the address; or NULL */
	unsigned idx;
};

/* Makes sure that inserting count entries at neighbouring addresses cannot fail; -ENOMEM. */
int rt_reserve(struct rt_pool *pool, const struct rt_tree *tree, size_t count);

/* Finds the first entry whose last byte is `from` or later, and the leaf where `addr` belongs. */
void rt_seek(const struct rt_tree *tree, uint64_t addr, uint64_t from, struct rt_spot *spot);

/* The number of addresses in a sorted array that are no more than addr. */
unsigned rt_count_le(const uint64_t *keys, unsigned n, uint64_t addr);

/* Inserts an entry that overlaps none. Needs a reserve. */
void rt_insert(struct rt_tree *tree, struct rt_pool *pool, const struct rt_entry *e);

/* Takes out all entries that start in first … last. */
void rt_erase(struct rt_tree *tree, struct rt_pool *pool, uint64_t first, uint64_t last);

/* The leaf with the lowest addresses, or NULL. */
struct rt_leaf *rt_first(const struct rt_tree *tree);

/* Gives all nodes back to the pool. */
void rt_empty(struct rt_tree *tree, struct rt_pool *pool);

/* Gives the memory back; no tree may use the pool any more. */
void rt_pool_free(struct rt_pool *pool);

#endif
