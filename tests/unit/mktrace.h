/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds small trace.dat files (version 6), good ones and damaged ones, for tests.
 *
 *	struct mktrace *mk = mktrace_new(2);
 *	mktrace_event_format(mk, "net", mktrace_format("foo", 100, "u64 a; u32 b; char[16] c"));
 *	mktrace_add(mk, 0, 1000, 100, payload, sizeof(payload));
 *	mktrace_write(mk, path);
 *	mktrace_free(mk);
 *
 * Any failure (memory, files) prints why and ends the program: it is for tests alone.
 */
#ifndef TESTS_MKTRACE_H
#define TESTS_MKTRACE_H

#include <stddef.h>
#include <stdint.h>

#define MKTRACE_PAGE 4096
#define MKTRACE_PAGE_HEAD 16
#define MKTRACE_COMMON 8 /* bytes of the common fields in front of a payload */

struct mktrace;

struct mktrace *mktrace_new(unsigned cpus);
void mktrace_free(struct mktrace *mk);

/* Adds the text of a format file to the file. */
void mktrace_event_format(struct mktrace *mk, const char *system, const char *text);

/*
 * The text of a format whose fields are "TYPE NAME" separated by ';', laid out one after the
 * other behind the common fields; "TYPE[N] NAME" is an array. Static, until the next call.
 */
const char *mktrace_format(const char *name, unsigned id, const char *fields);

/*
 * Adds an event to a CPU: the common fields (type, pid 1) and len bytes of payload. Makes the
 * time extends and the pages that it takes. Times of a CPU must not fall.
 */
void mktrace_add(struct mktrace *mk, unsigned cpu, uint64_t ts, unsigned type, const void *payload,
		 size_t len);

/* The same with the common pid. */
void mktrace_add_pid(struct mktrace *mk, unsigned cpu, uint64_t ts, unsigned type, int pid,
		     const void *payload, size_t len);

/* Puts words as they are into the current page: time stamps, padding, nonsense. */
void mktrace_raw(struct mktrace *mk, unsigned cpu, const uint32_t *words, size_t count);

/* The current page of a CPU is full; the next event begins another, at its own time. */
void mktrace_end_page(struct mktrace *mk, unsigned cpu);

/* Flags the current page with missed events: their count, or -1 where it is unknown. */
void mktrace_missed(struct mktrace *mk, unsigned cpu, int64_t count);

/* Sets the commit word of the current page, whatever it holds. */
void mktrace_commit(struct mktrace *mk, unsigned cpu, uint64_t word);

/* Adds an option. */
void mktrace_option(struct mktrace *mk, unsigned id, const void *data, size_t len);

/* Sets texts of the file; kept, not copied. */
void mktrace_version(struct mktrace *mk, const char *version);
void mktrace_kallsyms(struct mktrace *mk, const char *text);
void mktrace_cmdlines(struct mktrace *mk, const char *text);

/* The file as bytes; owned by mk and good until it changes. */
const uint8_t *mktrace_bytes(struct mktrace *mk, size_t *size);

void mktrace_write(struct mktrace *mk, const char *path);

#endif
