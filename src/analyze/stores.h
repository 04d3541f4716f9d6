/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The audit of a run: every store of marked payload that the emulator saw (audit.dat), beside the
 * copies that probes recorded.
 */
#ifndef ANALYZE_STORES_H
#define ANALYZE_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hashmap.h"

struct rundir;
struct flow;
struct tep_handle;

/* What was stored at one site, or, where there is none, by one instruction. */
struct stored_at {
	const struct site *site;
	uint64_t pc;
	char function[128]; /* "memcpy_orig+0x2c": that of pc, where there is no site */
	uint64_t seen, recorded; /* bytes */
	uint64_t own; /* bytes seen while the recorder's address space was in use: its own doing, unless recorded */
};

/* What was stored of the flows that bear one mark: one flow, unless several commands ran. */
struct stores_flow {
	uint32_t mark;
	struct stored_at *at;
	size_t count, cap;
	uint64_t seen, user; /* bytes that the kernel stored, and that programs did */
	bool closed; /* each store is a copy that is recorded, and each such copy was seen */
};

struct stores {
	bool present, whole; /* whole: the emulator wrote to its end */
	struct hashmap groups; /* of runs that only differ in address */
	struct stores_flow *flows;
	size_t count, cap;
};

/* Reads DIR/audit.dat, if there is one. 0 or -errno, with one line in why. */
int stores_load(struct stores *s, const struct rundir *run, char *why, size_t size);
void stores_free(struct stores *s);

/*
 * Finds out by which site, or by which function, by the symbols of the trace, each run was stored; takes
 * over what the flows' copies stored by the record, and judges. 0 or -ENOMEM.
 */
int stores_judge(struct stores *s, const struct rundir *run, struct tep_handle *tep, const struct flow *flows);

/* What was stored of a flow's payload; NULL: it was not audited. */
const struct stores_flow *stores_of(const struct stores *s, const struct flow *f);

/* The site or instruction by name. */
void stored_name(const struct stored_at *at, char *buf, size_t size);

#endif
