// SPDX-License-Identifier: GPL-2.0-only
/* The two rules that close a proof: nothing on these address ranges was left out, and the count. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proofcheck/check.h"
#include "proofcheck/lifetime.h"

#define ULL(x) ((unsigned long long)(x))

struct search {
	struct check *c;
	const struct line *l;
	size_t events;
	struct record missing;
	bool found;
	struct lifetimes lives;
	const struct line *ended; /* a place whose bytes are gone before what follows from it */
	const char *how;
};

static bool meets(uint64_t from, uint64_t to, const struct claim *x, uint64_t length)
{
	return from < x->addr + length && x->addr < to;
}

/* Is the record about the memory of a place, while the place matters? */
static bool is_about(const struct check *c, const struct record *r, const struct line *place)
{
	const struct claim *x = &place->claim;
	uint64_t length = place_length(place), from, to;
	struct buffer b[MOVES_MAX];
	struct move m[MOVES_MAX];
	unsigned int n;

	if (r->raw.ts < x->since || r->raw.ts > place->until)
		return false;
	if (!x->tid && record_memory(&c->world, r, &from, &to) && meets(from, to, x, length))
		return true;
	n = x->tid ? 0 : record_buffers(&c->world, r, b);
	for (unsigned int i = 0; i < n; i++)
		if (meets(b[i].at, b[i].at + b[i].n, x, length))
			return true;
	n = record_moves(&c->world, r, m);
	for (unsigned int i = 0; i < n; i++) {
		if (m[i].from_tid == x->tid && meets(m[i].from, m[i].from + m[i].n, x, length))
			return true;
		if (m[i].to_tid == x->tid && meets(m[i].to, m[i].to + m[i].n, x, length))
			return true;
	}
	return false;
}

static bool is_cited(const struct search *s, const struct record *r)
{
	struct line *p;

	for (size_t i = 0; (p = premise(s->c, s->l, MEANS_FACT, i)); i++)
		if (p->cited->record.raw.file_off == r->raw.file_off)
			return true;
	return false;
}

static int see(void *ctx, const struct record *r)
{
	struct search *s = ctx;

	s->ended = lifetimes_end(&s->lives, r, &s->how);
	if (s->ended) {
		s->missing = *r;
		return -EINVAL;
	}
	for (size_t i = 0; i < s->l->from_count; i++) {
		const struct line *p = &s->c->lines.items[s->l->from[i] - 1];

		if (!is_place(p) || !is_about(s->c, r, p))
			continue;
		s->events++;
		if (is_cited(s, r))
			return 0;
		s->missing = *r;
		s->found = true;
		return -EINVAL;
	}
	return 0;
}

/* A place matters from when the bytes came there until the last of what follows from it here. */
static void set_times(struct check *c, const struct line *l)
{
	for (size_t i = 0; i < l->from_count; i++)
		c->lines.items[l->from[i] - 1].until = c->lines.items[l->from[i] - 1].claim.since;
	for (size_t i = 0; i < l->from_count; i++) {
		const struct line *next = &c->lines.items[l->from[i] - 1];

		for (size_t k = 0; k < next->from_count && next->meaning != MEANS_FACT; k++) {
			struct line *p = &c->lines.items[next->from[k] - 1];

			if (is_place(p) && next->claim.since > p->until)
				p->until = next->claim.since;
		}
	}
}

int rule_complete(struct check *c, struct line *l)
{
	struct search s = {.c = c, .l = l};
	size_t places = 0, facts = 0, delivered = 0;
	uint64_t from = UINT64_MAX, to = 0;
	char text[128];
	int err;

	for (size_t i = 0; i < l->from_count; i++) {
		const struct line *p = &c->lines.items[l->from[i] - 1];

		places += is_place(p);
		facts += p->meaning == MEANS_FACT;
		delivered += p->meaning == MEANS_DELIVERED;
	}
	if (places + facts + delivered != l->from_count)
		return reject(c, l, "it takes places where bytes lie, deliveries, and facts");
	set_times(c, l);
	for (size_t i = 0; i < l->from_count; i++) {
		const struct line *p = &c->lines.items[l->from[i] - 1];

		if (!is_place(p))
			continue;
		from = p->claim.since < from ? p->claim.since : from;
		to = p->until > to ? p->until : to;
	}
	err = lifetimes_begin(&s.lives, c, l);
	if (!err)
		err = trace_each(c, s.lives.from < from ? s.lives.from : from, to, see, &s);
	lifetimes_free(&s.lives);
	if (s.ended)
		return reject(c, l, "the memory of line %u is %s by %s at offset %llu", s.ended->number, s.how,
			      s.missing.format->name, ULL(s.missing.raw.file_off));
	if (s.found)
		return reject(c, l, "it leaves out %s at offset %llu, which is about the same memory",
			      s.missing.format->name, ULL(s.missing.raw.file_off));
	if (err)
		return err;
	if (s.events != facts)
		return reject(c, l, "%zu events are about that memory, and it cites %zu", s.events, facts);
	snprintf(text, sizeof(text), "complete places=%zu events=%zu", places, s.events);
	l->meaning = MEANS_COMPLETE;
	return strcmp(text, l->text) ? reject(c, l, "what follows is: %s", text) : 0;
}

static bool leans_on(const struct line *l, unsigned int number)
{
	for (size_t i = 0; i < l->from_count; i++)
		if (l->from[i] == number)
			return true;
	return false;
}

