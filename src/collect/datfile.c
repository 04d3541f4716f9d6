// SPDX-License-Identifier: GPL-2.0-only
#include "collect/datfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tracefs/tracefs.h>

#include "common/file.h"

enum { OPTION_DONE = 0, OPTION_CPUSTAT = 2, OPTION_TRACECLOCK = 4 };

struct out {
	FILE *f;
	int err;
};

static void put(struct out *o, const void *data, size_t size)
{
	if (!o->err && size && fwrite(data, size, 1, o->f) != 1)
		o->err = errno ? -errno : -EIO;
}

static void put_u16(struct out *o, uint16_t v)
{
	put(o, &v, sizeof(v));
}

static void put_u32(struct out *o, uint32_t v)
{
	put(o, &v, sizeof(v));
}

static void put_u64(struct out *o, uint64_t v)
{
	put(o, &v, sizeof(v));
}

static void put_string(struct out *o, const char *s)
{
	put(o, s, strlen(s) + 1);
}

static char *read_tracefs(const char *name, size_t *size)
{
	char *text = NULL, *path = tracefs_get_tracing_file(name);

	if (path)
		file_read(path, &text, size);
	tracefs_put_tracing_file(path);
	return text;
}

/* A file of tracefs behind its size in 8 bytes. */
static void put_file(struct out *o, const char *name)
{
	size_t size = 0;
	char *text = read_tracefs(name, &size);

	if (!text && !o->err)
		o->err = -ENOENT;
	put_u64(o, size);
	put(o, text, size);
	free(text);
}

/* Names of the events of a system; gives their number. */
static int list_events(const char *system, char ***out)
{
	char *path, dirname[128];
	struct dirent *e;
	int n = 0;
	DIR *dir;

	*out = NULL;
	snprintf(dirname, sizeof(dirname), "events/%s", system);
	path = tracefs_get_tracing_file(dirname);
	dir = path ? opendir(path) : NULL;
	tracefs_put_tracing_file(path);
	while (dir && (e = readdir(dir))) {
		char name[512], **more;

		snprintf(name, sizeof(name), "events/%s/%s/format", system, e->d_name);
		if (e->d_name[0] == '.' || !tracefs_file_exists(NULL, name))
			continue;
		more = realloc(*out, (size_t)(n + 1) * sizeof(*more));
		if (!more || !(more[n] = strdup(name))) {
			*out = more ? more : *out;
			n = -ENOMEM;
			break;
		}
		*out = more;
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

static void put_formats(struct out *o, const char *system)
{
	char **names;
	int n = list_events(system, &names);

	if (n < 0 && !o->err)
		o->err = n;
	put_u32(o, n > 0 ? (uint32_t)n : 0);
	for (int i = 0; i < n; i++) {
		put_file(o, names[i]);
		free(names[i]);
	}
	free(names);
}

static void put_headers(struct out *o)
{
	static const char magic[] = {0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g'};
	const char little_endian = 0, long_size = 8;

	put(o, magic, sizeof(magic));
	put_string(o, "6");
	put(o, &little_endian, 1);
	put(o, &long_size, 1);
	put_u32(o, (uint32_t)sysconf(_SC_PAGESIZE));
	put_string(o, "header_page");
	put_file(o, "events/header_page");
	put_string(o, "header_event");
	put_file(o, "events/header_event");
}

static void put_events(struct out *o, const struct datfile_input *in)
{
	put_formats(o, "ftrace");
	put_u32(o, (uint32_t)in->system_count);
	for (size_t i = 0; i < in->system_count; i++) {
		put_string(o, in->systems[i]);
		put_formats(o, in->systems[i]);
	}
}

static void put_names(struct out *o, const struct datfile_input *in)
{
	size_t size = 0;
	char *cmdlines = read_tracefs("saved_cmdlines", &size);

	put_u32(o, (uint32_t)strlen(in->kallsyms));
	put(o, in->kallsyms, strlen(in->kallsyms));
	put_u32(o, 0); /* no trace_printk formats: nothing of ours calls it */
	put_u64(o, size);
	put(o, cmdlines, size);
	free(cmdlines);
}

static void put_option(struct out *o, uint16_t id, const char *text)
{
	put_u16(o, id);
	put_u32(o, (uint32_t)strlen(text) + 1);
	put_string(o, text);
}

static void put_options(struct out *o, const struct datfile_input *in)
{
	put_u32(o, in->cpu_count);
	put(o, "options  ", 10);
	put_option(o, OPTION_TRACECLOCK, in->clock);
	for (unsigned int i = 0; i < in->cpu_count; i++) {
		char *text;

		if (asprintf(&text, "CPU: %u\n%s", i, in->cpus[i].stats) < 0) {
			o->err = -ENOMEM;
			return;
		}
		put_option(o, OPTION_CPUSTAT, text);
		free(text);
	}
	put_u16(o, OPTION_DONE);
	put(o, "flyrecord", 10);
}

static uint64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

static void put_contents(struct out *o, const char *path)
{
	char buf[1 << 16];
	FILE *f = fopen(path, "re");
	size_t got;

	if (!f) {
		o->err = o->err ? o->err : -errno;
		return;
	}
	while ((got = fread(buf, 1, sizeof(buf), f)) > 0)
		put(o, buf, got);
	if (ferror(f) && !o->err)
		o->err = -EIO;
	fclose(f);
}

static void put_data(struct out *o, const struct datfile_input *in)
{
	static const char zero[65536];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t table_end = (uint64_t)ftello(o->f) + in->cpu_count * 16ULL;
	uint64_t start = (table_end + page - 1) / page * page, at = start;

	for (unsigned int i = 0; i < in->cpu_count; i++) {
		uint64_t size = file_size(in->cpus[i].raw_path);

		put_u64(o, at);
		put_u64(o, size);
		at += size;
	}
	put(o, zero, start - table_end);
	for (unsigned int i = 0; i < in->cpu_count; i++)
		put_contents(o, in->cpus[i].raw_path);
}

int datfile_write(const char *path, const struct datfile_input *in)
{
	struct out o = {0};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	o.f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!o.f) {
		o.err = -errno;
		if (fd >= 0)
			close(fd);
		return o.err;
	}
	put_headers(&o);
	put_events(&o, in);
	put_names(&o, in);
	put_options(&o, in);
	put_data(&o, in);
	if (fclose(o.f) && !o.err)
		o.err = -errno;
	if (o.err)
		unlink(path);
	return o.err;
}
