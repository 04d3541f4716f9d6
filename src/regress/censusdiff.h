/* SPDX-License-Identifier: GPL-2.0-only */
/* The static comparison: which copy sites a kernel has that another has not, without any traffic. */
#ifndef REGRESS_CENSUSDIFF_H
#define REGRESS_CENSUSDIFF_H

struct json_object;

/* From sites.json: calls, jumps and inlined copies, one row per module, function, primitive and status. */
struct json_object *census_digest(struct json_object *sites);

/*
 * new[], gone[] (sites of a function), moved[] (the same primitive, gone from one function and new in
 * one whose name is alike), inlining[] (a copy that is a call on one side and inlined on the
 * other, in the same function), other_primitive[] (one function, the copies of which are made by other
 * primitives now), more[] and fewer[] (other numbers), blind[] (more
 * sites that no probe can see). Rows stand in the order of their names.
 */
struct json_object *census_compare(struct json_object *from, struct json_object *to);

/* The lists of it in the order in which they are told, and what each is; {NULL} ends them. */
struct census_list {
	const char *key, *about;
};
extern const struct census_list census_lists[];

/* Adds one finding where any of them has a row: without traffic it is all that there is to find. */
void compare_censuses(struct json_object *list, struct json_object *compared);

#endif
