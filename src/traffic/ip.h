/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands of iproute2, nftables and kmod, which know netlink and modules so that we need not. */
#ifndef TRAFFIC_IP_H
#define TRAFFIC_IP_H

#include <stddef.h>

/*
 * Runs `ip` with the words of the formatted line. Gives 0, or -errno with the command and
 * what it said in why.
 */
int tf_ip(char *why, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same for a whole line; package is where its program comes from. */
int tf_tool(char *why, size_t size, const char *package, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Runs the command with these lines on its standard input; why names the line that failed. */
int tf_tool_lines(char *why, size_t size, const char *package, const char *command,
		  const char *lines);

#endif
