// SPDX-License-Identifier: GPL-2.0-only
/* Reads the front of a trace.dat file, up to the table that says where each CPU's pages lie. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>

#include "common/vec.h"
#include "trace/tracedat_priv.h"

#define CMDLINES_MAX (4u << 20) /* 131072 saved command lines of 30 bytes */

/* ---- reading pieces of the file ---- */

static bool read_bytes(struct td_reader *r, uint64_t n, struct td_reader *out)
{
	if (n > (uint64_t)(r->end - r->at))
		return false;
	*out = (struct td_reader){r->at, r->at + n};
	r->at += n;
	return true;
}

static bool read_num(struct td_reader *r, unsigned width, uint64_t *v)
{
	struct td_reader b;

	if (!read_bytes(r, width, &b))
		return false;
	*v = 0;
	memcpy(v, b.at, width); /* little endian, as checked at the start */
	return true;
}

/* A string with its terminator in the file. */
static const char *read_string(struct td_reader *r)
{
	const char *s = (const char *)r->at;
	const uint8_t *nul = memchr(r->at, 0, (size_t)(r->end - r->at));

	if (!nul)
		return NULL;
	r->at = nul + 1;
	return s;
}

/* A block led by its length, which is width bytes. */
static bool read_block(struct td_reader *r, unsigned width, struct td_reader *out)
{
	uint64_t n;

	return read_num(r, width, &n) && read_bytes(r, n, out);
}

static bool read_word(struct td_reader *r, const char *word, size_t len)
{
	struct td_reader b;

	return read_bytes(r, len, &b) && !memcmp(b.at, word, len);
}

static size_t left(const struct td_reader *r)
{
	return (size_t)(r->end - r->at);
}

static int cut_off(struct tracedat *td, const struct td_reader *r, const char *where)
{
	return td_fail(td, -EBADMSG, "damaged or cut off in the %s, near offset 0x%zx", where,
		       (size_t)(r->at - td->data));
}

static char *to_text(const struct td_reader *b)
{
	return strndup((const char *)b->at, left(b));
}

/* ---- the parts, in the order of the file ---- */

static int read_magic(struct tracedat *td, struct td_reader *r)
{
	const char *version;
	uint64_t v;

	if (!read_word(r, "\x17\x08\x44tracing", 10))
		return td_fail(td, -EBADMSG, "is no trace.dat file");
	version = read_string(r);
	if (!version)
		return cut_off(td, r, "version");
	if (strcmp(version, "6"))
		return td_fail(td, -ENOTSUP,
			       "version %.8s or compression is not supported: convert it with "
			       "'trace-cmd convert --file-version 6'",
			       isdigit((unsigned char)*version) ? version : "?");
	if (!read_num(r, 1, &v))
		return cut_off(td, r, "byte order");
	if (v)
		return td_fail(td, -ENOTSUP, "recordings of big-endian machines are not supported");
	if (!read_num(r, 1, &v) || (v != 4 && v != 8))
		return cut_off(td, r, "size of a long");
	tep_set_long_size(td->tep, (int)v);
	tep_set_file_bigendian(td->tep, TEP_LITTLE_ENDIAN);
	tep_set_local_bigendian(td->tep, TEP_LITTLE_ENDIAN);
	if (!read_num(r, 4, &v) || v < 512 || v > (1u << 20) || (v & (v - 1)))
		return cut_off(td, r, "page size");
	td->stride = (uint32_t)v;
	tep_set_page_size(td->tep, (int)v);
	return 0;
}

static int read_headers(struct tracedat *td, struct td_reader *r)
{
	struct td_reader page, event;
	int err;

	if (!read_word(r, "header_page", 12) || !read_block(r, 8, &page))
		return cut_off(td, r, "header_page");
	err = td_read_header_page(td, (const char *)page.at, left(&page));
	if (err)
		return err;
	if (!read_word(r, "header_event", 13) || !read_block(r, 8, &event))
		return cut_off(td, r, "header_event");
	return 0;
}

