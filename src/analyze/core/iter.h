/* SPDX-License-Identifier: GPL-2.0-only */
/* Iterators (struct iov_iter) as they are recorded: where in memory they are. */
#ifndef ANALYZE_CORE_ITER_H
#define ANALYZE_CORE_ITER_H

#include "analyze/core/op.h"
#include "analyze/rundir.h"
#include "trace/events.h"

/*
 * The memory of the next len bytes of an iterator. As many segments as an event holds are known; a
 * last span without an address stands for the others. -EINVAL: no iterator over memory.
 */
int iter_spans(const struct rundir *run, const struct event *ev, uint64_t len, struct span *spans,
	       size_t *count);

/* The first 8 bytes of the next ones, if they were recorded. */
bool iter_sample(const struct rundir *run, const struct event *ev, uint64_t *sample);

/* Does it lead to memory of a user, or of the kernel? Otherwise bytes are not copied through it. */
bool iter_is_user(const struct rundir *run, const struct event *ev);
bool iter_is_memory(const struct rundir *run, const struct event *ev);

#endif
