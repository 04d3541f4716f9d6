// SPDX-License-Identifier: GPL-2.0-only
/* The running kernel's symbols: the name by which an instruction can be probed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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
			      "ffffffffc0002000 t dup\t[other]\n"
			      "ffffffffc0002100 t dup\t[other]\n"
			      "ffffffffc0002180 t clean_rx.cold\t[other]\n"
			      "ffffffffc0002200 t clean_rx.isra.0\t[other]\n";

static int load(void **state)
{
	static struct kallsyms ks;
	char path[] = "/tmp/copychain-kallsyms-XXXXXX";
	int fd = mkstemp(path), err;

	if (fd < 0 || write(fd, symbols, sizeof(symbols) - 1) != sizeof(symbols) - 1)
		return -1;
	close(fd);
	err = kallsyms_load(path, &ks);
	unlink(path);
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
		cmocka_unit_test(a_name_of_its_own),
		cmocka_unit_test(a_name_twice_in_the_image),
		cmocka_unit_test(a_name_in_a_module_and_the_image),
		cmocka_unit_test(a_name_twice_in_a_module),
		cmocka_unit_test(none_in_the_module),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
