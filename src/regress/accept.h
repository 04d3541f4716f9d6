/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The accepted changes: a text that people review, one line per change, with the reason.
 *
 *	KERNEL FLOW WHAT LIMIT REASON...
 *
 * KERNEL and FLOW are shell patterns; WHAT is one of findings.def; LIMIT says up to where it is
 * accepted, "-" for wherever it goes.
 */
#ifndef REGRESS_ACCEPT_H
#define REGRESS_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

struct accept_line {
	char *kernel, *flow, *what, *limit, *reason;
	unsigned int number; /* in the file */
	bool used;
};

struct accepts {
	struct accept_line *lines;
	size_t count;
};

/* -EBADMSG, with the line named in *why, where a line is malformed; a missing file is an error. */
int accepts_load(const char *path, struct accepts *a, char *why, size_t size);
void accepts_free(struct accepts *a);

/* Gives the findings that a line accepts its reason. */
void accepts_apply(struct accepts *a, const char *kernel, const char *flow,
		   struct json_object *findings);

/* The line that would accept a finding, without a reason, to be freed; NULL: none would. */
char *accept_suggest(const char *kernel, const char *flow, struct json_object *finding);

#endif
