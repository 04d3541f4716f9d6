/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds whole run folders for tests of the analysis: run.json, sites.json, traffic.jsonl and a
 * trace.dat with the recorder's events, each told in a line of text.
 *
 *	struct mkrun *mk = mkrun_new();
 *	mkrun_site(mk, 0xffffffff81000010, "ip_generic_getfrag", "probed", "call");
 *	mkrun_event(mk, TID, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=%u s=%#lx", ...);
 *	mkrun_load(mk, &result);
 *	mkrun_free(mk);
 *
 * Every event is MKRUN_STEP ns after the one before. Any failure prints why and ends the program.
 */
#ifndef TESTS_MKRUN_H
#define TESTS_MKRUN_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/analysis.h"
#include "mktrace.h"

#define MKRUN_STEP 1000
#define MKRUN_PAGE_OFFSET UINT64_C(0xffff888000000000)
#define MKRUN_VMEMMAP UINT64_C(0xffffea0000000000)

/* The numbers of enum iter_type, which changed between kernels. */
enum { MKRUN_IOVEC_6_1 = 0, MKRUN_KVEC = 1, MKRUN_BVEC = 2, MKRUN_UBUF_6_1 = 6 };

struct mkrun {
	struct mktrace *trace;
	char dir[64];
	uint64_t ts;
	unsigned cpu; /* of the next events */
	/* What run.json will say. */
	int ubuf, iovec;
	bool sync_always, iommu, refused;
	int64_t lost;
	int pid; /* of the workload; 0: not told */
	const char *run_json, *sites_json, *traffic; /* whole texts in the place of those made */
	char *sites;
};

struct mkrun *mkrun_new(void);

/* Removes the folder too. */
void mkrun_free(struct mkrun *mk);

/*
 * "NAME FIELD=VALUE...": values are numbers; of an array of words, words joined by commas; of an
 * array of bytes, hex digits; of a string, the text. Fields left out are 0.
 */
void mkrun_event(struct mkrun *mk, int tid, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Adds a site to sites.json; the call is 5 bytes long. Status "emulates": probed, in a software device. */
void mkrun_site(struct mkrun *mk, uint64_t addr, const char *function, const char *status,
		const char *kind);

/* Writes the folder. */
void mkrun_write(struct mkrun *mk);

/* Writes it and analyzes it, which must succeed; analysis_free is the caller's. */
void mkrun_load(struct mkrun *mk, struct analysis *r);

uint64_t mkrun_page(uint64_t va); /* its struct page */
uint64_t mkrun_phys(uint64_t va);

#endif
