/* SPDX-License-Identifier: GPL-2.0-only */
/* What events.def says of the events, for whoever records, reads, cites or imitates them. */
#ifndef TRACE_VOCABULARY_H
#define TRACE_VOCABULARY_H

#include <stddef.h>

enum event_kind {
	EV_OTHER,
#define EVENT(id, system, name, category, touches, fields) EV_##id,
#include "trace/events.def"
	EV_COUNT,
};

enum event_category {
	CATEGORY_OTHER,
#define CATEGORY(id) CATEGORY_##id,
#include "trace/events.def"
};

enum event_field {
#define FIELD(name, form) F_##name,
#include "trace/events.def"
	F_COUNT,
};

enum event_array {
#define ARRAY(name, form) A_##name,
#include "trace/events.def"
	A_COUNT,
};

enum touch_how {
	TOUCH_NOTHING, TOUCH_AT, TOUCH_ITER, TOUCH_PAGE, TOUCH_PHYS, TOUCH_BUS, TOUCH_SKB, TOUCH_UNITS,
	TOUCH_BUFFERS,
};

/* Memory that an event is about: the fields that hold its address and its length. */
struct event_touch {
	enum touch_how how;
	enum event_field at, len;
};

#define EVENT_TOUCHES 2

struct event_info {
	const char *system, *name; /* shell patterns */
	enum event_category category;
	struct event_touch touches[EVENT_TOUCHES]; /* the rest: TOUCH_NOTHING */
	const char *fields;			   /* "TYPE NAME; ..." */
};

/* Of EV_OTHER, only the name says something. */
const struct event_info *event_info(enum event_kind kind);
const char *event_kind_name(enum event_kind kind);

/* EV_OTHER: not one of the vocabulary. */
enum event_kind event_kind_of(const char *system, const char *name);

const char *event_category_name(enum event_category category);
const char *touch_name(enum touch_how how);

/* How a field is shown where an event is cited. */
enum field_form { FORM_HIDDEN, FORM_HEX, FORM_NUM, FORM_SIGNED, FORM_WORDS, FORM_TEXT };

struct field_info {
	const char *name;
	enum field_form form;
};

extern const struct field_info event_fields[F_COUNT], event_arrays[A_COUNT];

/* Fields and arrays in the order of events.def, which is that of citing. */
extern const struct field_info cited_fields[F_COUNT + A_COUNT];

#endif