/* Everything that a delivery rests on must be among what is complete. */
static const struct line *left_out(const struct check *c, const struct line *l, const struct line *complete)
{
	for (size_t i = 0; i < l->from_count; i++) {
		const struct line *p = &c->lines.items[l->from[i] - 1], *bad;

		if (is_place(p) && !leans_on(complete, p->number))
			return p;
		bad = left_out(c, p, complete);
		if (bad)
			return bad;
	}
	return NULL;
}

static int by_first_byte(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* The deliveries, in order of their bytes, when they are of one message and one receive. */
static int gather(struct check *c, struct line *l, struct claim *all, size_t *count, struct line **complete)
{
	*count = 0;
	*complete = premise(c, l, MEANS_COMPLETE, 0);
	for (size_t i = 0; i < l->from_count; i++) {
		const struct line *p = &c->lines.items[l->from[i] - 1];

		if (p->meaning == MEANS_DELIVERED)
			all[(*count)++] = p->claim;
		else if (p != *complete)
			return reject(c, l, "it takes deliveries and one completeness");
	}
	if (!*complete || !*count)
		return reject(c, l, "it takes deliveries and one completeness");
	for (size_t i = 0; i < l->from_count; i++) {
		const struct line *p = &c->lines.items[l->from[i] - 1];
		const struct line *bad = p->meaning == MEANS_DELIVERED ? left_out(c, p, *complete) : NULL;

		if (p->meaning == MEANS_DELIVERED && !leans_on(*complete, p->number))
			bad = p;
		if (bad)
			return reject(c, l, "the completeness is not of line %u", bad->number);
	}
	qsort(all, *count, sizeof(*all), by_first_byte);
	for (size_t i = 1; i < *count; i++)
		if (all[i].send != all[0].send || all[i].receive != all[0].receive)
			return reject(c, l, "its deliveries are of several messages or calls");
	return 0;
}

static int cover(struct check *c, struct line *l, const struct claim *all, size_t count)
{
	uint64_t at = 0;

	for (size_t i = 0; i < count; i++) {
		if (all[i].from != at)
			return reject(c, l, "byte %llu is delivered %s", ULL(at < all[i].from ? at : all[i].from),
				      at < all[i].from ? "by none of its lines" : "twice");
		at = all[i].to;
	}
	if (at != all[0].total && !all[0].length)
		return reject(c, l, "the message has %llu bytes, not %llu", ULL(all[0].total), ULL(at));
	return 0;
}

struct span_of {
	uint64_t min, max;
};

static void widen(struct span_of *s, uint64_t v, bool first)
{
	s->min = first || v < s->min ? v : s->min;
	s->max = first || v > s->max ? v : s->max;
}

/* The sentence behind the count: "**∴ [at least ]N[ to M] copies** of each of the B bytes." */
static int check_sentence(struct check *c, struct line *l, struct span_of copies, uint64_t bytes, bool sure)
{
	char want[128];

	if (copies.min == copies.max)
		snprintf(want, sizeof(want), "%s%llu copies** of each of the %llu bytes.", sure ? "" : "at least ",
			 ULL(copies.min), ULL(bytes));
	else
		snprintf(want, sizeof(want), "%s%llu to %llu copies** of each of the %llu bytes.",
			 sure ? "" : "at least ", ULL(copies.min), ULL(copies.max), ULL(bytes));
	if (!l->therefore || strcmp(l->therefore, want) != 0)
		return reject(c, l, "what follows is: **\xe2\x88\xb4 %s", want);
	return 0;
}

const struct line *count_send(const struct check *c, const struct line *count)
{
	for (size_t i = 0; i < c->lines.count; i++)
		if (c->lines.items[i].fact && c->lines.items[i].cited->record.raw.file_off == count->claim.send)
			return &c->lines.items[i];
	return NULL;
}

int rule_count(struct check *c, struct line *l)
{
	struct span_of copies = {0}, emulated = {0}, dma = {0}, wires = {0}, transforms = {0};
	uint64_t end = 0;
	bool sure;
	const struct line *send;
	struct line *complete;
	struct claim *all = calloc(l->from_count, sizeof(*all));
	size_t count = 0;
	char text[512];
	uint64_t bytes;
	int err = all ? gather(c, l, all, &count, &complete) : -ENOMEM;

	if (!err)
		err = cover(c, l, all, count);
	for (size_t i = 0; i < count && !err; i++) {
		end = all[i].since > end ? all[i].since : end;
		widen(&copies, all[i].copies, !i);
		widen(&emulated, all[i].emulated, !i);
		widen(&dma, all[i].dma, !i);
		widen(&wires, all[i].wire, !i);
		widen(&transforms, all[i].transforms, !i);
	}
	if (err) {
		free(all);
		return err;
	}
	sure = !c->missed && world_is_sure(&c->world, all[0].start, end);
	bytes = all[count - 1].to;
	l->claim.send = all[0].send;
	send = count_send(c, l);
	snprintf(text, sizeof(text), "message thread=%d sent=%llu bytes=%llu %s copies=%llu..%llu "
		 "emulated=%llu..%llu dma=%llu..%llu wire=%llu..%llu",
		 send ? record_tid(&send->cited->record) : 0, ULL(all[0].start), ULL(bytes),
		 sure ? "exactly" : "at-least", ULL(copies.min), ULL(copies.max), ULL(emulated.min),
		 ULL(emulated.max), ULL(dma.min), ULL(dma.max), ULL(wires.min), ULL(wires.max));
	if (transforms.max)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " transforms=%llu..%llu",
			 ULL(transforms.min), ULL(transforms.max));
	free(all);
	l->meaning = MEANS_COUNT;
	l->used = true;
	if (strcmp(text, l->text) != 0)
		return reject(c, l, "what follows is: %s", text);
	return check_sentence(c, l, copies, bytes, sure);
}
