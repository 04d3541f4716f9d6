/* SPDX-License-Identifier: GPL-2.0-only */
/* Two digests in, findings per flow out: the counts, the sites, the hops and the cost. */
#ifndef REGRESS_COMPARE_H
#define REGRESS_COMPARE_H

struct json_object;

/*
 * How much dearer is a regression, as shares of the baseline; docs/regress.md tells how they follow
 * from the repeatability that was measured.
 */
struct limits {
	double message;  /* of a whole message, by the median */
	double unsteady; /* where messages are of several kinds, by the mean of the middle half */
	double hop;	 /* of one hop, and never less than three times what its median is known to */
	unsigned long message_floor, hop_floor; /* instructions; less is no difference */
	unsigned long messages;	 /* fewer have no median worth comparing */
};

#define LIMITS_DEFAULT                                                                             \
	{                                                                                          \
		.message = 0.005, .unsteady = 0.05, .hop = 0.03, .message_floor = 50,              \
		.hop_floor = 100, .messages = 100                                                  \
	}

/* Findings of one flow; either side may be NULL: that kernel has no such flow. */
struct json_object *compare_flow(struct json_object *from, struct json_object *to,
				 const struct limits *limits);

/* Findings of the kernel as a whole: was it measured, was the baseline, and at the first boot? */
struct json_object *compare_kernel(struct json_object *from, struct json_object *to);

#endif
