// SPDX-License-Identifier: GPL-2.0-only
/* steps.txt: everything recorded about one message, event by event; ★ where its bytes move. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <traceevent/event-parse.h>

#include "common/json.h"
#include "report/chain_graph.h"
#include "report/evidence.h"
#include "report/report.h"
#include "common/text.h"

#define STEPS_MAX 5000

struct walk {
	const struct analysis *r;
	const struct flow *flow;
	uint64_t begin, end; /* of the calls around the first hop and the last */
	uint64_t call;	     /* the sender's last call before the first hop */
	bool closed;
	const char *tracer;  /* of functions; NULL: none */
	size_t kept;
	struct hashmap hops; /* place → step */
};

/* Is the event in one of the calls, or about memory that held the bytes? */
static bool concerns(const struct walk *w, const struct event *ev)
{
	const struct chain_view *v = &w->flow->views[0];
	struct touch t[TOUCHES_MAX];
	size_t n;

	if (ev->tid == v->steps[0].tid || ev->tid == v->steps[v->count - 1].tid)
		return true;
	n = event_touches(w->r, ev, t);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < v->count; i++)
			if (!v->steps[i].dst_user && v->steps[i].dst && t[k].from < v->steps[i].dst + v->steps[i].len &&
			    v->steps[i].dst < t[k].to)
				return true;
	return false;
}

/* The calls begin before the first hop and end after the last. */
static bool find_calls(void *ctx, const struct event *ev)
{
	const struct chain_view *v = &((struct walk *)ctx)->flow->views[0];
	const struct step *first = &v->steps[0], *last = &v->steps[v->count - 1];
	struct walk *w = ctx;

	if (ev->tid == first->tid && ev->ts <= first->ts && (ev->kind == EV_SYSCALL || ev->kind == EV_MMSG))
		w->call = ev->ts;
	if (ev->tid == last->tid && ev->ts >= last->ts && !w->closed &&
	    event_info(ev->kind)->category == CATEGORY_RETURN) {
		w->end = ev->ts;
		w->closed = true;
	}
	return false;
}

static bool want(void *ctx, const struct event *ev)
{
	struct walk *w = ctx;

	if (hashmap_find(&w->hops, ev->file_off))
		return true;
	return ev->ts >= w->begin && ev->ts <= w->end && concerns(w, ev) && w->kept++ < STEPS_MAX;
}

/* The kernel function whose probe an event is, where all of that name have one. */
static const char *function_of(const struct analysis *r, const struct fact *f)
{
	struct json_object *list = json_get(json_get(json_get(r->run.manifest, "probes"), "placed"), f->name);

	return json_length(list) == 1 ? json_object_get_string(json_at(list, 0)) : NULL;
}

/* "udp_sendmsg+0x10", or "+0x0" left out. */
static void name_address(const struct evidence *e, uint64_t addr, char *buf, size_t size)
{
	struct tep_handle *tep = tracedat_tep(e->td);
	const char *name = tep_find_function(tep, addr);
	uint64_t off = name ? addr - tep_find_function_address(tep, addr) : 0;

	if (name && off)
		snprintf(buf, size, "%s+0x%llx", name, (unsigned long long)off);
	else
		snprintf(buf, size, "%s", name ? name : "unknown function");
}

static void put_function(const struct evidence *e, const struct analysis *r, const struct fact *f, char *buf,
			 size_t size)
{
	const struct site *s = rundir_site(&r->run, f->ev.ip);
	const char *one = function_of(r, f);

	/* Entered is entered, whether the tracer's hook stands first in it or behind a landing pad. */
	if (f->ev.kind == EV_OTHER)
		snprintf(buf, size, "%s", tep_find_function(tracedat_tep(e->td), f->ev.ip) ?: "unknown function");
	else if (s)
		rundir_site_name(s, f->ev.ip, buf, size);
	else
		snprintf(buf, size, "%s", one ? one : f->name);
}

static void put_caller(const struct evidence *e, const struct analysis *r, const struct fact *f, char *buf,
		       size_t size)
{
	const struct site *s = rundir_site(&r->run, f->ev.ip);
	const struct site *by = s && s->entry ? rundir_site_returning(&r->run, f->ev.v[F_caller]) : NULL;
	const struct thread *t = thread_find(&r->engine, f->ev.tid);
	char comm[64];

	text_clean(t ? t->comm : "", comm, sizeof(comm));
	if (f->ev.kind == EV_OTHER && f->ev.v[F_caller])
		name_address(e, f->ev.v[F_caller], buf, size);
	else if (by)
		rundir_site_name(by, by->addr, buf, size);
	else
		snprintf(buf, size, "%.16s[%d] CPU %u", *comm ? comm : f->ev.tid ? "?" : "idle", f->ev.tid, f->ev.cpu);
}

