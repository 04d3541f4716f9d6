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

/* report.json; NULL with *why told where a digest cannot be read. docs/regress.md has its members. */
struct json_object *night_compare(const struct night_input *in, char *why, size_t size);

/* 0, 1 or 3 of the common table. */
int night_status(struct json_object *report);

#endif
