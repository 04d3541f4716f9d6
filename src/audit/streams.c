// SPDX-License-Identifier: GPL-2.0-only
#include "audit/streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mark.h"

#define LOOKS_LIKE_A_COPY 16u /* bytes */
#define NEAR 512u	      /* bytes of code */
#define OVERLAP 32u /* bytes that a copy may store twice at its end */

static int init_stream(struct stream *s, size_t context)
{
	s->bytes = malloc(2 * (size_t)STREAM_ROOM);
	s->context = calloc(1, context ? context : 1);
	return s->bytes && s->context ? 0 : -ENOMEM;
}

int streams_init(struct streams *ss, const struct streams_user *user)
{
	int err = 0;

	memset(ss, 0, sizeof(*ss));
	ss->user = user;
	for (size_t i = 0; i < STREAMS; i++) {
		ss->start[i] = 1;
		err = init_stream(&ss->stream[i], user->context_size) ?: err;
	}
	for (size_t i = 0; i < PIECES; i++) {
		ss->pieces[i].context = calloc(1, user->context_size ? user->context_size : 1);
		err = ss->pieces[i].context ? err : -ENOMEM;
	}
	for (size_t i = 0; i < ENDINGS; i++) {
		ss->endings[i].context = calloc(1, user->context_size ? user->context_size : 1);
		err = ss->endings[i].context ? err : -ENOMEM;
	}
	return err;
}

void streams_free(struct streams *ss)
{
	for (size_t i = 0; i < STREAMS; i++) {
		free(ss->stream[i].bytes);
		free(ss->stream[i].context);
	}
	for (size_t i = 0; i < PIECES; i++)
		free(ss->pieces[i].context);
	for (size_t i = 0; i < ENDINGS; i++)
		free(ss->endings[i].context);
}

/* ---- payload in a stream ---- */

static uint32_t number(const unsigned char *b)
{
	uint32_t v;

	memcpy(&v, b, sizeof(v));
	return v;
}

/* The n bytes before marked ones: how many of them are the head of the same message? */
static size_t head_in(const unsigned char *b, size_t n, uint32_t flow)
{
	const size_t magic = PAYLOAD_HEAD - PAYLOAD_MAGIC_AT, number_at = magic - 4, len_at = 4;

	if (n >= magic)
		return memcmp(b + n - magic, PAYLOAD_MAGIC, 4) ? 0 : n < PAYLOAD_HEAD ? n : PAYLOAD_HEAD;
	if (n >= number_at)
		return number(b + n - number_at) == flow ? n : 0;
	return n >= len_at && number(b + n - len_at) < STREAM_ROOM ? n : 0;
}

static size_t place_of(uint64_t end, size_t of)
{
	return (size_t)(end * 0x9e3779b97f4a7c15ULL >> 32) % of;
}

static const struct beginning *beginning_of(const struct streams *ss, uint64_t addr)
{
	const struct beginning *of[] = {&ss->likely[place_of(addr, LIKELY)],
					&ss->beginnings[place_of(addr, BEGINNINGS)]};

	for (size_t i = 0; i < 2; i++)
		if (of[i]->end == addr && of[i]->len)
			return of[i];
	return NULL;
}

/* Do four bytes in a row make a mark, at whatever phase? */
static bool holds_mark(const unsigned char *b, size_t n)
{
	for (size_t at = 0; memchr(b, 0xd3, n) && at + MARK_LEN <= n; at++) {
		unsigned char twice[2 * MARK_LEN];

		memcpy(twice, b + at, MARK_LEN);
		memcpy(twice + MARK_LEN, b + at, MARK_LEN);
		for (size_t phase = 0; phase < MARK_LEN; phase++)
			if (mark_is(twice + phase))
				return true;
	}
	return false;
}

/* Puts what an interrupt may have cut off in front of a stream again; gives how many bytes these are. */
static size_t put_beginning(const struct streams *ss, struct stream *s, uint64_t *start)
{
	const struct beginning *g = beginning_of(ss, *start);

	if (!g || g->len > s->from)
		return 0;
	s->from -= g->len;
	memcpy(s->bytes + s->from, g->bytes, g->len);
	*start -= g->len;
	return g->len;
}

static void remember_beginning(struct streams *ss, struct stream *s, uint64_t start, uint64_t end)
{
	struct beginning new = {.end = end}, *place;
	size_t len;

	/* One interrupt may come after the other. */
	if (end - start < sizeof(new.bytes))
		put_beginning(ss, s, &start);
	len = end - start;
	new.len = len < sizeof(new.bytes) ? len : sizeof(new.bytes);
	memcpy(new.bytes, s->bytes + s->from + len - new.len, new.len);
	place = holds_mark(new.bytes, new.len) ? &ss->likely[place_of(end, LIKELY)] :
						 &ss->beginnings[place_of(end, BEGINNINGS)];
	*place = new;
}

