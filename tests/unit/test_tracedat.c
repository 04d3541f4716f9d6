// SPDX-License-Identifier: GPL-2.0-only
/* The trace reader: order, time, loss, and pages that are damaged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/vec.h"
#include "tdtest.h"

#define EXTEND(delta) ((uint32_t)((delta)&0x7ffffff) << 5 | 30), (uint32_t)((delta) >> 27)
#define STAMP(ts) ((uint32_t)((ts)&0x7ffffff) << 5 | 31), (uint32_t)((ts) >> 27)

static void expect(struct mktrace *mk, const char *events)
{
	struct tracedat *td = tdtest_open(mk);
	int end;

	assert_string_equal(tdtest_show(td, &end), events);
	if (end)
		fail_msg("%s", tracedat_error(td));
	tracedat_close(td);
	mktrace_free(mk);
}

/* Events, then -EBADMSG with a message that holds text, for good. */
static void expect_damage(struct mktrace *mk, const char *events, const char *text)
{
	struct tracedat *td = tdtest_open(mk);
	struct td_event ev;
	int end;

	assert_string_equal(tdtest_show(td, &end), events);
	assert_int_equal(end, -EBADMSG);
	if (!strstr(tracedat_error(td), text) || !strstr(tracedat_error(td), "CPU 0: offset 0x"))
		fail_msg("'%s' does not say '%s'", tracedat_error(td), text);
	assert_int_equal(tracedat_next(td, &ev), -EBADMSG);
	tracedat_close(td);
	mktrace_free(mk);
}

/* ---- order and time ---- */

static void test_order_over_cpus(void **state)
{
	struct mktrace *mk = tdtest_simple(4);

	(void)state;
	tdtest_add(mk, 2, 10, 1);
	tdtest_add(mk, 2, 30, 2);
	tdtest_add(mk, 2, 30, 3);
	tdtest_add(mk, 0, 20, 4);
	tdtest_add(mk, 0, 30, 5);
	tdtest_add(mk, 3, 5, 6);
	expect(mk, "3:5:6 2:10:1 0:20:4 0:30:5 2:30:2 2:30:3 ");
}

static void test_many_cpus(void **state)
{
	struct mktrace *mk = tdtest_simple(64);
	struct tracedat *td;
	struct td_event ev;
	uint64_t last = 0, n = 0;

	(void)state;
	for (uint64_t i = 0; i < 20000; i++)
		tdtest_add(mk, (unsigned)(i * 7919 % 64), 1000 + i, i);
	td = tdtest_open(mk);
	for (; tracedat_next(td, &ev) == 1; n++) {
		assert_true(ev.ts > last);
		assert_int_equal(ev.cpu, n * 7919 % 64);
		last = ev.ts;
	}
	assert_int_equal(n, 20000);
	tracedat_close(td);
	mktrace_free(mk);
}

/* Many pages, in two CPUs, and times that several events share. */
static void test_seek(void **state)
{
	struct mktrace *mk = tdtest_simple(2);
	struct tracedat *td;
	struct td_event ev;
	enum { EVENTS = 2000 };

	(void)state;
	for (unsigned i = 0; i < EVENTS; i++) {
		if (i % 90 == 89) {
			/* An empty page. */
			mktrace_end_page(mk, i % 2);
			mktrace_commit(mk, i % 2, 0);
			mktrace_end_page(mk, i % 2);
		}
		tdtest_add(mk, i % 2, 1000 + i / 4 * 10, i);
	}
	td = tdtest_open(mk);
	/* Forwards, backwards, between times, to the ends and beyond. */
	for (unsigned k = 0; k < 300; k++) {
		uint64_t from = k * 7919 % 6100, first;
		size_t n = 0, want;

		tracedat_seek(td, from);
		while (tracedat_next(td, &ev) == 1) {
			assert_true(ev.ts >= from);
			n++;
		}
		first = from < 1000 ? 0 : (from - 1000 + 9) / 10 * 4;
		want = first < EVENTS ? EVENTS - first : 0;
		assert_int_equal(n, want);
	}
	tracedat_seek(td, 0);
	assert_int_equal(tracedat_next(td, &ev), 1);
	assert_int_equal(ev.ts, 1000);
	tracedat_close(td);
	mktrace_free(mk);
}

static void test_no_events(void **state)
{
	struct mktrace *mk = tdtest_simple(2);

	(void)state;
	mktrace_commit(mk, 1, 0); /* an empty page, whose time means nothing */
	expect(mk, "");
	expect(tdtest_simple(0), "");
}

