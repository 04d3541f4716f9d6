// SPDX-License-Identifier: GPL-2.0-only
#include "report/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>

#include "analyze/core/iter.h"
#include "analyze/core/sg.h"
#include "common/vec.h"
#include "trace/cite.h"
#include "trace/fields.h"

int evidence_open(struct evidence *e, const struct analysis *r)
{
	int err;

	*e = (struct evidence){0};
	err = tracedat_open_run(r->run.dir, &e->td);
	return err ? err : event_table_new(tracedat_tep(e->td), &e->table);
}

void evidence_close(struct evidence *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->facts[i]);
	free(e->facts);
	hashmap_free(&e->by_place);
	event_table_free(e->table);
	tracedat_close(e->td);
	*e = (struct evidence){0};
}

struct fact *evidence_at(const struct evidence *e, uint64_t file_off)
{
	return hashmap_find(&e->by_place, file_off);
}

/* A function that was entered, as the tracer of functions records it. */
static bool read_function(const struct evidence *e, const struct td_event *raw, struct event *ev)
{
	struct tep_event *format = e->functions ? tep_find_event(tracedat_tep(e->td), raw->type) : NULL;
	bool graph = format && !strcmp(format->name, "funcgraph_entry");
	struct field func, parent, pid;

	if (!format || strcmp(format->system, "ftrace") != 0 || (!graph && strcmp(format->name, "function") != 0) ||
	    field_find(format, graph ? "func" : "ip", &func) || field_find(format, "common_pid", &pid))
		return false;
	*ev = (struct event){.kind = EV_OTHER, .ts = raw->ts, .file_off = raw->file_off, .cpu = raw->cpu,
			     .tid = (int)field_u64(raw, &pid, NULL), .ip = field_u64(raw, &func, NULL)};
	if (!graph && !field_find(format, "parent_ip", &parent))
		ev->v[F_caller] = field_u64(raw, &parent, NULL);
	return true;
}

static bool read_event(const struct evidence *e, const struct td_event *raw, struct event *ev)
{
	return event_decode(e->table, raw, ev) || read_function(e, raw, ev);
}

static int keep(struct evidence *e, const struct td_event *raw)
{
	struct fact *f;

	if (vec_reserve(&e->facts, &e->cap, e->count + 1))
		return -ENOMEM;
	f = calloc(1, sizeof(*f) + raw->size);
	if (!f)
		return -ENOMEM;
	memcpy(f->bytes, raw->data, raw->size);
	f->raw = *raw;
	f->raw.data = f->bytes;
	read_event(e, &f->raw, &f->ev);
	f->format = tep_find_event(tracedat_tep(e->td), raw->type);
	f->name = f->format ? f->format->name : "?";
	if (hashmap_set(&e->by_place, raw->file_off, f)) {
		free(f);
		return -ENOMEM;
	}
	e->facts[e->count++] = f;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct fact *x = *(struct fact *const *)a, *y = *(struct fact *const *)b;

	if (x->ev.ts != y->ev.ts)
		return x->ev.ts < y->ev.ts ? -1 : 1;
	return x->ev.file_off < y->ev.file_off ? -1 : x->ev.file_off > y->ev.file_off;
}

int evidence_pass(struct evidence *e, uint64_t from, uint64_t to, evidence_fn fn, void *ctx)
{
	struct td_event raw;
	struct event ev;
	size_t had = e->count;
	int err = 0;

	tracedat_seek(e->td, from);
	while (!err && (err = tracedat_next(e->td, &raw)) == 1) {
		err = 0;
		if (raw.ts > to)
			break;
		if (!read_event(e, &raw, &ev) || !fn(ctx, &ev) ||
		    evidence_at(e, ev.file_off))
			continue;
		err = keep(e, &raw);
	}
	if (e->count > had)
		qsort(e->facts, e->count, sizeof(struct fact *), by_time);
	return err;
}

/* ---- what a fact says ---- */

