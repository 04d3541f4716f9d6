/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns raw records into the recorder's events, by field offsets worked out once per format. */
#ifndef TRACE_EVENTS_H
#define TRACE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/tracedat.h"
#include "trace/vocabulary.h"

struct event {
	enum event_kind kind;
	uint64_t ts, file_off;
	uint32_t cpu;
	int tid;
	uint64_t ip; /* of the probe that hit; 0 for tracepoints */
	uint64_t v[F_COUNT];
	const unsigned char *array[A_COUNT];
	uint32_t array_len[A_COUNT]; /* bytes */
};

struct event_table;

/* Works out the offsets of all formats of the file. 0 or -errno. */
int event_table_new(struct tep_handle *tep, struct event_table **out);
void event_table_free(struct event_table *t);

/* Fields an event lacks read as 0. Gives false for records of formats that are not ours. */
bool event_decode(const struct event_table *t, const struct td_event *raw, struct event *ev);

#endif
