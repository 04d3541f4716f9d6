/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that write proofs share. */
#ifndef REPORT_PROOF_PARTS_H
#define REPORT_PROOF_PARTS_H

#include "report/evidence.h"
#include "report/report.h"

/* A line that was written, and the kernel memory it speaks of, as long as it matters. */
struct region {
	unsigned int line;
	uint64_t from, to, since, until;
	int tid; /* whose user memory; 0: the kernel's */
};

/* What belongs to an event that a hop rests on. */
struct context {
	uint64_t at; /* the event's place */
	int tid;
	uint64_t syscall, fd_file; /* before it, of its thread */
	uint64_t receive, exit;	   /* the receive call around it, and its return */
	uint64_t map;		   /* of what a dma_map_ret answers, or of a buffer a device owns */
	uint64_t map_ret;
};

struct lines {
	unsigned int *items;
	size_t count, cap;
};

struct proof {
	struct analysis r;
	struct evidence evidence;
	FILE *out;
	unsigned int line; /* the last one written */
	char stuck[512];   /* what stopped a derivation */
	struct context *contexts;
	size_t context_count, context_cap;
	/* Of the derivation that is being written: */
	struct region *regions;
	size_t region_count, region_cap;
	struct lines derived;	/* what the completeness line rests on */
	struct lines delivered; /* and the conclusion */
};

/* proof_collect.c: picks the events that the chains of the selected flows rest on. */
int proof_collect(struct proof *p, const char *flow);
const struct context *proof_context(const struct proof *p, uint64_t at);
void proof_free(struct proof *p);

/* proof_lines.c: writes the derivation of pieces [from, to) of a flow's message. */
int prove_pieces(struct proof *p, const struct flow *f, size_t from, size_t to);

#endif
