/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays, and those that grow. */
#ifndef COMMON_VEC_H
#define COMMON_VEC_H

#include <stddef.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Makes room for `want` items in the array whose pointer is *items and whose capacity is *cap;
 * both are 0 at first. The capacity at least doubles, so appending costs the same on average
 * however long the array is. The array is freed with free. 0; or -ENOMEM, and nothing has changed.
 */
#define vec_reserve(items, cap, want) vec_reserve_size((items), (cap), (want), sizeof(**(items)))

/* items: the address of the pointer, whatever its type. */
int vec_reserve_size(void *items, size_t *cap, size_t want, size_t item_size);

#endif
