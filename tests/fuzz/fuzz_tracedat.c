// SPDX-License-Identifier: GPL-2.0-only
/* Opens the input as a trace.dat file, reads all of it and looks at every field of every event. */
#include <stddef.h>
#include <stdint.h>
#include <traceevent/event-parse.h>

#include "trace/fields.h"
#include "trace/tracedat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum; /* so that reads are not thrown away */

static void look_at(const struct td_event *ev, const struct tep_format_field *list,
		    struct tep_event *format)
{
	for (; list; list = list->next) {
		struct field f;
		uint32_t len;
		const char *s;

		if (field_find(format, list->name, &f))
			continue;
		sum += (unsigned)field_u64(ev, &f, NULL);
		sum += (unsigned)field_elem(ev, &f, 4, 1, NULL);
		s = field_str(ev, &f, &len);
		for (uint32_t i = 0; s && i < len; i++)
			sum += (unsigned char)s[i];
	}
}

static void read_all(struct tracedat *td)
{
	struct td_event ev;
	uint64_t ts = 0;

	while (tracedat_next(td, &ev) > 0) {
		struct tep_event *format = tep_find_event(tracedat_tep(td), ev.type);

		if (ev.ts < ts)
			__builtin_trap();
		ts = ev.ts;
		for (uint32_t i = 0; i < ev.size; i++)
			sum += ((const uint8_t *)ev.data)[i];
		if (!format)
			continue;
		look_at(&ev, format->format.common_fields, format);
		look_at(&ev, format->format.fields, format);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tracedat *td;
	uint32_t len;

	if (!tracedat_open_mem(data, size, "fuzz", &td)) {
		read_all(td);
		sum += (unsigned)tracedat_missed(td) + tracedat_missed_unknown(td);
		sum += (unsigned char)*tracedat_clock(td) + (unsigned char)*tracedat_cpustat(td);
		sum += (unsigned char)*tracedat_note(td);
		tracedat_option(td, TRACEDAT_OPT_UNAME, 0, &len);
		tracedat_load_kallsyms(td);
		tep_data_comm_from_pid(tracedat_tep(td), 1);
	} else if (!*tracedat_error(td)) {
		__builtin_trap();
	}
	tracedat_close(td);
	return 0;
}
