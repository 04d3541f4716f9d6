// SPDX-License-Identifier: GPL-2.0-only
#include "trace/events.h"

#include <errno.h>
#include <event-parse.h>
#include <stdlib.h>
#include <string.h>

#include "trace/fields.h"

struct slot {
	unsigned int to;
	struct field f;
};

struct format {
	enum event_kind kind;
	unsigned int fields, arrays;
	struct slot field[F_COUNT];
	struct slot array[A_COUNT];
};

struct event_table {
	size_t count; /* largest event ID + 1 */
	struct format **by_id;
};

static void add_fields(struct format *fmt, struct tep_event *e)
{
	for (unsigned int i = 0; i < F_COUNT; i++) {
		struct slot *s = &fmt->field[fmt->fields];

		if (field_find(e, event_fields[i].name, &s->f) || s->f.is_array || s->f.is_dynamic)
			continue;
		s->to = i;
		fmt->fields++;
	}
	for (unsigned int i = 0; i < A_COUNT; i++) {
		struct slot *s = &fmt->array[fmt->arrays];

		if (field_find(e, event_arrays[i].name, &s->f) || (!s->f.is_array && !s->f.is_dynamic))
			continue;
		s->to = i;
		fmt->arrays++;
	}
}

static int add_format(struct event_table *t, struct tep_event *e, enum event_kind kind)
{
	struct format *fmt;

	if (e->id < 0 || (size_t)e->id >= t->count || t->by_id[e->id])
		return 0;
	fmt = calloc(1, sizeof(*fmt));
	if (!fmt)
		return -ENOMEM;
	fmt->kind = kind;
	add_fields(fmt, e);
	t->by_id[e->id] = fmt;
	return 0;
}

int event_table_new(struct tep_handle *tep, struct event_table **out)
{
	struct event_table *t = calloc(1, sizeof(*t));
	struct tep_event *e;
	int err = 0;

	*out = t;
	if (!t)
		return -ENOMEM;
	for (int i = 0; (e = tep_get_event(tep, i)); i++)
		if (e->id >= 0 && e->id < 1 << 16 && (size_t)e->id >= t->count)
			t->count = (size_t)e->id + 1;
	t->by_id = calloc(t->count + 1, sizeof(*t->by_id));
	if (!t->by_id)
		return -ENOMEM;
	for (int i = 0; !err && (e = tep_get_event(tep, i)); i++) {
		enum event_kind kind = event_kind_of(e->system, e->name);

		if (kind != EV_OTHER)
			err = add_format(t, e, kind);
	}
	return err;
}

void event_table_free(struct event_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; t->by_id && i < t->count; i++)
		free(t->by_id[i]);
	free(t->by_id);
	free(t);
}

bool event_decode(const struct event_table *t, const struct td_event *raw, struct event *ev)
{
	const struct format *fmt = raw->type >= 0 && (size_t)raw->type < t->count ?
					   t->by_id[raw->type] : NULL;

	if (!fmt)
		return false;
	memset(ev, 0, sizeof(*ev));
	ev->kind = fmt->kind;
	ev->ts = raw->ts;
	ev->file_off = raw->file_off;
	ev->cpu = raw->cpu;
	for (unsigned int i = 0; i < fmt->fields; i++)
		ev->v[fmt->field[i].to] = field_u64(raw, &fmt->field[i].f, NULL);
	for (unsigned int i = 0; i < fmt->arrays; i++) {
		unsigned int to = fmt->array[i].to;

		ev->array[to] = field_bytes(raw, &fmt->array[i].f, &ev->array_len[to]);
	}
	ev->tid = (int)ev->v[F_common_pid];
	ev->ip = ev->v[F___probe_ip] ? ev->v[F___probe_ip] : ev->v[F___probe_func];
	return true;
}
