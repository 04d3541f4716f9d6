/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads trace.dat files, version 6, uncompressed: what `collect` and trace-cmd record write.
 *
 * Gives the events of all CPUs merged in time order. The file is mapped, nothing in it is
 * trusted, and memory does not grow with its size; only it must not shrink while it is read
 * (a mapped file that does ends the process with SIGBUS). Of a file that trace-cmd made with
 * instances, the top-level buffer is read; tracedat_note says so. Times are the trace
 * clock's own: no offset that a file may ask for (option DATE, …) is added.
 *
 * The formats in the libtraceevent handle carry fields but no print format: events are
 * decoded by field offsets (fields.h), not by formatting text.
 */
#ifndef TRACE_TRACEDAT_H
#define TRACE_TRACEDAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tep_handle;
struct tracedat;

struct td_event {
	uint64_t ts;	   /* in units of the trace clock, ns for mono */
	uint64_t file_off; /* of data, bytes from the start of the file */
	uint32_t cpu;
	int type;	  /* the event's ID, as in its format */
	const void *data; /* the record, common fields first; stays valid until tracedat_close */
	uint32_t size;	  /* bytes in data, padded to 4 */
};

/* The options of a file that have a meaning here; the numbers are the file format's. */
enum tracedat_option_id {
	TRACEDAT_OPT_DATE = 1,
	TRACEDAT_OPT_CPUSTAT = 2,
	TRACEDAT_OPT_BUFFER = 3,
	TRACEDAT_OPT_TRACECLOCK = 4,
	TRACEDAT_OPT_UNAME = 5,
	TRACEDAT_OPT_OFFSET = 7,
	TRACEDAT_OPT_CPUCOUNT = 8,
	TRACEDAT_OPT_VERSION = 9,
	TRACEDAT_OPT_TSC2NSEC = 14,
};

/*
 * Opens a file. *td is set on failure too, so that tracedat_error can tell what is wrong
 * (only when there is no memory at all is it NULL); end it with tracedat_close either way.
 * -EBADMSG: damaged, or no trace.dat; -ENOTSUP: a kind of trace.dat that is not read here;
 * -EISDIR, -ENOENT, -EACCES, …: as open(2).
 */
int tracedat_open(const char *path, struct tracedat **td);

/* The same for the trace of a run folder. */
int tracedat_open_run(const char *run, struct tracedat **td);

/* The same for a file in memory, which must outlive *td; name stands in messages. */
int tracedat_open_mem(const void *data, size_t size, const char *name, struct tracedat **td);

/* What went wrong, one line with the file's name and no newline; "" when nothing did. */
const char *tracedat_error(const struct tracedat *td);

/* What a reader should know that is no error (instances left out, …), or "". */
const char *tracedat_note(const struct tracedat *td);

/*
 * The next event in time order; ties by CPU number, then by order in the file.
 * 1: *ev is filled; 0: that was the last one; -EBADMSG: damaged, and so is every later call.
 */
int tracedat_next(struct tracedat *td, struct td_event *ev);

/*
 * tracedat_next goes on with the first event that is not before ts, from wherever it was; what lies
 * before it is hardly read. tracedat_missed begins anew, with the pages that are read from then on.
 */
void tracedat_seek(struct tracedat *td, uint64_t ts);

/* The formats; owned by td. */
struct tep_handle *tracedat_tep(const struct tracedat *td);

/* CPUs in the file's table, those without data included. */
unsigned tracedat_cpus(const struct tracedat *td);

/* Bytes of ring-buffer pages of a CPU. */
uint64_t tracedat_cpu_bytes(const struct tracedat *td, unsigned cpu);

/*
 * Events the kernel overwrote or dropped, as the headers of the pages read so far tell;
 * complete once tracedat_next gave 0. With tracedat_missed_unknown there were more,
 * and nobody knows how many.
 */
uint64_t tracedat_missed(const struct tracedat *td);
bool tracedat_missed_unknown(const struct tracedat *td);

/* The trace clock's name ("mono"), or "" where the file does not say. */
const char *tracedat_clock(const struct tracedat *td);

/* The text of per_cpu/cpuN/stats of all CPUs, or "". */
const char *tracedat_cpustat(const struct tracedat *td);

/*
 * The bytes of the nth option (from 0) with that id, in the file and not terminated, and
 * their count in *len; NULL where there is none.
 */
const void *tracedat_option(const struct tracedat *td, unsigned id, unsigned nth, uint32_t *len);

/* Gives the file's kallsyms (may be empty) to the tep handle; not done by open, for it is slow. */
int tracedat_load_kallsyms(struct tracedat *td);

/* Frees td and all it gave out; NULL and what a failed open gave are fine. */
void tracedat_close(struct tracedat *td);

#endif
