// SPDX-License-Identifier: GPL-2.0-only
/* The first screen: what was recorded, a row per flow, where the copies were, what limits it. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "common/vec.h"
#include "report/chain_text.h"
#include "report/report.h"
#include "report/stores_text.h"

/* One column of the flow table: how it is headed, how wide it is, and what stands in it. */
struct column {
	const char *head; /* NULL: it has none */
	int width; /* negative: left-aligned */
	void (*put)(const struct analysis *r, const struct flow *f, char *buf, size_t size);
};

static void put_name(const struct analysis *r, const struct flow *f, char *buf, size_t size)
{
	(void)r;
	snprintf(buf, size, "%s", f->name);
}

static void put_size(const struct analysis *r, const struct flow *f, char *buf, size_t size)
{
	(void)r;
	if (f->min_size == f->max_size)
		snprintf(buf, size, "%llu", (unsigned long long)f->max_size);
	else
		snprintf(buf, size, "%llu-%llu", (unsigned long long)f->min_size,
			 (unsigned long long)f->max_size);
}

static void put_messages(const struct analysis *r, const struct flow *f, char *buf, size_t size)
{
	(void)r;
	snprintf(buf, size, "%llu/%llu", (unsigned long long)f->delivered,
		 (unsigned long long)f->messages);
}

static void put_RATIO(const struct range_stat *s, char *buf, size_t size)
{
	if (s->min == s->max)
		snprintf(buf, size, "%.3f", range_mean(s));
	else
		snprintf(buf, size, "%.3f (%llu-%llu)", range_mean(s), (unsigned long long)s->min,
			 (unsigned long long)s->max);
}

/* Few of these differ from byte to byte; where they do, the least and the most are told. */
static void put_WHOLE(const struct range_stat *s, char *buf, size_t size)
{
	if (s->min == s->max)
		snprintf(buf, size, "%llu", (unsigned long long)s->max);
	else
		snprintf(buf, size, "%llu-%llu", (unsigned long long)s->min,
			 (unsigned long long)s->max);
}

#define FIGURE(id, member, column, heading, width, style, line, compared)                          \
	static void put_##id(const struct analysis *r, const struct flow *f, char *buf, size_t size) \
	{                                                                                          \
		(void)r;                                                                           \
		put_##style(&f->figures[FIGURE_##id], buf, size);                                  \
	}
#include "analyze/core/figures.def"
#undef FIGURE

static void put_hops(const struct analysis *r, const struct flow *f, char *buf, size_t size)
{
	(void)r;
	put_WHOLE(&f->hops, buf, size);
}

static void put_calls(const struct analysis *r, const struct flow *f, char *buf, size_t size)
{
	(void)r;
	snprintf(buf, size, "%.2f", flow_calls(f));
}

static void put_amplification(const struct analysis *r, const struct flow *f, char *buf, size_t size)
{
	(void)r;
	snprintf(buf, size, "%.3f", flow_amplification(f));
}

static void put_audit(const struct analysis *r, const struct flow *f, char *buf, size_t size)
{
	(void)r;
	/* Rounded down: only all is 100%. */
	snprintf(buf, size, "%.4g%%", (double)(long)(1e4 * flow_accounted(f)) / 100);
}

static void put_verdict(const struct analysis *r, const struct flow *f, char *buf, size_t size)
{
	snprintf(buf, size, "%s", verdict_name(flow_verdict(r, f)));
}

static const struct column columns[] = {
	{"flow", -20, put_name},     {"bytes", 7, put_size},   {"arrived", 9, put_messages},
#define FIGURE(id, member, column, heading, width, ...) {heading, width, put_##id},
#include "analyze/core/figures.def"
#undef FIGURE
	{"amplif.", 7, put_amplification}, {"calls", 5, put_calls}, {"hops", 4, put_hops},
	{"audit", 5, put_audit},     {"verdict", -8, put_verdict},
};

#define COLUMNS ARRAY_SIZE(columns)

static void print_row(const struct analysis *r, const struct flow *f, FILE *out)
{
	char cell[128], clean[128], cut[128];

	for (size_t i = 0; i < COLUMNS; i++) {
		int width = columns[i].width, room;

		if (!columns[i].head)
			continue;
		columns[i].put(r, f, cell, sizeof(cell));
		text_clean(cell, clean, sizeof(clean));
		/* Names may be cut, numbers never. */
		text_cut(clean, width < 0 ? (size_t)-width : sizeof(cut), cut, sizeof(cut));
		room = abs(width) - (int)text_width(cut);
		room = room > 0 ? room : 0;
		fprintf(out, "%s%*s%s%*s", i ? " " : "", width < 0 ? 0 : room, "", cut,
			width < 0 ? room : 0, "");
	}
	fputc('\n', out);
}

