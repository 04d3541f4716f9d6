/* SPDX-License-Identifier: GPL-2.0-only */
/* Places and removes the probes of one run, in an event group and instance of its own. */
#ifndef COLLECT_PROBES_H
#define COLLECT_PROBES_H

#include <tracefs/tracefs.h>

#include "collect/census.h"
#include "collect/ktypes.h"

enum point_how { POINT_ENTRY, POINT_RETURN, POINT_TPOINT, POINT_PLAIN };

struct point {
	enum point_how how;
	const char *event;
	const char *target;
	unsigned int choice, rank;
	const char *args;
};

extern const struct point points[];
extern const size_t point_count;

struct refusal {
	char *event, *target, *why;
};

struct probes {
	char group[32];
	char **events; /* names made in the group */
	size_t event_count;
	struct refusal *refused;
	size_t refused_count;
	char **plain; /* "system/event" enabled as they are */
	size_t plain_count;
	size_t site_probes, point_probes;
};

/* Names the group after this process. */
void probes_init(struct probes *p);

/*
 * Places a probe on every site the plan chose and on every point that this kernel has. What the
 * kernel refuses is kept with its own reason; only a failure of everything is an error.
 */
int probes_place(struct probes *p, struct census *c, const struct kallsyms *ks, struct ktypes *kt);

/* Arms them in the instance. */
int probes_enable(struct probes *p, struct tracefs_instance *instance);

/* Removes what probes_place made, and nothing else. Accepts a half-built object. */
void probes_remove(struct probes *p);
void probes_free(struct probes *p);

#endif
