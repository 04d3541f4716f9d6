// SPDX-License-Identifier: GPL-2.0-only
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/vec.h"

#define READ_SIZE (1 << 16)

/* Files in /proc have no size: the buffer grows until a read gives nothing. */
static int read_fd(int fd, char **text, size_t *size)
{
	struct stat st;
	size_t cap = 0, used = 0;
	char *buf = NULL;
	ssize_t got;

	/* A sparse file need not be read to know. */
	if (!fstat(fd, &st) && (uint64_t)st.st_size > FILE_MAX)
		return -EFBIG;
	do {
		int err = vec_reserve(&buf, &cap, used + READ_SIZE);

		got = err ? -1 : read(fd, buf + used, cap - used - 1);
		if (got < 0 && (err || errno != EINTR)) {
			err = err ? err : -errno;
			free(buf);
			return err;
		}
		used += got > 0 ? (size_t)got : 0;
		if (used > FILE_MAX) {
			free(buf);
			return -EFBIG;
		}
	} while (got);
	buf[used] = '\0';
	*text = buf;
	if (size)
		*size = used;
	return 0;
}

int file_open(const char *path)
{
	/* A FIFO that nobody writes to must not hold us up here. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (!err)
		return fd;
	close(fd);
	return err;
}

const char *file_strerror(int err)
{
	if (err == -EINVAL)
		return "it is no regular file";
	return err == -EFBIG ? "it is too large" : strerror(-err);
}

int file_read(const char *path, char **text, size_t *size)
{
	int fd = file_open(path), err;

	*text = NULL;
	if (fd < 0)
		return fd;
	err = read_fd(fd, text, size);
	close(fd);
	return err;
}

int file_write_all(int fd, const void *buf, size_t size)
{
	const char *p = buf;

	while (size) {
		ssize_t put = write(fd, p, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		p += put;
		size -= (size_t)put;
	}
	return 0;
}
