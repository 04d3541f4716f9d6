// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/holder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/vec.h"

static void block_get(void *tag)
{
	((struct block *)tag)->refs++;
}

static void block_put(void *tag)
{
	struct block *b = tag;

	if (--b->refs)
		return;
	free(b->owners);
	free(b);
}

int holders_init(struct holders *hs, struct rangemap *content)
{
	static const struct rangemap_ops ops = {.get = block_get, .put = block_put};

	hs->content = content;
	hs->memory = rangemap_new(&ops);
	return hs->memory ? 0 : -ENOMEM;
}

void holders_free(struct holders *hs)
{
	if (hs->memory)
		holders_end(hs);
	rangemap_free(hs->memory);
	hs->memory = NULL;
}

struct holder *holder_new(struct holders *hs)
{
	struct holder *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->next = hs->all;
	h->link = &hs->all;
	if (h->next)
		h->next->link = &h->next;
	hs->all = h;
	return h;
}

static int take_block(void *ctx, const struct rm_piece *p)
{
	*(struct block **)ctx = p->tag;
	return 1;
}

struct block *block_within(const struct holders *hs, uint64_t addr, uint64_t len)
{
	struct block *b = NULL;

	rangemap_walk(hs->memory, SPACE_KERNEL, addr, len, take_block, &b);
	return b;
}

struct block *block_at(const struct holders *hs, uint64_t addr)
{
	return block_within(hs, addr, 1);
}

bool holder_has(const struct holder *h, const struct block *b)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->blocks[i] == b)
			return true;
	return false;
}

struct owner *block_owner(const struct block *b, const struct holder *h)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->owners[i].by == h)
			return &b->owners[i];
	return NULL;
}

struct holder *block_unnamed(const struct block *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->owners[i].by->unnamed)
			return b->owners[i].by;
	return NULL;
}

int holder_add(struct holder *h, struct block *b, uint64_t since, struct custody *base)
{
	if (block_owner(b, h))
		return 0;
	if (vec_reserve(&h->blocks, &h->cap, h->count + 1) ||
	    vec_reserve(&b->owners, &b->cap, b->count + 1))
		return -ENOMEM;
	h->blocks[h->count++] = b;
	b->owners[b->count++] = (struct owner){h, since, custody_get(base)};
	block_get(b);
	return 0;
}

/* The two lists no longer name each other; the block itself stays as it is. */
static void part(struct holder *h, struct block *b)
{
	for (size_t i = 0; i < b->count; i++) {
		if (b->owners[i].by != h)
			continue;
		custody_put(b->owners[i].base);
		memmove(&b->owners[i], &b->owners[i + 1], (--b->count - i) * sizeof(*b->owners));
		break;
	}
	for (size_t i = 0; i < h->count; i++) {
		if (h->blocks[i] != b)
			continue;
		memmove(&h->blocks[i], &h->blocks[i + 1], (--h->count - i) * sizeof(struct block *));
		if (h->head == b)
			h->head = NULL;
		block_put(b);
		break;
	}
}

struct inside {
	uint64_t addr, len;
	struct block *not, *found;
};

static int find_inside(void *ctx, const struct rm_piece *p)
{
	struct inside *in = ctx;
	struct block *b = p->tag;

	if (b == in->not || b->addr < in->addr || b->addr - in->addr > in->len ||
	    b->len > in->len - (b->addr - in->addr) || !b->count)
		return 0;
	in->found = b;
	return 1;
}

/* Whoever filled part of a head before it was known as such holds the head. */
static int absorb(struct block *into, struct block *b)
{
	while (b->count) {
		struct owner *o = &b->owners[0];
		struct holder *h = o->by;
		int err = holder_add(h, into, o->since, o->base);

		if (err)
			return err;
		if (!h->head && !h->weak)
			h->head = into;
		part(h, b);
	}
	return 0;
}

/* The map leads to b in all of its range, and smaller blocks there have become part of it. */
static int spread(struct holders *hs, struct block *b)
{
	struct rm_piece p = {.space = SPACE_KERNEL, .addr = b->addr, .len = b->len, .tag = b};
	struct inside in = {.addr = b->addr, .len = b->len, .not = b};

	while (rangemap_walk(hs->memory, SPACE_KERNEL, b->addr, b->len, find_inside, &in) == 1) {
		int err = absorb(b, in.found);

		if (err)
			return err;
	}
	return rangemap_insert(hs->memory, &p);
}

static struct block *block_new(struct holders *hs, uint64_t addr, uint64_t len)
{
	struct block *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return NULL;
	b->refs = 1;
	b->addr = addr;
	b->len = len;
	err = spread(hs, b);
	/* The map's reference keeps it. */
	block_put(b);
	return err ? NULL : b;
}

static int other_block(void *ctx, const struct rm_piece *p)
{
	return p->tag != ctx;
}

struct block *block_of(struct holders *hs, uint64_t addr, uint64_t len)
{
	struct block *b = block_at(hs, addr);

