/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of a report, described once: CSV files and HTML tables are printed from the same rows. */
#ifndef REPORT_SHEET_H
#define REPORT_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "report/report.h"

/* A row, as far as a sheet needs it; which members mean something depends on the sheet. */
struct row {
	const struct flow *flow;
	size_t i, k; /* of what the row is about: a site, a way and its step, a bin, a CPU */
	const void *item;
	const char *word;
	uint64_t number;
};

enum column_type { COL_TEXT, COL_NUMBER, COL_ADDRESS };

struct sheet_column {
	const char *head;
	enum column_type type;
	void (*put)(const struct report *rep, const struct row *row, char *buf, size_t size);
};

typedef void (*row_fn)(void *ctx, const struct row *row);

struct sheet {
	const char *name;  /* of the CSV file */
	const char *title; /* above the table */
	const struct sheet_column *columns;
	size_t count;
	/* Shows fn every row; of one flow only where flow is not NULL and the sheet has flows. */
	void (*each)(const struct report *rep, const struct flow *flow, row_fn fn, void *ctx);
};

enum sheet_id {
	SHEET_FLOWS,
	SHEET_SITES,
	SHEET_HOPS,
	SHEET_LATENCY,
	SHEET_STORES,
	SHEET_DROPS,
	SHEET_SKIPPED,
	SHEET_UNLINKED,
	SHEET_CENSUS,
	SHEET_LOSS,
	SHEETS,
};

const struct sheet *sheet_of(enum sheet_id id);

size_t sheet_rows(const struct report *rep, enum sheet_id id, const struct flow *flow);

#endif
