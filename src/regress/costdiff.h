/* SPDX-License-Identifier: GPL-2.0-only */
/* What a flow's messages and hops cost now and did before, and the way they go. */
#ifndef REGRESS_COSTDIFF_H
#define REGRESS_COSTDIFF_H

#include <stdbool.h>

struct json_object;
struct limits;

/*
 * Of a flow's messages without probes (its cost's "bare"): are they enough for a median, and are they of
 * kinds so far apart that a few more of one move it, so that the mean of the middle half is compared?
 */
bool cost_known(struct json_object *bare, const struct limits *limits);
bool cost_unsteady(struct json_object *bare);

/* By how many instructions a message may become dearer or cheaper, and count as the same. */
double cost_allowed(double instructions, bool unsteady, const struct limits *limits);

/* Instructions per message: median, mean of the middle half, and the most of the cheapest tenth (0: not told). */
struct message_cost {
	double median, middle, low;
};

/*
 * -1, 0, 1: cheaper, the same, dearer. Where messages are of several kinds, which kind is usual differs from
 * boot to boot: there the mean of the middle half is not enough, and the cheapest tenth has to have moved by
 * half of the limit, too; unless it is a rise that other kinds do not account for.
 */
int cost_moved(const struct message_cost *was, const struct message_cost *is, bool unsteady,
	       const struct limits *limits);

/* Of whole messages: without probes, and summed over the hops where those are the same. */
void compare_cost(struct json_object *list, struct json_object *from, struct json_object *to,
		  const struct limits *limits);

/*
 * What is compared of whole messages without probes: measure ("median", or "middle" where messages
 * are of several kinds), from, to, percent; or NULL, where there is nothing to compare.
 */
struct json_object *cost_summary(struct json_object *from, struct json_object *to,
				 const struct limits *limits);

/* Of each hop, and which hops are new or gone. */
void compare_hops(struct json_object *list, struct json_object *from, struct json_object *to,
		  const struct limits *limits);

#endif
