// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks ring-buffer pages. Every length is checked against its page before it is used: the
 * pages come from a file, and the library's own page reader trusts them in places.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "trace/tracedat_priv.h"

/* Of an event's first word: type_len in the low 5 bits, time delta above. */
enum {
	TYPE_LONG = 0,	    /* the length is in the next word, which counts itself */
	TYPE_MAX_DATA = 28, /* up to here: the length in words */
	TYPE_PADDING = 29,
	TYPE_TIME_EXTEND = 30,
	TYPE_TIME_STAMP = 31,
	DELTA_BITS = 27,
};

/* A time stamp event holds 59 bits; the rest is the time before it. */
#define STAMP_BITS 59
#define STAMP_HIGH (UINT64_MAX << STAMP_BITS)

/* Of a page's commit word; the kernel adds the first as an int, which sets all bits above, too. */
#define MISSED_EVENTS (UINT64_C(1) << 31)
#define MISSED_STORED (UINT64_C(1) << 30)
#define MISSED_ABOVE (UINT64_MAX << 32)

/* Pages behind the reader stay out of memory in steps of this. */
#define DROP_STEP (UINT64_C(1) << 20)

static inline uint32_t get32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint64_t get64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static int damaged(struct tracedat *td, const struct td_cpu *cpu, const uint8_t *at,
		   const char *what, uint64_t value)
{
	return td_fail(td, -EBADMSG, "CPU %u: offset 0x%" PRIx64 ": %s (%" PRIu64 ")",
		       (unsigned)(cpu - td->cpus), (uint64_t)(at - td->data), what, value);
}

/* Gives back the memory of pages read; a pointer into them still reads the file's bytes. */
static void drop_behind(const struct tracedat *td, struct td_cpu *cpu)
{
	uint64_t from = cpu->dropped & ~(DROP_STEP - 1);
	uint64_t to = cpu->page & ~(DROP_STEP - 1);

	if (!td->mapped || to <= from)
		return;
	madvise((void *)(uintptr_t)(td->data + from), to - from, MADV_DONTNEED);
	cpu->dropped = to;
}

/* The header says that events are missing before this page; a count may stand behind its data. */
static void count_missed(struct tracedat *td, const uint8_t *page, uint64_t room, uint64_t flags,
			 uint64_t commit)
{
	uint64_t at = td->page_data + commit;

	if (!(flags & MISSED_EVENTS))
		return;
	if (!(flags & MISSED_STORED) || at + td->page_commit_size > room) {
		td->missed_unknown = true;
		return;
	}
	if (__builtin_add_overflow(td->missed,
				   td->page_commit_size == 8 ? get64(page + at) : get32(page + at),
				   &td->missed))
		td->missed = UINT64_MAX;
}

/* Begins the next page that has events: 1, 0 where there is none, -EBADMSG. */
static int next_page(struct tracedat *td, struct td_cpu *cpu)
{
	while (cpu->page < cpu->end) {
		const uint8_t *page = td->data + cpu->page;
		uint64_t room = cpu->end - cpu->page;
		uint64_t word, commit, ts;

		drop_behind(td, cpu);
		if (room > td->stride)
			room = td->stride;
		if (room < td->page_data)
			return damaged(td, cpu, page, "page is cut off, bytes left", room);
		word = td->page_commit_size == 8 ? get64(page + td->page_commit)
						 : get32(page + td->page_commit);
		commit = word & ~(MISSED_EVENTS | MISSED_STORED);
		if (word & MISSED_EVENTS && (word & MISSED_ABOVE) == MISSED_ABOVE)
			commit &= ~MISSED_ABOVE;
		if (commit > room - td->page_data)
			return damaged(td, cpu, page, "page claims more bytes than it has", commit);
		count_missed(td, page, room, word, commit);
		cpu->page += room;
		if (!commit)
			continue;
		ts = get64(page + td->page_ts);
		if (ts < cpu->ts)
			return damaged(td, cpu, page, "page begins before the event before it", ts);
		cpu->ts = ts;
		cpu->at = page + td->page_data;
		cpu->stop = cpu->at + commit;
		return 1;
	}
	return 0;
}

static inline int add_time(struct tracedat *td, struct td_cpu *cpu, uint64_t delta)
{
	if (__builtin_add_overflow(cpu->ts, delta, &cpu->ts))
		return damaged(td, cpu, cpu->at, "time runs over", delta);
	return 0;
}

static int set_time(struct tracedat *td, struct td_cpu *cpu, uint64_t stamp)
{
	uint64_t ts = stamp | (cpu->ts & STAMP_HIGH);

	/* As the kernel: the low bits may have run over since. */
	if (ts < cpu->ts && (cpu->ts & STAMP_HIGH))
		ts += UINT64_C(1) << STAMP_BITS;
	if (ts < cpu->ts)
		return damaged(td, cpu, cpu->at, "time runs backwards", ts);
	cpu->ts = ts;
	return 0;
}

