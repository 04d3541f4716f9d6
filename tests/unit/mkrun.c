// SPDX-License-Identifier: GPL-2.0-only
#include "mkrun.h"

#include <assert.h>
#include <err.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/points.h"

#define FORMATS 256
#define FIRST_ID 100
#define OTHER_GROUP "other_group"

/* All events of src/trace/events.def, and the kernel's that src/collect/points.def takes over. */
static struct format {
	char system[32], name[48], fields[768];
} formats[FORMATS];

static unsigned format_count;

struct place {
	char name[32];
	unsigned at, width, count;
	bool dynamic, text;
};

static void add_format(const char *system, size_t len, const char *name, const char *own,
		       const char *fields)
{
	struct format *f = &formats[format_count++];

	assert(format_count < FORMATS);
	snprintf(f->system, sizeof(f->system), "%.*s", (int)len, system);
	snprintf(f->name, sizeof(f->name), "%s", name);
	if (snprintf(f->fields, sizeof(f->fields), "%s%s", own, fields) >= (int)sizeof(f->fields))
		errx(1, "mkrun: the fields of %s are too long", name);
}

static void make_formats(void)
{
	const char *own = "u64 __probe_ip; ", *group = "copychain_1";

	for (int k = EV_OTHER + 1; k < EV_COUNT; k++) {
		const struct event_info *e = event_info((enum event_kind)k);

		if (!fnmatch(e->system, group, 0))
			add_format(group, strlen(group), e->name, own, e->fields);
	}
	for (size_t i = 0; i < point_count; i++) {
		const char *target = points[i].target, *slash = strchr(target, '/');

		if (points[i].how == POINT_PLAIN)
			add_format(target, (size_t)(slash - target), slash + 1, "",
				   event_info(points[i].event)->fields);
	}
	add_format(OTHER_GROUP, strlen(OTHER_GROUP), event_kind_name(EV_MEM), own,
		   event_info(EV_MEM)->fields);
}

struct mkrun *mkrun_new(void)
{
	struct mkrun *mk = calloc(1, sizeof(*mk));

	if (!mk)
		err(1, "mkrun");
	mk->trace = mktrace_new(4);
	if (!format_count)
		make_formats();
	for (unsigned i = 0; i < format_count; i++)
		mktrace_event_format(mk->trace, formats[i].system,
				     mktrace_format(formats[i].name, FIRST_ID + i, formats[i].fields));
	snprintf(mk->dir, sizeof(mk->dir), "/tmp/copychain-mkrun-XXXXXX");
	if (!mkdtemp(mk->dir))
		err(1, "%s", mk->dir);
	mk->ts = 1000000;
	mk->ubuf = MKRUN_UBUF_6_1;
	mk->iovec = MKRUN_IOVEC_6_1;
	return mk;
}

static void remove_file(const struct mkrun *mk, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", mk->dir, name);
	unlink(path);
}

void mkrun_free(struct mkrun *mk)
{
	remove_file(mk, "trace.dat");
	remove_file(mk, "run.json");
	remove_file(mk, "sites.json");
	remove_file(mk, "traffic.jsonl");
	rmdir(mk->dir);
	mktrace_free(mk->trace);
	free(mk->sites);
	free(mk);
}

/* ---- events ---- */

static unsigned width_of(const char *type)
{
	return strstr(type, "64") ? 8 : strstr(type, "_loc") || strstr(type, "32") ? 4 :
	       strstr(type, "16") ? 2 : 1;
}

/* The places of the fields in a payload, as mktrace_format lays them out. */
static unsigned places(const char *fields, struct place *out, unsigned *n)
{
	char *copy = strdup(fields), *save = NULL;
	unsigned at = MKTRACE_COMMON;

	*n = 0;
	for (char *f = strtok_r(copy, ";", &save); f; f = strtok_r(NULL, ";", &save)) {
		struct place *p = &out[(*n)++];
		char *name = strrchr(f, ' '), *open = strchr(f, '[');

		*p = (struct place){.width = width_of(f), .dynamic = strstr(f, "_loc"),
				    .text = strstr(f, "char")};
		p->count = open && !p->dynamic ? (unsigned)atoi(open + 1) : 1;
		snprintf(p->name, sizeof(p->name), "%s", name + 1);
		at = (at + p->width - 1) / p->width * p->width;
		p->at = at - MKTRACE_COMMON;
		at += p->width * p->count;
	}
	free(copy);
	return at - MKTRACE_COMMON;
}