/* The first byte from `at` on that may begin a mark; n: none. */
static size_t next_mark(const unsigned char *b, size_t n, size_t at)
{
	static const unsigned char two[] = {0xd3, 0xb7};
	const unsigned char *p = at < n ? memmem(b + at, n - at, two, sizeof(two)) : NULL;

	return p ? (size_t)(p - b) : n;
}

static void tell(struct streams *ss, struct piece *p)
{
	if (!p->told)
		ss->user->payload(ss->user->ctx, p->context, p->flow, p->end - p->start);
	p->told = true;
}

/* next: how the mark goes on behind the end. */
static void remember_ending(struct streams *ss, uint64_t end, uint32_t flow, const unsigned char *next,
			    const void *context)
{
	struct ending *e = &ss->endings[place_of(end, ENDINGS)];

	e->end = end;
	e->flow = flow;
	memcpy(e->next, next, MARK_LEN);
	if (e->context != context)
		memcpy(e->context, context, ss->user->context_size);
}

/*
 * An interrupt may cut a copy in two, of which one half or both are too short to be known by themselves:
 * they are known by each other.
 */
static void add_piece(struct streams *ss, const struct stream *s, uint64_t start, uint64_t end,
		      const unsigned char *last, uint32_t flow, bool sure)
{
	struct piece *new = &ss->pieces[ss->next_piece];

	for (size_t i = 0; i < PIECES; i++) {
		struct piece *p = &ss->pieces[i];

		if (p->flow != flow || (p->end != start && p->start != end) || p->start == p->end)
			continue;
		sure |= p->told || end - start + p->end - p->start >= MARK_LEAST;
		if (sure)
			tell(ss, p);
	}
	new->start = start;
	new->end = end;
	new->flow = flow;
	new->told = false;
	memcpy(new->context, s->context, ss->user->context_size);
	if (sure) {
		tell(ss, new);
		remember_ending(ss, end, flow, last, new->context);
	}
	ss->next_piece = (ss->next_piece + 1) % PIECES;
}

/* n bytes at an address, of which the first were put in front as a beginning that may be another stream's. */
struct bytes {
	const unsigned char *b;
	size_t n, joint;
	uint64_t addr;
};

/*
 * Where the payload begins of which marked bytes at [from, ...) are known, behind what is done; whole: its
 * first mark is. What was put in front belongs to it if it ends with a head, or is nothing but mark.
 */
static size_t payload_from(const struct bytes *x, size_t done, size_t from, bool whole, uint32_t flow)
{
	size_t head = whole ? head_in(x->b + done, from - done, flow) : 0;

	if (done || from - head >= x->joint)
		return from - head;
	if (head >= PAYLOAD_HEAD - PAYLOAD_MAGIC_AT || (!from && x->joint >= MARK_LEN))
		return from - head;
	return from > x->joint ? from : x->joint;
}

static void find_payload(struct streams *ss, const struct stream *s, const struct bytes *x)
{
	const unsigned char *b = x->b;
	size_t done = 0;

	for (size_t at = next_mark(b, x->n, 0); at + MARK_LEN <= x->n; at = next_mark(b, x->n, at + 1)) {
		size_t from = at, to = at + MARK_LEN, start;

		if (at < done || !mark_is(b + at))
			continue;
		while (to < x->n && b[to] == b[to - MARK_LEN])
			to++;
		while (from > done && b[from - 1] == b[from - 1 + MARK_LEN])
			from--;
		if (to - from < 2 * MARK_LEN)
			continue;
		start = payload_from(x, done, from, from == at, mark_flow(b + at));
		add_piece(ss, s, x->addr + start, x->addr + to, b + to - MARK_LEN, mark_flow(b + at),
			  to - from >= MARK_LEAST);
		done = to;
		at = to - 1;
	}
}

/* Are they fewer bytes than make a mark, which go on with a piece that was cut off by an interrupt? */
static bool find_end(struct streams *ss, uint64_t addr, const unsigned char *b, size_t n)
{
	const struct ending *e = &ss->endings[place_of(addr, ENDINGS)];
	unsigned char next[MARK_LEN];

	if (n >= 2 * MARK_LEN || e->end != addr)
		return false;
	for (size_t i = 0; i < n; i++)
		if (b[i] != e->next[i % MARK_LEN])
			return false;
	for (size_t i = 0; i < MARK_LEN; i++)
		next[i] = e->next[(n + i) % MARK_LEN];
	ss->user->payload(ss->user->ctx, e->context, e->flow, n);
	remember_ending(ss, addr + n, e->flow, next, e->context);
	return true;
}