static void print_skipped(const struct analysis *r, FILE *out)
{
	for (size_t i = 0; i < r->log.count; i++)
		if (r->log.flows[i].skipped)
			fprintf(out, "%-22s %9llu  not run: %s\n", r->log.flows[i].name,
				(unsigned long long)r->log.flows[i].size, r->log.flows[i].why);
		else if (logged_absent(&r->log.flows[i]))
			fprintf(out, "%-22s %9llu  sent by the log, not followed in the trace\n",
				r->log.flows[i].name, (unsigned long long)r->log.flows[i].size);
}

static void print_head(const struct analysis *r, FILE *out)
{
	const char *base = strrchr(r->run.dir, '/');
	long long lost = r->run.lost;

	fprintf(out, "run %s: linux %s (%s), %llu events, ", base ? base + 1 : r->run.dir,
		r->run.kernel, r->run.machine, (unsigned long long)r->events);
	if (json_object_get_boolean(json_get(json_get(r->run.manifest, "loss"), "stopped")))
		fprintf(out, "lost: all after the recording was stopped\n");
	else if (lost < 0 || r->missed_unknown)
		fprintf(out, "lost: unknown\n");
	else if (lost || r->missed)
		fprintf(out, "%lld lost\n", lost > (long long)r->missed ? lost :
								     (long long)r->missed);
	else
		fprintf(out, "none lost\n");
}

/* Those without a column, where there are any. */
static void print_figures(const struct flow *f, FILE *out)
{
	static const char *const lines[FIGURES] = {
#define FIGURE(id, member, column, heading, width, style, line, ...) line,
#include "analyze/core/figures.def"
#undef FIGURE
	};

	for (int i = 0; i < FIGURES; i++)
		if (lines[i] && f->figures[i].max)
			fprintf(out, "%-22s %s: each byte %.3f times\n", "", lines[i],
				range_mean(&f->figures[i]));
}

static void print_sites(const struct flow *f, FILE *out)
{
	for (size_t i = 0; i < f->site_count; i++) {
		const struct site_stat *s = &f->sites[i];
		char name[300];

		rundir_site_name(s->site, s->ip, name, sizeof(name));
		fprintf(out, "%-22s %-40s %-26s %7.3f\n", i ? "" : f->name, name,
			s->kind == HOP_EMULATED_DMA ? "emulated-dma" :
			s->site ? s->site->primitive : "", flow_times(f, s->bytes));
	}
	print_figures(f, out);
	if (f->dead_bytes)
		fprintf(out, "%-22s dead copy: %llu bytes to where nobody is served\n", "",
			(unsigned long long)f->dead_bytes);
}

