// SPDX-License-Identifier: GPL-2.0-only
#include "collect/kcore.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int pread_all(int fd, void *buf, size_t size, uint64_t off)
{
	char *p = buf;

	while (size) {
		ssize_t got = pread(fd, p, size, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EFAULT;
		p += got;
		off += (uint64_t)got;
		size -= (size_t)got;
	}
	return 0;
}

static int read_segments(struct kcore *kc, const Elf64_Ehdr *eh)
{
	Elf64_Phdr *ph = calloc(eh->e_phnum, sizeof(*ph));
	int err = -ENOMEM;

	kc->segments = calloc(eh->e_phnum, sizeof(*kc->segments));
	if (!ph || !kc->segments)
		goto out;
	err = pread_all(kc->fd, ph, eh->e_phnum * sizeof(*ph), eh->e_phoff);
	if (err)
		goto out;
	for (unsigned int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			kc->segments[kc->count++] = (struct kcore_segment){
				ph[i].p_vaddr, ph[i].p_memsz, ph[i].p_offset, ph[i].p_paddr};
out:
	free(ph);
	return err;
}

int kcore_open(const char *path, struct kcore *kc)
{
	Elf64_Ehdr eh;
	int err;

	memset(kc, 0, sizeof(*kc));
	kc->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (kc->fd < 0)
		return -errno;
	err = pread_all(kc->fd, &eh, sizeof(eh), 0);
	if (err)
		return err;
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_phentsize != sizeof(Elf64_Phdr))
		return -ENOEXEC;
	return read_segments(kc, &eh);
}

void kcore_close(struct kcore *kc)
{
	if (kc->fd > 0)
		close(kc->fd);
	free(kc->segments);
	memset(kc, 0, sizeof(*kc));
}

int kcore_read(const struct kcore *kc, uint64_t vaddr, void *buf, size_t size)
{
	for (size_t i = 0; i < kc->count; i++) {
		const struct kcore_segment *s = &kc->segments[i];

		if (vaddr >= s->vaddr && size <= s->size && vaddr - s->vaddr <= s->size - size)
			return pread_all(kc->fd, buf, size, s->file_off + (vaddr - s->vaddr));
	}
	return -EFAULT;
}
