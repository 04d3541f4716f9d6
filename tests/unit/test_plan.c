// SPDX-License-Identifier: GPL-2.0-only
/* How the copies of a made-up census are to be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "collect/plan.h"
#include "common/vec.h"

/* Functions of the made-up kernel; those that ftrace does not know are in lib/, say. */
enum { HANDLES, HANDLES_HIDDEN, OTHER, DRIVER, TAKER, USER, FROM, TO, CALLEE, PAGES, MEMCPY, FUNCTIONS };

static const struct ksym functions[FUNCTIONS] = {
	[HANDLES] = {0x1000, "handles_skb", NULL, 't'},
	[HANDLES_HIDDEN] = {0x2000, "handles_skb_hidden", NULL, 't'},
	[OTHER] = {0x3000, "other", NULL, 't'},
	[DRIVER] = {0x4000, "poll", "no_such_driver", 't'},
	[TAKER] = {0x5000, "taker", NULL, 't'},
	[USER] = {0x6000, "user", NULL, 't'},
	[FROM] = {0x7000, "_copy_from_iter", NULL, 'T'},
	[TO] = {0x8000, "csum_and_copy_to_iter", NULL, 'T'},
	[CALLEE] = {0x9000, "csum_and_copy_to_user", NULL, 'T'},
	[PAGES] = {0xa000, "copy_page_from_iter", NULL, 'T'},
	[MEMCPY] = {0xb000, "memcpy", NULL, 'T'},
};

static struct census census;
static struct ktypes kt;
static char *traced[] = {"csum_and_copy_to_user", "handles_skb", "other", "poll", "taker", "user"};
static const struct ktypes_names traceable = {traced, ARRAY_SIZE(traced)}, emulating;

static unsigned int prim(const char *name)
{
	for (unsigned int i = 0; i < primitive_count; i++)
		if (!strcmp(primitives[i].name, name))
			return i;
	fail_msg("no primitive %s", name);
	return 0;
}

static void add(int function, const char *primitive, enum site_kind kind)
{
	struct site s = {.addr = functions[function].addr + census.count + 1,
			 .func = &functions[function], .prim = prim(primitive), .kind = kind};

	assert_int_equal(census_add(&census, &s), 0);
}

/* The status of the one site of it in the function. */
static const char *status(int function, const char *primitive)
{
	for (size_t i = 0; i < census.count; i++)
		if (census.sites[i].func == &functions[function] && census.sites[i].prim == prim(primitive))
			return site_status_name(census.sites[i].status);
	return "none";
}

static const char *cover(const char *primitive)
{
	return cover_name(census.covers[prim(primitive)]);
}

