// SPDX-License-Identifier: GPL-2.0-only
#include "report/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>

#include "common/vec.h"
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
	event_table_free(e->table);
	tracedat_close(e->td);
	*e = (struct evidence){0};
}

struct fact *evidence_at(const struct evidence *e, uint64_t file_off)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->facts[i]->ev.file_off == file_off)
			return e->facts[i];
	return NULL;
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

int evidence_pass(struct evidence *e, const struct analysis *r, evidence_fn fn, void *ctx)
{
	struct tracedat *td = NULL;
	struct td_event raw;
	struct event ev;
	int err;

	err = tracedat_open_run(r->run.dir, &td);
	while (!err && (err = tracedat_next(td, &raw)) == 1) {
		err = 0;
		if (!read_event(e, &raw, &ev) || !fn(ctx, &ev) ||
		    evidence_at(e, ev.file_off))
			continue;
		err = keep(e, &raw);
	}
	tracedat_close(td);
	if (e->count)
		qsort(e->facts, e->count, sizeof(struct fact *), by_time);
	return err;
}

/* ---- what a fact says ---- */

/* The fields worth citing, in this order. */
static const char *const cited[] = {
	"__probe_ip", "__probe_func", "nr", "fd", "ret", "priv", "file", "sock", "sk", "proto", "lport", "rport",
	"laddr", "raddr", "name", "nport", "naddr", "msg", "flags", "dst", "src", "page", "off", "to", "len", "itype", "ioff",
	"icnt", "ibase", "seg", "s", "caller", "skb", "head", "data", "end", "dlen", "mac", "dev", "hdr",
	"dma", "phys", "size", "dir", "reason", "where", "pid", "clone_flags", "filename", "prim",
};

static bool is_plain(const char *name)
{
	static const char *const plain[] = {"fd", "proto", "lport", "off", "len", "itype", "ioff", "icnt",
					    "end", "dlen", "mac", "size", "dir", "reason", "pid", "nr"};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (!strcmp(name, plain[i]))
			return true;
	return false;
}

static void print_words(const struct td_event *raw, const struct field *f, FILE *out)
{
	uint32_t len;
	const unsigned char *at = field_bytes(raw, f, &len);
	uint64_t word;

	for (uint32_t i = 0; at && i + 8 <= len; i += 8) {
		memcpy(&word, at + i, 8);
		fprintf(out, "%s0x%llx", i ? "," : "", (unsigned long long)word);
	}
}

/* Whatever could end the citation or be taken for another part of it is told as its code. */
static void print_string(const struct td_event *raw, const struct field *f, FILE *out)
{
	uint32_t len;
	const char *s = field_str(raw, f, &len);

	for (uint32_t i = 0; s && i < len; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:", s[i]) && s[i])
			fputc(s[i], out);
		else
			fprintf(out, "%%%02x", (unsigned char)s[i]);
}

static void print_field(const struct td_event *raw, const struct field *f, const char *name, FILE *out)
{
	bool text = !strcmp(name, "dev") || !strcmp(name, "filename");

	fprintf(out, " %s=", name);
	if (text)
		print_string(raw, f, out);
	else if (f->is_array || f->is_dynamic)
		print_words(raw, f, out);
	else if (!strcmp(name, "ret") && f->is_signed)
		fprintf(out, "%lld", (long long)field_s64(raw, f, NULL));
	else
		fprintf(out, is_plain(name) ? "%llu" : "0x%llx",
			(unsigned long long)field_u64(raw, f, NULL));
}

void fact_print(const struct fact *f, FILE *out)
{
	struct field field;

	fprintf(out, "%s cpu=%u ts=%llu offset=%llu tid=%d", f->name, f->ev.cpu,
		(unsigned long long)f->ev.ts, (unsigned long long)f->ev.file_off, f->ev.tid);
	for (size_t i = 0; i < ARRAY_SIZE(cited); i++)
		if (!field_find(f->format, cited[i], &field))
			print_field(&f->raw, &field, cited[i], out);
}

void fact_brief(const struct rundir *run, const struct fact *f, FILE *out)
{
	static const char *const brief[] = {"fd", "ret", "dst", "src", "len", "dma", "size", "skb", "data", "dev", "sk"};
	const struct site *s = rundir_site(run, f->ev.ip);
	struct field field;
	char name[320];

	fprintf(out, "`%s cpu=%u ts=%llu offset=%llu tid=%d", f->name, f->ev.cpu, (unsigned long long)f->ev.ts,
		(unsigned long long)f->ev.file_off, f->ev.tid);
	for (size_t i = 0; i < ARRAY_SIZE(brief); i++)
		if (!field_find(f->format, brief[i], &field))
			print_field(&f->raw, &field, brief[i], out);
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

static size_t iterator_touches(const struct analysis *r, const struct event *ev, struct touch *out, size_t n)
{
	struct thread nobody = {.buffers = 1};
	struct span spans[SPANS_MAX];
	size_t count;

	if (iter_spans(&r->engine, &nobody, ev, ev->v[F_len], spans, &count))
		return n;
	for (size_t i = 0; i < count; i++)
		if (spans[i].space == SPACE_KERNEL)
			n = add(out, n, spans[i].addr, spans[i].len);
	return n;
}

size_t event_touches(const struct analysis *r, const struct event *ev, struct touch *out)
{
	const uint64_t *v = ev->v;
	size_t n = 0;

	switch (ev->kind) {
	case EV_FROM_ITER:
		return iterator_touches(r, ev, out, add(out, 0, v[F_dst], v[F_len]));
	case EV_TO_ITER:
		return iterator_touches(r, ev, out, add(out, 0, v[F_src], v[F_len]));
	case EV_PAGE_FROM_ITER:
	case EV_PAGE_TO_ITER:
		n = add(out, 0, rundir_page_va(&r->run, v[F_page], v[F_off]), v[F_len]);
		return iterator_touches(r, ev, out, n);
	case EV_MEM:
	case EV_CSUM:
		return add(out, add(out, 0, v[F_src], v[F_len]), v[F_dst], v[F_len]);
	case EV_SKB_FILL:
		return add(out, 0, v[F_to], v[F_len]);
	case EV_DMA_MAP:
		return add(out, 0, rundir_page_va(&r->run, v[F_page], v[F_off]), v[F_size]);
	case EV_DMA_MAPPED:
		return add(out, 0, rundir_phys_va(&r->run, v[F_phys]), v[F_size]);
	case EV_DMA_UNMAP:
	case EV_DMA_SYNC:
		return r->run.iommu ? 0 : add(out, 0, rundir_phys_va(&r->run, v[F_dma]), v[F_size]);
	default:
		return v[F_skb] ? add(out, 0, v[F_head], v[F_end]) : 0;
	}
}
