/* SPDX-License-Identifier: GPL-2.0-only */
/* The history: an SQLite data base with a row per night, kernel and flow (docs/regress.md). */
#ifndef REGRESS_HISTORY_H
#define REGRESS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "regress/compare.h"
#include "regress/costdiff.h"

struct history;
struct json_object;

/*
 * Opens or, if create, makes it. -EBADMSG: the file is damaged or no history of ours; -ENOENT: there is
 * none. why gets one line. The file is never changed by an error.
 */
int history_open(const char *path, bool create, struct history **out, char *why, size_t size);
void history_close(struct history *h);

/*
 * All rows of a report, in one transaction; a night that is there already is replaced. A baseline of
 * another night is left out.
 */
int history_add(struct history *h, struct json_object *report, char *why, size_t size);

/* Has it what a report of a night must have? */
bool history_is_report(struct json_object *o);

/* A value that is followed over nights. */
struct history_value {
	const char *name, *sql, *about;
	bool number;
	bool whole;  /* a kernel as a whole has it, too: flow "-" */
	bool cost;   /* compared as costs are, by row->cost */
	double part; /* a change of less than this share is none */
};
extern const struct history_value history_values[]; /* ends with a NULL name */
const struct history_value *history_value(const char *name);

/* What to look at; NULL: all. */
struct history_query {
	const char *kernel, *flow;
	const struct history_value *value;
	bool by_night; /* all of a night together; else all nights of a kernel and flow */
};

/* Instructions per message, as comparisons take them, and what they called a change that night. */
struct history_cost {
	bool known, steady;
	struct message_cost message;
	struct limits limits;
};

/* Texts last until the next call; value "": none. */
struct history_row {
	const char *night, *kernel, *flow, *version, *value;
	struct history_cost cost;
};

/* Calls fn for each row, nights in the order of their time; stops when it gives other than 0. 0 or -errno. */
int history_each(struct history *h, const struct history_query *q,
		 int (*fn)(const struct history_row *row, void *ctx), void *ctx);

#endif
