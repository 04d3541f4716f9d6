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
 * (available_filter_functions), emulating is from plan_load_emulating. Needs no privilege of its own.
 */
int plan_probes(struct census *c, struct ktypes *kt, const struct ktypes_names *traceable,
		const struct ktypes_names *emulating, const struct opt_list *excluded);

/* The same for the sites of one module, where the covers have been settled without it. */
int plan_module(struct census *c, const enum cover *covers, struct ktypes *kt,
		const struct ktypes_names *traceable, const struct ktypes_names *emulating,
		const struct opt_list *excluded);

/* The modules that make devices out of software. */
int plan_load_emulating(struct ktypes_names *out);

/* Reads available_filter_functions into sorted names. */
int plan_load_traceable(const char *text, struct ktypes_names *out);

#endif