static void close_stream(struct streams *ss, unsigned int i)
{
	struct stream *s = &ss->stream[i];
	bool marked = s->marked;
	uint64_t start = ss->start[i], end = ss->end[i];

	if (s->is_copy && !marked && end > start && !find_end(ss, start, s->bytes + s->from, end - start))
		remember_beginning(ss, s, start, end);
	/* Whoever is told may end all streams, this one as well. */
	ss->start[i] = 1;
	ss->end[i] = 0;
	s->marked = false;
	if (marked) {
		size_t joint = put_beginning(ss, s, &start);

		find_payload(ss, s, &(struct bytes){s->bytes + s->from, end - start, joint, start});
	}
}

void streams_flush(struct streams *ss)
{
	for (unsigned int i = 0; i < STREAMS; i++)
		close_stream(ss, i);
}

/* ---- stores ---- */

/* In the bytes of a stream from one place to another, if nobody has found it before. */
static void look_for_mark(struct streams *ss, struct stream *s, const struct store *st, size_t from, size_t to)
{
	for (size_t at = from; !s->marked && at + 8 <= to; at++) {
		uint64_t v;

		memcpy(&v, s->bytes + at, sizeof(v));
		if (!mark_in(v))
			continue;
		s->marked = true;
		ss->user->found(ss->user->ctx, s, st);
	}
}

static void touch(struct streams *ss, struct stream *s, const struct store *st)
{
	s->pc = st->pc;
	s->size = st->size;
	s->calls = st->calls;
	s->used = ++ss->clock;
}

static void begin(struct streams *ss, unsigned int i, const struct store *st)
{
	struct stream *s = &ss->stream[i];

	close_stream(ss, i);
	ss->start[i] = st->addr;
	ss->end[i] = st->addr + st->size;
	s->from = STREAM_ROOM;
	memcpy(s->bytes + s->from, st->bytes, sizeof(st->bytes));
	touch(ss, s, st);
	s->first_pc = st->pc;
	s->is_copy = !st->stack;
	look_for_mark(ss, s, st, s->from, s->from + st->size);
}

static void append(struct streams *ss, unsigned int i, const struct store *st)
{
	struct stream *s = &ss->stream[i];
	size_t before = st->addr - ss->start[i], at = s->from + before;

	memcpy(s->bytes + at, st->bytes, st->size);
	ss->end[i] = st->addr + st->size;
	s->is_copy &= st->pc + NEAR > s->first_pc && st->pc < s->first_pc + NEAR;
	touch(ss, s, st);
	look_for_mark(ss, s, st, s->from + (before < 8 ? 0 : before - 7), at + st->size);
}

static void prepend(struct streams *ss, unsigned int i, const struct store *st)
{
	struct stream *s = &ss->stream[i];
	size_t len, seen = st->size + 7;

	ss->start[i] = st->addr;
	s->from -= st->size;
	len = ss->end[i] - ss->start[i];
	memcpy(s->bytes + s->from, st->bytes, st->size);
	s->is_copy &= st->pc == s->pc;
	touch(ss, s, st);
	look_for_mark(ss, s, st, s->from, s->from + (seen < len ? seen : len));
}

/* Does a store next to a stream of payload hold what the mark goes on with, upwards or downwards? */
static bool continues(const struct streams *ss, unsigned int i, const struct store *st)
{
	const struct stream *s = &ss->stream[i];
	const unsigned char *first = s->bytes + s->from, *last = first + (ss->end[i] - ss->start[i]) - MARK_LEN;
	bool up = st->addr == ss->end[i];

	for (unsigned int k = 0; k < st->size; k++)
		if (st->bytes[up ? k : st->size - 1 - k] !=
		    (up ? last[k % MARK_LEN] : first[MARK_LEN - 1 - k % MARK_LEN]))
			return false;
	return true;
}

/*
 * Goes a store on with what a stream began? Other functions may have run since, in an interrupt: then it
 * must be by the same instruction, or hold what the mark goes on with, and be called from the same place
 * where payload is known to be stored.
 */
static bool goes_on(const struct streams *ss, unsigned int i, const struct store *st)
{
	const struct stream *s = &ss->stream[i];

	if (st->calls == s->calls)
		return true;
	if (!s->marked)
		return st->pc == s->pc;
	return (st->pc == s->pc || continues(ss, i, st)) && ss->user->same(ss->user->ctx, s);
}