	if (!len || addr + len <= addr)
		return NULL;
	if (!b || b->addr != addr || (!b->count && b->len != len))
		return block_new(hs, addr, len);
	/* An end that moved: the same memory, taken for longer. */
	if (b->len >= len && !rangemap_walk(hs->memory, SPACE_KERNEL, addr, len, other_block, b))
		return b;
	b->len = b->len > len ? b->len : len;
	return spread(hs, b) ? NULL : b;
}

int holder_share(struct holder *h, const struct holder *other, uint64_t now)
{
	for (size_t i = 0; i < other->count; i++) {
		const struct owner *o = block_owner(other->blocks[i], other);
		int err = 0;
		struct custody *past = owner_custody(o, &err);

		if (!err)
			err = holder_add(h, other->blocks[i], now, past);
		custody_put(past);
		if (err)
			return err;
	}
	return 0;
}

static int doom_payload(void *ctx, const struct payload *p)
{
	const struct doom *d = ctx;

	p->msg->dropped_bytes += p->len;
	p->msg->drop_reason = d->reason;
	return 0;
}

static int find_own(void *ctx, const struct rm_piece *p)
{
	struct rm_piece *own = ctx;

	if (p->tag != own->tag)
		return 0;
	*own = *p;
	return 1;
}

/* What another block has taken of its memory since is that one's. */
static void free_memory(struct holders *hs, struct block *b, const struct doom *doom)
{
	struct rm_piece own = {.tag = b};

	while (rangemap_walk(hs->memory, SPACE_KERNEL, b->addr, b->len, find_own, &own) == 1) {
		if (doom->dropped)
			content_each(hs->content, SPACE_KERNEL, own.addr, own.len, doom_payload,
				     (void *)doom);
		if (rangemap_clear(hs->content, SPACE_KERNEL, own.addr, own.len) ||
		    rangemap_clear(hs->memory, SPACE_KERNEL, own.addr, own.len))
			break;
	}
}

static bool is_held(const struct block *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (!b->owners[i].by->weak)
			return true;
	return false;
}

static void free_holder(struct holder *h)
{
	*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	custody_put(h->custody);
	free(h->members);
	free(h->blocks);
	free(h);
}

/* Entries of queues end with the last block that they point to. */
static void end_entries(struct block *b)
{
	while (b->count) {
		struct holder *h = b->owners[0].by;

		part(h, b);
		if (!h->count)
			free_holder(h);
	}
}

void holder_drop(struct holders *hs, struct holder *h, struct block *b, const struct doom *doom)
{
	block_get(b);
	part(h, b);
	if (!is_held(b)) {
		end_entries(b);
		free_memory(hs, b, doom);
	}
	block_put(b);
}

void holder_end(struct holders *hs, struct holder *h, const struct doom *doom)
{
	while (h && h->count)
		holder_drop(hs, h, h->blocks[0], doom);
	if (h)
		free_holder(h);
}

void holders_end(struct holders *hs)
{
	static const struct doom over;

	while (hs->all)
		holder_end(hs, hs->all, &over);
}

void block_evict(struct block *b, const struct holder *but)
{
	for (size_t i = 0; i < b->count;) {
		if (b->owners[i].by == but || b->owners[i].by->weak)
			i++;
		else
			part(b->owners[i].by, b);
	}
}

struct custody *owner_custody(const struct owner *o, int *err)
{
	struct custody *c;

	if (!o->since)
		return custody_get(o->by->custody);
	c = custody_joint(o->by->custody, o->since, o->base);
	if (!c && (o->base || (o->by->custody && o->by->custody->at.seq > o->since)))
		*err = -ENOMEM;
	return c;
}

/* The last hand-off that concerns the bytes of this block. */
static const struct custody *last_of(const struct owner *o)
{
	const struct custody *c = custody_last(o->by->custody, o->since);

	return c || !o->since ? c : custody_last(o->base, 0);
}

const struct owner *block_newest(const struct block *b)
{
	const struct owner *newest = NULL;
	uint64_t seq = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct custody *last = last_of(&b->owners[i]);

		if (b->owners[i].by->weak || (newest && (!last || last->at.seq < seq)))
			continue;
		newest = &b->owners[i];
		seq = last ? last->at.seq : 0;
	}
	return newest;
}

const struct owner *block_queued(const struct block *b, uint64_t sk, enum hand hand)
{
	const struct owner *oldest = NULL;
	uint64_t seq = UINT64_MAX;

	for (size_t i = 0; i < b->count; i++) {
		const struct custody *last = last_of(&b->owners[i]);

		if (!last || last->sk != sk || last->holder != hand || b->owners[i].by->taken ||
		    last->at.seq >= seq)
			continue;
		oldest = &b->owners[i];
		seq = last->at.seq;
	}
	return oldest;
}

int holder_pass(struct holder *h, const struct custody *node)
{
	struct custody *c = custody_after(h->custody, node);

	if (!c)
		return -ENOMEM;
	custody_put(h->custody);
	h->custody = c;
	return 0;
}
