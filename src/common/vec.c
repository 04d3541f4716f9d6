// SPDX-License-Identifier: GPL-2.0-only
#include "common/vec.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16

int vec_reserve_size(void *items, size_t *cap, size_t want, size_t item_size)
{
	size_t more = *cap ? *cap * 2 : FIRST_CAP;
	void *array;

	if (want <= *cap)
		return 0;
	if (more < want)
		more = want;
	if (more > PTRDIFF_MAX / item_size)
		return -ENOMEM;
	/* All object pointers have one representation; their types forbid an assignment. */
	memcpy(&array, items, sizeof(array));
	array = realloc(array, more * item_size);
	if (!array)
		return -ENOMEM;
	memcpy(items, &array, sizeof(array));
	*cap = more;
	return 0;
}
