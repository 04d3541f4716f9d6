/* SPDX-License-Identifier: GPL-2.0-only */
/* What tells whether a file is still the one that was recorded. */
#ifndef COMMON_CHECKSUM_H
#define COMMON_CHECKSUM_H

#define CHECKSUM_TEXT 33 /* bytes of its text with the NUL */

/*
 * The XXH3 hash of a regular file's bytes, 128 bits, as 32 hex digits. It finds what changed by
 * accident or without care; it is no signature. 0 or -errno, as file_open.
 */
int checksum_file(const char *path, char text[CHECKSUM_TEXT]);

#endif