void fact_print(const struct fact *f, FILE *out)
{
	event_cite(f->format, &f->raw, f->ev.tid, out);
}

void fact_brief(const struct rundir *run, const struct fact *f, FILE *out)
{
	static const struct field_info *const brief[] = {
		&event_fields[F_fd],   &event_fields[F_ret],  &event_fields[F_dst],  &event_fields[F_src],
		&event_fields[F_len],  &event_fields[F_dma],  &event_fields[F_size], &event_fields[F_skb],
		&event_fields[F_data], &event_arrays[A_dev],  &event_fields[F_sk],
	};
	const struct site *s = rundir_site(run, f->ev.ip);
	char name[320];

	fprintf(out, "`%s cpu=%u ts=%llu offset=%llu tid=%d", f->name, f->ev.cpu, (unsigned long long)f->ev.ts,
		(unsigned long long)f->ev.file_off, f->ev.tid);
	for (size_t i = 0; i < ARRAY_SIZE(brief); i++)
		field_cite(f->format, &f->raw, brief[i], out);
	fputs("`", out);
	if (s) {
		rundir_site_name(s, f->ev.ip, name, sizeof(name));
		fprintf(out, " at `%s`", name);
	}
}

/* ---- what memory an event is about ---- */

static size_t add(struct touch *out, size_t n, uint64_t from, uint64_t len)
{
	if (!is_kernel_address(from) || !len || from + len < from || n == TOUCHES_MAX)
		return n;
	out[n] = (struct touch){from, from + len};
	return n + 1;
}

static size_t iterator_touches(const struct analysis *r, const struct event *ev, uint64_t len,
			       struct touch *out, size_t n)
{
	struct span spans[SPANS_MAX];
	size_t count;

	if (iter_spans(&r->run, ev, len, spans, &count))
		return n;
	for (size_t i = 0; i < count; i++)
		if (!spans[i].user && spans[i].addr)
			n = add(out, n, spans[i].addr, spans[i].len);
	return n;
}

static size_t buffer_touches(const struct analysis *r, const struct event *ev, struct touch *out, size_t n)
{
	struct span spans[SG_MAX];
	size_t count;

	sg_spans(&r->run, ev, spans, &count);
	for (size_t i = 0; i < count; i++)
		n = add(out, n, spans[i].addr, spans[i].len);
	return n;
}

/* Kernel address of the memory that a rule names in an event; 0: none. */
static uint64_t touched_at(const struct rundir *run, const struct event *ev, const struct event_touch *t)
{
	uint64_t at = ev->v[t->at];

	switch (t->how) {
	case TOUCH_AT:
	case TOUCH_UNITS:
		return at;
	case TOUCH_PAGE:
		return rundir_page_va(run, at, ev->v[F_off]);
	case TOUCH_PHYS:
		return rundir_phys_va(run, at);
	case TOUCH_BUS:
		return run->iommu ? 0 : rundir_phys_va(run, at);
	case TOUCH_SKB:
		return ev->v[F_skb] ? at : 0;
	default:
		return 0;
	}
}

static uint64_t touched_bytes(const struct event *ev, const struct event_touch *t)
{
	return ev->v[t->len] * (t->how == TOUCH_UNITS ? ev->v[F_width] : 1);
}

size_t event_touches(const struct analysis *r, const struct event *ev, struct touch *out)
{
	const struct event_touch *touches = event_info(ev->kind)->touches;
	size_t n = 0;

	for (size_t i = 0; i < EVENT_TOUCHES; i++) {
		const struct event_touch *t = &touches[i];

		if (t->how == TOUCH_ITER)
			n = iterator_touches(r, ev, ev->v[t->len], out, n);
		else if (t->how == TOUCH_BUFFERS)
			n = buffer_touches(r, ev, out, n);
		else
			n = add(out, n, touched_at(&r->run, ev, t), touched_bytes(ev, t));
	}
	return n;
}
