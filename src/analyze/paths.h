/* SPDX-License-Identifier: GPL-2.0-only */
/* All paths there are. */
#ifndef ANALYZE_PATHS_H
#define ANALYZE_PATHS_H

struct path;

/* In the order in which they see an event; NULL last. */
extern const struct path *const paths[];

#define PATH(name) extern const struct path path_##name;
#include "analyze/paths.def"
#undef PATH

#endif
