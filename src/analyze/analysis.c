// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/analysis.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/paths.h"
#include "common/json.h"

/* The trace stays open, for its symbols. */
static int read_trace(struct analysis *r, struct tracedat **trace)
{
	struct event_table *table = NULL;
	struct tracedat *td = NULL;
	struct td_event raw;
	struct event ev[2];
	int err;

	err = tracedat_open_run(r->run.dir, &td);
	if (err) {
		snprintf(r->problem, sizeof(r->problem), "%s",
			 td ? tracedat_error(td) : "out of memory");
		goto out;
	}
	err = event_table_new(tracedat_tep(td), &table);
	while (!err && (err = tracedat_next(td, &raw)) == 1) {
		struct event *now = &ev[r->engine.now == &ev[0]];

		r->events++;
		err = event_decode(table, &raw, now) ? engine_event(&r->engine, now) : 0;
	}
	if (err == -EBADMSG)
		snprintf(r->problem, sizeof(r->problem), "%s", tracedat_error(td));
	r->missed = tracedat_missed(td);
	r->missed_unknown = tracedat_missed_unknown(td);
out:
	event_table_free(table);
	*trace = td;
	return err;
}

static int judge_stores(struct analysis *r, struct tracedat *trace)
{
	int err = r->stores.present ? tracedat_load_kallsyms(trace) : 0;

	return err || !r->stores.present ? err :
					   stores_judge(&r->stores, &r->run, tracedat_tep(trace), r->engine.flows);
}

/* "eth0>eth1" from the devices on the way that is shown. */
static void name_path(struct flow *f)
{
	const char *last = "";

	for (size_t i = 0; f->view_count && i < f->views[0].count; i++) {
		const struct step *s = &f->views[0].steps[i];
		size_t used = strlen(f->path);

		if (!*s->dev || !strcmp(s->dev, last) || s->event == EV_DEV_QUEUE)
			continue;
		last = s->dev;
		snprintf(f->path + used, sizeof(f->path) - used, "%s%s", used ? ">" : "", s->dev);
	}
}

static void name_flow(struct analysis *r, struct flow *f)
{
	const char *comm = thread_comm(&r->engine, f->tgid);

	name_path(f);
	f->log = f->op ? trafficlog_find_rdma(&r->log, f) :
			 trafficlog_find(&r->log, f->tgid, f->sport, f->dport);
	if (f->log) {
		f->log->used = true;
		f->weak = f->log->filled;
		snprintf(f->name, sizeof(f->name), "%s", f->log->name);
		return;
	}
	if (f->op)
		snprintf(f->name, sizeof(f->name), "rdma-%s:%u %s[%d]", f->op, f->to.qpn,
			 comm ? comm : "pid", f->tgid);
	else
		snprintf(f->name, sizeof(f->name), "%s:%u %s[%d]", f->proto, f->dport,
			 comm ? comm : "pid", f->tgid);
}

/* The log knows what arrived without any probe: less in the trace is a caveat. */
static void compare_log(struct flow *f)
{
	const struct logged *l = f->log;
	/* Packet sockets take nothing away from anybody. */
	uint64_t taken = l && !strcmp(l->proto, "packet") ? f->payload_bytes : f->taken_bytes;

	/* What the receiver's own calls returned it knows, also where they were not recorded. */
	if (l && l->received_bytes > f->expected_bytes)
		f->expected_bytes = l->received_bytes;
	if (l && (f->messages < l->sent || 
		  (f->arrived_bytes < l->received_bytes && taken < l->received_bytes)))
		f->caveats[CAVEAT_UNACCOUNTED]++;
	if (l)
		f->caveats[CAVEAT_CONTENT] += l->bad;
}

bool logged_absent(const struct logged *l)
{
	return !l->used && !l->skipped && l->sent > 0;
}

static bool has_absent(const struct analysis *r)
{
	for (size_t i = 0; i < r->log.count; i++)
		if (logged_absent(&r->log.flows[i]))
			return true;
	return false;
}

