/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings: what differs between two kernels in one flow, and what that means for its outcome. */
#ifndef REGRESS_FINDING_H
#define REGRESS_FINDING_H

#include <stdbool.h>

struct json_object;

/* From good to bad; the worst finding that is not accepted is a flow's outcome. */
enum outcome {
	OUTCOME_SAME,
	OUTCOME_ACCEPTED, /* it differs, and a line of the accepted changes says why that is well */
	OUTCOME_CHANGE,
	OUTCOME_IMPROVEMENT,
	OUTCOME_NOT_COMPARABLE,
	OUTCOME_REGRESSION,
	OUTCOMES,
};

const char *outcome_name(enum outcome o);
/* OUTCOMES for a word that names no outcome. */
enum outcome outcome_parse(const char *name);

/*
 * Adds to a list: class is an outcome; what is one of findings.def; text says it in a sentence.
 * The object given back takes more members (from, to, limit) and belongs to the list.
 */
struct json_object *finding_add(struct json_object *list, enum outcome class, const char *what,
				const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The worst of a list, accepted ones apart. */
enum outcome findings_outcome(struct json_object *list);

/* The first of the worst that are not accepted, NULL: there is none. It tells the list's outcome. */
struct json_object *finding_worst(struct json_object *list);

/* Is there a finding of this class that is not accepted? */
bool findings_have(struct json_object *list, enum outcome class);

/* Is there a finding about this, accepted or not? */
bool findings_about(struct json_object *list, const char *what);

/* Is there a kind of findings of this name, and what is it? NULL: no. */
const char *finding_about(const char *what);

#endif
