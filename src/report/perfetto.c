// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.json: the chains for Chrome's and Perfetto's viewers, on tracks by thread and by CPU. Each hop
 * is a slice until the next; arrows lead along a chain from slice to slice.
 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "common/json.h"
#include "report/report.h"
#include "common/text.h"

#define CPU_PROCESS 0x7fffffff /* no process has this number */

struct layout {
	const struct report *rep;
	struct json_object *events;
	bool by_cpu;
	uint64_t next_id;
	struct hashmap named; /* tracks that have a name */
};

static int process_of(const struct analysis *r, int tid)
{
	const struct thread *t = thread_find(&r->engine, tid);

	return t ? t->tgid : tid;
}

static struct json_object *new_event(const struct layout *l, const char *phase, const char *name,
				     const struct step *s)
{
	struct json_object *o = json_object_new_object();
	char clean[512];

	text_clean(name, clean, sizeof(clean));
	json_add_str(o, "ph", phase);
	json_add_str(o, "name", clean);
	json_add_str(o, "cat", "chain");
	json_add_int(o, "pid", l->by_cpu ? CPU_PROCESS : process_of(l->rep->r, s->tid));
	json_add_int(o, "tid", l->by_cpu ? (int)s->cpu : s->tid);
	return o;
}

static void add_name(struct layout *l, const char *what, const struct step *s, const char *name)
{
	struct json_object *o = new_event(l, "M", what, s), *args = json_object_new_object();
	char clean[64];

	text_clean(name, clean, sizeof(clean));
	json_add_str(args, "name", clean);
	json_object_object_add(o, "args", args);
	json_object_array_add(l->events, o);
}

static void name_track(struct layout *l, const struct step *s)
{
	const struct thread *t = thread_find(&l->rep->r->engine, s->tid);
	uint64_t key = (l->by_cpu ? 1ULL << 40 | s->cpu : (uint64_t)(unsigned int)s->tid) + 1;
	char name[64];

	if (hashmap_find(&l->named, key) || hashmap_set(&l->named, key, l))
		return;
	if (l->by_cpu) {
		snprintf(name, sizeof(name), "CPU %u", s->cpu);
		add_name(l, "process_name", s, "CPUs");
	} else {
		snprintf(name, sizeof(name), "%.16s", t && *t->comm ? t->comm : s->tid ? "thread" : "idle, interrupts");
		add_name(l, "process_name", s, name);
	}
	add_name(l, "thread_name", s, name);
}

static void add_args(struct json_object *o, const struct report *rep, const struct flow *f,
		     const struct step *s)
{
	struct json_object *args = json_object_new_object();

	json_add_str(args, "kind", hop_kind_name((enum hop_kind)s->kind));
	json_add_uint(args, "message", f->shown_seq);
	json_add_uint(args, "cpu", s->cpu);
	json_add_uint(args, "length", s->len);
	if (s->src)
		json_add_hex(args, "src", s->src);
	if (s->dst)
		json_add_hex(args, "dst", s->dst);
	if (step_phys(rep->r, f, s, true))
		json_add_hex(args, "dst_phys", step_phys(rep->r, f, s, true));
	json_object_object_add(o, "args", args);
}

static void add_time(struct json_object *o, const char *key, uint64_t ns)
{
	json_add_double(o, key, (double)ns / 1000, 3);
}

/* Hops that have no event of their own stand at the time of the one that showed them. */
static void add_slice(struct layout *l, const struct flow *f, const struct chain_view *v, size_t i)
{
	const struct step *s = &v->steps[i];
	uint64_t next = i + 1 < v->count && v->steps[i + 1].ts > s->ts ? v->steps[i + 1].ts : s->ts + 1000;
	char where[320], name[512];
	struct json_object *o;

	step_where(s, where, sizeof(where));
	snprintf(name, sizeof(name), "%.64s %s: %s", f->name, hop_kind_name((enum hop_kind)s->kind), where);
	name_track(l, s);
	o = new_event(l, "X", name, s);
	add_time(o, "ts", s->ts);
	add_time(o, "dur", next - s->ts);
	add_args(o, l->rep, f, s);
	json_object_array_add(l->events, o);
}

/* From one slice to the next: the arrow leaves and arrives at their beginnings. */
static void add_arrow(struct layout *l, const struct step *from, const struct step *to)
{
	uint64_t id = ++l->next_id;
	struct json_object *o = new_event(l, "s", "chain", from);

	add_time(o, "ts", from->ts);
	json_add_uint(o, "id", id);
	json_object_array_add(l->events, o);
	o = new_event(l, "f", "chain", to);
	add_time(o, "ts", to->ts);
	json_add_uint(o, "id", id);
	json_add_str(o, "bp", "e");
	json_object_array_add(l->events, o);
}

/* A wire is told by the event of the far end, and a gap by that of the hop behind it. */
static bool has_slice(const struct step *s)
{
	return s->kind != HOP_WIRE && s->kind != HOP_GAP;
}

static bool is_shared(const struct flow *f, size_t view, size_t i)
{
	for (size_t k = 0; k < view; k++)
		if (i < f->views[k].count && f->views[k].steps[i].file_off == f->views[view].steps[i].file_off &&
		    f->views[k].steps[i].kind == f->views[view].steps[i].kind &&
		    f->views[k].steps[i].dst == f->views[view].steps[i].dst)
			return true;
	return false;
}

static void add_view(struct layout *l, const struct flow *f, size_t view)
{
	const struct chain_view *v = &f->views[view];
	const struct step *before = NULL;

	for (size_t i = 0; i < v->count; i++) {
		bool shared = is_shared(f, view, i);

		if (!has_slice(&v->steps[i]))
			continue;
		if (!shared)
			add_slice(l, f, v, i);
		if (!shared && before)
			add_arrow(l, before, &v->steps[i]);
		before = &v->steps[i];
	}
}

int trace_write(struct report *rep)
{
	struct json_object *root = json_object_new_object(), *events = json_object_new_array();
	struct layout l = {.rep = rep, .events = events};
	FILE *out;

	for (int by_cpu = 0; by_cpu < 2; by_cpu++) {
		l.by_cpu = by_cpu;
		for (const struct flow *f = rep->r->engine.flows; f; f = f->next)
			for (size_t i = 0; i < f->view_count && flow_selected(f, rep->flow); i++)
				add_view(&l, f, i);
	}
	hashmap_free(&l.named);
	json_add_str(root, "displayTimeUnit", "ns");
	json_object_object_add(root, "traceEvents", events);
	out = report_open(rep, "trace.json");
	if (out)
		fprintf(out, "%s\n", json_object_to_json_string_ext(root, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return report_close(out);
}