bool late_module_unseen(const struct late_module *m, uint64_t from, uint64_t to)
{
	if (!m->sites && !m->unseen)
		return false;
	if (m->sites < 0 || !m->live_ns)
		return true;
	if (to < m->loaded_ns)
		return false;
	return m->unseen || (m->probed && from < m->live_ns);
}

static void find_late_modules(const struct analysis *r, struct flow *f)
{
	for (size_t i = 0; i < r->run.late_count; i++)
		f->caveats[CAVEAT_LATE] += late_module_unseen(&r->run.late[i], f->first_ts, f->last_ts);
}

static void find_run_caveats(struct analysis *r)
{
	struct json_object *prims = json_get(r->run.census, "primitives");

	r->run_caveat[CAVEAT_LOST] = r->run.lost || r->missed || r->missed_unknown;
	r->run_caveat[CAVEAT_REFUSED] = r->run.partial;
	r->run_caveat[CAVEAT_UNSEEN] = r->engine.guards > 0;
	r->run_caveat[CAVEAT_NO_SEND] = r->engine.unsent > 0;
	r->run_caveat[CAVEAT_DOUBLED] = r->engine.doubled > 0;
	r->run_caveat[CAVEAT_ABSENT] = has_absent(r);
	for (size_t i = 0; i < json_length(prims); i++)
		if (!strcmp(json_str(json_at(prims, i), "cover", ""), "none"))
			r->run_caveat[CAVEAT_UNSEEN] = true;
}

int analysis_open(struct analysis *r, const char *dir)
{
	int err;

	memset(r, 0, sizeof(*r));
	err = rundir_open(dir, &r->run, r->problem, sizeof(r->problem));
	if (!err)
		err = trafficlog_load(dir, &r->log, r->problem, sizeof(r->problem));
	return err ? err : stores_load(&r->stores, &r->run, r->problem, sizeof(r->problem));
}

int analysis_begin(struct analysis *r, uint64_t want_message)
{
	int err = engine_init(&r->engine, &r->run, paths);

	r->engine.ledger.want_message = want_message;
	r->engine.log = &r->log;
	for (size_t i = 0; i < r->log.count; i++)
		r->log.flows[i].used = false;
	memset(r->run_caveat, 0, sizeof(r->run_caveat));
	return err;
}

void analysis_end(struct analysis *r)
{
	engine_finish(&r->engine);
	for (struct flow *f = r->engine.flows; f; f = f->next) {
		name_flow(r, f);
		compare_log(f);
		find_late_modules(r, f);
		/* What arrived without a chain may be what seems to have vanished. */
		if (f->chains && f->accounted_bytes >= f->expected_bytes)
			f->caveats[CAVEAT_VANISHED] += f->undelivered;
		/* Bytes that no flow is known to have sent may be those that it misses. */
		if (r->engine.ledger.orphan_bytes)
			f->caveats[CAVEAT_UNACCOUNTED] += f->undelivered;
	}
	find_run_caveats(r);
}

static int load(struct analysis *r, const char *dir, uint64_t want_message, bool every_piece)
{
	struct tracedat *trace = NULL;
	int err = analysis_open(r, dir);

	if (!err)
		err = analysis_begin(r, want_message);
	if (err)
		return err;
	r->engine.ledger.every_piece = every_piece;
	err = read_trace(r, &trace);
	if (!err) {
		analysis_end(r);
		err = judge_stores(r, trace);
	}
	tracedat_close(trace);
	return err;
}

int analysis_load(struct analysis *r, const char *dir, uint64_t want_message)
{
	return load(r, dir, want_message, false);
}

int analysis_load_pieces(struct analysis *r, const char *dir, uint64_t want_message)
{
	return load(r, dir, want_message, true);
}

void analysis_free(struct analysis *r)
{
	engine_free(&r->engine);
	trafficlog_free(&r->log);
	stores_free(&r->stores);
	rundir_close(&r->run);
}

