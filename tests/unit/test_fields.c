// SPDX-License-Identifier: GPL-2.0-only
/* Field access on records shorter than their format says, among others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <traceevent/event-parse.h>

#include "common/vec.h"
#include "trace/fields.h"

/* A record in a block of its own size, so that a sanitizer sees a read behind it. */
static struct td_event record(const void *bytes, uint32_t size)
{
	void *data = malloc(size ? size : 1);

	assert_non_null(data);
	memcpy(data, bytes, size);
	return (struct td_event){.data = data, .size = size};
}

static void drop(struct td_event *ev)
{
	free((void *)(uintptr_t)ev->data);
}

static void test_numbers(void **state)
{
	static const uint8_t bytes[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	(void)state;
	for (int width = 1; width <= 8; width *= 2) {
		struct td_event ev = record(bytes, 8);
		struct field f = {.size = width};
		bool ok = true;

		assert_int_equal(field_u64(&ev, &f, &ok),
				 UINT64_MAX >> (64 - 8 * width) & ~UINT64_C(1));
		f.is_signed = true;
		assert_int_equal(field_s64(&ev, &f, &ok), -2);
		assert_true(ok);
		drop(&ev);
	}
}

static void test_missing(void **state)
{
	static const struct field bad[] = {
		{0},
		{.offset = 1, .size = 8},
		{.offset = 8, .size = 1},
		{.offset = -1, .size = 1},
		{.offset = INT32_MAX, .size = 8},
		{.size = INT32_MAX},
		{.size = -8},
		{.size = 3},
	};
	struct td_event ev = record("12345678", 8);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		bool ok = true;
		uint32_t len = 1;

		assert_int_equal(field_u64(&ev, &bad[i], &ok), 0);
		assert_false(ok);
		assert_int_equal(field_u64(&ev, &bad[i], NULL), 0);
		if (bad[i].size == 3)
			continue;
		assert_null(field_str(&ev, &bad[i], &len));
		assert_int_equal(len, 0);
	}
	drop(&ev);
}

static void test_fixed_strings(void **state)
{
	struct td_event ev = record("abcd\0efgh", 8);
	uint32_t len;
	const char *s;

	(void)state;
	s = field_str(&ev, &(struct field){.size = 8, .is_array = true}, &len);
	assert_int_equal(len, 4);
	assert_memory_equal(s, "abcd", 4);
	s = field_str(&ev, &(struct field){.size = 3, .is_array = true}, &len); /* no terminator */
	assert_int_equal(len, 3);
	assert_memory_equal(s, "abc", 3);
	s = field_str(&ev, &(struct field){.offset = 4, .size = 1}, &len);
	assert_non_null(s);
	assert_int_equal(len, 0);
	drop(&ev);
}

static void put_loc(uint8_t *at, unsigned off, unsigned len)
{
	uint32_t loc = off | len << 16;

	memcpy(at, &loc, 4);
}

static void test_dynamic(void **state)
{
	struct field data_loc = {.offset = 4, .size = 4, .is_array = true, .is_dynamic = true};
	struct field rel_loc = data_loc;
	uint8_t bytes[16] = "........hello\0\1\2";
	uint32_t len;

	(void)state;
	rel_loc.is_relative = true;
	for (unsigned off = 0; off < 40; off++)
		for (unsigned n = 0; n < 40; n++) {
			struct td_event ev;
			const uint8_t *got;

			put_loc(bytes + 4, off, n);
			ev = record(bytes, sizeof(bytes));
			got = field_bytes(&ev, &data_loc, &len);
			assert_ptr_equal(got,
					 off + n <= 16 ? (const uint8_t *)ev.data + off : NULL);
			assert_int_equal(len, got ? n : 0);
			got = field_bytes(&ev, &rel_loc, &len);
			assert_ptr_equal(got, 8 + off + n <= 16 ? (const uint8_t *)ev.data + 8 + off
								: NULL);
			drop(&ev);
		}
	put_loc(bytes + 4, 8, 8);
	{
		struct td_event ev = record(bytes, sizeof(bytes));
		bool ok = true;

		assert_memory_equal(field_str(&ev, &data_loc, &len), "hello", 5);
		assert_int_equal(len, 5);
		assert_int_equal(field_elem(&ev, &data_loc, 2, 3, &ok), 0x0201);
		assert_true(ok);
		assert_int_equal(field_elem(&ev, &data_loc, 2, 4, &ok), 0);
		assert_false(ok);
		ok = true;
		assert_int_equal(field_elem(&ev, &data_loc, 8, UINT32_MAX, &ok), 0);
		assert_false(ok);
		ok = true;
		assert_int_equal(field_elem(&ev, &data_loc, 3, 0, &ok), 0);
		assert_false(ok);
		drop(&ev);
	}
}

static void test_no_such_field(void **state)
{
	struct tep_handle *tep = tep_alloc();
	struct field f = {.size = 8};

	(void)state;
	assert_int_equal(field_find(NULL, "x", &f), -ENOENT);
	assert_int_equal(f.size, 0);
	assert_int_equal(field_find_in(tep, "no", "such", "x", &f), -ENOENT);
	tep_free(tep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	      cmocka_unit_test(test_missing),
		cmocka_unit_test(test_fixed_strings), cmocka_unit_test(test_dynamic),
		cmocka_unit_test(test_no_such_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
