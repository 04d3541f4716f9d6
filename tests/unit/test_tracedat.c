// SPDX-License-Identifier: GPL-2.0-only
/* The reader of trace.dat on small files made by mktrace, good and damaged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <traceevent/event-parse.h>

#include "analyze/fields.h"
#include "analyze/tracedat.h"
#include "mktrace.h"

#define EXTEND(delta) ((uint32_t)((delta) & 0x7ffffff) << 5 | 30), (uint32_t)((delta) >> 27)
#define STAMP(ts) ((uint32_t)((ts) & 0x7ffffff) << 5 | 31), (uint32_t)((ts) >> 27)

static struct mktrace *simple(unsigned cpus)
{
	struct mktrace *mk = mktrace_new(cpus);

	mktrace_event_format(mk, "ftrace", mktrace_format("function", 1, "u64 ip"));
	mktrace_event_format(mk, "test", mktrace_format("foo", 100, "u64 a; s32 b"));
	return mk;
}

static void add(struct mktrace *mk, unsigned cpu, uint64_t ts, uint64_t a)
{
	struct {
		uint64_t a;
		int32_t b;
	} __attribute__((packed)) p = {a, -5};

	mktrace_add(mk, cpu, ts, 100, &p, sizeof(p));
}

static struct tracedat *open_good(struct mktrace *mk)
{
	struct tracedat *td;
	size_t size;
	const uint8_t *data = mktrace_bytes(mk, &size);

	if (tracedat_open_mem(data, size, "good", &td))
		fail_msg("%s", tracedat_error(td));
	return td;
}

/* Opens what mk makes, expects err; the message must hold a text. */
static void open_bad(const void *data, size_t size, int err, const char *text)
{
	struct tracedat *td;

	assert_int_equal(tracedat_open_mem(data, size, "bad", &td), err);
	if (!strstr(tracedat_error(td), text))
		fail_msg("'%s' does not say '%s'", tracedat_error(td), text);
	tracedat_close(td);
}

/* All events as "cpu:ts:a " text, the last return value in *end. */
static const char *show(struct tracedat *td, int *end)
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

static void expect(struct mktrace *mk, const char *events)
{
	struct tracedat *td = open_good(mk);
	int end;

	assert_string_equal(show(td, &end), events);
	if (end)
		fail_msg("%s", tracedat_error(td));
	tracedat_close(td);
	mktrace_free(mk);
}

/* Events, then -EBADMSG with a message that holds text, for good. */
static void expect_damage(struct mktrace *mk, const char *events, const char *text)
{
	struct tracedat *td = open_good(mk);
	struct td_event ev;
	int end;

	assert_string_equal(show(td, &end), events);
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
	struct mktrace *mk = simple(4);

	(void)state;
	add(mk, 2, 10, 1);
	add(mk, 2, 30, 2);
	add(mk, 2, 30, 3);
	add(mk, 0, 20, 4);
	add(mk, 0, 30, 5);
	add(mk, 3, 5, 6);
	expect(mk, "3:5:6 2:10:1 0:20:4 0:30:5 2:30:2 2:30:3 ");
}

static void test_many_cpus(void **state)
{
	struct mktrace *mk = simple(64);
	struct tracedat *td;
	struct td_event ev;
	uint64_t last = 0, n = 0;

	(void)state;
	for (uint64_t i = 0; i < 20000; i++)
		add(mk, (unsigned)(i * 7919 % 64), 1000 + i, i);
	td = open_good(mk);
	for (; tracedat_next(td, &ev) == 1; n++) {
		assert_true(ev.ts > last);
		assert_int_equal(ev.cpu, n * 7919 % 64);
		last = ev.ts;
	}
	assert_int_equal(n, 20000);
	tracedat_close(td);
	mktrace_free(mk);
}

static void test_no_events(void **state)
{
	struct mktrace *mk = simple(2);

	(void)state;
	mktrace_commit(mk, 1, 0); /* an empty page, whose time means nothing */
	expect(mk, "");
	expect(simple(0), "");
}

static void test_time_extends(void **state)
{
	struct mktrace *mk = simple(1);
	const uint32_t more[] = {EXTEND(UINT64_C(5) << 40)};
	uint64_t ts = 1000 + (UINT64_C(1) << 40);
	char want[128];

	(void)state;
	add(mk, 0, 1000, 1);
	add(mk, 0, ts, 2);
	mktrace_raw(mk, 0, more, 2);
	add(mk, 0, ts + 1, 3);
	snprintf(want, sizeof(want), "0:1000:1 0:%llu:2 0:%llu:3 ", (unsigned long long)ts,
		 (unsigned long long)(ts + 1 + (UINT64_C(5) << 40)));
	expect(mk, want);
}

