/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole small files in and out. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads all of a file, /proc and tracefs included, into a NUL-terminated buffer that the caller
 * frees; *size may be NULL. Gives 0 or -errno, with *text NULL on an error: -EINVAL what is no
 * regular file, which may block or never end, -EFBIG what is larger than FILE_MAX.
 */
int file_read(const char *path, char **text, size_t *size);

#define FILE_MAX (UINT64_C(1) << 31)

/* What such an error means, in a few words. */
const char *file_strerror(int err);

/* Opens a regular file for reading: a descriptor, or -errno as file_read gives it. */
int file_open(const char *path);

/* Writes all of buf to fd, over short writes and EINTR. */
int file_write_all(int fd, const void *buf, size_t size);

#endif