/* The formats of one system. */
static int read_system(struct tracedat *td, struct td_reader *r, const char *system)
{
	uint64_t count;
	int err;

	if (!read_num(r, 4, &count))
		return cut_off(td, r, "event formats");
	while (count--) {
		struct td_reader text;

		if (!read_block(r, 8, &text))
			return cut_off(td, r, "event formats");
		err = td_add_format(td, system, (const char *)text.at, left(&text));
		if (err)
			return td_fail(td, err, "out of memory");
	}
	return 0;
}

static int read_formats(struct tracedat *td, struct td_reader *r)
{
	uint64_t systems;
	int err = read_system(td, r, "ftrace");

	if (err)
		return err;
	if (!read_num(r, 4, &systems))
		return cut_off(td, r, "event systems");
	while (systems--) {
		const char *system = read_string(r);

		if (!system)
			return cut_off(td, r, "event systems");
		err = read_system(td, r, system);
		if (err)
			return err;
	}
	if (td->formats_bad)
		td_note(td, "%u event formats were not understood and are left out",
			td->formats_bad);
	if (td->formats_twice)
		td_note(td, "%u event formats repeat the ID of another and are left out",
			td->formats_twice);
	return 0;
}

static int read_names(struct tracedat *td, struct td_reader *r)
{
	struct td_reader printk, cmdlines;
	char *text;

	if (!read_block(r, 4, &td->kallsyms))
		return cut_off(td, r, "kallsyms");
	if (!read_block(r, 4, &printk))
		return cut_off(td, r, "printk formats");
	if (!read_block(r, 8, &cmdlines) || left(&cmdlines) > CMDLINES_MAX)
		return cut_off(td, r, "saved command lines");
	text = to_text(&cmdlines);
	if (!text)
		return td_fail(td, -ENOMEM, "out of memory");
	/* Names are decoration: what follows a line that makes no sense goes without. */
	tep_parse_saved_cmdlines(td->tep, text);
	free(text);
	return 0;
}

static int add_option(struct tracedat *td, unsigned id, const struct td_reader *data)
{
	/* Each entry takes at least 6 bytes of the file, which bounds the array. */
	if (vec_reserve(&td->options, &td->options_cap, td->options_n + 1))
		return td_fail(td, -ENOMEM, "out of memory");
	td->options[td->options_n++] = (struct td_option){id, (uint32_t)left(data), data->at};
	return 0;
}

static int read_options(struct tracedat *td, struct td_reader *r)
{
	for (;;) {
		struct td_reader data;
		uint64_t id;
		int err;

		if (!read_num(r, 2, &id))
			return cut_off(td, r, "options");
		if (!id)
			return 0;
		if (!read_block(r, 4, &data))
			return cut_off(td, r, "options");
		err = add_option(td, (unsigned)id, &data);
		if (err)
			return err;
	}
}

/* "[mono]" of a list of clocks, or the text as it is. */
static int use_clock(struct tracedat *td)
{
	const struct td_option *o = td_find_option(td, TRACEDAT_OPT_TRACECLOCK, 0);
	const uint8_t *open, *shut;
	struct td_reader text;

	if (!o)
		return 0;
	text = (struct td_reader){o->data, o->data + o->len};
	open = memchr(text.at, '[', left(&text));
	shut = open ? memchr(open, ']', (size_t)(text.end - open)) : NULL;
	if (shut)
		text = (struct td_reader){open + 1, shut};
	td->clock = to_text(&text);
	if (!td->clock)
		return td_fail(td, -ENOMEM, "out of memory");
	td->clock[strcspn(td->clock, " \n")] = 0;
	return 0;
}

