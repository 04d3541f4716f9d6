/* SPDX-License-Identifier: GPL-2.0-only */
/* The reports of a run: one table of kinds, one file per kind, all made from a finished analysis. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "analyze/analysis.h"
#include "report/redact.h"

struct report {
	const struct analysis *r;
	const char *flow;    /* only this one, by name or number; NULL: all */
	const char *dir;     /* where the files go */
	struct redact *hide; /* aliases for addresses; NULL: they are shown as they are */
	bool drawn;	     /* the plots stand in dir/plots */
	bool no_gnuplot;     /* they do not, for want of gnuplot */
};

/* A kind of report. Kinds that need another's files make them where they are not made yet. */
struct report_kind {
	const char *name;
	const char *files; /* what it writes */
	int (*write)(struct report *rep);
};

/*
 * Writes the kinds of a list "KIND,KIND" (NULL: all) into rep->dir, which is made, and prints
 * where. 0; -EINVAL for a word that is no kind, told before anything is written; -errno.
 */
int report_write(struct report *rep, const char *kinds);

/* Is every word of the list a kind? Else says which is not. */
bool report_kinds_known(const char *kinds);

/* Opens a file of the report for writing; closes it, and gives 0 or -errno of all that went on. */
FILE *report_open(const struct report *rep, const char *name);
int report_close(FILE *f);

int summary_write(struct report *rep);
int json_write(struct report *rep);
int csv_write(struct report *rep);
int html_write(struct report *rep);
int proof_write(struct report *rep);
int worksheet_write(struct report *rep);
int steps_write(struct report *rep);
int trace_write(struct report *rep);
int dot_write(struct report *rep);
/* Once for all that need them; where gnuplot is missing it says so, and the rest goes on. */
int plots_write(struct report *rep);

/* What a user sees on the terminal, and in summary.txt: no line is wider than SCREEN_WIDTH. */
#define SCREEN_WIDTH 100
void summary_print(const struct report *rep, FILE *out);

/* The same before it is folded, with every address as it is. */
void screen_print(const struct analysis *r, const char *pattern, FILE *out);

/* What analysis.json holds, the caller's; and into a file, 0 or -errno. */
struct json_object;
struct json_object *analysis_json(const struct analysis *r);
int analysis_write(const struct analysis *r, const char *path);

/* The run's name: the last part of its folder. */
const char *run_name(const struct analysis *r);

/* The flow whose chain is worked out: the one selected, else the one with the most places. */
const struct flow *worked_flow(const struct analysis *r, const char *flow);

#endif