static void put_hex(uint8_t *to, const char *text, unsigned max)
{
	for (unsigned i = 0; i < max && text[0] && text[1]; i++, text += 2) {
		char two[3] = {text[0], text[1], 0};

		to[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

static void put_value(uint8_t *payload, unsigned *size, const struct place *p, char *value)
{
	if (p->dynamic) {
		uint32_t len = (uint32_t)strlen(value) + 1, loc = (MKTRACE_COMMON + *size) | len << 16;

		memcpy(payload + p->at, &loc, 4);
		memcpy(payload + *size, value, len);
		*size += (len + 3) & ~3u;
	} else if (p->text) {
		strncpy((char *)payload + p->at, value, p->count - 1);
	} else if (p->count > 1 && *value == '@') {
		put_hex(payload + p->at, value + 1, p->width * p->count);
	} else {
		for (unsigned i = 0; i < p->count && value && *value; i++) {
			uint64_t v = strtoull(value, &value, 0);

			memcpy(payload + p->at + i * p->width, &v, p->width);
			value += *value == ',';
		}
	}
}

void mkrun_event(struct mkrun *mk, int tid, const char *fmt, ...)
{
	char text[2048], *save = NULL, *name;
	uint8_t payload[1024] = {0};
	struct place at[48];
	unsigned n, size, id = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	name = strtok_r(text, " ", &save);
	/* "GROUP/NAME", or NAME of the first group that has it. */
	while (id < format_count && strcmp(formats[id].name, strchr(name, '/') ? strchr(name, '/') + 1 : name))
		id++;
	if (strchr(name, '/'))
		for (id = 0; id < format_count; id++)
			if (!strncmp(formats[id].system, name, (size_t)(strchr(name, '/') - name)) &&
			    !strcmp(formats[id].name, strchr(name, '/') + 1))
				break;
	if (id == format_count)
		errx(1, "mkrun: no event %s", name);
	size = places(formats[id].fields, at, &n);
	for (char *word; (word = strtok_r(NULL, " ", &save));) {
		char *value = strchr(word, '=');
		unsigned i = 0;

		assert(value);
		*value++ = 0;
		while (i < n && strcmp(at[i].name, word))
			i++;
		if (i == n)
			errx(1, "mkrun: %s has no field %s", name, word);
		put_value(payload, &size, &at[i], value);
	}
	mk->ts += MKRUN_STEP;
	mktrace_add_pid(mk->trace, mk->cpu, mk->ts, FIRST_ID + id, tid, payload, size);
}

/* ---- the folder ---- */

void mkrun_site(struct mkrun *mk, uint64_t addr, const char *function, const char *status,
		const char *kind)
{
	bool emulates = !strcmp(status, "emulates");
	char *more;

	if (asprintf(&more, "%s%s{\"addr\":\"%#lx\",\"ret\":\"%#lx\",\"function\":\"%s\",\"offset\":16,"
		     "\"primitive\":\"some_copy\",\"kind\":\"%s\",\"status\":\"%s\",\"emulates\":%s}",
		     mk->sites ? mk->sites : "", mk->sites ? "," : "", addr, addr + 5, function, kind,
		     emulates ? "probed" : status, emulates ? "true" : "false") < 0)
		err(1, "mkrun");
	free(mk->sites);
	mk->sites = more;
}

static void write_text(const struct mkrun *mk, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", mk->dir, name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		err(1, "%s", path);
}

static void write_made(const struct mkrun *mk, const char *name, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		err(1, "mkrun");
	va_end(ap);
	write_text(mk, name, text);
	free(text);
}

static void write_manifest(const struct mkrun *mk)
{
	write_made(mk, "run.json",
		   "{\"schema\":1,\"kernel\":\"6.1.0-test\",\"machine\":\"vm\","
		   "\"memory\":{\"page_offset_base\":\"%#lx\",\"vmemmap_base\":\"%#lx\",\"page_size\":4096,"
		   "\"iommu\":%s},"
		   "\"btf\":{\"ITER_IOVEC\":%d,\"ITER_KVEC\":%d,\"ITER_BVEC\":%d,\"ITER_UBUF\":%d,"
		   "\"SKB_DROP_REASON_NO_SOCKET\":2,\"ib_umem.sgt_append\":80,\"RXE_TO_MR_OBJ\":0,\"sizeof.page\":64,"
		   "\"sizeof.scatterlist\":32,\"scatterlist.offset\":8,\"scatterlist.length\":12},"
		   "\"probes\":{\"placed\":{},\"traits\":{\"sync_always\":%s},\"refused\":[%s],\"missing\":[],"
		   "\"excluded\":[]},\"loss\":{\"lost\":%ld},\"pid\":%d,"
		   "\"tasks\":[[100,100,\"sender\"],[101,100,\"sender\"],[200,200,\"receiver\"]]}\n",
		   MKRUN_PAGE_OFFSET, MKRUN_VMEMMAP, mk->iommu ? "true" : "false", mk->iovec, MKRUN_KVEC,
		   MKRUN_BVEC, mk->ubuf,
		   mk->sync_always ? "true" : "false",
		   mk->refused ? "{\"target\":\"x\",\"why\":\"y\"}" : "", (long)mk->lost, mk->pid);
}

void mkrun_write(struct mkrun *mk)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/trace.dat", mk->dir);
	mktrace_write(mk->trace, path);
	if (mk->sites_json)
		write_text(mk, "sites.json", mk->sites_json);
	else
		write_made(mk, "sites.json", "{\"schema\":1,\"primitives\":[],\"sites\":[%s]}\n",
			   mk->sites ? mk->sites : "");
	if (mk->traffic)
		write_text(mk, "traffic.jsonl", mk->traffic);
	if (mk->run_json)
		write_text(mk, "run.json", mk->run_json);
	else
		write_manifest(mk);
}

void mkrun_load(struct mkrun *mk, struct analysis *r)
{
	int e;

	mkrun_write(mk);
	e = analysis_load(r, mk->dir, UINT64_MAX);
	if (e)
		errx(1, "mkrun: %s (%d)", r->problem, e);
}

uint64_t mkrun_page(uint64_t va)
{
	return MKRUN_VMEMMAP + (va - MKRUN_PAGE_OFFSET) / 4096 * 64;
}

uint64_t mkrun_phys(uint64_t va)
{
	return va - MKRUN_PAGE_OFFSET;
}
