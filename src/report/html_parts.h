/* SPDX-License-Identifier: GPL-2.0-only */
/* The pieces that index.html is put together from. */
#ifndef REPORT_HTML_PARTS_H
#define REPORT_HTML_PARTS_H

#include "report/sheet.h"

struct html {
	const struct report *rep;
	FILE *out;
};

struct html_table {
	enum sheet_id id;
	const struct flow *flow; /* rows of this one only, or NULL */
	const char *caption;
	const char *heads; /* the columns to show, ",a,b,"; NULL: all */
	size_t most;	   /* rows; more are left to the CSV file, and the table says so */
	bool (*wanted)(const struct row *row); /* NULL: every row */
};

/* A table in a box of its own that scrolls; nothing but `empty` where it has no rows. */
void html_table(const struct html *h, const struct html_table *t, const char *empty);

/* A chain as a list of places, each with the arrow that leads to it. */
void html_chain(const struct html *h, const struct flow *f, const struct chain_view *v);

/* A flow's page is reached as "#flow-3". */
void html_flow_link(const struct html *h, const struct flow *f);

extern const char html_style[];

#endif
