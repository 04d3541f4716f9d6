/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of report, each made from report.json alone. */
#ifndef REGRESS_NIGHT_REPORT_H
#define REGRESS_NIGHT_REPORT_H

#include <stdio.h>

struct json_object;

struct night_context {
	const char *history; /* data base to plot nights from, or NULL */
	const char *dir;     /* where the report goes */
};

/* Each gives 0 or -errno; what fails on the stream itself the caller sees at its end. */
int night_text(struct json_object *report, const struct night_context *c, FILE *out);
int night_markdown(struct json_object *report, const struct night_context *c, FILE *out);
int night_html(struct json_object *report, const struct night_context *c, FILE *out);
int night_junit(struct json_object *report, const struct night_context *c, FILE *out);

/* Writes all kinds into c->dir: report.txt, .md, .html, .json and junit.xml. 0 or -errno, told. */
int night_reports(struct json_object *report, const struct night_context *c);

/* The columns of the table of flows. */
struct night_column {
	const char *head;
	int width; /* negative: left-aligned */
	void (*put)(struct json_object *flow, char *buf, size_t size);
};
extern const struct night_column night_columns[];
extern const size_t night_column_count;

/* "linux 6.1.0-56-amd64, swiotlb=force" */
void night_kernel_text(struct json_object *kernel, char *buf, size_t size);

/* "6 of 7 flows: 1 regression, 5 same" */
void night_outcomes_text(struct json_object *kernel, char *buf, size_t size);

/* One line of a list in the comparison of the censuses. */
void night_census_text(struct json_object *row, char *buf, size_t size);

/* Is a site among those whose copies the probes see? What is not carries no packets' payload. */
int night_census_in_scope(struct json_object *row);

#endif
