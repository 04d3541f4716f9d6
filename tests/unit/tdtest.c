// SPDX-License-Identifier: GPL-2.0-only
#include "tdtest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "trace/fields.h"

struct mktrace *tdtest_simple(unsigned cpus)
{
	struct mktrace *mk = mktrace_new(cpus);

	mktrace_event_format(mk, "ftrace", mktrace_format("function", 1, "u64 ip"));
	mktrace_event_format(mk, "test", mktrace_format("foo", 100, "u64 a; s32 b"));
	return mk;
}

void tdtest_add(struct mktrace *mk, unsigned cpu, uint64_t ts, uint64_t a)
{
	struct {
		uint64_t a;
		int32_t b;
	} __attribute__((packed)) p = {a, -5};

	mktrace_add(mk, cpu, ts, 100, &p, sizeof(p));
}

struct tracedat *tdtest_open(struct mktrace *mk)
{
	struct tracedat *td;
	size_t size;
	const uint8_t *data = mktrace_bytes(mk, &size);

	if (tracedat_open_mem(data, size, "good", &td))
		fail_msg("%s", tracedat_error(td));
	return td;
}

const char *tdtest_show(struct tracedat *td, int *end)
{
	static char text[8192];
	struct td_event ev;
	struct field a;
	size_t n = 0;

	field_find_in(tracedat_tep(td), "test", "foo", "a", &a);
	text[0] = 0;
	while ((*end = tracedat_next(td, &ev)) > 0 && n + 100 < sizeof(text))
		n += (size_t)sprintf(text + n, "%u:%llu:%llu ", ev.cpu, (unsigned long long)ev.ts,
				     (unsigned long long)field_u64(&ev, &a, NULL));
	return text;
}
