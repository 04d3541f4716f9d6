/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes a trace.dat of version 6 (man page trace-cmd.dat.v6) around raw ring-buffer pages. */
#ifndef COLLECT_DATFILE_H
#define COLLECT_DATFILE_H

#include <stddef.h>
#include <stdint.h>

struct datfile_cpu {
	const char *raw_path; /* whole ring-buffer pages, as spliced */
	const char *stats;    /* text of per_cpu/cpuN/stats */
};

struct datfile_input {
	const char *const *systems; /* event systems to describe */
	size_t system_count;
	const char *kallsyms; /* lines of the form of /proc/kallsyms */
	const char *clock;    /* text of the instance's trace_clock */
	const struct datfile_cpu *cpus;
	unsigned int cpu_count;
};

/*
 * Writes path, taking headers and formats from tracefs. 0 or -errno; a file that could not be
 * finished is removed.
 */
int datfile_write(const char *path, const struct datfile_input *in);

#endif