static int use_cpustat(struct tracedat *td)
{
	const struct td_option *o;
	size_t n = 0, at = 0;

	for (size_t i = 0; i < td->options_n; i++)
		if (td->options[i].id == TRACEDAT_OPT_CPUSTAT)
			n += (size_t)td->options[i].len + 1;
	if (!n)
		return 0;
	td->cpustat = malloc(n + 1);
	if (!td->cpustat)
		return td_fail(td, -ENOMEM, "out of memory");
	for (size_t i = 0; i < td->options_n; i++) {
		size_t len;

		o = &td->options[i];
		if (o->id != TRACEDAT_OPT_CPUSTAT)
			continue;
		len = strnlen((const char *)o->data, o->len);
		memcpy(td->cpustat + at, o->data, len);
		at += len;
		if (len && o->data[len - 1] != '\n')
			td->cpustat[at++] = '\n';
	}
	td->cpustat[at] = 0;
	return 0;
}

static void note_instances(struct tracedat *td)
{
	const struct td_option *o;

	for (unsigned i = 0; (o = td_find_option(td, TRACEDAT_OPT_BUFFER, i)); i++)
		if (o->len > 8 && o->data[8])
			td_note(td,
				"instance '%.*s' is left out: only the top-level buffer is read",
				(int)strnlen((const char *)o->data + 8,
					     o->len - 8 < 64 ? o->len - 8 : 64),
				(const char *)o->data + 8);
}

/* Where each CPU's pages are; r stands on the table. */
static int read_table(struct tracedat *td, struct td_reader *r, uint64_t cpus)
{
	if (cpus > left(r) / 16)
		return cut_off(td, r, "table of CPUs");
	td->cpus = calloc(cpus ? cpus : 1, sizeof(td->cpus[0]));
	td->heap = calloc(cpus ? cpus : 1, sizeof(td->heap[0]));
	if (!td->cpus || !td->heap)
		return td_fail(td, -ENOMEM, "out of memory");
	for (uint64_t i = 0; i < cpus; i++) {
		struct td_cpu *cpu = &td->cpus[i];
		uint64_t offset, size;

		if (!read_num(r, 8, &offset) || !read_num(r, 8, &size))
			return cut_off(td, r, "table of CPUs");
		if (size && (offset > td->size || size > td->size - offset))
			return td_fail(td, -EBADMSG,
				       "cut off: the pages of CPU %" PRIu64 " end at 0x%" PRIx64
				       ", the file at 0x%zx",
				       i, offset + size, td->size);
		*cpu = (struct td_cpu){.begin = offset, .page = offset, .dropped = offset};
		cpu->end = offset + size;
	}
	td->cpus_n = (unsigned)cpus;
	tep_set_cpus(td->tep, (int)cpus);
	return 0;
}

static int read_data(struct tracedat *td, struct td_reader *r)
{
	struct td_reader kind;
	const struct td_option *o;
	uint64_t cpus;
	int err;

	if (!read_num(r, 4, &cpus) || !read_bytes(r, 10, &kind))
		return cut_off(td, r, "number of CPUs");
	if (!memcmp(kind.at, "options  ", 10)) {
		err = read_options(td, r);
		if (err)
			return err;
		if (!read_bytes(r, 10, &kind))
			return cut_off(td, r, "kind of data");
	}
	if (!memcmp(kind.at, "latency  ", 10))
		return td_fail(td, -ENOTSUP, "holds the text of a latency tracer, no events");
	if (memcmp(kind.at, "flyrecord", 10))
		return cut_off(td, r, "kind of data");
	o = td_find_option(td, TRACEDAT_OPT_CPUCOUNT, 0);
	if (o && o->len >= 4) {
		uint32_t n;

		memcpy(&n, o->data, sizeof(n));
		cpus = n;
	}
	return read_table(td, r, cpus);
}

int td_read_head(struct tracedat *td)
{
	static int (*const parts[])(struct tracedat *, struct td_reader *) = {
		read_magic, read_headers, read_formats, read_names, read_data,
	};
	struct td_reader r = {td->data, td->data + td->size};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(parts); i++)
		err = parts[i](td, &r);
	if (!err)
		err = use_clock(td);
	if (!err)
		err = use_cpustat(td);
	if (!err)
		note_instances(td);
	return err;
}