static void test_time_stamps(void **state)
{
	struct mktrace *mk = simple(1);
	const uint32_t stamp[] = {STAMP(UINT64_C(5000))};

	(void)state;
	add(mk, 0, 1000, 1);
	mktrace_raw(mk, 0, stamp, 2);
	add(mk, 0, 1001, 2); /* a delta of 1 */
	expect(mk, "0:1000:1 0:5001:2 ");
}

static void test_time_stamp_high_bits(void **state)
{
	struct mktrace *mk = simple(1);
	const uint64_t high = UINT64_C(3) << 59;
	const uint32_t stamp[] = {STAMP(UINT64_C(5000))}, over[] = {STAMP(UINT64_C(10))};
	char want[128];

	(void)state;
	add(mk, 0, high + 1000, 1);
	mktrace_raw(mk, 0, stamp, 2);
	add(mk, 0, high + 1000, 2);
	mktrace_raw(mk, 0, over, 2);
	add(mk, 0, high + 1000, 3);
	snprintf(want, sizeof(want), "0:%llu:1 0:%llu:2 0:%llu:3 ", (unsigned long long)high + 1000,
		 (unsigned long long)high + 5000, (unsigned long long)(UINT64_C(4) << 59) + 10);
	expect(mk, want);
}

static void test_padding_and_discarded(void **state)
{
	struct mktrace *mk = simple(1);
	const uint32_t discarded[] = {1u << 5 | 29, 12, 7, 7}; /* a delta of 1 is no time */
	const uint32_t discarded_late[] = {50u << 5 | 29, 8, 7};
	const uint32_t rest[] = {29, 0, 99, 99, 99};

	(void)state;
	add(mk, 0, 1000, 1);
	mktrace_raw(mk, 0, discarded, 4);
	add(mk, 0, 1001, 2);
	mktrace_raw(mk, 0, discarded_late, 3);
	add(mk, 0, 1002, 3);
	mktrace_raw(mk, 0, rest, 5);
	mktrace_end_page(mk, 0);
	add(mk, 0, 2000, 4);
	expect(mk, "0:1000:1 0:1001:2 0:1052:3 0:2000:4 ");
}

static void test_long_events(void **state)
{
	struct mktrace *mk = simple(1);
	uint8_t payload[3000];
	struct tracedat *td;
	struct td_event ev;

	(void)state;
	memset(payload, 0xab, sizeof(payload));
	for (size_t len = 1; len < sizeof(payload); len += 37)
		mktrace_add(mk, 0, len, 100, payload, len);
	td = open_good(mk);
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
	struct mktrace *mk = simple(2);
	struct tracedat *td;
	int end;

	(void)state;
	add(mk, 0, 1000, 1);
	mktrace_end_page(mk, 0);
	add(mk, 0, 2000, 2);
	mktrace_missed(mk, 0, 17);
	add(mk, 1, 1500, 3);
	mktrace_missed(mk, 1, 4);
	td = open_good(mk);
	show(td, &end);
	assert_int_equal(tracedat_missed(td), 21);
	assert_false(tracedat_missed_unknown(td));
	tracedat_close(td);
	mktrace_end_page(mk, 1);
	add(mk, 1, 2500, 4);
	mktrace_missed(mk, 1, -1);
	td = open_good(mk);
	assert_string_equal(show(td, &end), "0:1000:1 1:1500:3 0:2000:2 1:2500:4 ");
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
		{{28, 0}, 2, "longer than its page"},	       /* 112 bytes, 4 there */
		{{0, 4}, 2, "bad length of an event"},	       /* no bytes at all */
		{{0, 0}, 2, "bad length of an event"},
		{{0, 5000}, 2, "longer than its page"},
		{{0, UINT32_MAX}, 2, "longer than its page"},
		{{0}, 1, "bad length of an event"},	       /* no room for the length */
		{{30}, 1, "longer than its page"},	       /* half a time extend */
		{{31}, 1, "longer than its page"},
		{{1u << 5 | 29}, 1, "longer than its page"},
		{{1u << 5 | 29, 3}, 2, "discarded"},
		{{1u << 5 | 29, 5000}, 2, "discarded"},
		{{1u << 5 | 29, UINT32_MAX}, 2, "discarded"},
		{{31, 0}, 2, "backwards"},
		{{0xfffffffe, UINT32_MAX, 0xfffffffe, UINT32_MAX}, 4, "longer than its page"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mktrace *mk = simple(1);

		add(mk, 0, 1000, 1);
		mktrace_raw(mk, 0, bad[i].words, bad[i].count);
		if (bad[i].count == 4)
			mktrace_raw(mk, 0, (uint32_t[]){28}, 1);
		expect_damage(mk, "0:1000:1 ", bad[i].what);
	}
}

