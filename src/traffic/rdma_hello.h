/* SPDX-License-Identifier: GPL-2.0-only */
/* The first thing that two ends tell each other: what they were asked to do, and where they are. */
#ifndef TRAFFIC_RDMA_HELLO_H
#define TRAFFIC_RDMA_HELLO_H

#include "traffic/rdma.h"
#include "traffic/rdma_wire.h"

void tf_hello_pack(const struct tf_spec *spec, const struct tf_rdma_side *mine, uint64_t seed,
		   struct tf_wire *frame);

/*
 * Takes what the other end says of itself and of the flow's seed. 0; -EBADMSG where that cannot
 * be; -EINVAL, with why, where it was asked for something else than this one.
 */
int tf_hello_take(const struct tf_spec *spec, const struct tf_wire *frame,
		  struct tf_rdma_side *other, uint64_t *seed, char *why, size_t size);

#endif
