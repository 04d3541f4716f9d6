/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules by what they say of themselves: the aliases that depmod lists for this kernel. */
#ifndef COLLECT_MODALIAS_H
#define COLLECT_MODALIAS_H

#include "collect/ktypes.h"

/*
 * Adds the modules with an alias that matches the shell pattern, as /proc/modules writes their
 * names. A kernel without modules.alias has none. 0 or -ENOMEM.
 */
int modalias_find(const char *pattern, struct ktypes_names *out);

#endif
