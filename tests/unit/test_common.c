// SPDX-License-Identifier: GPL-2.0-only
/* Options and JSON, as all programs share them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "common/json.h"
#include "common/msg.h"
#include "common/opt.h"
#include "common/vec.h"

/* ---- options ---- */

struct config {
	bool flag;
	unsigned long number;
	const char *text, *word;
	struct opt_list list;
};

static const struct opt opts[] = {
	{OPT_FLAG, "flag", offsetof(struct config, flag), NULL, "a flag", 0, 0, NULL},
	{OPT_UINT, "number", offsetof(struct config, number), "N", "a number", 5, 100, NULL},
	{OPT_STR, "text", offsetof(struct config, text), "TEXT", "a text", 0, 0, NULL},
	{OPT_LIST, "item", offsetof(struct config, list), "ITEM", "a list", 0, 0, NULL},
	{OPT_WORD, "word", offsetof(struct config, word), "WORD", "a word", 0, 0, "one two three"},
	{0},
};

static const struct opt_command command = {"test [OPTIONS]", "Tests.", opts};

/* Parses the words of a line; what is said on stderr or stdout goes to *said. */
static int parse(char *line, struct config *cfg, char *said, size_t size)
{
	char *argv[16] = {NULL}, *save = NULL;
	int argc = 0, pipes[2], out = dup(1), err = dup(2), got;
	ssize_t n;

	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	memset(cfg, 0, sizeof(*cfg));
	fflush(NULL);
	assert_int_equal(pipe(pipes), 0);
	dup2(pipes[1], 1);
	dup2(pipes[1], 2);
	got = opt_parse(&command, argc, argv, cfg);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(pipes[1]);
	n = read(pipes[0], said, size - 1);
	said[n > 0 ? n : 0] = '\0';
	close(pipes[0]);
	close(out);
	close(err);
	return got;
}

static int quiet(const char *line, struct config *cfg)
{
	char copy[256], said[1024];
	int got;

	snprintf(copy, sizeof(copy), "%s", line);
	/* Texts point into the words: kept until the next call. */
	static char kept[256];

	memcpy(kept, copy, sizeof(kept));
	got = parse(kept, cfg, said, sizeof(said));
	assert_string_equal(said, "");
	return got;
}

/* Refused, in one line that names the program and holds `says`. */
static void refused(const char *line, const char *says)
{
	char copy[256], said[1024];
	struct config cfg;

	snprintf(copy, sizeof(copy), "%s", line);
	assert_int_equal(parse(copy, &cfg, said, sizeof(said)), -EINVAL);
	if (strncmp(said, "test: ", 6) || !strstr(said, says) || strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("'%s': '%s'", line, said);
	opt_list_free(&cfg.list);
}

static void test_opt_flag(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(quiet("test --flag", &c), 2);
	assert_true(c.flag);
	assert_int_equal(quiet("test", &c), 1);
	assert_false(c.flag);
	refused("test --flag=1", "--flag takes no value");
}

static void test_opt_uint(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(quiet("test --number 5", &c), 3);
	assert_int_equal(c.number, 5);
	assert_int_equal(quiet("test --number=100", &c), 2);
	assert_int_equal(c.number, 100);
	assert_int_equal(quiet("test --number 0x10", &c), 3);
	assert_int_equal(c.number, 16);
	refused("test --number 4", "'4' is not a number from 5 to 100");
	refused("test --number 101", "101");
	refused("test --number -1", "-1");
	refused("test --number 7x", "7x");
	refused("test --number x", "'x'");
	refused("test --number=", "''");
	refused("test --number 99999999999999999999", "99999999999999999999");
	refused("test --number 18446744073709551623", "18446744073709551623"); /* 2^64 + 7 */
	refused("test --number", "--number needs a value: N");
}

static void test_opt_str(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(quiet("test --text abc", &c), 3);
	assert_string_equal(c.text, "abc");
	assert_int_equal(quiet("test --text=a=b", &c), 2);
	assert_string_equal(c.text, "a=b");
	assert_int_equal(quiet("test --text --flag", &c), 3);
	assert_string_equal(c.text, "--flag");
	assert_int_equal(quiet("test --text=", &c), 2);
	assert_string_equal(c.text, "");
	refused("test --text", "--text needs a value: TEXT");
}

static void test_opt_list(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(quiet("test --item a --item=b --item c", &c), 6);
	assert_int_equal(c.list.count, 3);
	assert_string_equal(c.list.items[0], "a");
	assert_string_equal(c.list.items[1], "b");
	assert_string_equal(c.list.items[2], "c");
	opt_list_free(&c.list);
	assert_int_equal(c.list.count, 0);
	refused("test --item a --item", "--item needs a value");
}

static void test_opt_word(void **state)
{
	static const char *const words[] = {"one", "two", "three"};
	struct config c;
	char line[64];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "test --word %s", words[i]);
		assert_int_equal(quiet(line, &c), 3);
		assert_string_equal(c.word, words[i]);
	}
	refused("test --word four", "'four' is not one of: one two three");
	refused("test --word on", "'on'");
	refused("test --word ne", "'ne'");
	refused("test --word=", "''");
}

