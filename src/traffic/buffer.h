/* SPDX-License-Identifier: GPL-2.0-only */
/* User buffers whose physical pages can be told: mapped, populated and locked. */
#ifndef TRAFFIC_BUFFER_H
#define TRAFFIC_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#define TF_BUFFER_PAGES 17 /* of a 4 KiB page: the largest UDP message and one over */

struct tf_buffer {
	void *va;
	size_t len;
};

struct tf_pages {
	size_t count;
	uint64_t pfn[TF_BUFFER_PAGES]; /* 0 where the kernel hides it */
};

/* Maps at least len bytes; 0 or -errno, of a size above TF_BUFFER_PAGES pages -E2BIG. */
int tf_buffer_map(struct tf_buffer *b, size_t len);
void tf_buffer_unmap(struct tf_buffer *b);

/* Reads the page frame numbers under b from /proc/self/pagemap. */
int tf_buffer_pages(const struct tf_buffer *b, struct tf_pages *pages);

#endif
