// SPDX-License-Identifier: GPL-2.0-only
#include "trace/tracedat.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <traceevent/event-parse.h>
#include <unistd.h>

#include "common/file.h"
#include "trace/tracedat_priv.h"

int td_fail(struct tracedat *td, int err, const char *fmt, ...)
{
	int n = snprintf(td->error, sizeof(td->error), "%.200s: ", td->name);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(td->error + n, sizeof(td->error) - (size_t)n, fmt, ap);
	va_end(ap);
	return err;
}

void td_note(struct tracedat *td, const char *fmt, ...)
{
	size_t n = strlen(td->note);
	va_list ap;

	if (n && n + 3 < sizeof(td->note)) {
		memcpy(td->note + n, "; ", 3);
		n += 2;
	}
	va_start(ap, fmt);
	vsnprintf(td->note + n, sizeof(td->note) - n, fmt, ap);
	va_end(ap);
}

/* ---- opening ---- */

static struct tracedat *new_object(const char *name)
{
	struct tracedat *td = calloc(1, sizeof(*td));

	if (!td)
		return NULL;
	td->name = strdup(name);
	td->tep = tep_alloc();
	if (!td->name || !td->tep) {
		tracedat_close(td);
		return NULL;
	}
	tep_set_loglevel(TEP_LOG_NONE);
	return td;
}

static int map_file(struct tracedat *td)
{
	struct stat st;
	int err = 0, fd = file_open(td->name);
	void *map;

	if (fd == -EISDIR)
		return td_fail(td, fd, "is a directory, not a trace.dat file");
	if (fd == -EINVAL)
		return td_fail(td, -EBADMSG, "is no regular file, not a trace.dat file");
	if (fd < 0)
		return td_fail(td, fd, "cannot open: %s", strerror(-fd));
	if (fstat(fd, &st)) {
		err = td_fail(td, -errno, "cannot stat: %s", strerror(errno));
		goto out;
	}
	if (!st.st_size) {
		err = td_fail(td, -EBADMSG, "is empty, not a trace.dat file");
		goto out;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		err = td_fail(td, -errno, "cannot map: %s", strerror(errno));
		goto out;
	}
	td->data = map;
	td->size = (size_t)st.st_size;
	td->mapped = true;
out:
	close(fd);
	return err;
}

int tracedat_open(const char *path, struct tracedat **td)
{
	int err;

	*td = new_object(path);
	if (!*td)
		return -ENOMEM;
	err = map_file(*td);
	return err ? err : td_read_head(*td);
}

int tracedat_open_run(const char *run, struct tracedat **td)
{
	char *path;
	int err;

	*td = NULL;
	if (asprintf(&path, "%s/trace.dat", run) < 0)
		return -ENOMEM;
	err = tracedat_open(path, td);
	free(path);
	return err;
}

int tracedat_open_mem(const void *data, size_t size, const char *name, struct tracedat **td)
{
	*td = new_object(name);
	if (!*td)
		return -ENOMEM;
	(*td)->data = data;
	(*td)->size = size;
	return td_read_head(*td);
}

void tracedat_close(struct tracedat *td)
{
	if (!td)
		return;
	if (td->mapped)
		munmap((void *)(uintptr_t)td->data, td->size);
	tep_free(td->tep);
	free(td->options);
	free(td->clock);
	free(td->cpustat);
	free(td->cpus);
	free(td->heap);
	free(td->name);
	free(td);
}

/* ---- the merge ---- */

static inline bool before(const struct td_turn *a, const struct td_turn *b)
{
	return a->ts < b->ts || (a->ts == b->ts && a->cpu < b->cpu);
}

/* Puts the first entry, which may have grown, where it belongs. */
static void sift_down(struct td_turn *heap, unsigned n)
{
	struct td_turn turn = heap[0];
	unsigned at = 0;

	for (;;) {
		unsigned child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &turn))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = turn;
}

