/* SPDX-License-Identifier: GPL-2.0-only */
/* The finished analysis: what every kind of report is made from. */
#ifndef ANALYZE_ANALYSIS_H
#define ANALYZE_ANALYSIS_H

#include <stdio.h>

#include "analyze/core/engine.h"
#include "analyze/core/task.h"
#include "analyze/path/rxe.h"
#include "analyze/stores.h"
#include "analyze/trafficlog.h"

enum verdict { VERDICT_EXACT, VERDICT_AT_LEAST, VERDICT_UNLINKED };

struct analysis {
	struct rundir run;
	struct trafficlog log;
	struct stores stores;
	struct engine engine;
	uint64_t events, missed;
	bool missed_unknown;
	char problem[4400];
	bool run_caveat[CAVEATS]; /* that hold for every flow of the run */
};

/* Reads and analyzes a run folder. On an error r->problem says what is wrong, in one line. */
int analysis_load(struct analysis *r, const char *dir, uint64_t want_message);
/* The same, with a view for every piece of the message shown. */
int analysis_load_pieces(struct analysis *r, const char *dir, uint64_t want_message);
void analysis_free(struct analysis *r);

/*
 * The same in parts, for who has the events already: between begin and end they go into r->engine by
 * engine_event; after engine_free, begin may follow again. 0 or -errno.
 */
int analysis_open(struct analysis *r, const char *dir);
int analysis_begin(struct analysis *r, uint64_t want_message);
void analysis_end(struct analysis *r);

enum verdict flow_verdict(const struct analysis *r, const struct flow *f);
/* The worst of the flows selected. */
enum verdict run_verdict(const struct analysis *r, const char *pattern);
const char *verdict_name(enum verdict v);

/* What limits a flow's verdict, joined by "; ", or "". */
void flow_why(const struct analysis *r, const struct flow *f, char *buf, size_t size);

double flow_amplification(const struct flow *f);
double flow_emulated_amplification(const struct flow *f);

/* Bytes as a multiple of what was sent in the messages that were delivered. */
double flow_times(const struct flow *f, uint64_t bytes);

/* System calls that handed the payload over (sends, receives, doorbells) per message. */
double flow_calls(const struct flow *f);

/* How many of a region's recorded pages the process's pagemap had, too, by the traffic log. */
uint64_t region_agreed(const struct analysis *r, const struct rdma_region *g, const struct logged_pages *p);

/* Share of delivered bytes that chains explain, 0 to 1. */
double flow_accounted(const struct flow *f);

/* Share of copy hops whose content was sampled and agreed, 0 to 1. */
double flow_content(const struct flow *f);

/* Physical address behind an address of a step, or 0: unknown. */
uint64_t step_phys(const struct analysis *r, const struct flow *f, const struct step *s, bool dst);

/* May the module have copied bytes between two times that no probe saw? */
bool late_module_unseen(const struct late_module *m, uint64_t from, uint64_t to);

/* Did the flow send, by the log, and is nowhere in the trace? */
bool logged_absent(const struct logged *l);

bool flow_selected(const struct flow *f, const char *pattern);

/* rdma_counters.c; rdma_counters_moved: [{"dev", "port", "counters", "hw_counters"}…], by how much; the caller's. */
struct json_object *rdma_counters_moved(const struct rundir *run);
void rdma_counters_print(const struct rundir *run, FILE *out);

/* step.c: the code or holder behind a step. */
void step_where(const struct step *s, char *buf, size_t size);

#endif
