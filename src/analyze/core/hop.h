/* SPDX-License-Identifier: GPL-2.0-only */
/* Kinds of hops and of holders, and the event that a hop rests on. */
#ifndef ANALYZE_CORE_HOP_H
#define ANALYZE_CORE_HOP_H

#include <stdint.h>

#include "trace/events.h"

enum hop_kind {
#define HOP(id, name, figure) HOP_##id,
#include "analyze/core/hops.def"
#undef HOP
	HOP_KINDS,
};

/* What is counted along chains. */
enum figure {
#define FIGURE(id, ...) FIGURE_##id,
#include "analyze/core/figures.def"
#undef FIGURE
	FIGURES,
	FIGURE_NONE = FIGURES,
};

enum hand {
#define HOLDER(id, name) BY_##id,
#include "analyze/core/holders.def"
#undef HOLDER
	HOLDERS,
	BY_SAME = HOLDERS, /* whoever had the bytes before */
};

#define HOLDER_BIT(holder) (1u << (holder))
#define ANY_HOLDER ((1u << HOLDERS) - 1)

const char *hop_kind_name(enum hop_kind kind);

/* The figure that counts hops of a kind; FIGURE_NONE: none does. */
enum figure hop_kind_figure(enum hop_kind kind);
const char *holder_name(enum hand holder);

/* Where and when an event happened. */
struct stamp {
	uint64_t seq; /* position in the order of analysis; 0: no event */
	uint64_t ts, file_off;
	uint64_t ip; /* probe address */
	uint32_t cpu;
	int tid;
	enum event_kind event;
};

#endif
