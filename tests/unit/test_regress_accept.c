// SPDX-License-Identifier: GPL-2.0-only
/* Accepted changes: lines that are none, what a line accepts, and lines that reports propose. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/json.h"
#include "common/text.h"
#include "common/vec.h"
#include "regress/accept.h"
#include "regress/finding.h"
#include "regresshelp.h"

static int accept_error(const char *text, char *why, size_t size)
{
	struct accepts a;
	int err = accepts_load(file("accepted", text), &a, why, size);

	accepts_free(&a);
	return err;
}

static void test_accept_faults(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"x\n", "line 1: it takes five words"},
		{"# fine\n\nk f copies 3\n", "line 3: it takes five words"},
		{"k f copies 3 \n", "it takes five words"},
		{"k f copise 3 reason\n", "no kind of finding"},
		{"k f copies three reason\n", "must be a number"},
		{"k f cost nan reason\n", "must be a number"},
		{"k - baseline - reason\n", "cannot be accepted"},
		{"k - digest - reason\n", "cannot be accepted"},
	};
	char why[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(accept_error(bad[i].text, why, sizeof(why)), -EBADMSG);
		if (!strstr(why, bad[i].why))
			fail_msg("%s: %s", bad[i].text, why);
	}
	assert_int_equal(accept_error("", why, sizeof(why)), 0);
	assert_int_equal(accept_error("k\tf copies  3  two words\r\n", why, sizeof(why)), 0);
}

/* Accepted is what the line names, up to where it says, and nothing else. */
static void test_accept(void **state)
{
	static const struct {
		const char *line;
		enum outcome outcome;
	} cases[] = {
		{"linux-* f copies 3 the driver needs it", OUTCOME_ACCEPTED},
		{"linux-* f copies - the driver needs it", OUTCOME_ACCEPTED},
		{"linux-* f copies 2.9 the driver needs it", OUTCOME_REGRESSION},
		{"other f copies 3 the driver needs it", OUTCOME_REGRESSION},
		{"linux-* g copies 3 the driver needs it", OUTCOME_REGRESSION},
		{"linux-* f amplification 3 the driver needs it", OUTCOME_REGRESSION},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_object *list = parse("[{'class':'regression','what':'copies','from':2,'to':3.0}]");
		struct accepts a;
		char why[256], *line;

		assert_int_equal(accepts_load(file("accepted", cases[i].line), &a, why, sizeof(why)), 0);
		line = accept_suggest("linux-7", "f", json_at(list, 0));
		assert_string_equal(line, "linux-7 f copies 3.000");
		free(line);
		accepts_apply(&a, "linux-7", "f", list);
		assert_int_equal(findings_outcome(list), cases[i].outcome);
		assert_int_equal(a.lines[0].used, cases[i].outcome == OUTCOME_ACCEPTED);
		accepts_free(&a);
		json_object_put(list);
	}
}

/* Reads a line and a reason back, as from a terminal: does it accept the finding? */
static bool accepts_itself(const char *line, const char *kernel, const char *flow, struct json_object *list)
{
	char shown[1200], text[1300], why[256] = "";
	struct accepts a;
	bool accepted;

	text_clean(line, shown, sizeof(shown));
	snprintf(text, sizeof(text), "# a head\n%s because\n", shown);
	if (accepts_load(raw_file("accepted", text), &a, why, sizeof(why)))
		fail_msg("'%s': %s", line, why);
	accepts_apply(&a, kernel, flow, list);
	accepted = a.count == 1 && json_str(json_at(list, 0), "accepted", NULL) != NULL;
	accepts_free(&a);
	return accepted;
}

static unsigned long seed = 1;

static unsigned number(unsigned below)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % below;
}

/* A name of what means something to patterns, to lines or to terminals, and some letters. */
static void hostile(char *name, size_t size)
{
	static const char bytes[] = "ab*?[]\\!^-#/. \t\r\n\v\f\"'`~+@()|\x01\x1b\x7f\x80\xc3\xa9\xe2\x80\xae\xff";
	size_t n = number((unsigned)size);

	for (size_t i = 0; i < n; i++)
		name[i] = bytes[number(sizeof(bytes) - 1)];
	name[n] = '\0';
}

/* A number of any size, often one that rounding moves. */
static double amount(void)
{
	double value = (double)number(1000000) / (1 + number(9999));

	for (unsigned n = number(16); n--;)
		value *= 10;
	return value;
}

static struct json_object *some_finding(void)
{
	static const char *const kinds[] = {"copies", "emulated-dma", "verdict", "cost", "kernel", "flow",
					    "lost", "delivery"};
	static const char *const verdicts[] = {"at-least", "unlinked", "", "-", "at least", "x\ty"};
	const char *what = kinds[number(8)];
	struct json_object *f = json_object_new_object();

	json_add_str(f, "class", "regression");
	json_add_str(f, "what", what);
	if (!strcmp(what, "verdict") && number(3))
		json_add_str(f, "to", verdicts[number(6)]);
	else if (number(4))
		json_add_double(f, "to", amount(), 6);
	if (!strcmp(what, "cost") && number(4))
		json_add_double(f, "percent", amount(), 3);
	return f;
}

/* Whatever things are called: the line that a report proposes accepts what it was proposed for. */
static void test_suggestion(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		char kernel[24], flow[24], *line;
		struct json_object *list = json_object_new_array(), *f = some_finding();

		json_object_array_add(list, f);
		hostile(kernel, sizeof(kernel));
		hostile(flow, sizeof(flow));
		line = accept_suggest(kernel, flow, f);
		assert_non_null(line);
		if (!accepts_itself(line, kernel, flow, list))
			fail_msg("'%s' does not accept %s of '%s', '%s'", line,
				 json_object_to_json_string(f), kernel, flow);
		free(line);
		json_object_put(list);
	}
}

/* As much is proposed as was found, and no more. */
static void test_suggestion_is_narrow(void **state)
{
	struct json_object *f = parse("{'what':'copies','to':2.0}"), *list = json_object_new_array();
	char *line = accept_suggest("a*", "f", f);

	(void)state;
	assert_string_equal(line, "a\\* f copies 2.000");
	json_object_array_add(list, f);
	assert_false(accepts_itself(line, "ab", "f", list));
	free(line);
	json_object_put(list);
	list = parse("[{'what':'cost','text':'no cost'}]");
	assert_false(accepts_itself("a f cost 40%", "a", "f", list));
	line = accept_suggest("a", "f", json_at(list, 0));
	assert_string_equal(line, "a f cost -");
	free(line);
	json_object_put(list);
	list = parse("[{'what':'baseline'},{'what':'digest'}]");
	assert_null(accept_suggest("a", "f", json_at(list, 0)));
	assert_null(accept_suggest("a", "f", json_at(list, 1)));
	json_object_put(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept_faults),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_suggestion),
		cmocka_unit_test(test_suggestion_is_narrow),
	};

	return cmocka_run_group_tests(tests, regress_begin, regress_end);
}
