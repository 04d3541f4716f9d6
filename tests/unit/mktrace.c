// SPDX-License-Identifier: GPL-2.0-only
#include "common/vec.h"
#include "mktrace.h"

#include <assert.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_EXTEND 30u
#define MISSED_EVENTS (UINT64_MAX << 31) /* the kernel adds it as an int */
#define MISSED_STORED (UINT64_C(1) << 30)

struct bytes {
	uint8_t *data;
	size_t n, cap;
};

struct system {
	char *name;
	struct bytes formats;
	uint32_t count;
};

struct cpu {
	struct bytes pages;
	size_t page;	 /* offset of the current page, where there is one */
	uint64_t ts;	 /* of the last event in it */
	uint64_t missed; /* flags of the current page */
	int64_t missed_count;
	uint64_t commit; /* what mktrace_commit said */
	int open, commit_set;
};

struct mktrace {
	struct cpu *cpus;
	unsigned cpus_n;
	struct system systems[32];
	unsigned systems_n;
	struct bytes options, file;
	const char *version, *kallsyms, *cmdlines;
};

static const char header_page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
				  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
				  "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";

static const char header_event[] = "# compressed entry header\n"
				   "\ttype_len    :    5 bits\n"
				   "\ttime_delta  :   27 bits\n"
				   "\tarray       :   32 bits\n"
				   "\n"
				   "\tpadding     : type == 29\n"
				   "\ttime_extend : type == 30\n"
				   "\ttime_stamp : type == 31\n"
				   "\tdata max type_len  == 28\n";

static void put(struct bytes *b, const void *data, size_t n)
{
	if (b->n + n > b->cap) {
		b->cap = (b->n + n) * 2;
		b->data = realloc(b->data, b->cap);
		if (!b->data)
			err(1, "mktrace");
	}
	if (n)
		memcpy(b->data + b->n, data, n);
	b->n += n;
}

static void put_num(struct bytes *b, uint64_t v, size_t width)
{
	put(b, &v, width); /* little endian hosts only */
}

static void put_block(struct bytes *b, const void *data, size_t n, size_t width)
{
	put_num(b, n, width);
	put(b, data, n);
}

struct mktrace *mktrace_new(unsigned cpus)
{
	struct mktrace *mk = calloc(1, sizeof(*mk));

	if (mk)
		mk->cpus = calloc(cpus ? cpus : 1, sizeof(mk->cpus[0]));
	if (!mk || !mk->cpus)
		err(1, "mktrace");
	mk->cpus_n = cpus;
	mk->version = "6";
	mk->kallsyms = mk->cmdlines = "";
	return mk;
}

void mktrace_free(struct mktrace *mk)
{
	if (!mk)
		return;
	for (unsigned i = 0; i < mk->cpus_n; i++)
		free(mk->cpus[i].pages.data);
	for (unsigned i = 0; i < mk->systems_n; i++) {
		free(mk->systems[i].name);
		free(mk->systems[i].formats.data);
	}
	free(mk->options.data);
	free(mk->file.data);
	free(mk->cpus);
	free(mk);
}

/* ---- formats ---- */

void mktrace_event_format(struct mktrace *mk, const char *system, const char *text)
{
	struct system *s = mk->systems;

	while (s < mk->systems + mk->systems_n && strcmp(s->name, system))
		s++;
	if (s == mk->systems + mk->systems_n) {
		assert(mk->systems_n < ARRAY_SIZE(mk->systems));
		mk->systems_n++;
		s->name = strdup(system);
	}
	put_block(&s->formats, text, strlen(text), 8);
	s->count++;
}

static unsigned width_of(const char *type)
{
	if (strstr(type, "64") || strstr(type, "long"))
		return 8;
	if (strstr(type, "16") || strstr(type, "short"))
		return 2;
	if (strstr(type, "__data_loc") || strstr(type, "__rel_loc") || strstr(type, "32") ||
	    strstr(type, "int"))
		return 4;
	return 1;
}

