// SPDX-License-Identifier: GPL-2.0-only
#include "proofcheck/lifetime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FROM_DEVICE 2 /* include/linux/dma-direction.h */
#define SKBS_MAX 64

struct lifetime {
	const struct line *place;
	uint64_t addr, len;
	uint64_t born; /* when the bytes came there */
	uint64_t held; /* since when somebody has the memory: encryption changes only the bytes */
	uint64_t skbs[SKBS_MAX]; /* that share it with the first who had it */
	size_t skb_count;
	bool first_gone;
	uint64_t sent; /* the packet of which a device is given the bytes, or 0 */
	bool queued;   /* by a queue, whose driver frees the packet when it is given it back */
	bool read;     /* and has read them: they are on the wire */
};

static bool is_within(const struct line *p, uint64_t addr, uint64_t len)
{
	return !p->claim.tid && addr >= p->claim.addr && addr - p->claim.addr + len <= place_length(p);
}

/* The premise by which the bytes lay in the same memory before, or NULL. */
static const struct line *before(const struct check *c, const struct line *p)
{
	for (size_t i = 0; i < p->from_count; i++) {
		const struct line *q = &c->lines.items[p->from[i] - 1];

		if (is_place(q) && !p->claim.tid && is_within(q, p->claim.addr, place_length(p)))
			return q;
	}
	return NULL;
}

static void find_begin(const struct check *c, struct lifetime *t)
{
	bool same_bytes = true;

	for (const struct line *p = t->place; p; p = before(c, p)) {
		t->held = p->claim.since;
		if (same_bytes)
			t->born = p->claim.since;
		same_bytes &= p->rule && strcmp(p->rule, "transform") != 0;
	}
}

/* A driver that copied them to where its device reads at any time does not tell when it has. */
static void find_reader(const struct check *c, struct lifetime *t)
{
	const struct line *sent = premise_record(c, t->place, R_DEV_XMIT);

	if (!t->place->rule || strcmp(t->place->rule, "device-reads") != 0 || !sent)
		return;
	t->sent = record_get(&sent->cited->record, N_skb);
	t->queued = premise_record(c, t->place, R_DEV_OUT) != NULL;
	t->read = premise_record(c, t->place, R_DMA_ALLOC) != NULL;
}

int lifetimes_begin(struct lifetimes *ls, struct check *c, const struct line *l)
{
	*ls = (struct lifetimes){.c = c, .from = UINT64_MAX};
	ls->all = calloc(l->from_count, sizeof(*ls->all));
	if (!ls->all)
		return -ENOMEM;
	for (size_t i = 0; i < l->from_count; i++) {
		const struct line *p = &c->lines.items[l->from[i] - 1];
		struct lifetime *t = &ls->all[ls->count];

		if (!is_place(p))
			continue;
		ls->count++;
		t->place = p;
		t->addr = p->claim.addr;
		t->len = place_length(p);
		find_begin(c, t);
		find_reader(c, t);
		if (t->held < ls->from)
			ls->from = t->held;
	}
	return 0;
}

void lifetimes_free(struct lifetimes *ls)
{
	free(ls->all);
	*ls = (struct lifetimes){0};
}

static bool meets(const struct lifetime *t, uint64_t from, uint64_t to)
{
	return from < t->addr + t->len && t->addr < to;
}

static bool is_written(const struct lifetimes *ls, const struct lifetime *t, const struct record *r)
{
	struct move m[MOVES_MAX];
	unsigned int n = record_moves(&ls->c->world, r, m);

	for (unsigned int i = 0; i < n; i++)
		if (m[i].to_tid == t->place->claim.tid && meets(t, m[i].to, m[i].to + m[i].n))
			return true;
	return false;
}

static bool is_given_to_device(const struct lifetimes *ls, const struct lifetime *t, const struct record *r)
{
	struct buffer b[MOVES_MAX];
	unsigned int n;

	if (r->format->kind == R_DMA_MAP || r->format->kind == R_DMA_MAPPED)
		return record_get(r, N_dir) == FROM_DEVICE;
	n = r->format->kind == R_DEV_IN ? record_buffers(&ls->c->world, r, b) : 0;
	for (unsigned int i = 0; i < n; i++)
		if (meets(t, b[i].at, b[i].at + b[i].n))
			return true;
	return false;
}

static void share(struct lifetime *t, uint64_t skb)
{
	if (t->skb_count < SKBS_MAX)
		t->skbs[t->skb_count++] = skb;
}

/* One of them lets go. Was it the last? */
static bool let_go(struct lifetime *t, uint64_t skb)
{
	size_t i = 0;

	while (i < t->skb_count && t->skbs[i] != skb)
		i++;
	if (i < t->skb_count)
		t->skbs[i] = t->skbs[--t->skb_count];
	else
		t->first_gone = true;
	return t->first_gone && !t->skb_count;
}

/* What happens to memory that the record is about, whatever lies there. */
static const char *happens_to_memory(struct lifetime *t, const struct record *r)
{
	switch (r->format->kind) {
	case R_CLONE:
		share(t, record_get(r, N_skb));
		return NULL;
	case R_MORPH:
	case R_COALESCE:
		share(t, record_get(r, N_to));
		return NULL;
	case R_CONSUME:
	case R_DEFER_FREE:
	case R_DROP:
		return let_go(t, record_get(r, N_skb)) ? "freed" : NULL;
	case R_FILL:
		return "taken for another packet";
	case R_DMA_ALLOC:
	case R_DMA_FREE:
		return "a device's, or freed";
	default:
		return NULL;
	}
}

static const char *happens(struct lifetimes *ls, struct lifetime *t, const struct record *r)
{
	uint64_t ts = r->raw.ts, from, to;
	bool about = !t->place->claim.tid && record_memory(&ls->c->world, r, &from, &to) && meets(t, from, to);
	const char *how = NULL;

	if (t->sent && ts > t->place->claim.since)
		t->read |= t->queued ? r->format->kind == R_CONSUME && record_get(r, N_skb) == t->sent :
				       about && r->format->kind == R_DMA_UNMAP;
	if (t->read)
		return NULL;
	if (ts > t->held && about)
		how = happens_to_memory(t, r);
	if (how || ts <= t->born)
		return how;
	if (is_written(ls, t, r) || (about && (r->format->kind == R_PIO_IN || r->format->kind == R_ENCRYPT ||
					       r->format->kind == R_DECRYPT)))
		return "written again";
	if (!t->place->claim.tid && (about || r->format->kind == R_DEV_IN) && is_given_to_device(ls, t, r))
		return "given to a device to write";
	return NULL;
}

const struct line *lifetimes_end(struct lifetimes *ls, const struct record *r, const char **how)
{
	for (size_t i = 0; i < ls->count; i++) {
		struct lifetime *t = &ls->all[i];

		if (r->raw.ts >= t->place->until)
			continue;
		*how = happens(ls, t, r);
		if (*how)
			return t->place;
	}
	return NULL;
}
