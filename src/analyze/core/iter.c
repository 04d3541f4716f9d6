// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/iter.h"

#include <errno.h>
#include <string.h>

#define SEGMENTS 4

static uint64_t word(const struct event *ev, unsigned int i)
{
	uint64_t v = 0;

	if (ev->array[A_seg] && ev->array_len[A_seg] >= (i + 1) * 8)
		memcpy(&v, ev->array[A_seg] + i * 8, 8);
	return v;
}

/* struct bio_vec: page, then length and offset of 4 bytes each (include/linux/bvec.h). */
static struct span bvec_segment(const struct rundir *run, const struct event *ev, unsigned int i)
{
	uint64_t second = word(ev, 2 * i + 1);

	return (struct span){false, rundir_page_va(run, word(ev, 2 * i), second >> 32),
			     second & 0xffffffff};
}

static int segment(const struct rundir *run, const struct event *ev, unsigned int i,
		   struct span *out)
{
	int type = (int)ev->v[F_itype];

	if (type == run->iter.ubuf) {
		*out = (struct span){true, ev->v[F_ibase], ev->v[F_ioff] + ev->v[F_icnt]};
		return i ? -EINVAL : 0;
	}
	if (type == run->iter.iovec)
		*out = (struct span){true, word(ev, 2 * i), word(ev, 2 * i + 1)};
	else if (type == run->iter.kvec)
		*out = (struct span){false, word(ev, 2 * i), word(ev, 2 * i + 1)};
	else if (type == run->iter.bvec)
		*out = bvec_segment(run, ev, i);
	else
		return -EINVAL;
	return 0;
}

int iter_spans(const struct rundir *run, const struct event *ev, uint64_t len, struct span *spans,
	       size_t *count)
{
	uint64_t skip = ev->v[F_ioff];

	*count = 0;
	for (unsigned int i = 0; len && i < SEGMENTS; i++) {
		struct span s;

		if (segment(run, ev, i, &s))
			return -EINVAL;
		if (skip >= s.len) {
			skip -= s.len;
			continue;
		}
		s.addr += skip;
		s.len -= skip;
		skip = 0;
		if (s.len > len)
			s.len = len;
		len -= s.len;
		spans[(*count)++] = s;
	}
	if (len)
		spans[(*count)++] = (struct span){iter_is_user(run, ev), 0, len};
	return 0;
}

/* The content is at base, or at the address that is at base; never at base plus offset. */
bool iter_sample(const struct rundir *run, const struct event *ev, uint64_t *sample)
{
	int type = (int)ev->v[F_itype];

	if (ev->v[F_ioff])
		return false;
	if (type == run->iter.ubuf)
		*sample = word(ev, 0);
	else if (type == run->iter.iovec || type == run->iter.kvec)
		*sample = ev->v[F_s];
	else
		return false;
	return true;
}

bool iter_is_user(const struct rundir *run, const struct event *ev)
{
	int type = (int)ev->v[F_itype];

	return type == run->iter.ubuf || type == run->iter.iovec;
}

bool iter_is_memory(const struct rundir *run, const struct event *ev)
{
	int type = (int)ev->v[F_itype];

	return iter_is_user(run, ev) || type == run->iter.kvec || type == run->iter.bvec;
}
