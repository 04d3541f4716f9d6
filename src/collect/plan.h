/* SPDX-License-Identifier: GPL-2.0-only */
/* Decides, for every copy site of the census, how its copies are to be seen. */
#ifndef COLLECT_PLAN_H
#define COLLECT_PLAN_H

#include "collect/census.h"
#include "collect/ktypes.h"
#include "common/opt.h"

/*
 * Sets the status of every site and the cover of every primitive; adds a site of kind entry for
 * each primitive that is probed at its entry. traceable lists the functions that ftrace knows
 * (available_filter_functions). Needs no privilege of its own.
 */
int plan_probes(struct census *c, struct ktypes *kt, const struct ktypes_names *traceable,
		const struct opt_list *excluded);

/* Reads available_filter_functions into sorted names. */
int plan_load_traceable(const char *text, struct ktypes_names *out);

#endif
