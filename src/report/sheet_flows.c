// SPDX-License-Identifier: GPL-2.0-only
/* Tables with the figures of flows: counts, copy sites, latencies, stores, drops. */
#include "analyze/cost.h"
#include "report/sheet_parts.h"

/* A number of a flow, and a column that shows it. */
#define FLOW_NUMBER(name, expression)                                                              \
	PUT(name)                                                                                  \
	{                                                                                          \
		const struct flow *f = row->flow;                                                  \
		(void)rep;                                                                         \
		snprintf(buf, size, "%llu", ULL(expression));                                      \
	}
#define FLOW_RATIO(name, expression)                                                               \
	PUT(name)                                                                                  \
	{                                                                                          \
		const struct flow *f = row->flow;                                                  \
		(void)rep;                                                                         \
		snprintf(buf, size, "%.6f", expression);                                           \
	}

const struct dist *latency_of(const struct flow *f)
{
	return f->cost && f->cost->latency.count ? &f->cost->latency : NULL;
}

static uint64_t percentile(const struct flow *f, unsigned int percent)
{
	const struct dist *d = latency_of(f);

	return d ? dist_percentile(d, percent) : 0;
}

/* ---- flows ---- */

FLOW_NUMBER(put_flow_number, f->index)
FLOW_NUMBER(put_min_size, f->min_size)
FLOW_NUMBER(put_max_size, f->max_size)
FLOW_NUMBER(put_messages, f->messages)
FLOW_NUMBER(put_delivered, f->delivered)
FLOW_NUMBER(put_dropped, f->dropped)
FLOW_NUMBER(put_undelivered, f->undelivered)
FLOW_NUMBER(put_payload, f->payload_bytes)
FLOW_NUMBER(put_copies_min, f->figures[FIGURE_COPIES].min)
FLOW_NUMBER(put_copies_max, f->figures[FIGURE_COPIES].max)
FLOW_RATIO(put_per_message, flow_times(f, f->chain_copy_bytes + f->dead_bytes))
#define FIGURE(id, ...) FLOW_RATIO(put_##id, range_mean(&f->figures[FIGURE_##id]))
#include "analyze/core/figures.def"
#undef FIGURE
FLOW_RATIO(put_amplification, flow_amplification(f))
FLOW_RATIO(put_emulated_amplification, flow_emulated_amplification(f))
FLOW_RATIO(put_accounted, flow_accounted(f))
FLOW_RATIO(put_content, flow_content(f))
FLOW_NUMBER(put_p50, percentile(f, 50))
FLOW_NUMBER(put_p90, percentile(f, 90))
FLOW_NUMBER(put_p99, percentile(f, 99))

PUT(put_proto)
{
	(void)rep;
	snprintf(buf, size, "%s", row->flow->proto);
}

PUT(put_path)
{
	(void)rep;
	snprintf(buf, size, "%s", row->flow->path);
}

PUT(put_verdict)
{
	snprintf(buf, size, "%s", verdict_name(flow_verdict(rep->r, row->flow)));
}

PUT(put_why)
{
	flow_why(rep->r, row->flow, buf, size);
}

static const struct sheet_column flow_columns[] = {
	{"flow", COL_TEXT, put_flow},
	{"number", COL_NUMBER, put_flow_number},
	{"proto", COL_TEXT, put_proto},
	{"path", COL_TEXT, put_path},
	{"size min", COL_NUMBER, put_min_size},
	{"size max", COL_NUMBER, put_max_size},
	{"messages", COL_NUMBER, put_messages},
	{"delivered", COL_NUMBER, put_delivered},
	{"dropped", COL_NUMBER, put_dropped},
	{"undelivered", COL_NUMBER, put_undelivered},
	{"payload bytes", COL_NUMBER, put_payload},
	{"copies min", COL_NUMBER, put_copies_min},
	{"copies max", COL_NUMBER, put_copies_max},
	{"copies per message", COL_NUMBER, put_per_message},
#define FIGURE(id, member, column, ...) {column, COL_NUMBER, put_##id},
#include "analyze/core/figures.def"
#undef FIGURE
	{"amplification", COL_NUMBER, put_amplification},
	{"emulated amplification", COL_NUMBER, put_emulated_amplification},
	{"accounted", COL_NUMBER, put_accounted},
	{"content checked", COL_NUMBER, put_content},
	{"latency p50 ns", COL_NUMBER, put_p50},
	{"latency p90 ns", COL_NUMBER, put_p90},
	{"latency p99 ns", COL_NUMBER, put_p99},
	{"verdict", COL_TEXT, put_verdict},
	{"why", COL_TEXT, put_why},
};

static void flow_row(const struct report *rep, const struct flow *f, row_fn fn, void *ctx)
{
	(void)rep;
	fn(ctx, &(struct row){.flow = f});
}

static void each_flows(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	each_flow(rep, only, flow_row, fn, ctx);
}

const struct sheet sheet_flows = SHEET("flows", "Flows", flow_columns, each_flows);

/* ---- copy sites of flows ---- */

static const struct site_stat *stat_of(const struct row *row)
{
	return &row->flow->sites[row->i];
}

