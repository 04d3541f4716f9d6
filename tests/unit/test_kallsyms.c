// SPDX-License-Identifier: GPL-2.0-only
/* The running kernel's symbols: the name by which an instruction can be probed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/kallsyms.h"

/* A driver that is built in and one in a module may have static functions of the same names. */
static const char symbols[] = "ffffffff81001000 T ksys_read\n"
			      "ffffffff81002000 t getfrag\n"
			      "ffffffff81003000 t getfrag\n"
			      "ffffffff81004000 t clean_rx\n"
			      "ffffffff81005000 D jiffies\n"
			      "ffffffffc0001000 t clean_tx\t[e1000]\n"
			      "ffffffffc0001800 t clean_rx\t[e1000]\n"
			      "ffffffffc0001900 t helper\t[e1000]\n"
			      "ffffffffc0001a00 t helper\t[e1000]\n"
			      "ffffffffc0001a80 t jitted\t[bpf]\n"
			      "ffffffffc0002000 t dup\t[other]\n"
			      "ffffffffc0002000 T e1000_init\t[e1000]\n"
			      "ffffffffc0002100 t dup\t[other]\n"
			      "ffffffffc0002180 t clean_rx.cold\t[other]\n"
			      "ffffffffc0002190 t e1000_init_rest\t[e1000]\n"
			      "ffffffffc0002200 t clean_rx.isra.0\t[other]\n"
			      "ffffffffc0009000 T other_init\t[other]\n"
			      "ffffffffc0009000 D other_data\t[other]\n";

/* e1000's size is as kernels since 6.4 count it: of several places of which the first is text. */
static const char modules[] = "e1000 16384 0 - Live 0xffffffffc0001000\n"
			      "other 4096 1 e1000, Live 0xffffffffc0002000 (E)\n";

static int put(char *path, const char *text)
{
	int fd = mkstemp(path);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

static int load(void **state)
{
	static struct kallsyms ks;
	char path[] = "/tmp/copychain-kallsyms-XXXXXX";
	char modules_path[] = "/tmp/copychain-modules-XXXXXX";
	int err = put(path, symbols);

	if (!err)
		err = put(modules_path, modules);
	if (!err)
		err = kallsyms_load(path, modules_path, &ks);
	unlink(path);
	unlink(modules_path);
	*state = &ks;
	return err;
}

static int unload(void **state)
{
	kallsyms_free(*state);
	return 0;
}

static void check_anchor(const struct kallsyms *ks, uint64_t addr, uint64_t anchor)
{
	uint64_t end;
	const struct ksym *func = kallsyms_text_at(ks, addr, &end);

	assert_non_null(func);
	assert_int_equal(kallsyms_anchor(ks, func)->addr, anchor);
}

static void check_base(const struct kallsyms *ks, const char *module, const char *base,
		       uint64_t addr)
{
	const struct ksym *sym = kallsyms_find_base(ks, module, base);

	assert_non_null(sym);
	assert_int_equal(sym->addr, addr);
}

static void a_function_is_found_in_its_module(void **state)
{
	check_base(*state, NULL, "clean_rx", 0xffffffff81004000);
	check_base(*state, "e1000", "clean_rx", 0xffffffffc0001800);
	check_base(*state, "other", "clean_rx", 0xffffffffc0002200);
	assert_null(kallsyms_find_base(*state, "other", "clean_tx"));
	assert_null(kallsyms_find_base(*state, NULL, "clean_r"));
}

/* Memory that a module had for its initialisation may be another's by now. */
static void freed_initialisation_has_no_name(void **state)
{
	uint64_t end;

	assert_null(kallsyms_find(*state, "e1000_init"));
	assert_null(kallsyms_find(*state, "other_init"));
	assert_non_null(kallsyms_find(*state, "other_data"));
	assert_non_null(kallsyms_find(*state, "jitted"));
	assert_string_equal(kallsyms_text_at(*state, 0xffffffffc0002004, &end)->name, "dup");
	assert_string_equal(kallsyms_text_at(*state, 0xffffffffc0002198, &end)->name, "clean_rx.cold");
}

static void a_name_of_its_own(void **state)
{
	check_anchor(*state, 0xffffffff81001010, 0xffffffff81001000);
	check_anchor(*state, 0xffffffffc0001010, 0xffffffffc0001000);
}

static void a_name_twice_in_the_image(void **state)
{
	check_anchor(*state, 0xffffffff81002010, 0xffffffff81001000);
	check_anchor(*state, 0xffffffff81003010, 0xffffffff81001000);
}

static void a_name_in_a_module_and_the_image(void **state)
{
	/* led by its module, the one is unique; the other is not */
	check_anchor(*state, 0xffffffffc0001810, 0xffffffffc0001800);
	check_anchor(*state, 0xffffffff81004010, 0xffffffff81001000);
}

static void a_name_twice_in_a_module(void **state)
{
	check_anchor(*state, 0xffffffffc0001a10, 0xffffffffc0001800);
}

static void none_in_the_module(void **state)
{
	check_anchor(*state, 0xffffffffc0002110, 0xffffffffc0002100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_is_found_in_its_module),
		cmocka_unit_test(freed_initialisation_has_no_name),
		cmocka_unit_test(a_name_of_its_own),
		cmocka_unit_test(a_name_twice_in_the_image),
		cmocka_unit_test(a_name_in_a_module_and_the_image),
		cmocka_unit_test(a_name_twice_in_a_module),
		cmocka_unit_test(none_in_the_module),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
