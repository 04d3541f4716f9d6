/* SPDX-License-Identifier: GPL-2.0-only */
/* An event as text: the one form in which reports cite it and the checker of proofs knows it. */
#ifndef TRACE_CITE_H
#define TRACE_CITE_H

#include <stdio.h>

#include "trace/tracedat.h"
#include "trace/vocabulary.h"

struct tep_event;

/*
 * "from_iter cpu=1 ts=15395763603 offset=9422140 tid=189 dst=0x… len=128 …": the event's name, what
 * every event has, and those of its fields that the vocabulary cites, in its order.
 */
void event_cite(struct tep_event *format, const struct td_event *raw, int tid, FILE *out);

/* " dst=0x…", or nothing where the event lacks the field or it is not cited. */
void field_cite(struct tep_event *format, const struct td_event *raw, const struct field_info *info, FILE *out);

#endif
