/* SPDX-License-Identifier: GPL-2.0-only */
/* run.json: what was recorded, on what, and how much of it can be trusted. */
#ifndef COLLECT_MANIFEST_H
#define COLLECT_MANIFEST_H

#include <stdint.h>

#include "collect/probes.h"
#include "collect/session.h"

struct manifest {
	char *const *command;
	int workload_pid;
	int workload_status; /* as wait gives it */
	bool interrupted;
	bool stopped; /* before its end, by somebody else */
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC, and of the trace */
	char **stats;		   /* per CPU */
	unsigned int cpus;
	unsigned long buffer_kb;
	const char *tracer; /* of functions; NULL: none */
	struct json_object *tasks;
	struct json_object *late_modules;
	struct json_object *devices_before, *devices_after; /* as devices.h gives them */
};

/* Every thread now alive as [tid, tgid, comm]; the caller gives it to manifest_write. */
struct json_object *manifest_tasks(void);

/*
 * Writes run.json into the run's folder dir, last of all its files, whose checksums it holds. 0 or
 * -errno; *lost gets the events lost, -1 for unknown.
 */
int manifest_write(const char *dir, const struct manifest *m, struct session *s,
		   const struct probes *p, int64_t *lost);

/*
 * Takes the checksums of parts that came into a run's folder since into its run.json. 0 or -errno;
 * -EBADMSG: it is no run.json with checksums.
 */
int manifest_seal(const char *dir);

#endif
