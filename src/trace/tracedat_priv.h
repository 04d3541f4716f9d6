/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the trace reader share; the interface is tracedat.h. */
#ifndef TRACE_TRACEDAT_PRIV_H
#define TRACE_TRACEDAT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/tracedat.h"

/* A piece of the file, read from front to back. */
struct td_reader {
	const uint8_t *at, *end;
};

struct td_option {
	unsigned id;
	uint32_t len;
	const uint8_t *data; /* in the file */
};

/* The ring-buffer pages of one CPU, and how far they are read. */
struct td_cpu {
	uint64_t begin, end;	  /* file offsets of the first page, and behind the last */
	uint64_t page;		  /* file offset of the next page */
	uint64_t dropped;	  /* file offset up to which the memory was given back */
	const uint8_t *at, *stop; /* what is left of the current page */
	uint64_t ts;		  /* of the last event, or the page's own */
	struct td_event ev;
};

/* An entry of the heap; the CPU is in it so that ties need no look at the cursor. */
struct td_turn {
	uint64_t ts;
	uint32_t cpu;
};

struct tracedat {
	char *name;
	const uint8_t *data;
	size_t size;
	bool mapped;
	char error[512];
	char note[512];
	int broken; /* -errno of tracedat_next, for good */

	struct tep_handle *tep;
	unsigned formats_bad, formats_twice; /* event formats left out */
	struct td_reader kallsyms;
	struct td_option *options;
	size_t options_n, options_cap;
	char *clock, *cpustat;

	uint32_t stride;      /* bytes from a page to the next */
	uint32_t page_ts;     /* offsets in a page: time stamp, */
	uint32_t page_commit; /* commit, */
	uint32_t page_commit_size;
	uint32_t page_data; /* events */

	struct td_cpu *cpus;
	unsigned cpus_n;
	struct td_turn *heap;
	unsigned heap_n;
	bool started;
	uint64_t from; /* events before this time are passed over */
	uint64_t missed;
	bool missed_unknown;
};

/* Sets the error, led by the file's name, and gives err back. */
int td_fail(struct tracedat *td, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds a sentence to the note. */
void td_note(struct tracedat *td, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads everything before the pages: 0 or -errno with the error set. */
int td_read_head(struct tracedat *td);

/*
 * Gives an event format to the tep handle, rebuilt from what was understood of it and
 * without its print format. What cannot be understood is counted, not an error; -ENOMEM.
 */
int td_add_format(struct tracedat *td, const char *system, const char *text, size_t len);

/* Reads the offsets of a page's parts from header_page. */
int td_read_header_page(struct tracedat *td, const char *text, size_t len);

/* Moves a CPU to its next event, filling cpu->ev: 1, 0 at the end, -EBADMSG with the error set. */
int td_cpu_next(struct tracedat *td, struct td_cpu *cpu);

/* Sets a CPU to the page where events of a time may begin. */
void td_cpu_seek(const struct tracedat *td, struct td_cpu *cpu, uint64_t ts);

/* The nth option with that id, or NULL. */
const struct td_option *td_find_option(const struct tracedat *td, unsigned id, unsigned nth);

#endif