/* One field "TYPE NAME" or "TYPE[N] NAME" at *offset, which moves behind it. */
static int format_field(char *out, size_t room, char *decl, unsigned *offset)
{
	char *name = strrchr(decl, ' '), *open = strchr(decl, '[');
	unsigned width = width_of(decl), n = open ? (unsigned)atoi(open + 1) : 1, size;
	int is_signed = decl[0] != 'u' && !strstr(decl, "_loc");
	char length[16] = "";
	int len;

	assert(name);
	*name++ = 0;
	size = strstr(decl, "_loc") ? 4 : width * n;
	if (open && n) { /* written behind the name, as the kernel does */
		snprintf(length, sizeof(length), "[%u]", n);
		*open = 0;
	}
	*offset = (*offset + width - 1) / width * width;
	len = snprintf(out, room, "\tfield:%s %s%s;\toffset:%u;\tsize:%u;\tsigned:%d;\n", decl,
		       name, length, *offset, size, is_signed);
	*offset += size;
	return len;
}

const char *mktrace_format(const char *name, unsigned id, const char *fields)
{
	static char text[8192];
	unsigned offset = MKTRACE_COMMON;
	char *copy = strdup(fields), *save = NULL;
	int n;

	n = snprintf(text, sizeof(text),
		     "name: %s\nID: %u\nformat:\n"
		     "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		     "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		     "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		     "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n",
		     name, id);
	for (char *f = strtok_r(copy, ";", &save); f; f = strtok_r(NULL, ";", &save))
		n += format_field(text + n, sizeof(text) - (size_t)n, f + strspn(f, " "), &offset);
	snprintf(text + n, sizeof(text) - (size_t)n, "\nprint fmt: \"%s\"\n", name);
	free(copy);
	return text;
}

/* ---- pages ---- */

static size_t page_used(const struct cpu *c)
{
	return c->pages.n - c->page - MKTRACE_PAGE_HEAD;
}

static size_t page_left(const struct cpu *c)
{
	return MKTRACE_PAGE - MKTRACE_PAGE_HEAD - page_used(c);
}

static void begin_page(struct cpu *c, uint64_t ts)
{
	c->page = c->pages.n;
	c->ts = ts;
	c->missed = 0;
	c->commit_set = 0;
	c->open = 1;
	put_num(&c->pages, ts, 8);
	put_num(&c->pages, 0, 8);
}

static void close_page(struct cpu *c)
{
	static const uint8_t zero[MKTRACE_PAGE];
	uint64_t commit;

	if (!c->open)
		return;
	commit = c->commit_set ? c->commit : (page_used(c) | c->missed);
	if (c->missed & MISSED_STORED)
		put_num(&c->pages, (uint64_t)c->missed_count, 8);
	memcpy(c->pages.data + c->page + 8, &commit, sizeof(commit));
	put(&c->pages, zero, page_left(c));
	c->open = 0;
}

void mktrace_end_page(struct mktrace *mk, unsigned cpu)
{
	close_page(&mk->cpus[cpu]);
}

void mktrace_raw(struct mktrace *mk, unsigned cpu, const uint32_t *words, size_t count)
{
	struct cpu *c = &mk->cpus[cpu];

	if (!c->open)
		begin_page(c, c->ts);
	assert(count * 4 <= page_left(c));
	put(&c->pages, words, count * 4);
}

void mktrace_missed(struct mktrace *mk, unsigned cpu, int64_t count)
{
	struct cpu *c = &mk->cpus[cpu];

	if (!c->open)
		begin_page(c, c->ts);
	c->missed = MISSED_EVENTS | (count >= 0 ? MISSED_STORED : 0);
	c->missed_count = count;
}

void mktrace_commit(struct mktrace *mk, unsigned cpu, uint64_t word)
{
	struct cpu *c = &mk->cpus[cpu];

	if (!c->open)
		begin_page(c, c->ts);
	c->commit = word;
	c->commit_set = 1;
}

void mktrace_add_pid(struct mktrace *mk, unsigned cpu, uint64_t ts, unsigned type, int pid,
		     const void *payload, size_t len)
{
	static const uint8_t zero[4];
	struct cpu *c = &mk->cpus[cpu];
	size_t size = MKTRACE_COMMON + len, padded = (size + 3) & ~(size_t)3;
	uint64_t delta;

	assert(cpu < mk->cpus_n && padded + 16 <= MKTRACE_PAGE - MKTRACE_PAGE_HEAD);
	/* Room for a time extend, a long event's second word and a count of missed events. */
	if (c->open && page_left(c) < padded + 8 + 8 + 8)
		close_page(c);
	if (!c->open)
		begin_page(c, ts);
	assert(ts >= c->ts);
	delta = ts - c->ts;
	if (delta >> 27) {
		put_num(&c->pages, (delta & 0x7ffffff) << 5 | TIME_EXTEND, 4);
		put_num(&c->pages, delta >> 27, 4);
		delta = 0;
	}
	c->ts = ts;
	if (padded <= 28 * 4) {
		put_num(&c->pages, delta << 5 | padded / 4, 4);
	} else {
		put_num(&c->pages, delta << 5, 4);
		put_num(&c->pages, padded + 4, 4);
	}
	put_num(&c->pages, type, 2);
	put_num(&c->pages, 0, 2);
	put_num(&c->pages, (uint32_t)pid, 4);
	put(&c->pages, payload, len);
	put(&c->pages, zero, padded - size);
}