/* An event that is no data: moves the time and goes behind it; 0 or -EBADMSG. */
static int skip_event(struct tracedat *td, struct td_cpu *cpu, uint32_t type, uint32_t delta)
{
	uint64_t left = (uint64_t)(cpu->stop - cpu->at), len = 8;
	uint32_t word;
	int err = 0;

	if (type == TYPE_PADDING && !delta) { /* nothing more on this page */
		cpu->at = cpu->stop;
		return 0;
	}
	if (left < 8)
		return damaged(td, cpu, cpu->at, "event longer than its page, bytes left", left);
	word = get32(cpu->at + 4);
	if (type == TYPE_TIME_EXTEND) {
		err = add_time(td, cpu, ((uint64_t)word << DELTA_BITS) + delta);
	} else if (type == TYPE_TIME_STAMP) {
		err = set_time(td, cpu, ((uint64_t)word << DELTA_BITS) + delta);
	} else {
		/* A discarded event; a delta of 1 only tells it from the end of the page. */
		len = ((uint64_t)word + 4 + 3) & ~UINT64_C(3);
		if (word < 4 || len > left)
			return damaged(td, cpu, cpu->at, "bad length of a discarded event", word);
		if (delta != 1)
			err = add_time(td, cpu, delta);
	}
	cpu->at += len;
	return err;
}

static int data_event(struct tracedat *td, struct td_cpu *cpu, uint32_t type, uint32_t delta)
{
	uint64_t left = (uint64_t)(cpu->stop - cpu->at);
	uint64_t head = 4, size = type * 4;
	uint16_t id;
	int err;

	if (type == TYPE_LONG) {
		uint32_t len = left < 8 ? 0 : get32(cpu->at + 4);

		if (len <= 4)
			return damaged(td, cpu, cpu->at, "bad length of an event", len);
		head = 8;
		size = ((uint64_t)len - 4 + 3) & ~UINT64_C(3);
	}
	if (head + size > left)
		return damaged(td, cpu, cpu->at, "event longer than its page", size);
	err = add_time(td, cpu, delta);
	if (err)
		return err;
	memcpy(&id, cpu->at + head, sizeof(id));
	cpu->ev = (struct td_event){
		.ts = cpu->ts,
		.file_off = (uint64_t)(cpu->at + head - td->data),
		.cpu = (uint32_t)(cpu - td->cpus),
		.type = id,
		.data = cpu->at + head,
		.size = (uint32_t)size,
	};
	cpu->at += head + size;
	return 1;
}

int td_cpu_next(struct tracedat *td, struct td_cpu *cpu)
{
	for (;;) {
		uint32_t word, type;
		int err;

		if (cpu->at == cpu->stop) {
			err = next_page(td, cpu);
			if (err <= 0)
				return err;
		}
		if (cpu->stop - cpu->at < 4)
			return damaged(td, cpu, cpu->at, "event longer than its page, bytes left",
				       (uint64_t)(cpu->stop - cpu->at));
		word = get32(cpu->at);
		type = word & 31;
		if (type <= TYPE_MAX_DATA)
			return data_event(td, cpu, type, word >> 5);
		err = skip_event(td, cpu, type, word >> 5);
		if (err)
			return err;
	}
}

/* Does the page at a file offset begin at or after ts? An empty one, whose time means nothing, does not. */
static bool begins_after(const struct tracedat *td, uint64_t page, uint64_t ts, bool *empty)
{
	const uint8_t *at = td->data + page;
	uint64_t word = td->page_commit_size == 8 ? get64(at + td->page_commit) : get32(at + td->page_commit);

	*empty = !(word & ~(MISSED_EVENTS | MISSED_STORED | MISSED_ABOVE));
	return !*empty && get64(at + td->page_ts) >= ts;
}

/* Pages are in the order of their times; of a damaged file it does not matter where one begins. */
void td_cpu_seek(const struct tracedat *td, struct td_cpu *cpu, uint64_t ts)
{
	uint64_t lo = 0, hi = (cpu->end - cpu->begin) / td->stride, back;
	bool empty;

	/* The last page that begins before ts: the one behind it has nothing earlier. */
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2, page = mid;

		while (!begins_after(td, cpu->begin + page * td->stride, ts, &empty) && empty && page + 1 < hi)
			page++;
		if (empty || begins_after(td, cpu->begin + page * td->stride, ts, &empty))
			hi = mid;
		else
			lo = page + 1;
	}
	back = lo ? lo - 1 : 0;
	cpu->page = cpu->begin + back * td->stride;
	cpu->dropped = cpu->page;
	cpu->at = cpu->stop = NULL;
	cpu->ts = 0;
}
