/* SPDX-License-Identifier: GPL-2.0-only */
/* A night: the digests of all kernels of a matrix, compared, as one JSON object that reports tell. */
#ifndef REGRESS_NIGHT_H
#define REGRESS_NIGHT_H

#include "common/opt.h"
#include "regress/accept.h"
#include "regress/compare.h"

struct json_object;

struct night_input {
	const char *name;     /* of the night */
	const char *baseline; /* digest to compare with */
	struct opt_list digests;
	struct limits limits;
	struct accepts *accepts;
};

/*
 * report.json, whose members docs/regress.md has; a digest that cannot be read is a kernel that failed.
 * NULL with *why told where the baseline cannot be read.
 */
struct json_object *night_compare(const struct night_input *in, char *why, size_t size);

/* Flows that were compared, or censuses where there is no traffic. */
size_t night_compared(struct json_object *report);

/* 0, 1, 3 or 4 of the common table. */
int night_status(struct json_object *report);

#endif
