/* SPDX-License-Identifier: GPL-2.0-only */
/* What RDMA devices count while payload travels, as `counters` lines of the log. */
#ifndef TRAFFIC_COUNTERS_H
#define TRAFFIC_COUNTERS_H

#include <stdint.h>

#include "traffic/log.h"

#define TF_RDMA_PORT 1

struct tf_counters {
	unsigned int flow;
	const char *dev[2]; /* NULL or "": none; twice the same: one */
	struct json_object *before;
	uint64_t time;
};

/* Reads them and keeps the lines: writing a file now would be a copy beside the flow's. */
int tf_counters_begin(struct tf_counters *c);

/* Reads them again; all lines go to the log. */
int tf_counters_log(struct tf_counters *c, struct tf_log *log);

void tf_counters_free(struct tf_counters *c);

#endif