static void test_time_runs_over(void **state)
{
	struct mktrace *mk = simple(1);
	const uint32_t big[] = {EXTEND((UINT64_C(1) << 59) - 1)};

	(void)state;
	add(mk, 0, UINT64_MAX - 1000, 1);
	mktrace_raw(mk, 0, big, 2);
	add(mk, 0, UINT64_MAX - 1000, 2);
	expect_damage(mk, "0:18446744073709550615:1 ", "time runs over");
}

static void test_bad_pages(void **state)
{
	struct mktrace *mk = simple(1);

	(void)state;
	add(mk, 0, 1000, 1);
	mktrace_end_page(mk, 0);
	add(mk, 0, 2000, 1);
	mktrace_commit(mk, 0, 4081);
	expect_damage(mk, "0:1000:1 ", "more bytes than it has (4081)");

	mk = simple(1);
	add(mk, 0, 1000, 1);
	mktrace_commit(mk, 0, 22); /* the event has 24 */
	expect_damage(mk, "", "longer than its page");

	mk = simple(1);
	add(mk, 0, 1000, 1);
	mktrace_commit(mk, 0, UINT64_C(24) | UINT64_C(1) << 32);
	expect_damage(mk, "", "more bytes than it has");
}

static void test_pages_out_of_order(void **state)
{
	struct mktrace *mk = simple(1);
	size_t size;
	uint8_t *data;
	struct tracedat *td;
	int end;

	(void)state;
	add(mk, 0, 1000, 1);
	mktrace_end_page(mk, 0);
	add(mk, 0, 2000, 2);
	data = (uint8_t *)(uintptr_t)mktrace_bytes(mk, &size);
	*(uint64_t *)(void *)(data + size - MKTRACE_PAGE) = 999;
	assert_int_equal(tracedat_open_mem(data, size, "swapped", &td), 0);
	assert_string_equal(show(td, &end), "0:1000:1 ");
	assert_int_equal(end, -EBADMSG);
	assert_non_null(strstr(tracedat_error(td), "swapped: CPU 0: offset 0x"));
	assert_non_null(strstr(tracedat_error(td), "begins before"));
	tracedat_close(td);
	mktrace_free(mk);
}

/* ---- damaged and foreign files ---- */

static void test_cut_off_everywhere(void **state)
{
	struct mktrace *mk = simple(2);
	size_t size;
	const uint8_t *data;

	(void)state;
	mktrace_option(mk, 4, "mono", 5);
	mktrace_option(mk, 2, "CPU: 0\n", 7);
	mktrace_kallsyms(mk, "ffffffff81000000 T _text\n");
	mktrace_cmdlines(mk, "1 init\n");
	add(mk, 0, 1000, 1);
	add(mk, 1, 1000, 1);
	data = mktrace_bytes(mk, &size);
	for (size_t n = 0; n < size; n++) {
		/* A block of its own, so that a sanitizer sees a read behind the end. */
		uint8_t *part = malloc(n ? n : 1);
		struct tracedat *td;

		memcpy(part, data, n);
		assert_int_equal(tracedat_open_mem(part, n, "part", &td), -EBADMSG);
		assert_int_not_equal(strlen(tracedat_error(td)), 0);
		tracedat_close(td);
		free(part);
	}
	mktrace_free(mk);
}

/* Every byte of the front changed in turn: anything may come of it but a crash. */
static void test_every_byte_damaged(void **state)
{
	struct mktrace *mk = simple(1);
	size_t size;
	const uint8_t *data;
	uint8_t *copy;

	(void)state;
	mktrace_option(mk, 4, "mono", 5);
	mktrace_cmdlines(mk, "1 init\n");
	add(mk, 0, 1000, 1);
	data = mktrace_bytes(mk, &size);
	copy = malloc(size);
	for (size_t i = 0; i < size - MKTRACE_PAGE + 64; i++) {
		static const uint8_t with[] = {0, 0xff, ';'};

		for (size_t w = 0; w < sizeof(with); w++) {
			struct tracedat *td;
			struct td_event ev;

			memcpy(copy, data, size);
			copy[i] = with[w];
			if (!tracedat_open_mem(copy, size, "changed", &td))
				while (tracedat_next(td, &ev) > 0)
					;
			tracedat_close(td);
		}
	}
	free(copy);
	mktrace_free(mk);
}

