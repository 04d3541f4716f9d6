// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "analyze/engine.h"

#define SEGMENTS 4

static uint64_t word(const struct event *ev, unsigned int i)
{
	uint64_t v = 0;

	if (ev->array[A_seg] && ev->array_len[A_seg] >= (i + 1) * 8)
		memcpy(&v, ev->array[A_seg] + i * 8, 8);
	return v;
}

/* struct bio_vec: page, then length and offset of 4 bytes each (include/linux/bvec.h). */
static struct span bvec_segment(const struct engine *e, const struct event *ev, unsigned int i)
{
	uint64_t second = word(ev, 2 * i + 1);

	return (struct span){SPACE_KERNEL, rundir_page_va(e->run, word(ev, 2 * i), second >> 32),
			     second & 0xffffffff};
}

static int segment(const struct engine *e, const struct thread *t, const struct event *ev,
		   unsigned int i, struct span *out)
{
	int type = (int)ev->v[F_itype];

	if (i >= SEGMENTS)
		return -EINVAL;
	if (type == e->run->iter.ubuf) {
		*out = (struct span){t->buffers, ev->v[F_ibase], ev->v[F_ioff] + ev->v[F_icnt]};
		return i ? -EINVAL : 0;
	}
	if (type == e->run->iter.iovec)
		*out = (struct span){t->buffers, word(ev, 2 * i), word(ev, 2 * i + 1)};
	else if (type == e->run->iter.kvec)
		*out = (struct span){SPACE_KERNEL, word(ev, 2 * i), word(ev, 2 * i + 1)};
	else if (type == e->run->iter.bvec)
		*out = bvec_segment(e, ev, i);
	else
		return -EINVAL;
	return 0;
}

int iter_spans(const struct engine *e, const struct thread *t, const struct event *ev,
	       uint64_t len, struct span *spans, size_t *count)
{
	uint64_t skip = ev->v[F_ioff];

	*count = 0;
	for (unsigned int i = 0; len; i++) {
		struct span s;

		if (segment(e, t, ev, i, &s))
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
	return 0;
}

/* The content lies at base, or at the address that stands at base; never at base plus offset. */
bool iter_sample(const struct engine *e, const struct event *ev, uint64_t *sample)
{
	int type = (int)ev->v[F_itype];

	if (ev->v[F_ioff])
		return false;
	if (type == e->run->iter.ubuf)
		*sample = word(ev, 0);
	else if (type == e->run->iter.iovec || type == e->run->iter.kvec)
		*sample = ev->v[F_s];
	else
		return false;
	return true;
}
