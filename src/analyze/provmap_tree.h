/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ordered structure under the provenance map: a B+tree of disjoint address ranges per
 * address space, on pooled nodes. It knows no references and merges nothing; provmap.c does.
 *
 * Addresses of a leaf stand apart from the rest, so that a search touches few cache lines.
 * An entry's range may reach beyond the separator of its leaf; a search therefore looks
 * at the last entry of the leaf before, too.
 */
#ifndef ANALYZE_PROVMAP_TREE_H
#define ANALYZE_PROVMAP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Measured best of 16, 32 and 64 each; the property test also runs with 8. */
#ifndef PT_LEAF
#define PT_LEAF 32
#endif
#ifndef PT_FAN
#define PT_FAN 64
#endif
#define PT_HEIGHT 40 /* levels above the leaves; an inner node has 2 children on the whole */

struct pt_val {
	uint64_t last; /* last byte of the range, so that a range may end at 2^64 */
	uint64_t origin;
	uint64_t off;
	void *tag;
};

struct pt_entry {
	uint64_t addr;
	struct pt_val val;
};

struct pt_leaf {
	struct pt_leaf *next, *prev; /* by address; next also links free leaves */
	uint32_t n;
	uint64_t addr[PT_LEAF];
	struct pt_val val[PT_LEAF];
};

/* key[i] is no more than any address under child[i], and more than any before; key[0] is unused. */
struct pt_inner {
	struct pt_inner *next; /* links free nodes */
	uint32_t n;
	uint64_t key[PT_FAN];
	void *child[PT_FAN];
};

struct pt_tree {
	void *root;	 /* a leaf where height is 0; NULL: empty */
	unsigned height; /* inner levels */
};

struct pt_pool {
	void *(*alloc)(size_t size);
	void (*release)(void *mem);
	struct pt_chunk *chunks;
	struct pt_leaf *leaves;
	struct pt_inner *inners;
	size_t free_leaves, free_inners;
	size_t bytes;
};

/* Where a search ended. */
struct pt_spot {
	struct pt_leaf *home; /* where an entry that starts at the address belongs */
	uint64_t home_last;   /* the last address that belongs there */
	struct pt_leaf *leaf; /* of the first entry that does not end before the address; or NULL */
	unsigned idx;
};

/* Makes sure that inserting count entries at neighbouring addresses cannot fail; -ENOMEM. */
int pt_reserve(struct pt_pool *pool, const struct pt_tree *tree, size_t count);

/* Finds the first entry whose last byte is `from` or later, and the leaf where `addr` belongs. */
void pt_seek(const struct pt_tree *tree, uint64_t addr, uint64_t from, struct pt_spot *spot);

/* The number of addresses in a sorted array that are no more than addr. */
unsigned pt_count_le(const uint64_t *keys, unsigned n, uint64_t addr);

/* Inserts an entry that overlaps none. Needs a reserve. */
void pt_insert(struct pt_tree *tree, struct pt_pool *pool, const struct pt_entry *e);

/* Takes out all entries that start in first … last. */
void pt_erase(struct pt_tree *tree, struct pt_pool *pool, uint64_t first, uint64_t last);

/* The leaf with the lowest addresses, or NULL. */
struct pt_leaf *pt_first(const struct pt_tree *tree);

/* Gives all nodes back to the pool. */
void pt_empty(struct pt_tree *tree, struct pt_pool *pool);

/* Gives the memory back; no tree may use the pool any more. */
void pt_pool_free(struct pt_pool *pool);

#endif