static void test_foreign_files(void **state)
{
	struct mktrace *mk = simple(1);
	size_t size;
	const uint8_t *data;
	uint8_t *copy;

	(void)state;
	open_bad("", 0, -EBADMSG, "no trace.dat");
	open_bad("#!/bin/sh\necho hello\n", 21, -EBADMSG, "no trace.dat");
	mktrace_version(mk, "7");
	data = mktrace_bytes(mk, &size);
	open_bad(data, size, -ENOTSUP, "trace-cmd convert --file-version 6");
	mktrace_version(mk, "6");
	data = mktrace_bytes(mk, &size);
	copy = malloc(size);
	memcpy(copy, data, size);
	copy[12] = 1;
	open_bad(copy, size, -ENOTSUP, "big-endian");
	free(copy);
	mktrace_free(mk);
}

static void test_files_on_disk(void **state)
{
	char path[] = "/tmp/test_tracedat_XXXXXX";
	int fd = mkstemp(path);
	struct mktrace *mk = simple(1);
	struct tracedat *td;
	int end;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(tracedat_open(path, &td), -EBADMSG);
	assert_non_null(strstr(tracedat_error(td), "empty"));
	tracedat_close(td);
	assert_int_equal(tracedat_open("/tmp", &td), -EISDIR);
	assert_non_null(strstr(tracedat_error(td), "directory"));
	tracedat_close(td);
	assert_int_equal(tracedat_open("/dev/null", &td), -EBADMSG);
	tracedat_close(td);
	assert_int_equal(tracedat_open("/nonexistent/x", &td), -ENOENT);
	assert_non_null(strstr(tracedat_error(td), "/nonexistent/x: cannot open"));
	tracedat_close(td);
	add(mk, 0, 1000, 1);
	mktrace_write(mk, path);
	assert_int_equal(tracedat_open(path, &td), 0);
	assert_string_equal(show(td, &end), "0:1000:1 ");
	tracedat_close(td);
	tracedat_close(NULL);
	mktrace_free(mk);
	unlink(path);
}

/* ---- what else is in the file ---- */

static void test_options(void **state)
{
	struct mktrace *mk = simple(1);
	struct tracedat *td;
	uint32_t len;

	(void)state;
	td = open_good(mk);
	assert_string_equal(tracedat_clock(td), "");
	assert_string_equal(tracedat_cpustat(td), "");
	assert_string_equal(tracedat_note(td), "");
	assert_null(tracedat_option(td, TRACEDAT_OPT_UNAME, 0, &len));
	tracedat_close(td);
	mktrace_option(mk, 4, "local global [mono] boot", 25);
	mktrace_option(mk, 2, "CPU: 0\nentries: 0", 18);
	mktrace_option(mk, 2, "CPU: 1\n", 7);
	mktrace_option(mk, 5, "Linux", 5);
	mktrace_option(mk, 3, "\0\0\0\0\0\0\0\0inst", 13);
	mktrace_option(mk, 999, "", 0);
	mktrace_kallsyms(mk, "ffffffff81000000 T _text\nffffffff81001000 t more\t[mod]\n");
	mktrace_cmdlines(mk, "1 init\n77 a b\n");
	td = open_good(mk);
	assert_string_equal(tracedat_clock(td), "mono");
	assert_string_equal(tracedat_cpustat(td), "CPU: 0\nentries: 0\nCPU: 1\n");
	assert_memory_equal(tracedat_option(td, TRACEDAT_OPT_UNAME, 0, &len), "Linux", 5);
	assert_int_equal(len, 5);
	assert_null(tracedat_option(td, TRACEDAT_OPT_CPUSTAT, 2, &len));
	assert_non_null(strstr(tracedat_note(td), "'inst'"));
	assert_string_equal(tep_data_comm_from_pid(tracedat_tep(td), 77), "a b");
	assert_int_equal(tracedat_load_kallsyms(td), 0);
	assert_string_equal(tep_find_function(tracedat_tep(td), 0xffffffff81000010), "_text");
	assert_int_equal(tracedat_cpus(td), 1);
	tracedat_close(td);
	mktrace_free(mk);
}

