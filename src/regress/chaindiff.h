/* SPDX-License-Identifier: GPL-2.0-only */
/* Lays the chains of two kernels side by side: which hops are new, gone, or the same and dearer. */
#ifndef REGRESS_CHAINDIFF_H
#define REGRESS_CHAINDIFF_H

#include <stddef.h>

struct json_object;

enum step_change { STEP_KEPT, STEP_GONE, STEP_NEW };

struct chain_step_pair {
	enum step_change change;
	struct json_object *from, *to; /* hops of the digests; NULL where there is none */
};

struct chaindiff {
	struct chain_step_pair *steps; /* in the order of the chain */
	size_t count, changes;
};

/* The longest sequence that both have in common is what is kept. 0 or -ENOMEM. */
int chaindiff_make(struct json_object *from, struct json_object *to, struct chaindiff *out);
void chaindiff_free(struct chaindiff *d);

/* "copy at ip_generic_getfrag" */
void hop_text(struct json_object *hop, char *buf, size_t size);

#endif
