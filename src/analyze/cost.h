/* SPDX-License-Identifier: GPL-2.0-only */
/* How long messages took: from send to delivery, and from hop to hop where they went the same way. */
#ifndef ANALYZE_COST_H
#define ANALYZE_COST_H

#include "common/dist.h"
#include "analyze/core/message.h"

#define COST_WAYS 8 /* different ways of a flow that are told apart */

struct way {
	struct chain_view view; /* of the first message that went it */
	struct dist whole;
	struct dist *hops; /* one per step of the view; the first, the start, stays empty */
};

struct cost {
	struct dist latency;
	struct way ways[COST_WAYS];
	size_t way_count;
	uint64_t elsewhere; /* deliveries on yet other ways */
};

struct chain;
struct json_object;

/* One message has arrived by a receive whose last bytes came by this chain. 0 or -ENOMEM. */
int cost_add(struct flow *f, const struct chain *ch);
void cost_free(struct cost *c);

/* The way that most messages went, or NULL. */
const struct way *cost_main_way(const struct cost *c);

/* Adds the members latency_ns and cost to a flow of analysis.json; null where nothing arrived. */
void cost_json(struct json_object *o, const struct flow *f);

#endif
