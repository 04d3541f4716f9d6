/* SPDX-License-Identifier: GPL-2.0-only */
/* A proof being checked: its lines, the records they cite, and the rules. */
#ifndef PROOFCHECK_CHECK_H
#define PROOFCHECK_CHECK_H

#include "proofcheck/lines.h"
#include "proofcheck/names.h"
#include "proofcheck/proofcheck.h"
#include "proofcheck/record.h"

/* A record that a fact cites, and what went on around it in its thread or on its CPU. */
struct cited {
	struct record record;
	uint64_t call, receive, back; /* places of the system call's entry and return, and the receive's */
	uint64_t answers;	      /* the place of the record that it belongs to, as answers.h tells */
	uint64_t send;		      /* the place of the send that its thread is in, or 0 */
	uint64_t nth;		      /* of a send: how many the socket sent there before */
	unsigned char bytes[];
};

struct check {
	struct lines lines;
	struct world world;
	struct names names;
	struct tracedat *td;
	bool missed; /* the trace tells of lost events, or of copies that no probe saw */
	char *why;
	size_t size;
	bool all; /* lines that do not hold are listed in faults, and the others judged as well */
	struct proof_fault *faults;
	size_t fault_count, fault_cap;
};

/* Says what is wrong with a line; gives -EINVAL. */
int reject(struct check *c, const struct line *l, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Reads the trace and resolves every citation. */
int facts_resolve(struct check *c);

/* Does the line follow by its rule? */
int rule_apply(struct check *c, struct line *l);

/* The line a premise refers to, checked already; NULL: no premise has that meaning. */
struct line *premise(const struct check *c, const struct line *l, enum meaning meaning, size_t nth);
struct line *premise_record(const struct check *c, const struct line *l, enum record_kind kind);

/* Does the line say where bytes lie, and how many they are? */
static inline bool is_place(const struct line *p)
{
	return p->meaning == MEANS_LIES || p->meaning == MEANS_FRAME;
}

static inline uint64_t place_length(const struct line *p)
{
	return p->meaning == MEANS_FRAME ? p->claim.length : p->claim.to - p->claim.from;
}

/* Are all events on the memory of the line's premises among its facts? */
int rule_complete(struct check *c, struct line *l);
int rule_count(struct check *c, struct line *l);

/* The send whose message a count is of; NULL: no fact cites it. */
const struct line *count_send(const struct check *c, const struct line *count);

/* Sees every record of the trace in a span of time; nonzero ends it. */
int trace_each(struct check *c, uint64_t from, uint64_t to, int (*fn)(void *ctx, const struct record *r),
	       void *ctx);

#endif
