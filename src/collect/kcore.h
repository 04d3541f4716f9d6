/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads live kernel memory by virtual address, through /proc/kcore. */
#ifndef COLLECT_KCORE_H
#define COLLECT_KCORE_H

#include <stddef.h>
#include <stdint.h>

struct kcore_segment {
	uint64_t vaddr, size, file_off, paddr;
};

struct kcore {
	int fd;
	struct kcore_segment *segments;
	size_t count;
};

/* On any error *kc is safe to close. */
int kcore_open(const char *path, struct kcore *kc);
void kcore_close(struct kcore *kc);

/* Reads exactly size bytes at vaddr; -EFAULT when they lie in no one segment. */
int kcore_read(const struct kcore *kc, uint64_t vaddr, void *buf, size_t size);

#endif
