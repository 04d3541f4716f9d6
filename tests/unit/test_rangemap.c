// SPDX-License-Identifier: GPL-2.0-only
/* The range map, by hand. prop_rangemap.c does the rest. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/rangemap.h"

static int refs_a, refs_b; /* tags are these counters */

static void tag_get(void *tag)
{
	++*(int *)tag;
}

static void tag_put(void *tag)
{
	--*(int *)tag;
}

static const struct rangemap_ops counted = {.get = tag_get, .put = tag_put};

static int setup(void **state)
{
	refs_a = refs_b = 0;
	*state = rangemap_new(&counted);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	rangemap_free(*state);
	return refs_a || refs_b ? -1 : 0;
}

static void insert(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len,
		   uint64_t origin, uint64_t off, void *tag)
{
	struct rm_piece p = {space, addr, len, origin, off, tag};

	assert_int_equal(rangemap_insert(map, &p), 0);
}

static int print_piece(void *ctx, const struct rm_piece *p)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%llx+%llu=%llu@%llu%s ", (unsigned long long)p->addr,
		(unsigned long long)p->len, (unsigned long long)p->origin,
		(unsigned long long)p->off,
		p->tag == &refs_a   ? "a"
		: p->tag == &refs_b ? "b"
				    : "");
	return 0;
}

/* The pieces in a range as text: address+length=origin@offset and the tag. */
static const char *show(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len)
{
	static char text[4096];

	text[0] = 0;
	assert_int_equal(rangemap_walk(map, space, addr, len, print_piece, text), 0);
	return text;
}

static void test_null_and_empty(void **state)
{
	struct rangemap *map = rangemap_new(NULL);

	(void)state;
	rangemap_free(NULL);
	assert_non_null(map);
	assert_int_equal(rangemap_pieces(map), 0);
	assert_string_equal(show(map, 0, 0, UINT64_MAX), "");
	assert_int_equal(rangemap_clear(map, 3, 0, 100), 0);
	assert_int_equal(rangemap_clear_space(map, 3), 0);
	assert_int_equal(rangemap_copy(map, 0, 0, 5, 0, 100, NULL, NULL), 0);
	assert_int_equal(rangemap_retag(map, 0, 0, 100, NULL, NULL), 0);
	rangemap_free(map);
}

static void *no_alloc(size_t size)
{
	(void)size;
	return NULL;
}

static void test_no_memory_at_all(void **state)
{
	const struct rangemap_ops ops = {.alloc = no_alloc, .release = free};

	(void)state;
	assert_null(rangemap_new(&ops));
}

static void test_insert_overwrites(void **state)
{
	struct rangemap *map = *state;

	insert(map, 0, 0x1000, 100, 7, 0, &refs_a);
	insert(map, 0, 0x1014, 10, 8, 5, &refs_b);
	assert_string_equal(show(map, 0, 0, UINT64_MAX),
			    "1000+20=7@0a 1014+10=8@5b 101e+70=7@30a ");
	assert_int_equal(refs_a, 2);
	insert(map, 0, 0x1000, 100, 9, 0, NULL);
	assert_string_equal(show(map, 0, 0, UINT64_MAX), "1000+100=9@0 ");
	assert_int_equal(refs_a, 0);
	assert_int_equal(refs_b, 0);
}

static void test_spaces_are_apart(void **state)
{
	struct rangemap *map = *state;

	for (uint32_t s = 0; s < 100; s++)
		insert(map, s, 0x1000, 10, s, 0, &refs_a);
	assert_string_equal(show(map, 42, 0, UINT64_MAX), "1000+10=42@0a ");
	assert_int_equal(rangemap_clear_space(map, 42), 0);
	assert_string_equal(show(map, 42, 0, UINT64_MAX), "");
	assert_string_equal(show(map, 43, 0, UINT64_MAX), "1000+10=43@0a ");
	assert_int_equal(refs_a, 99);
}

static void test_clear_splits(void **state)
{
	struct rangemap *map = *state;

	insert(map, 1, 100, 100, 7, 0, &refs_a);
	assert_int_equal(rangemap_clear(map, 1, 140, 20), 0);
	assert_string_equal(show(map, 1, 0, 1000), "64+40=7@0a a0+40=7@60a ");
	assert_int_equal(rangemap_clear(map, 1, 0, 110), 0);
	assert_int_equal(rangemap_clear(map, 1, 190, 1000), 0);
	assert_string_equal(show(map, 1, 0, 1000), "6e+30=7@10a a0+30=7@60a ");
	assert_int_equal(refs_a, 2);
}

