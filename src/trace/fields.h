/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Field access worked out once per event format and bounds-checked on each record: no record
 * is trusted to be as long as its format says.
 */
#ifndef TRACE_FIELDS_H
#define TRACE_FIELDS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "trace/tracedat.h"

struct tep_event;

struct field {
	int offset; /* in the record, bytes */
	int size;   /* bytes; 4 for a dynamic array, whose place in the record says where it is */
	bool is_signed;
	bool is_array;
	bool is_dynamic;  /* __data_loc or __rel_loc */
	bool is_relative; /* __rel_loc: counted from the end of this field */
};

/*
 * Looks the field up in the event's format, the common fields included.
 * -ENOENT: no such field, and *f is one that is missing in every record.
 */
int field_find(struct tep_event *event, const char *name, struct field *f);

/* As field_find, in the event system:name. -ENOENT also where there is no such event. */
int field_find_in(struct tep_handle *tep, const char *system, const char *event, const char *name,
		  struct field *f);

static inline bool field_fits(const struct td_event *ev, const struct field *f)
{
	return f->size > 0 && f->offset >= 0 && (uint64_t)f->offset + (uint64_t)f->size <= ev->size;
}

/*
 * The number in a field, sign-extended where its type is signed. Where the record is too
 * short for it, or it is no number of 1, 2, 4 or 8 bytes: 0, and *ok (may be NULL) becomes
 * false. *ok is never set to true, so one flag may serve many reads.
 */
static inline uint64_t field_u64(const struct td_event *ev, const struct field *f, bool *ok)
{
	const unsigned char *at;
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;

	if (!field_fits(ev, f))
		goto missing;
	at = (const unsigned char *)ev->data + f->offset;
	switch (f->size) {
	case 8:
		memcpy(&v8, at, 8);
		return v8;
	case 4:
		memcpy(&v4, at, 4);
		return f->is_signed ? (uint64_t)(int32_t)v4 : v4;
	case 2:
		memcpy(&v2, at, 2);
		return f->is_signed ? (uint64_t)(int16_t)v2 : v2;
	case 1:
		return f->is_signed ? (uint64_t)(int8_t)*at : *at;
	}
missing:
	if (ok)
		*ok = false;
	return 0;
}

/* As field_u64, for signed types. */
static inline int64_t field_s64(const struct td_event *ev, const struct field *f, bool *ok)
{
	return (int64_t)field_u64(ev, f, ok);
}

/*
 * The bytes of an array, fixed or dynamic, in the record, and their count in *len; NULL and
 * 0 where they do not lie wholly inside the record.
 */
const void *field_bytes(const struct td_event *ev, const struct field *f, uint32_t *len);

/*
 * As field_bytes, with *len ending before the first NUL where there is one. Never counts
 * on a terminator and gives none: print it with %.*s.
 */
const char *field_str(const struct td_event *ev, const struct field *f, uint32_t *len);

/* Element i of a fixed or dynamic array whose elements are width bytes; as field_u64 unsigned. */
uint64_t field_elem(const struct td_event *ev, const struct field *f, unsigned width, unsigned i,
		    bool *ok);

#endif