static const char *kind_of(const struct fact *f)
{
	return f->ev.kind == EV_OTHER ? "FUNC" : event_category_name(event_info(f->ev.kind)->category);
}

static void put_happened(const struct step *s, const struct fact *f, char *buf, size_t size)
{
	char where[320];

	if (!s) {
		snprintf(buf, size, "%s", f->ev.kind == EV_OTHER ? "entered" : f->name);
		return;
	}
	step_where(s, where, sizeof(where));
	if (s->kind == HOP_COPY || s->kind == HOP_EMULATED_DMA)
		snprintf(buf, size, "the CPU reads %llu bytes at 0x%llx and writes them to 0x%llx",
			 (unsigned long long)s->len, (unsigned long long)s->src, (unsigned long long)s->dst);
	else
		snprintf(buf, size, "%s: %s", hop_kind_name((enum hop_kind)s->kind), where);
}

static void print_step(const struct walk *w, const struct evidence *e, const struct fact *f, size_t number,
		       FILE *out)
{
	const struct step *s = hashmap_find(&w->hops, f->ev.file_off);
	char function[320], caller[320], happened[512];

	put_function(e, w->r, f, function, sizeof(function));
	put_caller(e, w->r, f, caller, sizeof(caller));
	put_happened(s, f, happened, sizeof(happened));
	fprintf(out, "%s #%03zu | %-7s | %s | %s | ", s && step_moves(s) ? "★" : " ", number, kind_of(f), function,
		caller);
	fact_print(f, out);
	fprintf(out, " | %s\n", happened);
}

static int collect(struct walk *w, struct evidence *e, const struct report *rep)
{
	const struct chain_view *v = &w->flow->views[0];
	int err;

	/* Of hops that one event tells of, the one that moves bytes is shown. */
	for (size_t i = 0; i < v->count; i++)
		if (v->steps[i].event && (step_moves(&v->steps[i]) ||
					  !hashmap_find(&w->hops, v->steps[i].file_off)) &&
		    v->steps[i].kind != HOP_WIRE && v->steps[i].kind != HOP_GAP &&
		    hashmap_set(&w->hops, v->steps[i].file_off, (void *)&v->steps[i]))
			return -ENOMEM;
	w->end = v->steps[v->count - 1].ts;
	err = evidence_pass(e, 0, UINT64_MAX, find_calls, w);
	w->begin = w->call ? w->call : v->steps[0].ts;
	w->tracer = json_str(rep->r->run.manifest, "tracer", NULL);
	e->functions = w->tracer != NULL;
	if (!err && e->functions)
		err = tracedat_load_kallsyms(e->td);
	return err ? err : evidence_pass(e, w->begin, w->end, want, w);
}

int steps_write(struct report *rep)
{
	struct walk w = {.r = rep->r, .flow = worked_flow(rep->r, rep->flow)};
	struct evidence e;
	FILE *out;
	int err = evidence_open(&e, rep->r), closed;

	if (!err && w.flow)
		err = collect(&w, &e, rep);
	out = err ? NULL : report_open(rep, "steps.txt");
	if (out && !w.flow)
		fputs("No message of this run arrived.\n", out);
	if (out && w.flow) {
		char name[128];

		text_clean(w.flow->name, name, sizeof(name));
		fprintf(out, "%s, message %llu: every probed event in its calls or about memory that held it.\n"
			"Functions between the probes: %s%s. No debug information is used for lines.\n\n"
			"  #    | kind    | function+offset | caller | values | what happened\n", name,
			(unsigned long long)w.flow->shown_seq,
			w.tracer ? "those of the two programs' threads, by the tracer " :
			"not recorded (collect.sh run --steps does)", w.tracer ? w.tracer : "");
		for (size_t i = 0; i < e.count; i++)
			print_step(&w, &e, e.facts[i], i + 1, out);
		if (w.kept > STEPS_MAX)
			fprintf(out, "\nA sample: %zu more events.\n", w.kept - STEPS_MAX);
	}
	closed = err ? err : report_close(out);
	evidence_close(&e);
	hashmap_free(&w.hops);
	return closed;
}
