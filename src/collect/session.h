/* SPDX-License-Identifier: GPL-2.0-only */
/* What both commands need of the kernel: its symbols, text, types, and the census of it. */
#ifndef COLLECT_SESSION_H
#define COLLECT_SESSION_H

#include "collect/census.h"
#include "collect/kcore.h"
#include "collect/ktypes.h"
#include "collect/plan.h"

struct session {
	struct kallsyms ks;
	struct kcore kc;
	struct ktypes kt;
	struct census census;
	struct ktypes_names traceable; /* functions that ftrace knows: others may not be probed */
	struct ktypes_names emulating; /* modules that make devices out of software */
	struct census_names wanted;    /* functions whose calls the points want, by the points' indices */
	double census_seconds;
};

/* Can anything be recorded here? Prints what lacks and how to get it; gives 0 or -errno. */
int session_check(void);

/* Prints what lacks and how to get it; gives 0 or -errno. Safe to close after any error. */
int session_open(struct session *s, const struct opt_list *excluded);
void session_close(struct session *s);

/* The 8 bytes of a kernel variable, or 0 where it has none. */
uint64_t session_variable(const struct session *s, const char *name);

#endif