static void test_walk_clips(void **state)
{
	struct rangemap *map = *state;

	insert(map, 1, 100, 100, 7, 1000, &refs_a);
	assert_string_equal(show(map, 1, 150, 10), "96+10=7@1050a ");
	assert_string_equal(show(map, 1, 150, 0), "");
	assert_string_equal(show(map, 1, 200, 50), "");
}

static int stop_at_once(void *ctx, const struct rm_piece *p)
{
	(void)p;
	++*(int *)ctx;
	return 42;
}

static void test_walk_stops(void **state)
{
	int seen = 0;

	insert(*state, 1, 100, 1, 7, 0, NULL);
	insert(*state, 1, 200, 1, 7, 0, NULL);
	assert_int_equal(rangemap_walk(*state, 1, 0, 1000, stop_at_once, &seen), 42);
	assert_int_equal(seen, 1);
}

static void test_coalescing(void **state)
{
	struct rangemap *map = *state;

	insert(map, 0, 0, 10, 7, 0, &refs_a);
	insert(map, 0, 20, 10, 7, 20, &refs_a);
	insert(map, 0, 10, 10, 7, 10, &refs_a);
	assert_int_equal(rangemap_pieces(map), 1);
	assert_int_equal(refs_a, 1);
	insert(map, 0, 30, 10, 7, 30, &refs_b); /* another tag */
	insert(map, 0, 40, 10, 7, 41, &refs_b); /* a hole in the origin */
	insert(map, 0, 50, 10, 8, 51, &refs_b); /* another origin */
	assert_string_equal(show(map, 0, 0, 100), "0+30=7@0a 1e+10=7@30b 28+10=7@41b 32+10=8@51b ");
}

static void test_copy_carries_and_forgets(void **state)
{
	struct rangemap *map = *state;

	insert(map, 1, 1000, 100, 7, 0, &refs_a);
	insert(map, 0, 5000, 300, 3, 0, &refs_b);
	/* From 50 bytes of nothing, 100 of payload, 50 of nothing. */
	assert_int_equal(rangemap_copy(map, 1, 950, 0, 5050, 200, NULL, NULL), 100);
	assert_string_equal(show(map, 0, 0, UINT64_MAX),
			    "1388+50=3@0b 13ec+100=7@0a 1482+50=3@250b ");
	assert_string_equal(show(map, 1, 0, UINT64_MAX), "3e8+100=7@0a ");
	assert_int_equal(rangemap_copy(map, 1, 0, 0, 0x1000, 100, NULL, NULL), 0);
}

static void test_copy_overlapping(void **state)
{
	struct rangemap *map = *state;

	insert(map, 0, 100, 100, 7, 0, &refs_a);
	assert_int_equal(rangemap_copy(map, 0, 100, 0, 130, 100, NULL, NULL), 100);
	assert_string_equal(show(map, 0, 0, 1000), "64+30=7@0a 82+100=7@0a ");
	assert_int_equal(rangemap_copy(map, 0, 130, 0, 110, 100, NULL, NULL), 100);
	assert_string_equal(show(map, 0, 0, 1000), "64+10=7@0a 6e+100=7@0a d2+20=7@80a ");
	assert_int_equal(rangemap_copy(map, 0, 110, 0, 110, 100, NULL, NULL), 100);
	assert_string_equal(show(map, 0, 0, 1000), "64+10=7@0a 6e+100=7@0a d2+20=7@80a ");
}

static void *retag_copy(void *ctx, const struct rm_piece *src, uint64_t daddr)
{
	sprintf((char *)ctx + strlen(ctx), "%llu+%llu@%llu>%llu ", (unsigned long long)src->addr,
		(unsigned long long)src->len, (unsigned long long)src->off,
		(unsigned long long)daddr);
	return &refs_b;
}