/* The device's own word on packets that were sent again. */
static bool is_telling(const struct logged_counter *c)
{
	static const char *const names[] = {"completer_retry_err", "duplicate_request",
					    "out_of_seq_request", "rcvd_seq_err",
					    "retry_exceeded_err"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (c->delta && !strcmp(c->name, names[i]))
			return true;
	return false;
}

/* More has arrived than is explained, as receivers were told or the programs logged. */
static bool has_arrivals(const struct flow *f)
{
	return f->expected_bytes > f->accounted_bytes || (f->log && f->log->received > f->delivered);
}

static void print_limits(const struct analysis *r, const struct flow *f, FILE *out)
{
	char why[1024];

	flow_why(r, f, why, sizeof(why));
	if (*why)
		fprintf(out, "%s is %s: %s\n", f->name, verdict_name(flow_verdict(r, f)), why);
	if (f->weak)
		fprintf(out, "%s: content check is weak, every message holds the same bytes\n",
			f->name);
	if (f->undelivered)
		fprintf(out, "%s: %llu messages %s\n", f->name, (unsigned long long)f->undelivered,
			has_arrivals(f) ? "lead to no receiver, by what is recorded" :
					  "neither arrived nor were seen dropped");
	if (f->resent_packets)
		fprintf(out, "%s: %llu packets with %llu bytes of payload were sent again; they are "
			"on no chain\n", f->name, (unsigned long long)f->resent_packets,
			(unsigned long long)f->resent_bytes);
	for (size_t i = 0; f->resent_packets && f->log && i < f->log->counter_count; i++)
		if (is_telling(&f->log->counters[i]))
			fprintf(out, "%s: %s counted %lld more %s\n", f->name,
				f->log->counters[i].dev, (long long)f->log->counters[i].delta,
				f->log->counters[i].name);
	if (f->errors)
		fprintf(out, "%s: %llu work requests completed with an error\n", f->name,
			(unsigned long long)f->errors);
	if (f->failed)
		fprintf(out, "%s: %llu sends gave an error\n", f->name,
			(unsigned long long)f->failed);
	for (unsigned int i = 0; i < 256; i++)
		if (f->reasons[i])
			fprintf(out, "%s: %llu dropped: %s\n", f->name,
				(unsigned long long)f->reasons[i],
				rundir_drop_reason(&r->run, i) ?: "no reason recorded");
}

static const char *verdict_meaning(enum verdict v)
{
	static const char *const meanings[] = {
		"every delivered byte has an unbroken chain, and no event was lost",
		"the counts are lower bounds, for the reasons above",
		"messages were sent or received that no chain could be built for",
	};

	return meanings[v];
}

static void add_hits(void *value, void *ctx)
{
	*(uint64_t *)ctx += ((const struct other *)value)->hits;
}

static void print_late(const struct analysis *r, FILE *out)
{
	for (size_t i = 0; i < r->run.late_count; i++) {
		const struct late_module *m = &r->run.late[i];

		if (!m->sites)
			continue;
		fprintf(out, "loaded after the census: %s", m->name);
		if (m->sites > 0)
			fprintf(out, ", with %lld copy sites", (long long)m->sites);
		if (m->live_ns)
			fprintf(out, ", whose probes stood %.1f ms later\n",
				m->live_ns < m->loaded_ns ? 0 :
				(double)(m->live_ns - m->loaded_ns) / 1e6);
		else
			fprintf(out, ", never probed\n");
	}
}

static void print_left_out(const struct analysis *r, FILE *out)
{
	struct json_object *probes = json_get(r->run.manifest, "probes");
	static const char *const lists[] = {"refused", "missing", "excluded"};
	uint64_t others = 0;

	for (size_t l = 0; l < 3; l++) {
		struct json_object *list = json_get(probes, lists[l]);
		size_t n = json_length(list);

		for (size_t i = 0; i < n; i++) {
			struct json_object *o = json_at(list, i);

			fprintf(out, "%s: %s%s%s\n", lists[l],
				json_object_is_type(o, json_type_string) ?
					json_object_get_string(o) : json_str(o, "target", "?"),
				json_str(o, "why", NULL) ? ": " : "", json_str(o, "why", ""));
		}
	}
	print_late(r, out);
	rdma_counters_print(&r->run, out);
	hashmap_each(&r->engine.others, add_hits, &others);
	fprintf(out, "\n%llu copies of other data (terminals, files, netlink) lie on no chain; "
		"%llu sites of\nmemcpy and its kin outside the network were not probed\n",
		(unsigned long long)others, (unsigned long long)json_uint(probes, "unprobed", 0));
	if (r->engine.ledger.orphans)
		fprintf(out, "%llu receives (%llu bytes) belong to no message of this run\n",
			(unsigned long long)r->engine.ledger.orphans,
			(unsigned long long)r->engine.ledger.orphan_bytes);
}

/* How many of the copies on chains were read by their probe, and held what was sent. */
static void print_content(const struct analysis *r, const char *pattern, FILE *out)
{
	uint64_t copies = 0, checked = 0;

	for (const struct flow *f = r->engine.flows; f; f = f->next)
		if (flow_selected(f, pattern)) {
			copies += f->copy_hops;
			checked += f->checked_hops;
		}
	if (copies)
		fprintf(out, "content agrees at %llu of %llu copies (%.4g%%); the others were not sampled "
			"or are told of below\n", (unsigned long long)checked, (unsigned long long)copies,
			(double)(long)(1e4 * (double)checked / (double)copies) / 100);
}

void screen_print(const struct analysis *r, const char *pattern, FILE *out)
{
	const struct flow *f;

	print_head(r, out);
	fputc('\n', out);
	for (size_t i = 0; i < COLUMNS; i++)
		if (columns[i].head)
			fprintf(out, "%s%*s", i ? " " : "", columns[i].width, columns[i].head);
	fputc('\n', out);
	for (f = r->engine.flows; f; f = f->next)
		if (flow_selected(f, pattern))
			print_row(r, f, out);
	print_skipped(r, out);
	fprintf(out, "\n%-22s %-40s %-26s %7s\n", "copies of", "at", "by", "times");
	for (f = r->engine.flows; f; f = f->next)
		if (flow_selected(f, pattern))
			print_sites(f, out);
	f = worked_flow(r, pattern);
	if (f)
		chain_text_print(r, f, out);
	print_left_out(r, out);
	print_content(r, pattern, out);
	stores_print(r, pattern, out);
	for (f = r->engine.flows; f; f = f->next)
		if (flow_selected(f, pattern))
			print_limits(r, f, out);
	fprintf(out, "verdict: %s (%s)\n", verdict_name(run_verdict(r, pattern)),
		verdict_meaning(run_verdict(r, pattern)));
}
