/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules that are loaded while a run is recorded: as soon as one is initialised, its text is
 * scanned, and its copy sites and probe points join the recording.
 */
#ifndef COLLECT_LATE_MODULES_H
#define COLLECT_LATE_MODULES_H

#include "collect/probes.h"
#include "collect/session.h"

struct json_object;
struct late_modules;

/* Begins to watch, in a tracing instance named after the group. 0 or -ENOMEM; *out is then NULL. */
int late_modules_watch(const char *group, struct late_modules **out);

/*
 * Waits some 20 ms, and takes in what was loaded. Sites of new modules become part of s->census.
 * 0, or -ENOMEM.
 */
int late_modules_poll(struct late_modules *l, struct probes *p, struct session *s,
		      struct tracefs_instance *instance, const struct opt_list *excluded);

/*
 * [{"module", "loaded_ns", "live_ns", "sites", "probed", "unseen"}…]: when a module was loaded, when
 * its probes were live (null: never), how many copy sites it has (-1: unknown), how many of them
 * carry a probe, and how often it takes the address of a primitive whose sites are all that is
 * probed. The caller owns it; NULL: no memory.
 */
struct json_object *late_modules_json(const struct late_modules *l, const struct session *s);

/*
 * The module's name and the time in a line that the instance prints, "  modprobe-170  [001] .....
 * 20.123456: module_load: veth OE"; false: it is another line.
 */
bool late_modules_parse(const char *line, char *name, size_t size, uint64_t *loaded_ns);

/* The census may hold sites that point into it. */
void late_modules_free(struct late_modules *l);

#endif
