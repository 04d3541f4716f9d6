// SPDX-License-Identifier: GPL-2.0-only
#include "report/sheet.h"

#include "report/sheet_parts.h"

void put_flow(const struct report *rep, const struct row *row, char *buf, size_t size)
{
	(void)rep;
	snprintf(buf, size, "%s", row->flow->name);
}

void each_flow(const struct report *rep, const struct flow *only, flow_fn of, row_fn fn,
		      void *ctx)
{
	for (const struct flow *f = rep->r->engine.flows; f; f = f->next)
		if (only ? f == only : flow_selected(f, rep->flow))
			of(rep, f, fn, ctx);
}

const struct sheet *sheet_of(enum sheet_id id)
{
	static const struct sheet *const sheets[SHEETS] = {
		[SHEET_FLOWS] = &sheet_flows,
		[SHEET_SITES] = &sheet_sites,
		[SHEET_HOPS] = &sheet_hops,
		[SHEET_LATENCY] = &sheet_latency,
		[SHEET_STORES] = &sheet_stores,
		[SHEET_DROPS] = &sheet_drops,
		[SHEET_SKIPPED] = &sheet_skipped,
		[SHEET_UNLINKED] = &sheet_unlinked,
		[SHEET_CENSUS] = &sheet_census,
		[SHEET_LOSS] = &sheet_loss,
	};

	return sheets[id];
}

static void count_row(void *ctx, const struct row *row)
{
	(void)row;
	++*(size_t *)ctx;
}

size_t sheet_rows(const struct report *rep, enum sheet_id id, const struct flow *flow)
{
	size_t n = 0;

	sheet_of(id)->each(rep, flow, count_row, &n);
	return n;
}
