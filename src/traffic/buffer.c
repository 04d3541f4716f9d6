// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/msg.h"

#define PFN_MASK ((1ULL << 55) - 1)
#define PRESENT (1ULL << 63)

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

int tf_buffer_map(struct tf_buffer *b, size_t len)
{
	size_t page = page_size();

	b->va = NULL;
	b->len = (len + page - 1) / page * page;
	b->va = mmap(NULL, b->len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (b->va == MAP_FAILED) {
		b->va = NULL;
		return -errno;
	}
	/* A fork would have the next write go to a copy of the page. */
	if (madvise(b->va, b->len, MADV_DONTFORK))
		msg_note("MADV_DONTFORK: %s; pages may move", strerror(errno));
	memset(b->va, 0, b->len);
	if (mlock(b->va, b->len))
		msg_note("mlock of %zu bytes: %s; pages may move", b->len, strerror(errno));
	return 0;
}

void tf_buffer_unmap(struct tf_buffer *b)
{
	if (b->va)
		munmap(b->va, b->len);
	*b = (struct tf_buffer){0};
}

int tf_pages_init(struct tf_pages *pages, const struct tf_buffer *b)
{
	*pages = (struct tf_pages){.count = b->len / page_size()};
	pages->pfn = calloc(pages->count, sizeof(pages->pfn[0]));
	return pages->pfn ? 0 : -ENOMEM;
}

void tf_pages_free(struct tf_pages *pages)
{
	free(pages->pfn);
	*pages = (struct tf_pages){0};
}

int tf_buffer_pages(const struct tf_buffer *b, struct tf_pages *pages)
{
	size_t size = pages->count * sizeof(pages->pfn[0]);
	ssize_t got;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	got = pread(fd, pages->pfn, size, (uintptr_t)b->va / page_size() * sizeof(pages->pfn[0]));
	close(fd);
	if (got != (ssize_t)size) {
		memset(pages->pfn, 0, size);
		return got < 0 ? -errno : -EIO;
	}
	for (size_t i = 0; i < pages->count; i++)
		pages->pfn[i] = pages->pfn[i] & PRESENT ? pages->pfn[i] & PFN_MASK : 0;
	return 0;
}
