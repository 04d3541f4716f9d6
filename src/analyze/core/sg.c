// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/sg.h"

#include <string.h>

#define PAGE_LINK_FLAGS 3ul /* include/linux/scatterlist.h: SG_CHAIN | SG_END */

static uint64_t word_at(const unsigned char *p, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, p, size);
	return value;
}

bool sg_spans(const struct rundir *run, const struct event *ev, struct span out[SG_MAX], size_t *count)
{
	const struct sg_layout *sg = &run->sg;
	const unsigned char *p = ev->array[A_sg];
	uint64_t have = p && sg->size ? ev->array_len[A_sg] / sg->size : 0, n = ev->v[F_n];

	*count = 0;
	for (uint64_t i = 0; i < n && i < have && i < SG_MAX; i++, p += sg->size) {
		uint64_t page = word_at(p, 8) & ~PAGE_LINK_FLAGS;

		out[(*count)++] = (struct span){
			false, rundir_page_va(run, page, word_at(p + sg->offset, 4)),
			word_at(p + sg->length, 4)};
	}
	return *count == n;
}
