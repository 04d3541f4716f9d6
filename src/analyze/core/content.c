// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/content.h"

#include <errno.h>
#include <stdlib.h>

#include "common/vec.h"

struct content *content_new(const struct content *like)
{
	struct content *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *like;
	c->refs = 1;
	c->booked = (struct spanset){0};
	message_get(c->msg);
	late_get(c->late);
	content_get(c->from);
	custody_get(c->held);
	return c;
}

struct content *content_get(struct content *c)
{
	if (c)
		c->refs++;
	return c;
}

/* From the newest node on, without recursion: chains may be long. */
void content_put(struct content *c)
{
	while (c && !--c->refs) {
		struct content *from = c->from;

		message_put(c->msg);
		late_put(c->late);
		custody_put(c->held);
		spanset_free(&c->booked);
		free(c);
		c = from;
	}
}

struct late *late_new(void)
{
	struct late *l = calloc(1, sizeof(*l));

	if (l)
		l->refs = 1;
	return l;
}

int late_add(struct late *l, const struct late_piece *p)
{
	if (vec_reserve(&l->pieces, &l->cap, l->count + 1))
		return -ENOMEM;
	l->pieces[l->count++] = *p;
	message_get(p->msg);
	content_get(p->from);
	custody_get(p->held);
	return 0;
}

struct late *late_get(struct late *l)
{
	if (l)
		l->refs++;
	return l;
}

void late_put(struct late *l)
{
	if (!l || --l->refs)
		return;
	for (size_t i = 0; i < l->count; i++) {
		message_put(l->pieces[i].msg);
		content_put(l->pieces[i].from);
		custody_put(l->pieces[i].held);
	}
	free(l->pieces);
	free(l->copied);
	free(l);
}

static int account(const struct late *l, const struct late_copy *copy)
{
	int err = 0;

	for (size_t i = 0; !err && i < l->count; i++) {
		const struct late_piece *p = &l->pieces[i];
		uint64_t start = p->at > copy->from ? p->at : copy->from;
		uint64_t end = p->at + p->len < copy->to ? p->at + p->len : copy->to;

		if (start >= end)
			continue;
		p->msg->copied_bytes += copy->counts ? end - start : 0;
		if (copy->site)
			err = flow_add_stored(p->msg->flow, copy->site, end - start);
	}
	return err;
}

int late_copied(struct late *l, const struct late_copy *copy)
{
	if (l->known)
		return account(l, copy);
	if (vec_reserve(&l->copied, &l->copied_cap, l->copied_count + 1))
		return -ENOMEM;
	l->copied[l->copied_count++] = *copy;
	return 0;
}

int late_settle(struct late *l, const struct stamp *at)
{
	int err = 0;

	l->known = true;
	l->at = *at;
	for (size_t i = 0; !err && i < l->copied_count; i++)
		err = account(l, &l->copied[i]);
	free(l->copied);
	l->copied = NULL;
	l->copied_count = l->copied_cap = 0;
	return err;
}

const struct late_piece *late_at(const struct late *l, uint64_t at)
{
	for (size_t i = 0; l->known && i < l->count; i++)
		if (at >= l->pieces[i].at && at - l->pieces[i].at < l->pieces[i].len)
			return &l->pieces[i];
	return NULL;
}

struct content *content_before(const struct content *c, uint64_t *at, const struct custody **held,
			       const struct late **wire)
{
	const struct late_piece *p;

	*wire = NULL;
	*held = c->held;
	if (c->from) {
		*at = c->from_off + (*at - c->off);
		return c->from;
	}
	p = c->late ? late_at(c->late, *at) : NULL;
	if (!p || !p->from)
		return NULL;
	*held = p->held;
	*wire = c->late;
	*at = p->from_at + (*at - p->at);
	return p->from;
}

struct resolving {
	payload_fn fn;
	void *ctx;
};

/* The part of a frame's piece that lies in [at, at + len), at the addresses of p. */
static int show_late(const struct resolving *r, const struct rm_piece *p, const struct late_piece *l)
{
	uint64_t from = l->at > p->off ? l->at : p->off;
	uint64_t l_end = l->at + l->len, p_end = p->off + p->len;
	uint64_t end = l_end < p_end ? l_end : p_end;

	if (from >= end)
		return 0;
	return r->fn(r->ctx, &(struct payload){p->addr + (from - p->off), end - from, l->msg,
					       l->off + (from - l->at), p->tag, from});
}

static int resolve(void *ctx, const struct rm_piece *p)
{
	const struct resolving *r = ctx;
	struct content *c = p->tag;
	int ret = 0;

	if (c->msg)
		return r->fn(r->ctx, &(struct payload){p->addr, p->len, c->msg, p->off, c, p->off});
	for (size_t i = 0; c->late && c->late->known && i < c->late->count && !ret; i++)
		ret = show_late(r, p, &c->late->pieces[i]);
	return ret;
}

int content_each(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len, payload_fn fn,
		 void *ctx)
{
	struct resolving r = {fn, ctx};

	return rangemap_walk(map, space, addr, len, resolve, &r);
}

static int found(void *ctx, const struct payload *p)
{
	(void)ctx;
	(void)p;
	return 1;
}

bool content_has_payload(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len)
{
	return content_each(map, space, addr, len, found, NULL) == 1;
}

int content_put_at(struct rangemap *map, uint32_t space, uint64_t addr, struct content *c,
		   uint64_t at, uint64_t len)
{
	/* Origins only tell the map which neighbours continue each other; the tags do that, too. */
	struct rm_piece p = {.space = space, .addr = addr, .len = len, .off = at, .tag = c};

	return rangemap_insert(map, &p);
}

static void tag_get(void *tag)
{
	content_get(tag);
}

static void tag_put(void *tag)
{
	content_put(tag);
}

struct rangemap *content_map_new(void)
{
	static const struct rangemap_ops ops = {.get = tag_get, .put = tag_put};

	return rangemap_new(&ops);
}
