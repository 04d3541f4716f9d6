/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that write proofs share. */
#ifndef REPORT_PROOF_PARTS_H
#define REPORT_PROOF_PARTS_H

#include "proofcheck/form.h"
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
	uint64_t given;		   /* of what a dev_done answers */
	uint64_t found;		   /* the frame of which the driver made the packet that it hands up */
	uint64_t memory;	   /* a device's, that a copy reads or writes */
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
	const char *rule;  /* of the line that is being written */
	char stuck[512];   /* what stopped a derivation */
	enum proof_remark remark;
	struct context *contexts;
	size_t context_count, context_cap;
	/* Of the derivation that is being written: */
	struct region *regions;
	size_t region_count, region_cap;
	struct lines derived;	/* what the completeness line rests on */
	struct lines delivered; /* and the conclusion */
};

/* Where some bytes of the message are known to lie, and by which line. */
struct state {
	unsigned int line;
	uint64_t from, to, addr, since;
	int tid; /* of a user's buffer, else 0 */
	unsigned int copies, emulated, dma, wire, transforms;
	char in[96];
	uint64_t xmit; /* the fact by which the driver got them */
};

/* Memory that holds what a device wrote, whose message is not known yet. */
struct frame_state {
	unsigned int line;
	uint64_t at, len, since;
	unsigned int copies, emulated;
};

struct walk {
	struct proof *p;
	const struct flow *f;
	const struct chain_view *v;
	struct state now;
	struct frame_state frame;
	const struct step *wire; /* crossed, its far end not yet joined */
	bool stuck;
};

/* proof_collect.c: picks the events that the chains of the selected flows rest on. */
int proof_collect(struct proof *p, const char *flow);
const struct context *proof_context(const struct proof *p, uint64_t at);
void proof_free(struct proof *p);

/* proof_lines.c: writes the derivation of pieces [from, to) of a flow's message. */
int prove_pieces(struct proof *p, const struct flow *f, size_t from, size_t to);

/* The line that cites the event at a place, written now where there is none yet; 0: no such event. */
unsigned int proof_cite(struct proof *p, uint64_t at);

/* Begins a derived line; premises of 0 are left out. The statement follows, then end_line. */
unsigned int begin_line(struct proof *p, const char *rule, const unsigned int *from, size_t n);
void end_line(struct proof *p);

#define LINE(p, rule, ...)                                                                         \
	begin_line(p, rule, (const unsigned int[]){__VA_ARGS__},                                   \
		   sizeof((const unsigned int[]){__VA_ARGS__}) / sizeof(unsigned int))

/* Ends a line that tells where the bytes, or the frame, are from now on. */
int state_line(struct walk *w, struct state next);
int frame_line(struct walk *w, struct frame_state next, const char *by);

/* What follows from a line at a time makes its memory matter until then. */
void used_until(struct proof *p, unsigned int line, uint64_t ts);

/* No rule leads over a hop. Always 0. */
int stuck(struct walk *w, const struct step *s, const char *why);

/* proof_devices.c: over a device, and from one end of a wire to the other. */
int prove_dma(struct walk *w, const struct step *s);
int prove_arrival(struct walk *w, const struct step *s);

#endif
