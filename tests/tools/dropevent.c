// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes single events out of a trace.dat, to see whether the analysis notices.
 *
 *	dropevent vocabulary            one line per event of src/trace/events.def:
 *	                                NAME CATEGORY HOW:ADDRESS-FIELD:LENGTH-FIELD...
 *	dropevent list FILE             one line per event, in time order:
 *	                                NAME INDEX FILE_OFFSET TIME CPU FIELD=VALUE...
 *	dropevent drop FILE NAME INDEX OUT
 *
 * drop writes OUT, in which the INDEXth event called NAME, from 0 in time order, is what the
 * kernel makes of an event that it discards: padding of the same length and time
 * (kernel/trace/ring_buffer.c: rb_event_discard). Not a byte else is changed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>

#include "common/file.h"
#include "common/vec.h"
#include "trace/fields.h"
#include "trace/tracedat.h"
#include "trace/vocabulary.h"

enum { TYPE_LONG = 0, TYPE_MAX_DATA = 28, TYPE_PADDING = 29, TYPE_BITS = 5 };

struct counter {
	int type;
	unsigned long seen;
};

static struct counter counters[4096];

static unsigned long count(int type)
{
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		if (!counters[i].seen)
			counters[i].type = type;
		if (counters[i].type == type)
			return counters[i].seen++;
	}
	fprintf(stderr, "dropevent: too many kinds of events\n");
	exit(4);
}

static void print_field(const struct td_event *ev, struct tep_event *format,
			struct tep_format_field *t)
{
	struct field f;
	const unsigned char *bytes;
	uint32_t len;

	if (field_find(format, t->name, &f))
		return;
	if (!f.is_array && !f.is_dynamic) {
		printf(" %s=0x%" PRIx64, t->name, field_u64(ev, &f, NULL));
		return;
	}
	bytes = field_bytes(ev, &f, &len);
	printf(" %s=", t->name);
	for (uint32_t i = 0; bytes && i < len; i++)
		printf("%02x", bytes[i]);
}

static void print_event(const struct td_event *ev, struct tep_event *format, unsigned long index)
{
	struct tep_format_field *t;

	printf("%s %lu %" PRIu64 " %" PRIu64 " %u", format->name, index, ev->file_off, ev->ts,
	       ev->cpu);
	for (t = format->format.common_fields; t; t = t->next)
		print_field(ev, format, t);
	for (t = format->format.fields; t; t = t->next)
		print_field(ev, format, t);
	putchar('\n');
}

/* The event's first word stands one or, where the length has a word of its own, two words before
 * its data. */
static int discard(char *file, const struct td_event *ev)
{
	uint32_t word, length;
	char *at = file + ev->file_off - 4;

	memcpy(&word, at, 4);
	length = (word & 31) * 4;
	if (!(word & 31) || (word & 31) > TYPE_MAX_DATA || length != ev->size) {
		at -= 4;
		memcpy(&word, at, 4);
		memcpy(&length, at + 4, 4);
		if ((word & 31) != TYPE_LONG || length != ev->size + 4)
			return -EBADMSG;
	}
	/* Padding without a time delta ends the page. */
	if (!(word >> TYPE_BITS))
		word = 1u << TYPE_BITS;
	word = (word & ~31u) | TYPE_PADDING;
	memcpy(at, &word, 4);
	memcpy(at + 4, &length, 4);
	return 0;
}

static int write_file(const char *path, const char *data, size_t size)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	if (fwrite(data, 1, size, f) != size) {
		fclose(f);
		return -EIO;
	}
	return fclose(f) ? -errno : 0;
}

static int run(const char *path, const char *name, unsigned long want, const char *out)
{
	struct tracedat *td = NULL;
	struct td_event ev;
	char *file = NULL;
	size_t size;
	int err = file_read(path, &file, &size);

	if (!err)
		err = tracedat_open(path, &td);
	while (!err && (err = tracedat_next(td, &ev)) == 1) {
		struct tep_event *format = tep_find_event(tracedat_tep(td), ev.type);
		unsigned long index = format ? count(ev.type) : 0;

		err = 0;
		if (!format)
			continue;
		if (!name) {
			print_event(&ev, format, index);
		} else if (index == want && !strcmp(format->name, name)) {
			err = discard(file, &ev);
			if (!err)
				err = write_file(out, file, size);
			goto out;
		}
	}
	if (!err && name)
		err = -ENOENT;
out:
	if (err)
		fprintf(stderr, "dropevent: %s: %s\n", path,
			td && *tracedat_error(td) ? tracedat_error(td) : strerror(-err));
	tracedat_close(td);
	free(file);
	return err ? 4 : 0;
}

static int print_vocabulary(void)
{
	for (int k = EV_OTHER + 1; k < EV_COUNT; k++) {
		const struct event_info *e = event_info((enum event_kind)k);

		printf("%s %s", e->name, event_category_name(e->category));
		for (size_t i = 0; i < EVENT_TOUCHES; i++)
			if (e->touches[i].how != TOUCH_NOTHING)
				printf(" %s:%s:%s", touch_name(e->touches[i].how),
				       event_fields[e->touches[i].at].name,
				       event_fields[e->touches[i].len].name);
		putchar('\n');
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "vocabulary"))
		return print_vocabulary();
	if (argc == 3 && !strcmp(argv[1], "list"))
		return run(argv[2], NULL, 0, NULL);
	if (argc == 6 && !strcmp(argv[1], "drop"))
		return run(argv[2], argv[3], strtoul(argv[4], NULL, 10), argv[5]);
	fprintf(stderr, "usage: dropevent vocabulary | dropevent list FILE | dropevent drop FILE NAME INDEX OUT\n");
	return 2;
}