static bool has_caveat(const struct analysis *r, const struct flow *f)
{
	for (unsigned int d = 0; d < CAVEATS; d++)
		if (f->caveats[d] || r->run_caveat[d])
			return true;
	return false;
}

enum verdict flow_verdict(const struct analysis *r, const struct flow *f)
{
	if (!f->chains && (f->expected_bytes || f->undelivered || !f->dropped))
		return VERDICT_UNLINKED;
	if (has_caveat(r, f) || f->accounted_bytes != f->expected_bytes)
		return VERDICT_AT_LEAST;
	return VERDICT_EXACT;
}

enum verdict run_verdict(const struct analysis *r, const char *pattern)
{
	enum verdict worst = r->engine.flows ? VERDICT_EXACT : VERDICT_UNLINKED;

	for (const struct flow *f = r->engine.flows; f; f = f->next)
		if (flow_selected(f, pattern) && flow_verdict(r, f) > worst)
			worst = flow_verdict(r, f);
	return worst;
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {"exact", "at-least", "unlinked"};

	return names[v];
}

void flow_why(const struct analysis *r, const struct flow *f, char *buf, size_t size)
{
	size_t used = 0;

	*buf = '\0';
	for (unsigned int d = 0; d < CAVEATS && used < size; d++) {
		if (r->run_caveat[d])
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? "; " : "",
						 caveat_text(d));
		else if (f->caveats[d])
			used += (size_t)snprintf(buf + used, size - used, "%s%s (%llu)",
						 used ? "; " : "", caveat_text(d),
						 (unsigned long long)f->caveats[d]);
	}
}

double flow_amplification(const struct flow *f)
{
	return f->payload_bytes ? (double)f->chain_copy_bytes / (double)f->payload_bytes : 0;
}

double flow_emulated_amplification(const struct flow *f)
{
	return f->payload_bytes ? (double)f->chain_emulated_bytes / (double)f->payload_bytes : 0;
}

double flow_times(const struct flow *f, uint64_t bytes)
{
	return f->arrived_bytes ? (double)bytes / (double)f->arrived_bytes : 0;
}

double flow_calls(const struct flow *f)
{
	return f->messages ? (double)f->calls / (double)f->messages : 0;
}

uint64_t region_agreed(const struct analysis *r, const struct rdma_region *g, const struct logged_pages *p)
{
	uint64_t size = r->run.page_size, n = 0;

	for (size_t i = 0; i < g->page_count; i++) {
		uint64_t va = g->va / size * size + g->pages[i].index * size;
		uint64_t phys = logged_phys(p, va, size);

		n += phys && phys == rundir_phys(&r->run, g->pages[i].kva);
	}
	return n;
}

double flow_accounted(const struct flow *f)
{
	if (!f->expected_bytes)
		return f->accounted_bytes ? 1 : 0;
	return (double)f->accounted_bytes / (double)f->expected_bytes;
}

double flow_content(const struct flow *f)
{
	return f->copy_hops ? (double)f->checked_hops / (double)f->copy_hops : 0;
}

/* A flow may have several processes, with other pages at the same address. */
static int process_of(const struct analysis *r, int tid)
{
	const struct thread *t = thread_find(&r->engine, tid);

	return t ? t->tgid : tid;
}

uint64_t step_phys(const struct analysis *r, const struct flow *f, const struct step *s, bool dst)
{
	uint64_t va = dst ? s->dst : s->src;

	if (s->via && (dst ? s->dst_user : s->src_user))
		return rundir_phys(&r->run, s->via);
	if (!(dst ? s->dst_user : s->src_user))
		return rundir_phys(&r->run, va);
	return f->log ? logged_user_phys(f->log, process_of(r, s->tid), va, r->run.page_size) : 0;
}

bool flow_selected(const struct flow *f, const char *pattern)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", f->index);
	return !pattern || !strcmp(pattern, f->name) || !strcmp(pattern, number);
}
