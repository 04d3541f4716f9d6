// SPDX-License-Identifier: GPL-2.0-only
/* The trace reader: files that are cut off, foreign or odd, and what stands in front of the pages.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <traceevent/event-parse.h>

#include "common/vec.h"
#include "tdtest.h"
#include "trace/fields.h"

/* Opens what mk makes, expects err; the message must hold a text. */
static void open_bad(const void *data, size_t size, int err, const char *text)
{
	struct tracedat *td;

	assert_int_equal(tracedat_open_mem(data, size, "bad", &td), err);
	if (!strstr(tracedat_error(td), text))
		fail_msg("'%s' does not say '%s'", tracedat_error(td), text);
	tracedat_close(td);
}

/* ---- damaged and foreign files ---- */

static void test_cut_off_everywhere(void **state)
{
	struct mktrace *mk = tdtest_simple(2);
	size_t size;
	const uint8_t *data;

	(void)state;
	mktrace_option(mk, 4, "mono", 5);
	mktrace_option(mk, 2, "CPU: 0\n", 7);
	mktrace_kallsyms(mk, "ffffffff81000000 T _text\n");
	mktrace_cmdlines(mk, "1 init\n");
	tdtest_add(mk, 0, 1000, 1);
	tdtest_add(mk, 1, 1000, 1);
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
	struct mktrace *mk = tdtest_simple(1);
	size_t size;
	const uint8_t *data;
	uint8_t *copy;

	(void)state;
	mktrace_option(mk, 4, "mono", 5);
	mktrace_cmdlines(mk, "1 init\n");
	tdtest_add(mk, 0, 1000, 1);
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
	struct mktrace *mk = tdtest_simple(1);
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
	struct mktrace *mk = tdtest_simple(1);
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
	tdtest_add(mk, 0, 1000, 1);
	mktrace_write(mk, path);
	assert_int_equal(tracedat_open(path, &td), 0);
	assert_string_equal(tdtest_show(td, &end), "0:1000:1 ");
	tracedat_close(td);
	tracedat_close(NULL);
	mktrace_free(mk);
	unlink(path);
}

/* ---- what else is in the file ---- */

static void test_options(void **state)
{
	struct mktrace *mk = tdtest_simple(1);
	struct tracedat *td;
	uint32_t len;

	(void)state;
	td = tdtest_open(mk);
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
	td = tdtest_open(mk);
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
	struct mktrace *mk = tdtest_simple(1);
	struct tracedat *td;

	(void)state;
	mktrace_event_format(mk, "test", "");
	mktrace_event_format(mk, "test", "name: x\nID: 7\nformat:\n\tfield:int a[;\n\n\n");
	mktrace_event_format(mk, "test", mktrace_format("twice", 100, "u64 x"));
	mktrace_event_format(mk, "test", mktrace_format("bar", 101, "u8 x"));
	td = tdtest_open(mk);
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
		"\tfield:__u8 saddr[sizeof(struct "
		"sockaddr_in6)];\toffset:88;\tsize:28;\tsigned:0;\n"
		"\tfield:u32 odd[(48)+2];\toffset:116;\tsize:4;\tsigned:0;\n"
		"\tfield:void __attribute__((btf_type_tag(\"user\"))) * "
		"buf;\toffset:120;\tsize:8;\t"
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
	struct mktrace *mk = tdtest_simple(1);
	struct tracedat *td;
	struct field f;

	(void)state;
	mktrace_event_format(mk, "test", text);
	td = tdtest_open(mk);
	assert_string_equal(tracedat_note(td), "");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
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
		cmocka_unit_test(test_cut_off_everywhere),
		cmocka_unit_test(test_every_byte_damaged),
		cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_files_on_disk),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_formats_left_out),
		cmocka_unit_test(test_declarations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
