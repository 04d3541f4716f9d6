// SPDX-License-Identifier: GPL-2.0-only
/* The table of hops: every step of the chains shown, with addresses, content and cost. */
#include <string.h>

#include "analyze/cost.h"
#include "report/sheet_parts.h"

static const struct chain_view *view_of(const struct row *row)
{
	return &row->flow->views[row->i];
}

static const struct step *step_of(const struct row *row)
{
	return &view_of(row)->steps[row->k];
}

PUT(put_message)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(row->flow->shown_seq));
}

PUT(put_way)
{
	(void)rep;
	snprintf(buf, size, "%zu", row->i);
}

PUT(put_hop)
{
	(void)rep;
	snprintf(buf, size, "%zu", row->k);
}

PUT(put_kind)
{
	(void)rep;
	snprintf(buf, size, "%s", hop_kind_name((enum hop_kind)step_of(row)->kind));
}

PUT(put_where)
{
	(void)rep;
	step_where(step_of(row), buf, size);
}

PUT(put_primitive)
{
	(void)rep;
	snprintf(buf, size, "%s", step_of(row)->site ? step_of(row)->site->primitive : "");
}

static void put_address(uint64_t a, char *buf, size_t size)
{
	if (a)
		snprintf(buf, size, "0x%llx", ULL(a));
	else
		*buf = '\0';
}

PUT(put_src)
{
	(void)rep;
	put_address(step_of(row)->src, buf, size);
}

PUT(put_dst)
{
	(void)rep;
	put_address(step_of(row)->dst, buf, size);
}

PUT(put_src_phys)
{
	put_address(step_phys(rep->r, row->flow, step_of(row), false), buf, size);
}

PUT(put_dst_phys)
{
	put_address(step_phys(rep->r, row->flow, step_of(row), true), buf, size);
}

PUT(put_length)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(step_of(row)->len));
}

PUT(put_offset)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(step_of(row)->off));
}

PUT(put_hop_content)
{
	const struct step *s = step_of(row);

	(void)rep;
	snprintf(buf, size, "%s", s->checked ? "agrees" : s->sampled ? "differs" :
		 s->kind == HOP_COPY || s->kind == HOP_EMULATED_DMA ? "not sampled" : "");
}

PUT(put_time)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(step_of(row)->ts));
}

PUT(put_cpu)
{
	(void)rep;
	snprintf(buf, size, "%u", step_of(row)->cpu);
}

PUT(put_tid)
{
	(void)rep;
	snprintf(buf, size, "%d", step_of(row)->tid);
}

PUT(put_event)
{
	int event = step_of(row)->event;

	(void)rep;
	snprintf(buf, size, "%s", event ? event_kind_name((enum event_kind)event) : "");
}

PUT(put_file_offset)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(step_of(row)->file_off));
}

/* The way among those whose time was taken that the shown chain went, if any. */
static const struct way *way_of(const struct flow *f, const struct chain_view *v)
{
	for (size_t w = 0; f->cost && w < f->cost->way_count; w++) {
		const struct chain_view *o = &f->cost->ways[w].view;
		size_t k = 0;

		while (o->count == v->count && k < v->count && o->steps[k].kind == v->steps[k].kind &&
		       o->steps[k].site == v->steps[k].site && o->steps[k].holder == v->steps[k].holder &&
		       !strcmp(o->steps[k].dev, v->steps[k].dev))
			k++;
		if (o->count == v->count && k == v->count)
			return &f->cost->ways[w];
	}
	return NULL;
}

PUT(put_cost)
{
	const struct way *w = way_of(row->flow, view_of(row));

	(void)rep;
	*buf = '\0';
	if (w && row->k)
		snprintf(buf, size, "%llu", ULL(dist_percentile(&w->hops[row->k], 50)));
}

static const struct sheet_column hop_columns[] = {
	{"flow", COL_TEXT, put_flow},
	{"message", COL_NUMBER, put_message},
	{"way", COL_NUMBER, put_way},
	{"hop", COL_NUMBER, put_hop},
	{"kind", COL_TEXT, put_kind},
	{"function or holder", COL_TEXT, put_where},
	{"primitive", COL_TEXT, put_primitive},
	{"source", COL_ADDRESS, put_src},
	{"source physical", COL_ADDRESS, put_src_phys},
	{"destination", COL_ADDRESS, put_dst},
	{"destination physical", COL_ADDRESS, put_dst_phys},
	{"offset", COL_NUMBER, put_offset},
	{"length", COL_NUMBER, put_length},
	{"content", COL_TEXT, put_hop_content},
	{"median cost ns", COL_NUMBER, put_cost},
	{"time ns", COL_NUMBER, put_time},
	{"CPU", COL_NUMBER, put_cpu},
	{"thread", COL_NUMBER, put_tid},
	{"event", COL_TEXT, put_event},
	{"file offset", COL_NUMBER, put_file_offset},
};

static void hop_rows(const struct report *rep, const struct flow *f, row_fn fn, void *ctx)
{
	(void)rep;
	for (size_t i = 0; i < f->view_count; i++)
		for (size_t k = 0; k < f->views[i].count; k++)
			fn(ctx, &(struct row){.flow = f, .i = i, .k = k});
}

static void each_hops(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	each_flow(rep, only, hop_rows, fn, ctx);
}

const struct sheet sheet_hops = SHEET("hops", "Hops", hop_columns, each_hops);