/* Types of which two functions take a pointer to struct sk_buff. */
static void make_types(void)
{
	static const char *const names[] = {"handles_skb", "handles_skb_hidden"};
	int skb, ptr, proto;

	kt.btf = btf__new_empty();
	skb = btf__add_struct(kt.btf, "sk_buff", 8);
	ptr = btf__add_ptr(kt.btf, skb);
	proto = btf__add_func_proto(kt.btf, 0);
	assert_int_equal(btf__add_func_param(kt.btf, "skb", ptr), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(btf__add_func(kt.btf, names[i], BTF_FUNC_STATIC, proto) > 0);
}

static int make(void **state)
{
	(void)state;
	memset(&census, 0, sizeof(census));
	memset(&kt, 0, sizeof(kt));
	census.syms = calloc(primitive_count, sizeof(*census.syms));
	census.covers = calloc(primitive_count, sizeof(*census.covers));
	census.indirect = calloc(primitive_count, sizeof(*census.indirect));
	for (int i = FROM; i <= MEMCPY; i++)
		census.syms[prim(functions[i].name)] = &functions[i];
	make_types();
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	census_free(&census);
	ktypes_free(&kt);
	return 0;
}

static void plan(const struct opt_list *excluded)
{
	assert_int_equal(plan_probes(&census, &kt, &traceable, &emulating, excluded), 0);
}

static void inlined_copies_have_the_scopes_of_calls(void **state)
{
	static const char *const copies[] = {"rep movsq", "rep insl", "rep outsw", "memcpy"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		enum site_kind kind = i < 3 ? SITE_INLINED : SITE_CALL;

		add(HANDLES, copies[i], kind);
		add(HANDLES_HIDDEN, copies[i], kind);
		add(OTHER, copies[i], kind);
		add(DRIVER, copies[i], kind);
		add(FROM, copies[i], kind);
	}
	plan(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		assert_string_equal(status(HANDLES, copies[i]), "probed");
		assert_string_equal(status(HANDLES_HIDDEN, copies[i]), "blind");
		assert_string_equal(status(OTHER, copies[i]), "unprobed");
		assert_string_equal(status(DRIVER, copies[i]), "unprobed");
		assert_string_equal(status(FROM, copies[i]), "inside");
	}
}

static void inlined_copies_are_left_out_by_name(void **state)
{
	const char *names[] = {"rep movsq"};
	struct opt_list excluded = {.items = names, .count = 1};

	(void)state;
	add(HANDLES, "rep movsq", SITE_INLINED);
	add(HANDLES, "rep movsl", SITE_INLINED);
	plan(&excluded);
	assert_string_equal(status(HANDLES, "rep movsq"), "excluded");
	assert_string_equal(status(HANDLES, "rep movsl"), "probed");
}

/* It is called through a pointer, and cannot be probed; all that it calls can. */
static void make_indirect(void)
{
	add(TAKER, "csum_and_copy_to_iter", SITE_TAKEN);
	add(USER, "csum_and_copy_to_iter", SITE_CALL);
	add(TO, "csum_and_copy_to_user", SITE_CALL);
}

static void seen_at_what_it_calls(void **state)
{
	(void)state;
	make_indirect();
	plan(NULL);
	assert_string_equal(cover("csum_and_copy_to_iter"), "callee");
	assert_string_equal(cover("csum_and_copy_to_user"), "entry");
	assert_string_equal(status(TO, "csum_and_copy_to_user"), "covered");
	assert_string_equal(status(USER, "csum_and_copy_to_iter"), "covered");
	assert_string_equal(status(CALLEE, "csum_and_copy_to_user"), "probed");
}

/* What it moves by itself is seen by nobody: whether it ran has to be told. */
static void not_where_it_copies_by_itself(void **state)
{
	(void)state;
	make_indirect();
	add(TO, *state, strcmp(*state, "memcpy") ? SITE_INLINED : SITE_CALL);
	plan(NULL);
	assert_string_equal(cover("csum_and_copy_to_iter"), "guard");
	assert_string_equal(status(TO, "csum_and_copy_to_user"), "inside");
	assert_string_equal(status(TO, *state), "inside");
	assert_string_equal(status(USER, "csum_and_copy_to_iter"), "probed");
}

static int with_memcpy(void **state)
{
	*state = "memcpy";
	return make(state);
}

static int with_movsq(void **state)
{
	*state = "rep movsq";
	return make(state);
}

/* Nothing tells whether one ran that knows its address. */
static void seen_by_nothing(void **state)
{
	(void)state;
	add(HANDLES_HIDDEN, "copy_page_from_iter", SITE_TAKEN);
	plan(NULL);
	assert_string_equal(cover("copy_page_from_iter"), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(inlined_copies_have_the_scopes_of_calls, make, unmake),
		cmocka_unit_test_setup_teardown(inlined_copies_are_left_out_by_name, make, unmake),
		cmocka_unit_test_setup_teardown(seen_at_what_it_calls, make, unmake),
		cmocka_unit_test_setup_teardown(not_where_it_copies_by_itself, with_movsq, unmake),
		cmocka_unit_test_setup_teardown(not_where_it_copies_by_itself, with_memcpy, unmake),
		cmocka_unit_test_setup_teardown(seen_by_nothing, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