static void test_formats_left_out(void **state)
{
	struct mktrace *mk = simple(1);
	struct tracedat *td;

	(void)state;
	mktrace_event_format(mk, "test", "");
	mktrace_event_format(mk, "test", "name: x\nID: 7\nformat:\n\tfield:int a[;\n\n\n");
	mktrace_event_format(mk, "test", mktrace_format("twice", 100, "u64 x"));
	mktrace_event_format(mk, "test", mktrace_format("bar", 101, "u8 x"));
	td = open_good(mk);
	assert_non_null(strstr(tracedat_note(td), "2 event formats were not understood"));
	assert_non_null(strstr(tracedat_note(td), "1 event formats repeat"));
	assert_non_null(tep_find_event_by_name(tracedat_tep(td), "test", "foo"));
	assert_non_null(tep_find_event_by_name(tracedat_tep(td), "test", "bar"));
	assert_non_null(tep_find_event_by_name(tracedat_tep(td), "ftrace", "function"));
	assert_null(tep_find_event_by_name(tracedat_tep(td), "test", "twice"));
	tracedat_close(td);
	mktrace_free(mk);
}

/* Declarations as kernels write them. */
static void test_declarations(void **state)
{
	static const char text[] =
		"name: decl\nID: 9\nformat:\n"
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n"
		"\tfield:const char * ptr;\toffset:8;\tsize:8;\tsigned:0;\n"
		"\tfield:struct file **files;\toffset:16;\tsize:8;\tsigned:0;\n"
		"\tfield:unsigned long args[6];\toffset:24;\tsize:48;\tsigned:0;\n"
		"\tfield:char comm[TASK_COMM_LEN];\toffset:72;\tsize:16;\tsigned:0;\n"
		"\tfield:__u8 saddr[sizeof(struct sockaddr_in6)];\toffset:88;\tsize:28;\tsigned:0;\n"
		"\tfield:u32 odd[(48)+2];\toffset:116;\tsize:4;\tsigned:0;\n"
		"\tfield:void __attribute__((btf_type_tag(\"user\"))) * buf;\toffset:120;\tsize:8;\t"
		"signed:0;\n"
		"\tfield:__data_loc char[] name;\toffset:128;\tsize:4;\tsigned:0;\n"
		"\tfield:__rel_loc u64[] rel;\toffset:132;\tsize:4;\tsigned:0;\n"
		"\tfield:bool flag;\toffset:136;\tsize:1;\tsigned:0;\n"
		"\nprint fmt: \"%s\", REC->ptr\n";
	static const struct {
		const char *name;
		int offset, size;
		bool array, dynamic;
	} want[] = {
		{"common_type", 0, 2, false, false}, {"ptr", 8, 8, false, false},
		{"files", 16, 8, false, false},	     {"args", 24, 48, true, false},
		{"comm", 72, 16, true, false},	     {"saddr", 88, 28, true, false},
		{"odd", 116, 4, true, false},	     {"buf", 120, 8, false, false},
		{"name", 128, 4, true, true},	     {"rel", 132, 4, true, true},
		{"flag", 136, 1, false, false},
	};
	struct mktrace *mk = simple(1);
	struct tracedat *td;
	struct field f;

	(void)state;
	mktrace_event_format(mk, "test", text);
	td = open_good(mk);
	assert_string_equal(tracedat_note(td), "");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		if (field_find_in(tracedat_tep(td), "test", "decl", want[i].name, &f))
			fail_msg("no field %s", want[i].name);
		assert_int_equal(f.offset, want[i].offset);
		assert_int_equal(f.size, want[i].size);
		assert_int_equal(f.is_array, want[i].array);
		assert_int_equal(f.is_dynamic, want[i].dynamic);
		assert_int_equal(f.is_relative, !strcmp(want[i].name, "rel"));
	}
	tracedat_close(td);
	mktrace_free(mk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_over_cpus),	   cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_no_events),	   cmocka_unit_test(test_time_extends),
		cmocka_unit_test(test_time_stamps),	   cmocka_unit_test(test_time_stamp_high_bits),
		cmocka_unit_test(test_padding_and_discarded), cmocka_unit_test(test_long_events),
		cmocka_unit_test(test_missed_events),	   cmocka_unit_test(test_bad_events),
		cmocka_unit_test(test_time_runs_over),	   cmocka_unit_test(test_bad_pages),
		cmocka_unit_test(test_pages_out_of_order), cmocka_unit_test(test_cut_off_everywhere),
		cmocka_unit_test(test_every_byte_damaged), cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_files_on_disk),	   cmocka_unit_test(test_options),
		cmocka_unit_test(test_formats_left_out),   cmocka_unit_test(test_declarations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