/* A copy may end with a store that reaches back over what it has stored. */
static bool overlaps(const struct streams *ss, unsigned int i, const struct store *st)
{
	return st->addr > ss->start[i] && st->addr < ss->end[i] && ss->end[i] - st->addr <= OVERLAP &&
	       st->calls == ss->stream[i].calls;
}

static bool repeats(const struct streams *ss, unsigned int i, const struct store *st)
{
	const struct stream *s = &ss->stream[i];

	return overlaps(ss, i, st) && st->addr + st->size <= ss->end[i] &&
	       !memcmp(s->bytes + s->from + (st->addr - ss->start[i]), st->bytes, st->size);
}

/* An emulator may store nothing first, to see whether it can: `ins` of QEMU does. */
static bool corrects(const struct streams *ss, unsigned int i, const struct store *st)
{
	const struct stream *s = &ss->stream[i];

	return st->pc == s->pc && st->size == s->size && st->calls == s->calls &&
	       st->addr + st->size == ss->end[i] && st->addr >= ss->start[i];
}

/* Whether the store, which touches the stream, went into it as what comes next, or as what is there already. */
static bool join_end(struct streams *ss, unsigned int i, const struct store *st)
{
	uint64_t end = st->addr + st->size;

	if (corrects(ss, i, st)) {
		append(ss, i, st);
		return true;
	}
	if (end <= ss->end[i])
		return repeats(ss, i, st);
	if (st->addr != ss->end[i] && !overlaps(ss, i, st))
		return false;
	if (ss->stream[i].from + (end - ss->start[i]) > 2 * (size_t)STREAM_ROOM || !goes_on(ss, i, st))
		return false;
	append(ss, i, st);
	return true;
}

/* The same for a copy that goes downwards. */
static bool join_start(struct streams *ss, unsigned int i, const struct store *st)
{
	if (st->addr + st->size != ss->start[i] || ss->stream[i].from < st->size || !goes_on(ss, i, st))
		return false;
	prepend(ss, i, st);
	return true;
}

/* The stream, of those near, that the store went into; STREAMS: none. */
static unsigned int join(struct streams *ss, unsigned int near, const struct store *st)
{
	bool (*const ways[])(struct streams *, unsigned int, const struct store *) = {join_end, join_start};

	for (size_t w = 0; w < 2; w++)
		for (unsigned int left = near; left; left &= left - 1) {
			unsigned int i = (unsigned int)__builtin_ctz(left);

			if (ways[w](ss, i, st))
				return i;
		}
	return STREAMS;
}

static void swap_streams(struct streams *ss, unsigned int a, unsigned int b)
{
	struct stream s = ss->stream[a];
	uint64_t start = ss->start[a], end = ss->end[a];

	ss->stream[a] = ss->stream[b];
	ss->start[a] = ss->start[b];
	ss->end[a] = ss->end[b];
	ss->stream[b] = s;
	ss->start[b] = start;
	ss->end[b] = end;
}

/* Is a stream to be given up before another? One without payload is, and what was left alone for longer. */
static bool goes_first(const struct stream *a, const struct stream *b)
{
	return a->marked != b->marked ? b->marked : a->used < b->used;
}

/* A stream that looks like a copy takes the place of another. */
static void keep(struct streams *ss, unsigned int i)
{
	unsigned int place = STREAMS_FRESH;

	for (unsigned int k = STREAMS_FRESH + 1; k < STREAMS; k++)
		if (goes_first(&ss->stream[k], &ss->stream[place]))
			place = k;
	close_stream(ss, place);
	swap_streams(ss, i, place);
}

/* The streams that a range is in or next to, a bit for each. */
static unsigned int touched(const struct streams *ss, uint64_t from, uint64_t to)
{
	unsigned int mask = 0;

	/* Every store of the machine comes by here. */
#pragma GCC unroll 8
	for (unsigned int i = 0; i < STREAMS; i++)
		mask |= (unsigned int)((from <= ss->end[i]) & (to >= ss->start[i])) << i;
	return mask;
}

void streams_store(struct streams *ss, const struct store *st)
{
	unsigned int near = touched(ss, st->addr, st->addr + st->size), in = near ? join(ss, near, st) : STREAMS;

	/* What is written again is another copy's. */
	for (unsigned int left = near; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		if (i != in && st->addr < ss->end[i] && st->addr + st->size > ss->start[i])
			close_stream(ss, i);
	}
	if (in == STREAMS) {
		begin(ss, ss->next, st);
		ss->next = (ss->next + 1) % STREAMS_FRESH;
	} else if (in < STREAMS_FRESH && ss->stream[in].is_copy && ss->end[in] - ss->start[in] >= LOOKS_LIKE_A_COPY) {
		keep(ss, in);
	}
}
