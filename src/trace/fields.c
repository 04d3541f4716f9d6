// SPDX-License-Identifier: GPL-2.0-only
#include "trace/fields.h"

#include <traceevent/event-parse.h>

int field_find(struct tep_event *event, const char *name, struct field *f)
{
	struct tep_format_field *t = event ? tep_find_any_field(event, name) : NULL;

	*f = (struct field){0};
	if (!t)
		return -ENOENT;
	*f = (struct field){
		.offset = t->offset,
		.size = t->size,
		.is_signed = t->flags & TEP_FIELD_IS_SIGNED,
		.is_array = t->flags & TEP_FIELD_IS_ARRAY,
		.is_dynamic = t->flags & TEP_FIELD_IS_DYNAMIC,
		.is_relative = t->flags & TEP_FIELD_IS_RELATIVE,
	};
	return 0;
}

int field_find_in(struct tep_handle *tep, const char *system, const char *event, const char *name,
		  struct field *f)
{
	return field_find(tep_find_event_by_name(tep, system, event), name, f);
}

const void *field_bytes(const struct td_event *ev, const struct field *f, uint32_t *len)
{
	uint64_t at = (uint64_t)f->offset, n = (uint64_t)f->size;

	*len = 0;
	if (!field_fits(ev, f))
		return NULL;
	if (f->is_dynamic) {
		uint32_t loc;

		if (f->size != 4)
			return NULL;
		memcpy(&loc, (const char *)ev->data + f->offset, sizeof(loc));
		at = (loc & 0xffff) + (f->is_relative ? at + n : 0);
		n = loc >> 16;
		if (at + n > ev->size)
			return NULL;
	}
	*len = (uint32_t)n;
	return (const char *)ev->data + at;
}

const char *field_str(const struct td_event *ev, const struct field *f, uint32_t *len)
{
	const char *s = field_bytes(ev, f, len);

	if (s)
		*len = (uint32_t)strnlen(s, *len);
	return s;
}

uint64_t field_elem(const struct td_event *ev, const struct field *f, unsigned width, unsigned i,
		    bool *ok)
{
	uint64_t v = 0;
	uint32_t len;
	const char *at = field_bytes(ev, f, &len);

	if (at && (width == 1 || width == 2 || width == 4 || width == 8) &&
	    ((uint64_t)i + 1) * width <= len)
		memcpy(&v, at + (uint64_t)i * width, width);
	else if (ok)
		*ok = false;
	return v;
}
