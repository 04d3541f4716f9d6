// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/paths.h"

#include <stddef.h>

const struct path *const paths[] = {
#define PATH(name) &path_##name,
#include "analyze/paths.def"
#undef PATH
	NULL,
};