static void sift_up(struct td_turn *heap, unsigned at)
{
	struct td_turn turn = heap[at];

	while (at && before(&turn, &heap[(at - 1) / 2])) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = turn;
}

static int start(struct tracedat *td)
{
	for (unsigned i = 0; i < td->cpus_n; i++) {
		int got;

		do
			got = td_cpu_next(td, &td->cpus[i]);
		while (got == 1 && td->cpus[i].ts < td->from);
		if (got < 0)
			return got;
		if (!got)
			continue;
		td->heap[td->heap_n] = (struct td_turn){td->cpus[i].ts, i};
		sift_up(td->heap, td->heap_n++);
	}
	td->started = true;
	return 0;
}

/* The event on top was given out: its CPU moves on. */
static int advance(struct tracedat *td)
{
	struct td_cpu *cpu = &td->cpus[td->heap[0].cpu];
	int got = td_cpu_next(td, cpu);

	if (got < 0)
		return got;
	if (got)
		td->heap[0].ts = cpu->ts;
	else
		td->heap[0] = td->heap[--td->heap_n];
	sift_down(td->heap, td->heap_n);
	return 0;
}

int tracedat_next(struct tracedat *td, struct td_event *ev)
{
	int err = td->broken;

	if (!err && !td->started)
		err = start(td);
	else if (!err && td->heap_n)
		err = advance(td);
	if (err) {
		td->broken = err;
		return err;
	}
	if (!td->heap_n)
		return 0;
	*ev = td->cpus[td->heap[0].cpu].ev;
	return 1;
}

void tracedat_seek(struct tracedat *td, uint64_t ts)
{
	for (unsigned i = 0; i < td->cpus_n; i++)
		td_cpu_seek(td, &td->cpus[i], ts);
	td->from = ts;
	td->started = false;
	td->heap_n = 0;
	td->missed = 0;
	td->missed_unknown = false;
}

/* ---- what the file says ---- */

const char *tracedat_error(const struct tracedat *td)
{
	return td ? td->error : "out of memory";
}

const char *tracedat_note(const struct tracedat *td)
{
	return td->note;
}

struct tep_handle *tracedat_tep(const struct tracedat *td)
{
	return td->tep;
}

unsigned tracedat_cpus(const struct tracedat *td)
{
	return td->cpus_n;
}

uint64_t tracedat_cpu_bytes(const struct tracedat *td, unsigned cpu)
{
	return cpu < td->cpus_n ? td->cpus[cpu].end - td->cpus[cpu].begin : 0;
}

uint64_t tracedat_missed(const struct tracedat *td)
{
	return td->missed;
}

bool tracedat_missed_unknown(const struct tracedat *td)
{
	return td->missed_unknown;
}

const char *tracedat_clock(const struct tracedat *td)
{
	return td->clock ? td->clock : "";
}

const char *tracedat_cpustat(const struct tracedat *td)
{
	return td->cpustat ? td->cpustat : "";
}

const struct td_option *td_find_option(const struct tracedat *td, unsigned id, unsigned nth)
{
	for (size_t i = 0; i < td->options_n; i++)
		if (td->options[i].id == id && !nth--)
			return &td->options[i];
	return NULL;
}

const void *tracedat_option(const struct tracedat *td, unsigned id, unsigned nth, uint32_t *len)
{
	const struct td_option *o = td_find_option(td, id, nth);

	*len = o ? o->len : 0;
	return o ? o->data : NULL;
}

int tracedat_load_kallsyms(struct tracedat *td)
{
	size_t len = (size_t)(td->kallsyms.end - td->kallsyms.at);
	char *text;
	int err = 0;

	if (!len)
		return 0;
	text = strndup((const char *)td->kallsyms.at, len);
	if (!text)
		return -ENOMEM;
	if (tep_parse_kallsyms(td->tep, text))
		err = td_fail(td, -EBADMSG, "its kallsyms cannot be read");
	free(text);
	return err;
}
