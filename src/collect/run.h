/* SPDX-License-Identifier: GPL-2.0-only */
/* One recording, from the census to the finished run folder. */
#ifndef COLLECT_RUN_H
#define COLLECT_RUN_H

#include <stdbool.h>

#include "common/opt.h"

struct run_options {
	const char *out;
	struct opt_list excluded;
	unsigned long buffer_kb;
	bool quiet;
	bool audit; /* an emulator looks on: tell it when, and name every function in trace.dat */
	bool steps; /* record the functions that the workload passes, too */
};

/* Records argv into o->out; gives an exit status of the common table. */
int run_record(const struct run_options *o, char *const argv[]);

#endif