static void test_opt_end(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(quiet("test --flag file --number 5", &c), 2);
	assert_int_equal(c.number, 0);
	assert_int_equal(quiet("test --flag -- --number", &c), 3);
	assert_int_equal(quiet("test - x", &c), 1);
}

static void test_opt_unknown(void **state)
{
	(void)state;
	refused("test --nonsense", "'--nonsense'");
	refused("test --fla", "'--fla'");
	refused("test --flags", "'--flags'");
	refused("test -x", "'-x'");
	refused("test -flag", "'-flag'");
	refused("test --=3", "'--=3'");
}

static void test_opt_help(void **state)
{
	char line[] = "test --help", said[2048];
	struct config c;

	(void)state;
	assert_int_equal(parse(line, &c, said, sizeof(said)), -ECANCELED);
	assert_non_null(strstr(said, "usage: test [OPTIONS]\nTests.\n"));
	for (const struct opt *o = opts; o->type != OPT_END; o++)
		assert_non_null(strstr(said, o->help));
}

/* ---- JSON ---- */

static char path[64];

static int make_path(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/copychain-test-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 || close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return remove(path) && errno != ENOENT;
}

static void test_json_round_trip(void **state)
{
	struct json_object *o = json_object_new_object();
	int err;

	(void)state;
	json_add_str(o, "s", "a/\"\n\xc3\xa4");
	json_add_str(o, "null", NULL);
	json_add_uint(o, "u", UINT64_MAX);
	json_add_int(o, "i", INT64_MIN);
	json_add_bool(o, "b", true);
	json_add_hex(o, "h", 0xffff888000000001);
	json_add_double(o, "d", 2.0 / 3, 3);
	assert_int_equal(json_write_file(o, path), 0);
	json_object_put(o);
	o = json_read_file(path, &err);
	assert_int_equal(err, 0);
	assert_string_equal(json_str(o, "s", ""), "a/\"\n\xc3\xa4");
	assert_null(json_str(o, "null", NULL));
	assert_true(json_uint(o, "u", 0) == UINT64_MAX);
	assert_true(json_int(o, "i", 0) == INT64_MIN);
	assert_true(json_hex(o, "h", 0) == 0xffff888000000001);
	assert_string_equal(json_object_to_json_string(json_get(o, "d")), "0.667");
	json_object_put(o);
}

static void test_json_defaults(void **state)
{
	struct json_object *o = json_tokener_parse("{\"s\":3,\"u\":\"x\",\"h\":\"0x1g\",\"e\":\"\",\"n\":null}");

	(void)state;
	assert_string_equal(json_str(o, "s", "none"), "none");
	assert_int_equal(json_uint(o, "u", 7), 7);
	assert_int_equal(json_int(o, "missing", -7), -7);
	assert_int_equal(json_hex(o, "h", 7), 7);
	assert_int_equal(json_hex(o, "e", 7), 7);
	assert_int_equal(json_hex(o, "s", 7), 7);
	assert_null(json_get(o, "n"));
	assert_null(json_get(NULL, "n"));
	assert_int_equal(json_uint(json_get(o, "s"), "s", 7), 7);
	json_object_put(o);
}

static void write_path(const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_json_damaged(void **state)
{
	static const char *const bad[] = {"", " ", "{", "{\"a\":1", "nonsense", "{\"a\" 1}", "[1,2", "\"x"};
	int err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		write_path(bad[i]);
		assert_null(json_read_file(path, &err));
		assert_int_equal(err, -EBADMSG);
	}
	assert_null(json_read_file("/nonexistent/x", &err));
	assert_int_equal(err, -ENOENT);
}

/* A writer that fails leaves what was there, and no part of a file. */
static void test_json_write_fails(void **state)
{
	struct json_object *o = json_object_new_object();

	(void)state;
	assert_int_equal(json_write_file(o, "/nonexistent/x"), -ENOENT);
	assert_int_equal(json_write_file(o, "/proc/self/x"), -ENOENT);
	json_object_put(o);
}

static void test_vec_grows(void **state)
{
	size_t cap = 0;
	int *items = NULL, *was;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(vec_reserve(&items, &cap, (size_t)i + 1), 0);
		assert_true(cap > (size_t)i);
		items[i] = i;
	}
	assert_true(cap < 2000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	/* What was there stays where more is not to be had. */
	was = items;
	assert_int_equal(vec_reserve(&items, &cap, SIZE_MAX / sizeof(*items)), -ENOMEM);
	assert_int_equal(vec_reserve(&items, &cap, SIZE_MAX), -ENOMEM);
	assert_ptr_equal(items, was);
	assert_int_equal(items[999], 999);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opt_flag),
		cmocka_unit_test(test_opt_uint),
		cmocka_unit_test(test_opt_str),
		cmocka_unit_test(test_opt_list),
		cmocka_unit_test(test_vec_grows),
		cmocka_unit_test(test_opt_word),
		cmocka_unit_test(test_opt_end),
		cmocka_unit_test(test_opt_unknown),
		cmocka_unit_test(test_opt_help),
		cmocka_unit_test_setup_teardown(test_json_round_trip, make_path, remove_path),
		cmocka_unit_test(test_json_defaults),
		cmocka_unit_test_setup_teardown(test_json_damaged, make_path, remove_path),
		cmocka_unit_test(test_json_write_fails),
	};

	msg_program("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
