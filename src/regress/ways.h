/* SPDX-License-Identifier: GPL-2.0-only */
/* Lays the ways of two kernels side by side: which hops are new, gone, or the same and dearer. */
#ifndef REGRESS_WAYS_H
#define REGRESS_WAYS_H

#include <stddef.h>

struct json_object;

enum step_change { STEP_KEPT, STEP_GONE, STEP_NEW };

struct way_step {
	enum step_change change;
	struct json_object *from, *to; /* hops of the digests; NULL where there is none */
};

struct way_diff {
	struct way_step *steps; /* in order of the way */
	size_t count, changes;
};

/* The longest sequence that both have in common is what is kept. 0 or -ENOMEM. */
int ways_compare(struct json_object *from, struct json_object *to, struct way_diff *out);
void ways_free(struct way_diff *d);

/* "copy at ip_generic_getfrag" */
void hop_text(struct json_object *hop, char *buf, size_t size);

#endif