static void test_time_extends(void **state)
{
	struct mktrace *mk = tdtest_simple(1);
	const uint32_t more[] = {EXTEND(UINT64_C(5) << 40)};
	uint64_t ts = 1000 + (UINT64_C(1) << 40);
	char want[128];

	(void)state;
	tdtest_add(mk, 0, 1000, 1);
	tdtest_add(mk, 0, ts, 2);
	mktrace_raw(mk, 0, more, 2);
	tdtest_add(mk, 0, ts + 1, 3);
	snprintf(want, sizeof(want), "0:1000:1 0:%llu:2 0:%llu:3 ", (unsigned long long)ts,
		 (unsigned long long)(ts + 1 + (UINT64_C(5) << 40)));
	expect(mk, want);
}

static void test_time_stamps(void **state)
{
	struct mktrace *mk = tdtest_simple(1);
	const uint32_t stamp[] = {STAMP(UINT64_C(5000))};

	(void)state;
	tdtest_add(mk, 0, 1000, 1);
	mktrace_raw(mk, 0, stamp, 2);
	tdtest_add(mk, 0, 1001, 2); /* a delta of 1 */
	expect(mk, "0:1000:1 0:5001:2 ");
}

static void test_time_stamp_high_bits(void **state)
{
	struct mktrace *mk = tdtest_simple(1);
	const uint64_t high = UINT64_C(3) << 59;
	const uint32_t stamp[] = {STAMP(UINT64_C(5000))}, over[] = {STAMP(UINT64_C(10))};
	char want[128];

	(void)state;
	tdtest_add(mk, 0, high + 1000, 1);
	mktrace_raw(mk, 0, stamp, 2);
	tdtest_add(mk, 0, high + 1000, 2);
	mktrace_raw(mk, 0, over, 2);
	tdtest_add(mk, 0, high + 1000, 3);
	snprintf(want, sizeof(want), "0:%llu:1 0:%llu:2 0:%llu:3 ", (unsigned long long)high + 1000,
		 (unsigned long long)high + 5000, (unsigned long long)(UINT64_C(4) << 59) + 10);
	expect(mk, want);
}

static void test_padding_and_discarded(void **state)
{
	struct mktrace *mk = tdtest_simple(1);
	const uint32_t discarded[] = {1u << 5 | 29, 12, 7, 7}; /* a delta of 1 is no time */
	const uint32_t discarded_late[] = {50u << 5 | 29, 8, 7};
	const uint32_t rest[] = {29, 0, 99, 99, 99};

	(void)state;
	tdtest_add(mk, 0, 1000, 1);
	mktrace_raw(mk, 0, discarded, 4);
	tdtest_add(mk, 0, 1001, 2);
	mktrace_raw(mk, 0, discarded_late, 3);
	tdtest_add(mk, 0, 1002, 3);
	mktrace_raw(mk, 0, rest, 5);
	mktrace_end_page(mk, 0);
	tdtest_add(mk, 0, 2000, 4);
	expect(mk, "0:1000:1 0:1001:2 0:1052:3 0:2000:4 ");
}

static void test_long_events(void **state)
{
	struct mktrace *mk = tdtest_simple(1);
	uint8_t payload[3000];
	struct tracedat *td;
	struct td_event ev;

	(void)state;
	memset(payload, 0xab, sizeof(payload));
	for (size_t len = 1; len < sizeof(payload); len += 37)
		mktrace_add(mk, 0, len, 100, payload, len);
	td = tdtest_open(mk);
	for (size_t len = 1; len < sizeof(payload); len += 37) {
		size_t file_size;
		const uint8_t *file = mktrace_bytes(mk, &file_size);

		assert_int_equal(tracedat_next(td, &ev), 1);
		assert_int_equal(ev.size, (MKTRACE_COMMON + len + 3) / 4 * 4);
		assert_int_equal(ev.type, 100);
		assert_memory_equal((const uint8_t *)ev.data + MKTRACE_COMMON, payload, len);
		assert_ptr_equal(file + ev.file_off, ev.data);
	}
	assert_int_equal(tracedat_next(td, &ev), 0);
	assert_int_equal(tracedat_next(td, &ev), 0);
	tracedat_close(td);
	mktrace_free(mk);
}

/* ---- loss ---- */

static void test_missed_events(void **state)
{
	struct mktrace *mk = tdtest_simple(2);
	struct tracedat *td;
	int end;

	(void)state;
	tdtest_add(mk, 0, 1000, 1);
	mktrace_end_page(mk, 0);
	tdtest_add(mk, 0, 2000, 2);
	mktrace_missed(mk, 0, 17);
	tdtest_add(mk, 1, 1500, 3);
	mktrace_missed(mk, 1, 4);
	td = tdtest_open(mk);
	tdtest_show(td, &end);
	assert_int_equal(tracedat_missed(td), 21);
	assert_false(tracedat_missed_unknown(td));
	tracedat_close(td);
	mktrace_end_page(mk, 1);
	tdtest_add(mk, 1, 2500, 4);
	mktrace_missed(mk, 1, -1);
	td = tdtest_open(mk);
	assert_string_equal(tdtest_show(td, &end), "0:1000:1 1:1500:3 0:2000:2 1:2500:4 ");
	assert_int_equal(tracedat_missed(td), 21);
	assert_true(tracedat_missed_unknown(td));
	tracedat_close(td);
	mktrace_free(mk);
}

