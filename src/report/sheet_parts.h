/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that describe the tables share. */
#ifndef REPORT_SHEET_PARTS_H
#define REPORT_SHEET_PARTS_H

#include "common/vec.h"
#include "report/sheet.h"

/* The cell of a column. */
#define PUT(name)                                                                                  \
	static void name(const struct report *rep, const struct row *row, char *buf, size_t size)
#define ULL(x) ((unsigned long long)(x))

#define SHEET(name, title, columns, each)                                                          \
	{name, title, columns, ARRAY_SIZE(columns), each}

/* Lets `of` show the rows of each flow that the report is about, or of one. */
typedef void (*flow_fn)(const struct report *rep, const struct flow *f, row_fn fn, void *ctx);
void each_flow(const struct report *rep, const struct flow *only, flow_fn of, row_fn fn, void *ctx);

void put_flow(const struct report *rep, const struct row *row, char *buf, size_t size);
const struct dist *latency_of(const struct flow *f); /* NULL: nothing arrived */

extern const struct sheet sheet_flows;
extern const struct sheet sheet_sites;
extern const struct sheet sheet_latency;
extern const struct sheet sheet_stores;
extern const struct sheet sheet_drops;
extern const struct sheet sheet_hops;
extern const struct sheet sheet_skipped;
extern const struct sheet sheet_unlinked;
extern const struct sheet sheet_census;
extern const struct sheet sheet_loss;

#endif
