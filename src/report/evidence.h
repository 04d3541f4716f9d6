/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of a trace that a report cites. A second pass over the trace picks them, so that memory
 * holds what is cited and no more.
 */
#ifndef REPORT_EVIDENCE_H
#define REPORT_EVIDENCE_H

#include <stdio.h>

#include "common/hashmap.h"
#include "analyze/analysis.h"

struct fact {
	struct event ev;
	const char *name; /* of the event in its file */
	struct tep_event *format;
	unsigned int line; /* where it is cited; 0: nowhere yet */
	struct td_event raw;
	unsigned char bytes[]; /* the record, to which ev and raw point */
};

/* The facts picked so far, in the order of the trace. */
struct evidence {
	struct tracedat *td;
	bool functions; /* show passes what the function tracer recorded, as EV_OTHER */
	struct event_table *table;
	struct fact **facts;
	size_t count, cap;
	struct hashmap by_place;
};

/*
 * Sees every event that the recorder knows; true: keep it. Of a function (where asked for) ip is its
 * address, and F_caller that of its caller, 0 where it was not recorded.
 */
typedef bool (*evidence_fn)(void *ctx, const struct event *ev);

int evidence_open(struct evidence *e, const struct analysis *r);

/*
 * Another pass over the trace, from one time to another; what is kept already is not kept twice.
 * 0 or -errno.
 */
int evidence_pass(struct evidence *e, uint64_t from, uint64_t to, evidence_fn fn, void *ctx);
void evidence_close(struct evidence *e);

/* The fact at a place in the file, or NULL. */
struct fact *evidence_at(const struct evidence *e, uint64_t file_off);

/* "from_iter cpu=1 ts=15395763603 offset=9422140 tid=189 dst=0x… len=128 …" */
void fact_print(const struct fact *f, FILE *out);

/* In a sentence: the event, when and where it was, the code it is in, and what counts of it. */
void fact_brief(const struct rundir *run, const struct fact *f, FILE *out);

/* A span [from, to) of kernel memory that an event is about. */
struct touch {
	uint64_t from, to;
};

#define TOUCHES_MAX 20

/* The kernel memory that an event reads, writes, hands on, maps or frees. Gives how many spans. */
size_t event_touches(const struct analysis *r, const struct event *ev, struct touch *out);

#endif