static void test_copy_retags(void **state)
{
	struct rangemap *map = *state;
	char told[256] = "";

	insert(map, 1, 100, 10, 7, 0, &refs_a);
	insert(map, 1, 110, 10, 8, 0, NULL);
	assert_int_equal(rangemap_copy(map, 1, 105, 0, 505, 100, retag_copy, told), 15);
	assert_string_equal(told, "105+5@5>505 110+10@0>510 ");
	assert_string_equal(show(map, 0, 0, 1000), "1f9+5=7@5b 1fe+10=8@0b ");
	assert_int_equal(refs_b, 2);
}

static void *retag_b(void *ctx, const struct rm_piece *p)
{
	*(uint64_t *)ctx += p->len;
	return &refs_b;
}

static void test_retag_splits_at_borders(void **state)
{
	struct rangemap *map = *state;
	uint64_t bytes = 0;

	insert(map, 0, 100, 100, 7, 0, &refs_a);
	insert(map, 0, 300, 100, 7, 0, &refs_a);
	assert_int_equal(rangemap_retag(map, 0, 150, 200, retag_b, &bytes), 0);
	assert_int_equal(bytes, 100);
	assert_string_equal(show(map, 0, 0, 1000),
			    "64+50=7@0a 96+50=7@50b 12c+50=7@0b 15e+50=7@50a ");
}

static void test_wrap_and_zero(void **state)
{
	struct rangemap *map = *state;
	struct rm_piece p = {0, UINT64_MAX - 9, 11, 7, 0, &refs_a};

	assert_int_equal(rangemap_insert(map, &p), -EINVAL);
	p.len = 10;
	assert_int_equal(rangemap_insert(map, &p), 0); /* ends at 2^64 */
	assert_string_equal(show(map, 0, UINT64_MAX, 1), "ffffffffffffffff+1=7@9a ");
	assert_int_equal(rangemap_clear(map, 0, UINT64_MAX, 2), -EINVAL);
	assert_int_equal(rangemap_copy(map, 0, UINT64_MAX, 0, 0, 2, NULL, NULL), -EINVAL);
	assert_int_equal(rangemap_copy(map, 0, 0, 0, UINT64_MAX, 2, NULL, NULL), -EINVAL);
	assert_int_equal(rangemap_copy(map, 0, 0, 0, 0, UINT64_MAX, NULL, NULL), -EINVAL);
	assert_int_equal(rangemap_retag(map, 0, UINT64_MAX, 2, retag_b, NULL), -EINVAL);
	assert_int_equal(rangemap_walk(map, 0, UINT64_MAX, 2, print_piece, NULL), -EINVAL);
	p.len = 0;
	assert_int_equal(rangemap_insert(map, &p), 0);
	assert_int_equal(rangemap_clear(map, 0, UINT64_MAX, 0), 0);
	assert_int_equal(rangemap_copy(map, 0, UINT64_MAX, 0, 0, 0, NULL, NULL), 0);
	assert_int_equal(rangemap_pieces(map), 1);
	assert_int_equal(rangemap_copy(map, 0, UINT64_MAX - 9, 0, 0, 10, NULL, NULL), 10);
	assert_int_equal(rangemap_clear(map, 0, 1, UINT64_MAX), 0);
	assert_string_equal(show(map, 0, 0, UINT64_MAX), "0+1=7@0a ");
}

static void test_memory_follows_pieces(void **state)
{
	struct rangemap *map = *state;
	size_t high;

	for (uint64_t i = 0; i < 10000; i++)
		insert(map, 0, i * 16, 8, i, 0, &refs_a);
	high = rangemap_memory(map);
	assert_true(high < 10000 * 120);
	/* A window of 10000 pieces that moves on takes no more. */
	for (uint64_t i = 10000; i < 100000; i++) {
		insert(map, 0, i * 16, 8, i, 0, &refs_a);
		assert_int_equal(rangemap_clear(map, 0, (i - 10000) * 16, 16), 0);
	}
	assert_int_equal(rangemap_pieces(map), 10000);
	assert_true(rangemap_memory(map) <= high + high / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null_and_empty),
		cmocka_unit_test(test_no_memory_at_all),
		cmocka_unit_test_setup_teardown(test_insert_overwrites, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spaces_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clear_splits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walk_clips, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walk_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_coalescing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_carries_and_forgets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_overlapping, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_retags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retag_splits_at_borders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrap_and_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_follows_pieces, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
