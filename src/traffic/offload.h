/* SPDX-License-Identifier: GPL-2.0-only */
/* What devices do for the stack, switched for the time of a flow. */
#ifndef TRAFFIC_OFFLOAD_H
#define TRAFFIC_OFFLOAD_H

#include "traffic/testbed.h"

#define TF_OFFLOADS 8

/* What both devices of a testbed had before. */
struct tf_offload {
	unsigned int count;
	struct {
		bool dst; /* of the receiver's device */
		unsigned int feature;
		unsigned int value;
	} was[2 * TF_OFFLOADS];
};

/* Words as `ethtool -K` takes them: "tx off sg off". Prints what is wrong and gives -EINVAL. */
int tf_offload_check(const char *words);

/* Switches both devices of the testbed, or fills in why and gives -errno; to be undone either way. */
int tf_offload_set(struct tf_offload *o, const struct tf_testbed *testbed, const char *words, char *why,
		   size_t size);
void tf_offload_undo(struct tf_offload *o, const struct tf_testbed *testbed);

#endif
