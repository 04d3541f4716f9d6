// SPDX-License-Identifier: GPL-2.0-only
#include "trace/vocabulary.h"

#include <fnmatch.h>

#define SPREAD(...) __VA_ARGS__
#define NOTHING {TOUCH_NOTHING, 0, 0}
#define AT(a, n) {TOUCH_AT, F_##a, F_##n}
#define UNITS(a, n) {TOUCH_UNITS, F_##a, F_##n}
#define ITER(n) {TOUCH_ITER, F_icnt, F_##n}
#define PAGE(n) {TOUCH_PAGE, F_page, F_##n}
#define PHYS(a, n) {TOUCH_PHYS, F_##a, F_##n}
#define BUS(a, n) {TOUCH_BUS, F_##a, F_##n}
#define SKB {TOUCH_SKB, F_head, F_end}
#define BUFFERS {TOUCH_BUFFERS, F_token, F_n}

static const struct event_info events[EV_COUNT] = {
	[EV_OTHER] = {.system = "", .name = "other", .fields = ""},
#define EVENT(id, system, name, category, touches, fields)                                         \
	[EV_##id] = {system, name, CATEGORY_##category, {SPREAD touches}, fields},
#include "trace/events.def"
};

static const char *const categories[] = {
	[CATEGORY_OTHER] = "OTHER",
#define CATEGORY(id) [CATEGORY_##id] = #id,
#include "trace/events.def"
};

static const char *const touch_names[] = {
	[TOUCH_NOTHING] = "nothing", [TOUCH_AT] = "at",	    [TOUCH_ITER] = "iter", [TOUCH_PAGE] = "page",
	[TOUCH_PHYS] = "phys",	     [TOUCH_BUS] = "bus",   [TOUCH_SKB] = "skb",   [TOUCH_UNITS] = "units",
	[TOUCH_BUFFERS] = "buffers",
};

const struct field_info event_fields[F_COUNT] = {
#define FIELD(name, form) {#name, FORM_##form},
#include "trace/events.def"
};

const struct field_info event_arrays[A_COUNT] = {
#define ARRAY(name, form) {#name, FORM_##form},
#include "trace/events.def"
};

const struct field_info cited_fields[F_COUNT + A_COUNT] = {
#define FIELD(name, form) {#name, FORM_##form},
#define ARRAY(name, form) {#name, FORM_##form},
#include "trace/events.def"
};

const struct event_info *event_info(enum event_kind kind)
{
	return &events[kind];
}

const char *event_kind_name(enum event_kind kind)
{
	return events[kind].name;
}

enum event_kind event_kind_of(const char *system, const char *name)
{
	for (int k = EV_OTHER + 1; k < EV_COUNT; k++)
		if (!fnmatch(events[k].name, name, 0) && !fnmatch(events[k].system, system, 0))
			return (enum event_kind)k;
	return EV_OTHER;
}

const char *event_category_name(enum event_category category)
{
	return categories[category];
}

const char *touch_name(enum touch_how how)
{
	return touch_names[how];
}
