/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A chain as places and arrows: each hop that moves the bytes is an arrow into another place, and
 * hand-offs happen within one. Text, HTML and dot draw the same chart.
 */
#ifndef REPORT_CHAIN_GRAPH_H
#define REPORT_CHAIN_GRAPH_H

#include "analyze/analysis.h"

enum place_kind { PLACE_SENDER, PLACE_KERNEL, PLACE_DEVICE, PLACE_RECEIVER, PLACE_UNKNOWN };

struct place {
	enum place_kind kind;
	size_t into, end; /* steps: the arrow into it (the start for the first), and past its last */
	uint64_t addr, phys, len;
	char title[64];
	unsigned int copy; /* which copy led here, from 1; 0: none did */
};

struct chain_graph {
	struct place *places;
	size_t count;
};

/* 0 or -ENOMEM; the chart refers to steps of the view by number only. */
int chain_graph_make(const struct analysis *r, const struct flow *f, const struct chain_view *v,
	       struct chain_graph *c);
void chain_graph_free(struct chain_graph *c);

/* Did the CPU move the bytes? */
bool step_moves(const struct step *s);

/* What stands on the arrow of a step: "copy 2", "dma: device reads", … */
void chain_graph_arrow(const struct chain_view *v, const struct place *p, char *buf, size_t size);

/* "+ 12.5 us" of a step since the start of its chain; "" where a hop has no time of its own. */
void step_time(const struct chain_view *v, size_t i, char *buf, size_t size);

#endif
