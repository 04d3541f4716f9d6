// SPDX-License-Identifier: GPL-2.0-only
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Size is unknown in /proc, so the buffer doubles until a read gives nothing. */
static int read_fd(int fd, char **text, size_t *size)
{
	size_t room = 1 << 16, used = 0;
	char *buf = malloc(room);

	while (buf) {
		ssize_t got = read(fd, buf + used, room - used - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int err = -errno;

			free(buf);
			return err;
		}
		if (!got)
			break;
		used += (size_t)got;
		if (room - used < room / 4) {
			char *more = realloc(buf, room * 2);

			if (!more)
				free(buf);
			buf = more;
			room *= 2;
		}
	}
	if (!buf)
		return -ENOMEM;
	buf[used] = '\0';
	*text = buf;
	if (size)
		*size = used;
	return 0;
}

int file_read(const char *path, char **text, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	*text = NULL;
	if (fd < 0)
		return -errno;
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