/* ---- damaged pages ---- */

static void test_bad_events(void **state)
{
	static const struct {
		uint32_t words[4];
		size_t count;
		const char *what;
	} bad[] = {
		{{28, 0}, 2, "longer than its page"},  /* 112 bytes, 4 there */
		{{0, 4}, 2, "bad length of an event"}, /* no bytes at all */
		{{0, 0}, 2, "bad length of an event"},
		{{0, 5000}, 2, "longer than its page"},
		{{0, UINT32_MAX}, 2, "longer than its page"},
		{{0}, 1, "bad length of an event"}, /* no room for the length */
		{{30}, 1, "longer than its page"},  /* half a time extend */
		{{31}, 1, "longer than its page"},
		{{1u << 5 | 29}, 1, "longer than its page"},
		{{1u << 5 | 29, 3}, 2, "discarded"},
		{{1u << 5 | 29, 5000}, 2, "discarded"},
		{{1u << 5 | 29, UINT32_MAX}, 2, "discarded"},
		{{31, 0}, 2, "backwards"},
		{{0xfffffffe, UINT32_MAX, 0xfffffffe, UINT32_MAX}, 4, "longer than its page"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct mktrace *mk = tdtest_simple(1);

		tdtest_add(mk, 0, 1000, 1);
		mktrace_raw(mk, 0, bad[i].words, bad[i].count);
		if (bad[i].count == 4)
			mktrace_raw(mk, 0, (uint32_t[]){28}, 1);
		expect_damage(mk, "0:1000:1 ", bad[i].what);
	}
}

static void test_time_runs_over(void **state)
{
	struct mktrace *mk = tdtest_simple(1);
	const uint32_t big[] = {EXTEND((UINT64_C(1) << 59) - 1)};

	(void)state;
	tdtest_add(mk, 0, UINT64_MAX - 1000, 1);
	mktrace_raw(mk, 0, big, 2);
	tdtest_add(mk, 0, UINT64_MAX - 1000, 2);
	expect_damage(mk, "0:18446744073709550615:1 ", "time runs over");
}

static void test_bad_pages(void **state)
{
	struct mktrace *mk = tdtest_simple(1);

	(void)state;
	tdtest_add(mk, 0, 1000, 1);
	mktrace_end_page(mk, 0);
	tdtest_add(mk, 0, 2000, 1);
	mktrace_commit(mk, 0, 4081);
	expect_damage(mk, "0:1000:1 ", "more bytes than it has (4081)");

	mk = tdtest_simple(1);
	tdtest_add(mk, 0, 1000, 1);
	mktrace_commit(mk, 0, 22); /* the event has 24 */
	expect_damage(mk, "", "longer than its page");

	mk = tdtest_simple(1);
	tdtest_add(mk, 0, 1000, 1);
	mktrace_commit(mk, 0, UINT64_C(24) | UINT64_C(1) << 32);
	expect_damage(mk, "", "more bytes than it has");
}

static void test_pages_out_of_order(void **state)
{
	struct mktrace *mk = tdtest_simple(1);
	size_t size;
	uint8_t *data;
	struct tracedat *td;
	int end;

	(void)state;
	tdtest_add(mk, 0, 1000, 1);
	mktrace_end_page(mk, 0);
	tdtest_add(mk, 0, 2000, 2);
	data = (uint8_t *)(uintptr_t)mktrace_bytes(mk, &size);
	*(uint64_t *)(void *)(data + size - MKTRACE_PAGE) = 999;
	assert_int_equal(tracedat_open_mem(data, size, "swapped", &td), 0);
	assert_string_equal(tdtest_show(td, &end), "0:1000:1 ");
	assert_int_equal(end, -EBADMSG);
	assert_non_null(strstr(tracedat_error(td), "swapped: CPU 0: offset 0x"));
	assert_non_null(strstr(tracedat_error(td), "begins before"));
	tracedat_close(td);
	mktrace_free(mk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_over_cpus),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_seek),
		cmocka_unit_test(test_no_events),
		cmocka_unit_test(test_time_extends),
		cmocka_unit_test(test_time_stamps),
		cmocka_unit_test(test_time_stamp_high_bits),
		cmocka_unit_test(test_padding_and_discarded),
		cmocka_unit_test(test_long_events),
		cmocka_unit_test(test_missed_events),
		cmocka_unit_test(test_bad_events),
		cmocka_unit_test(test_time_runs_over),
		cmocka_unit_test(test_bad_pages),
		cmocka_unit_test(test_pages_out_of_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