void mktrace_add(struct mktrace *mk, unsigned cpu, uint64_t ts, unsigned type, const void *payload,
		 size_t len)
{
	mktrace_add_pid(mk, cpu, ts, type, 1, payload, len);
}

/* ---- the file ---- */

void mktrace_option(struct mktrace *mk, unsigned id, const void *data, size_t len)
{
	put_num(&mk->options, id, 2);
	put_block(&mk->options, data, len, 4);
}

void mktrace_version(struct mktrace *mk, const char *version)
{
	mk->version = version;
}

void mktrace_kallsyms(struct mktrace *mk, const char *text)
{
	mk->kallsyms = text;
}

void mktrace_cmdlines(struct mktrace *mk, const char *text)
{
	mk->cmdlines = text;
}

static void put_formats(struct mktrace *mk, struct bytes *f)
{
	const struct system *ftrace = NULL;
	uint32_t others = 0;

	for (unsigned i = 0; i < mk->systems_n; i++)
		if (!strcmp(mk->systems[i].name, "ftrace"))
			ftrace = &mk->systems[i];
		else
			others++;
	put_num(f, ftrace ? ftrace->count : 0, 4);
	if (ftrace)
		put(f, ftrace->formats.data, ftrace->formats.n);
	put_num(f, others, 4);
	for (unsigned i = 0; i < mk->systems_n; i++) {
		const struct system *s = &mk->systems[i];

		if (s == ftrace)
			continue;
		put(f, s->name, strlen(s->name) + 1);
		put_num(f, s->count, 4);
		put(f, s->formats.data, s->formats.n);
	}
}

static void put_head(struct mktrace *mk, struct bytes *f)
{
	put(f, "\x17\x08\x44tracing", 10);
	put(f, mk->version, strlen(mk->version) + 1);
	put_num(f, 0, 1); /* little endian */
	put_num(f, 8, 1); /* bytes in a long */
	put_num(f, MKTRACE_PAGE, 4);
	put(f, "header_page", 12);
	put_block(f, header_page, strlen(header_page), 8);
	put(f, "header_event", 13);
	put_block(f, header_event, strlen(header_event), 8);
	put_formats(mk, f);
	put_block(f, mk->kallsyms, strlen(mk->kallsyms), 4);
	put_block(f, "", 0, 4); /* printk formats */
	put_block(f, mk->cmdlines, strlen(mk->cmdlines), 8);
	put_num(f, mk->cpus_n, 4);
	put(f, "options  ", 10);
	put(f, mk->options.data, mk->options.n);
	put_num(f, 0, 2);
	put(f, "flyrecord", 10);
}

const uint8_t *mktrace_bytes(struct mktrace *mk, size_t *size)
{
	static const uint8_t zero[MKTRACE_PAGE];
	struct bytes *f = &mk->file;
	uint64_t at;

	f->n = 0;
	put_head(mk, f);
	at = (f->n + mk->cpus_n * 16 + MKTRACE_PAGE - 1) / MKTRACE_PAGE * MKTRACE_PAGE;
	for (unsigned i = 0; i < mk->cpus_n; i++) {
		close_page(&mk->cpus[i]);
		put_num(f, at, 8);
		put_num(f, mk->cpus[i].pages.n, 8);
		at += mk->cpus[i].pages.n;
	}
	if (mk->cpus_n)
		put(f, zero, (MKTRACE_PAGE - f->n % MKTRACE_PAGE) % MKTRACE_PAGE);
	for (unsigned i = 0; i < mk->cpus_n; i++)
		put(f, mk->cpus[i].pages.data, mk->cpus[i].pages.n);
	*size = f->n;
	return f->data;
}

void mktrace_write(struct mktrace *mk, const char *path)
{
	size_t size;
	const uint8_t *data = mktrace_bytes(mk, &size);
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		err(1, "%s", path);
}
