/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of buffers for a device (struct scatterlist) as they are recorded. */
#ifndef ANALYZE_CORE_SG_H
#define ANALYZE_CORE_SG_H

#include "analyze/core/op.h"
#include "analyze/rundir.h"
#include "trace/events.h"

#define SG_MAX 8

/* As many of the buffers as the event holds; false: there are more. */
bool sg_spans(const struct rundir *run, const struct event *ev, struct span out[SG_MAX], size_t *count);

#endif
