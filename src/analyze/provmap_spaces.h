/* SPDX-License-Identifier: GPL-2.0-only */
/* The trees of the user address spaces, by their number; the kernel's own stands apart. */
#ifndef ANALYZE_PROVMAP_SPACES_H
#define ANALYZE_PROVMAP_SPACES_H

#include "analyze/provmap_tree.h"

struct pt_space {
	uint32_t id;
	bool used;
	struct pt_tree tree;
};

/* Open addressing with linear probing. Spaces that have become empty go when it grows. */
struct pt_spaces {
	struct pt_space *slots;
	size_t cap;  /* a power of two, or 0 */
	size_t used; /* slots, those of empty spaces included */
};

/* The tree of a space, or NULL where there is none. Stays where it is until the next pt_space_make.
 */
struct pt_tree *pt_space_find(const struct pt_spaces *spaces, uint32_t id);

/* As pt_space_find, making it where it is missing; NULL: no memory. */
struct pt_tree *pt_space_make(struct pt_spaces *spaces, const struct pt_pool *mem, uint32_t id);

#endif
