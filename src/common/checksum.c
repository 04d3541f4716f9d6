// SPDX-License-Identifier: GPL-2.0-only
#include "common/checksum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/file.h"

#define READ_SIZE (1 << 18)

static int update(XXH3_state_t *state, int fd, void *buf)
{
	for (;;) {
		ssize_t got = read(fd, buf, READ_SIZE);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : 0;
		XXH3_128bits_update(state, buf, (size_t)got);
	}
}

int checksum_file(const char *path, char text[CHECKSUM_TEXT])
{
	XXH3_state_t *state = XXH3_createState();
	void *buf = malloc(READ_SIZE);
	int err = state && buf ? 0 : -ENOMEM, fd = err ? -1 : file_open(path);

	if (!err && fd < 0)
		err = fd;
	if (!err) {
		XXH3_128bits_reset(state);
		err = update(state, fd, buf);
	}
	if (!err) {
		XXH128_hash_t h = XXH3_128bits_digest(state);

		snprintf(text, CHECKSUM_TEXT, "%016llx%016llx", (unsigned long long)h.high64,
			 (unsigned long long)h.low64);
	}
	if (fd >= 0)
		close(fd);
	free(buf);
	XXH3_freeState(state);
	return err;
}