PUT(put_site)
{
	const struct site_stat *s = stat_of(row);

	(void)rep;
	if (s->kind == HOP_COPY_UNKNOWN)
		snprintf(buf, size, "site unknown");
	else
		rundir_site_name(s->site, s->ip, buf, size);
}

PUT(put_site_primitive)
{
	const struct site_stat *s = stat_of(row);

	(void)rep;
	snprintf(buf, size, "%s", s->site ? s->site->primitive : "");
}

PUT(put_site_kind)
{
	(void)rep;
	snprintf(buf, size, "%s", hop_kind_name((enum hop_kind)stat_of(row)->kind));
}

PUT(put_site_hits)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(stat_of(row)->hits));
}

PUT(put_site_bytes)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(stat_of(row)->bytes));
}

PUT(put_site_times)
{
	(void)rep;
	snprintf(buf, size, "%.6f", flow_times(row->flow, stat_of(row)->bytes));
}

static const struct sheet_column site_columns[] = {
	{"flow", COL_TEXT, put_flow},		 {"site", COL_TEXT, put_site},
	{"primitive", COL_TEXT, put_site_primitive}, {"kind", COL_TEXT, put_site_kind},
	{"hits", COL_NUMBER, put_site_hits},	 {"bytes", COL_NUMBER, put_site_bytes},
	{"times", COL_NUMBER, put_site_times},
};

static void site_rows(const struct report *rep, const struct flow *f, row_fn fn, void *ctx)
{
	(void)rep;
	for (size_t i = 0; i < f->site_count; i++)
		fn(ctx, &(struct row){.flow = f, .i = i});
}

static void each_sites(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	each_flow(rep, only, site_rows, fn, ctx);
}

const struct sheet sheet_sites = SHEET("sites", "Copy sites", site_columns, each_sites);

/* ---- latency bins: i is the power of two that ends a bin ---- */

static uint64_t bin_from(const struct row *row)
{
	return row->i ? 1ULL << (row->i - 1) : 0;
}

static uint64_t bin_to(const struct row *row)
{
	return row->i < 64 ? 1ULL << row->i : UINT64_MAX;
}

PUT(put_bin_from)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(bin_from(row)));
}

PUT(put_bin_to)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(bin_to(row)));
}

PUT(put_bin_count)
{
	(void)rep;
	snprintf(buf, size, "%llu",
		 ULL(dist_between(latency_of(row->flow), bin_from(row), bin_to(row))));
}

static const struct sheet_column latency_columns[] = {
	{"flow", COL_TEXT, put_flow},
	{"from ns", COL_NUMBER, put_bin_from},
	{"to ns", COL_NUMBER, put_bin_to},
	{"messages", COL_NUMBER, put_bin_count},
};

static void latency_rows(const struct report *rep, const struct flow *f, row_fn fn, void *ctx)
{
	const struct dist *d = latency_of(f);

	(void)rep;
	for (size_t bit = 0; d && bit <= 64; bit++) {
		struct row row = {.flow = f, .i = bit};

		if (bin_to(&row) > d->min && bin_from(&row) <= d->max)
			fn(ctx, &row);
	}
}

static void each_latency(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	each_flow(rep, only, latency_rows, fn, ctx);
}

const struct sheet sheet_latency = SHEET("latency", "Latency", latency_columns, each_latency);

/* ---- what an audit saw ---- */

static const struct stored_at *stored_of(const struct row *row)
{
	return row->item;
}

PUT(put_stored_site)
{
	(void)rep;
	stored_name(stored_of(row), buf, size);
}

PUT(put_stored)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(stored_of(row)->seen));
}

PUT(put_recorded)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(stored_of(row)->recorded));
}

static const struct sheet_column stores_columns[] = {
	{"flow", COL_TEXT, put_flow},
	{"site", COL_TEXT, put_stored_site},
	{"bytes stored", COL_NUMBER, put_stored},
	{"bytes recorded", COL_NUMBER, put_recorded},
};

static void stores_rows(const struct report *rep, const struct flow *f, row_fn fn, void *ctx)
{
	const struct stores_flow *s = stores_of(&rep->r->stores, f);

	for (size_t i = 0; s && i < s->count; i++)
		fn(ctx, &(struct row){.flow = f, .item = &s->at[i]});
}

static void each_stores(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	each_flow(rep, only, stores_rows, fn, ctx);
}

const struct sheet sheet_stores = SHEET("stores", "Stores", stores_columns, each_stores);

/* ---- drops ---- */

PUT(put_reason)
{
	snprintf(buf, size, "%s", rundir_drop_reason(&rep->r->run, row->i) ?: "unknown");
}

PUT(put_number)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(row->number));
}

static const struct sheet_column drop_columns[] = {
	{"flow", COL_TEXT, put_flow},
	{"reason", COL_TEXT, put_reason},
	{"messages", COL_NUMBER, put_number},
};

static void drop_rows(const struct report *rep, const struct flow *f, row_fn fn, void *ctx)
{
	(void)rep;
	for (size_t i = 0; i < 256; i++)
		if (f->reasons[i])
			fn(ctx, &(struct row){.flow = f, .i = i, .number = f->reasons[i]});
}

static void each_drops(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	each_flow(rep, only, drop_rows, fn, ctx);
}

const struct sheet sheet_drops = SHEET("drops", "Drops", drop_columns, each_drops);
