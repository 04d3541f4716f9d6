/* SPDX-License-Identifier: GPL-2.0-only */
/* User buffers whose physical pages can be told: mapped, populated and locked. */
#ifndef TRAFFIC_BUFFER_H
#define TRAFFIC_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct tf_buffer {
	void *va;
	size_t len;
};

struct tf_pages {
	size_t count;
	uint64_t *pfn; /* 0 where the kernel hides it; NULL where nobody looked */
};

/* Maps at least len bytes; 0 or -errno. */
int tf_buffer_map(struct tf_buffer *b, size_t len);
void tf_buffer_unmap(struct tf_buffer *b);

/* Makes room for the page frame numbers under b; 0 or -ENOMEM. */
int tf_pages_init(struct tf_pages *pages, const struct tf_buffer *b);
void tf_pages_free(struct tf_pages *pages);

/* Reads them from /proc/self/pagemap. */
int tf_buffer_pages(const struct tf_buffer *b, struct tf_pages *pages);

#endif
