/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole small files in and out. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>

/*
 * Reads all of a file, /proc and tracefs included, into a NUL-terminated buffer that the caller
 * frees; *size may be NULL. Gives 0 or -errno, with *text NULL on an error.
 */
int file_read(const char *path, char **text, size_t *size);

/* Writes all of buf to fd, over short writes and EINTR. */
int file_write_all(int fd, const void *buf, size_t size);

#endif
