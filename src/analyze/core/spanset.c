// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/spanset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct spanset_range *ranges(struct spanset *s)
{
	return s->ranges ? s->ranges : &s->one;
}

static int grow(struct spanset *s)
{
	size_t cap = s->cap ? s->cap * 2 : 4;
	struct spanset_range *more = realloc(s->ranges, cap * sizeof(*more));

	if (!more)
		return -ENOMEM;
	if (!s->ranges && s->count)
		more[0] = s->one;
	s->ranges = more;
	s->cap = cap;
	return 0;
}

/* The first range that ends at or behind `at`: one that touches it is joined with it. */
static size_t first_touching(struct spanset *s, uint64_t at)
{
	const struct spanset_range *r = ranges(s);
	size_t lo = 0, hi = s->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r[mid].to < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int insert(struct spanset *s, size_t i, struct spanset_range new)
{
	struct spanset_range *r;

	if (s->count && s->count >= s->cap && grow(s))
		return -ENOMEM;
	r = ranges(s);
	memmove(&r[i + 1], &r[i], (s->count - i) * sizeof(*r));
	r[i] = new;
	s->count++;
	return 0;
}

int spanset_add(struct spanset *s, uint64_t from, uint64_t to, uint64_t *added)
{
	size_t i = first_touching(s, from), last = i;
	struct spanset_range *r = ranges(s);
	uint64_t had = 0;

	*added = 0;
	if (from >= to)
		return 0;
	if (i == s->count || r[i].from > to) {
		*added = to - from;
		return insert(s, i, (struct spanset_range){from, to});
	}
	for (; last < s->count && r[last].from <= to; last++) {
		had += r[last].to - r[last].from;
		from = r[last].from < from ? r[last].from : from;
		to = r[last].to > to ? r[last].to : to;
	}
	*added = to - from - had;
	r[i] = (struct spanset_range){from, to};
	memmove(&r[i + 1], &r[last], (s->count - last) * sizeof(*r));
	s->count -= last - i - 1;
	return 0;
}

void spanset_free(struct spanset *s)
{
	free(s->ranges);
	*s = (struct spanset){0};
}
