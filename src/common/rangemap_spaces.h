/* SPDX-License-Identifier: GPL-2.0-only */
/* The trees of the user address spaces, by their number; the kernel's own stands apart. */
#ifndef COMMON_RANGEMAP_SPACES_H
#define COMMON_RANGEMAP_SPACES_H

#include "common/rangemap_tree.h"

struct rt_space {
	uint32_t id;
	bool used;
	struct rt_tree tree;
};

/* Open addressing with linear probing. Spaces that have become empty go when it grows. */
struct rt_spaces {
	struct rt_space *slots;
	size_t cap;  /* a power of two, or 0 */
	size_t used; /* slots, those of empty spaces included */
};

/* The tree of a space, or NULL where there is none. Stays where it is until the next rt_space_make.
 */
struct rt_tree *rt_space_find(const struct rt_spaces *spaces, uint32_t id);

/* As rt_space_find, making it where it is missing; NULL: no memory. */
struct rt_tree *rt_space_make(struct rt_spaces *spaces, const struct rt_pool *mem, uint32_t id);

#endif
