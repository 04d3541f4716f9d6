/* SPDX-License-Identifier: GPL-2.0-only */
/* The numbered lines of a proof, taken apart but not yet believed. */
#ifndef PROOFCHECK_LINES_H
#define PROOFCHECK_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a line says once it has been checked. */
enum meaning { MEANS_NOTHING, MEANS_FACT, MEANS_LOOKUP, MEANS_LIES, MEANS_FRAME, MEANS_DELIVERED,
	       MEANS_COMPLETE, MEANS_COUNT };

/* Where bytes of the message lie, or, of a frame, what a device wrote; also what was delivered. */
struct claim {
	uint64_t from, to;    /* bytes of the message */
	uint64_t addr, since; /* of a frame, addr and length tell where it lies */
	uint64_t length;
	int tid; /* of a user's buffer, else 0 */
	uint64_t copies, emulated, dma, wire, transforms;
	char in[128];
	uint64_t xmit; /* place of the event that handed them to a driver */
	uint64_t send, receive; /* places of the calls at either end */
	uint64_t start, total;	/* of the message: when it was sent, and its bytes */
};

struct line {
	unsigned int number;
	bool fact;
	char *rule, *text; /* rule: NULL for facts; text: what stood in backticks */
	unsigned int *from;
	size_t from_count, from_cap;
	unsigned int row; /* in the file */
	enum meaning meaning;
	struct claim claim;
	struct cited *cited; /* of a fact */
	bool used;
	uint64_t until; /* of a place, while completeness is checked: the last time something follows */
	char *therefore; /* the row "**∴ …" behind a count */
	unsigned int heading; /* the number of that it stands under; 0: none */
};

/* "## NAME, message N" */
struct heading {
	char *name;
	uint64_t message;
	unsigned int row;
	bool proven; /* a count under it is of that message */
	bool remark; /* or it is said under it that there is none */
};

struct lines {
	char *text;
	struct line *items; /* the number n stands at n - 1 */
	size_t count, cap;
	struct heading *headings;
	size_t heading_count, heading_cap;
};

/* 0; -EINVAL: no such form, and why says where; -errno of the file. */
int lines_read(const char *path, struct lines *l, char *why, size_t size);

/* The same of a text of that length, malloc'ed, which becomes part of *l. */
int lines_parse(char *text, size_t length, struct lines *l, char *why, size_t size);
void lines_free(struct lines *l);

#endif
