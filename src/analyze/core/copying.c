// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/copying.h"

#include <stdlib.h>

#include "common/vec.h"

/*
 * The same byte, as sampled at an earlier hop while it was what it is now: transforms between the
 * two undo each other. *turns is how many transforms on the way are not undone, where none is found.
 */
static const struct content *sampled_before(const struct content *c, int *turns)
{
	const struct custody *held;
	const struct late *wire;
	uint64_t at = c->off;
	const struct content *from;

	*turns = c->turn;
	for (from = content_before(c, &at, &held, &wire); from;
	     from = content_before(from, &at, &held, &wire)) {
		if (from->sampled && at == from->off && !*turns)
			return from;
		*turns += from->turn;
	}
	return NULL;
}

/* Bytes 0 to 7 of a message are what tells it from others: they are kept for all its chains. */
void check_sample(struct content *c)
{
	struct message *m = c->msg;
	const struct content *before;
	int turns;

	if (!m || !c->sampled)
		return;
	if (c->len < 8) {
		c->sampled = false;
		return;
	}
	before = sampled_before(c, &turns);
	/* Encrypted, the bytes are not those of the message. */
	if (!before && turns) {
		c->sampled = false;
		return;
	}
	if (!before && !c->off && m->has_sample)
		c->checked = m->first_sample == c->sample;
	else
		c->checked = !before || before->sample == c->sample;
	if (!c->off && !m->has_sample) {
		m->first_sample = c->sample;
		m->has_sample = true;
	}
	if (!c->checked) {
		m->flow->mismatches++;
		message_caveat(m, CAVEAT_CONTENT);
	}
}

static int mark_recycled(void *ctx, const struct payload *p)
{
	if (p->msg != ctx)
		message_caveat(p->msg, CAVEAT_RECYCLED);
	return 0;
}

void check_overwrite(struct engine *e, const struct message *source, struct place dst, uint64_t len)
{
	/* A program may do with its own memory what it likes. */
	if (dst.space == SPACE_KERNEL)
		content_each(e->content, dst.space, dst.addr, len, mark_recycled, (void *)source);
}

static void count_copied(struct engine *e, const struct content *c)
{
	if (c->kind != HOP_COPY && c->kind != HOP_COPY_UNKNOWN)
		return;
	if (c->msg)
		c->msg->copied_bytes += c->len;
	else if (c->late)
		engine_check(e, late_copied(c->late, &(struct late_copy){c->off, c->off + c->len, c->site, true}));
}

static struct content *copied(struct engine *e, const struct content *like, const struct rm_piece *p,
			      struct custody *held, uint64_t dst)
{
	struct content *from = p->tag, *c;
	struct content new = *like;

	new.msg = from->msg;
	new.late = from->late;
	new.from = from;
	new.from_off = new.off = p->off;
	new.held = held;
	new.src = p->addr;
	new.dst = dst;
	new.len = p->len;
	new.sampled = like->sampled && p->addr == like->src && from->msg;
	c = content_make(e, &new);
	if (!c)
		return NULL;
	count_copied(e, c);
	check_sample(c);
	return c;
}

struct piece_list {
	struct rm_piece *pieces;
	size_t count, cap;
	int err;
};

static int list_piece(void *ctx, const struct rm_piece *p)
{
	struct piece_list *l = ctx;

	l->err = vec_reserve(&l->pieces, &l->cap, l->count + 1);
	if (l->err)
		return 1;
	l->pieces[l->count++] = *p;
	content_get(p->tag);
	return 0;
}

/* Source and destination may overlap: all of the source is seen before anything is written. */
static void move_pieces(struct engine *e, const struct content *like, struct piece_list *l,
			struct place src, struct place dst)
{
	bool held_by = l->count && src.space == SPACE_KERNEL;
	struct custody *held = held_by ? custody_at(e, l->pieces[0].addr) : NULL;

	for (size_t i = 0; i < l->count; i++) {
		struct rm_piece *p = &l->pieces[i];
		uint64_t to = dst.addr + (p->addr - src.addr);
		struct content *c = copied(e, like, p, held, to);

		if (c)
			engine_check(e, content_put_at(e->content, dst.space, to, c, p->off, p->len));
		content_put(c);
	}
	custody_put(held);
}

static int first_message(void *ctx, const struct payload *p)
{
	*(struct message **)ctx = p->msg;
	return 1;
}

uint64_t copy_within(struct engine *e, const struct content *like, struct place src,
		     struct place dst, uint64_t len)
{
	struct piece_list l = {0};
	struct message *source = NULL;
	uint64_t carried = 0;

	content_each(e->content, src.space, src.addr, len, first_message, &source);
	rangemap_walk(e->content, src.space, src.addr, len, list_piece, &l);
	if (l.err)
		e->err = -ENOMEM;
	check_overwrite(e, source, dst, len);
	engine_check(e, rangemap_clear(e->content, dst.space, dst.addr, len));
	move_pieces(e, like, &l, src, dst);
	for (size_t i = 0; i < l.count; i++) {
		carried += l.pieces[i].len;
		content_put(l.pieces[i].tag);
	}
	free(l.pieces);
	return carried;
}

void copy_from(struct engine *e, const struct content *like, struct content *from, uint64_t at,
	       uint64_t dst, uint64_t len)
{
	struct content new = *like, *c;

	check_overwrite(e, from->msg, (struct place){SPACE_KERNEL, dst}, len);
	new.msg = from->msg;
	new.late = from->late;
	new.from = from;
	new.from_off = new.off = at;
	new.src = from->dst ? from->dst + (at - from->off) : 0;
	new.src_user = from->dst_user;
	new.dst = dst;
	new.len = len;
	c = content_make(e, &new);
	if (!c)
		return;
	count_copied(e, c);
	check_sample(c);
	content_place(e, dst, c, at, len);
	content_put(c);
}
