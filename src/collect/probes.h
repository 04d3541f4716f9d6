/* SPDX-License-Identifier: GPL-2.0-only */
/* Places and removes the probes of one run, in an event group and instance of its own. */
#ifndef COLLECT_PROBES_H
#define COLLECT_PROBES_H

#include <tracefs/tracefs.h>

#include "collect/points.h"
#include "collect/session.h"

struct refusal {
	char *event, *target, *why;
};

struct probes {
	char group[32];
	char **events; /* names made in the group */
	size_t event_count, enabled, filtered; /* and how many of the first of them are */
	char *filter;				/* leaves the recorder's own copies out, malloc'ed */
	struct refusal *refused;
	size_t refused_count;
	char **plain; /* "system/event" enabled as they are */
	size_t plain_count, plain_enabled;
	bool *placed; /* per row of points[] */
	size_t site_probes, point_probes;
	size_t unseen_calls;  /* calls whose result may not be recorded */
	char **interruptible; /* functions with a probe that may miss a hit */
	size_t interruptible_count;
};

/* Names the group after this process. */
void probes_init(struct probes *p);

/*
 * Places a probe on every site the plan chose and on every point that this kernel has. What the
 * kernel refuses is kept with its own reason; only a failure of everything is an error.
 */
int probes_place(struct probes *p, struct session *s);

/*
 * The same of a module that was loaded since, in the running instance. m is the session, but for the
 * module's own symbols, traceable functions and census.
 */
int probes_place_module(struct probes *p, struct session *m, struct tracefs_instance *instance);

/* For points.c: places all points of points.def that this kernel has. */
int points_place(struct probes *p, struct session *s);
int points_place_module(struct probes *p, struct session *m);

/* Writes one definition; on refusal why gets the kernel's own words. 0 or -errno. */
int probes_define(const char *line, char *why, size_t size);

/* The same, and keeps the event's name for enabling and removal. */
int probes_define_event(struct probes *p, const char *event, const char *line, char *why,
			size_t size);

/*
 * The same for a probe on the values that stand in registers at `from` in func; *at (may be NULL)
 * gets where it stands.
 */
int probes_define_at(struct probes *p, const struct session *s, const struct ksym *func,
		     uint64_t from, const char *event, const char *args, uint64_t *at, char *why,
		     size_t size);

/* Notes a refusal with its reason, or a tracepoint to be enabled as it is. 0 or -ENOMEM. */
int probes_refuse(struct probes *p, const char *event, const char *target, const char *why);
int probes_enable_later(struct probes *p, const char *tracepoint);

/* Arms them in the instance. */
int probes_enable(struct probes *p, struct tracefs_instance *instance);

/*
 * Sets the filters of points.def, and leaves the copies that a thread of ours makes out of the
 * recording: those alone, for soft interrupts that happen to run on top of it belong to others.
 * 0 or -errno.
 */
int probes_filter(struct probes *p, struct tracefs_instance *instance, const int *tids,
		  size_t count);

/* Removes what probes_place made, and nothing else. Accepts a half-built object. */
void probes_remove(struct probes *p);
void probes_free(struct probes *p);

#endif
