// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/custody.h"

#include <stdlib.h>

struct custody *custody_after(struct custody *prev, const struct custody *node)
{
	struct custody *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *node;
	c->refs = 1;
	c->prev = custody_get(prev);
	c->joint = false;
	c->base = NULL;
	return c;
}

static uint64_t newest(const struct custody *c)
{
	return c ? c->at.seq : 0;
}

struct custody *custody_joint(struct custody *top, uint64_t since, struct custody *base)
{
	struct custody *c;

	if (newest(top) <= since)
		return custody_get(base);
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->refs = 1;
	c->joint = true;
	c->at.seq = newest(base) > newest(top) ? newest(base) : newest(top);
	c->since = since;
	c->prev = custody_get(top);
	c->base = custody_get(base);
	return c;
}

struct custody *custody_get(struct custody *c)
{
	if (c)
		c->refs++;
	return c;
}

/* Without recursion along a chain or from joint to joint: they may be long. */
void custody_put(struct custody *c)
{
	while (c && !--c->refs) {
		struct custody *next = c->prev;

		if (c->joint) {
			custody_put(c->prev);
			next = c->base;
		}
		free(c);
		c = next;
	}
}

int custody_each(const struct custody *c, uint64_t floor, custody_fn fn, void *ctx)
{
	while (c && c->at.seq > floor) {
		int ret;

		if (!c->joint) {
			ret = fn(ctx, c);
			if (ret)
				return ret;
			c = c->prev;
			continue;
		}
		ret = custody_each(c->prev, c->since > floor ? c->since : floor, fn, ctx);
		if (ret)
			return ret;
		c = c->base;
	}
	return 0;
}

static int take_first(void *ctx, const struct custody *c)
{
	*(const struct custody **)ctx = c;
	return 1;
}

const struct custody *custody_last(const struct custody *c, uint64_t floor)
{
	const struct custody *last = NULL;

	custody_each(c, floor, take_first, &last);
	return last;
}
