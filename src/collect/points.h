/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of probe points, points.def. */
#ifndef COLLECT_POINTS_H
#define COLLECT_POINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "trace/vocabulary.h"

struct kallsyms;

enum point_how { POINT_ENTRY, POINT_CALL, POINT_AFTER, POINT_TPOINT, POINT_PLAIN };

struct point {
	enum point_how how;
	enum event_kind event;
	const char *target;
	unsigned int choice, rank;
	const char *args;
};

extern const struct point points[];
extern const size_t point_count;

/* Does it stand at calls of its target? Is its target's module, if it names one, loaded? */
bool point_is_call(const struct point *pt);
bool point_expected(const struct point *pt, const struct kallsyms *ks);

/* What the kernel is to record of an event, NULL: all. */
const char *point_filter(const char *event);

/* The function in the target of a point at calls; *pattern gets what follows its '@', or "*". */
void point_function(const struct point *pt, char *name, size_t size, const char **pattern);

#endif
