// SPDX-License-Identifier: GPL-2.0-only
/* Nights: digests and accepted changes in, a report of all kernels and its exit status out. */
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
#include "common/vec.h"
#include "regress/digest.h"
#include "regress/finding.h"
#include "regress/night.h"
#include "regress/night_report.h"
#include "regresshelp.h"

#define DIGEST(label, more) \
	"{'schema':1,'label':'" label "','status':'measured','why':'','set':'s'," more "}"
#define FLOW(name, more) \
	"{'name':'" name "','size':{'min':1,'max':1},'messages':10,'delivered':10,'payload_bytes':10," \
	"'copied_bytes':20,'verdict':'exact','why':''" more "}"
#define FLOWS(flows) "'flows':[" flows "]"

/* One kernel against the baseline; accepted: lines, or NULL. */
static struct json_object *night(const char *base, const char *digest, const char *accepted)
{
	struct night_input in = {.name = "n", .limits = LIMITS_DEFAULT};
	const char *items[] = {file("b/digest.json", digest)};
	struct accepts accepts = {0};
	struct json_object *report;
	char why[512] = "";

	if (accepted)
		assert_int_equal(accepts_load(file("accepted", accepted), &accepts, why, sizeof(why)), 0);
	in.baseline = file("base.json", base);
	in.digests = (struct opt_list){.items = items, .count = 1};
	in.accepts = &accepts;
	report = night_compare(&in, why, sizeof(why));
	accepts_free(&accepts);
	if (!report)
		fail_msg("%s", why);
	return report;
}

static struct json_object *kernel_of(struct json_object *report)
{
	return json_at(json_get(report, "kernels"), 0);
}

static struct json_object *finding_of(struct json_object *judged, const char *what)
{
	struct json_object *list = json_get(judged, "findings");

	for (size_t i = 0; i < json_length(list); i++)
		if (!strcmp(json_str(json_at(list, i), "what", ""), what))
			return json_at(list, i);
	return NULL;
}

static void finds(struct json_object *judged, const char *what, const char *class, const char *text)
{
	struct json_object *f = finding_of(judged, what);

	if (!f)
		fail_msg("no finding '%s' in %s", what, json_object_to_json_string(judged));
	assert_string_equal(json_str(f, "class", ""), class);
	if (!strstr(json_str(f, "text", ""), text))
		fail_msg("'%s' does not say '%s'", json_str(f, "text", ""), text);
}

typedef int report_fn(struct json_object *report, const struct night_context *c, FILE *out);

/* A report as text, which the caller frees. */
static char *told(struct json_object *report, report_fn *fn)
{
	const struct night_context c = {NULL, "/nonexistent"};
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(fn(report, &c, f), 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void tells(struct json_object *report, report_fn *fn, const char *words)
{
	char *text = told(report, fn);

	if (!strstr(text, words))
		fail_msg("'%s' is not in:\n%s", words, text);
	free(text);
}

/* The same of several files; NULL for the text of one that is not there. */
static struct json_object *night_of(const char *base, const char *const *digests, size_t n)
{
	static const char *const names[] = {"k0/digest.json", "k1/digest.json", "k2/digest.json"};
	struct night_input in = {.name = "n", .limits = LIMITS_DEFAULT};
	const char *items[3];
	char why[512] = "", paths[3][300];
	struct json_object *report;

	in.baseline = file("base.json", base);
	for (size_t i = 0; i < n; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s", file(names[i], digests[i] ? digests[i] : ""));
		if (!digests[i])
			remove(paths[i]);
		items[i] = paths[i];
	}
	in.digests = (struct opt_list){.items = items, .count = n};
	report = night_compare(&in, why, sizeof(why));
	if (!report)
		fail_msg("%s", why);
	return report;
}

/* What only the second boot could measure is told, compared, and no failure. */
static void test_second_boot(void **state)
{
	struct json_object *r = night(DIGEST("a", FLOWS(FLOW("f", ""))),
				      DIGEST("b", "'retried':'panic: x'," FLOWS(FLOW("f", ""))), NULL);

	(void)state;
	finds(kernel_of(r), "boot", "change", "the first boot died: panic: x; measured at the second");
	assert_string_equal(json_str(kernel_of(r), "outcome", ""), "change");
	assert_int_equal(json_length(json_get(kernel_of(r), "flows")), 1);
	assert_int_equal(json_uint(r, "exit_status", 99), 0);
	tells(r, night_text, "the first boot died: panic: x");
	json_object_put(r);
	r = night(DIGEST("a", FLOWS(FLOW("f", ""))),
		  DIGEST("b", "'retried':'panic: x'," FLOWS(FLOW("f", ",'copied_bytes':30"))), NULL);
	assert_int_equal(json_uint(r, "exit_status", 99), 1);
	json_object_put(r);
	/* That something was measured anew is nothing that was compared. */
	r = night(DIGEST("a", FLOWS("")), DIGEST("b", "'retried':'panic: x'," FLOWS(FLOW("f", ""))), NULL);
	assert_int_equal(json_uint(r, "exit_status", 99), 3);
	json_object_put(r);
}

static void test_digest_of_job(void **state)
{
	struct digest_job job = {.dir = "/nonexistent", .label = "b", .kernel = "k", .version = "1",
				 .set = "none", .failed = "no time", .shift = -1};
	char why[256] = "";
	struct json_object *d = digest_make(&job, why, sizeof(why));

	(void)state;
	assert_non_null(d);
	assert_null(json_str(d, "identity", NULL));
	assert_null(json_str(d, "retried", NULL));
	json_object_put(d);
	job.identity = "image 1234";
	job.retried = "panic";
	d = digest_make(&job, why, sizeof(why));
	assert_string_equal(json_str(d, "identity", ""), "image 1234");
	assert_string_equal(json_str(d, "retried", ""), "panic");
	assert_string_equal(json_str(d, "status", ""), "failed");
	json_object_put(d);
}

/* What is compared of a flow, and nothing that nobody reads. */
static void test_flow_in_digest(void **state)
{
	char dir[300], why[256] = "";
	struct digest_job job = {.dir = dir, .label = "b", .kernel = "k", .version = "1", .set = "s", .shift = -1};
	struct json_object *d, *f;

	(void)state;
	file("run/sites.json", "{'sites':[]}");
	snprintf(dir, sizeof(dir), "%s", file("analysis.json",
		"{'lost':0,'flows':[{'name':'f','messages':3,'chains':3,'accounted':0.5,'gap':{'min':0,'mean':0.25,'max':1},"
		"'dma':{'min':2,'mean':2,'max':2},'wire':{'min':0,'mean':0,'max':0},'verdict':'at-least'}]}"));
	*strrchr(dir, '/') = '\0';
	d = digest_make(&job, why, sizeof(why));
	if (!d)
		fail_msg("%s", why);
	f = digest_flow(d, "f");
	assert_float_equal(json_object_get_double(json_get(f, "accounted")), 0.5, 0);
	assert_float_equal(json_object_get_double(json_get(json_get(f, "gap"), "mean")), 0.25, 0);
	assert_null(json_get(f, "chains"));
	assert_float_equal(json_object_get_double(json_get(json_get(f, "dma"), "mean")), 2, 0);
	json_object_put(d);
}

/* A sentence for all there is to say is that of the worst finding that is not accepted. */
static void test_worst(void **state)
{
	struct json_object *list = parse("[{'class':'change','text':'1'},{'class':'regression','text':'2','accepted':'y'},"
					 "{'class':'not comparable','text':'3'},{'class':'not comparable','text':'4'}]");
	struct json_object *accepted = parse("[{'class':'regression','text':'2','accepted':'y'}]");

	(void)state;
	assert_string_equal(json_str(finding_worst(list), "text", ""), "3");
	assert_int_equal(findings_outcome(list), OUTCOME_NOT_COMPARABLE);
	assert_true(findings_have(list, OUTCOME_CHANGE));
	assert_false(findings_have(list, OUTCOME_REGRESSION));
	assert_null(finding_worst(accepted));
	assert_int_equal(findings_outcome(accepted), OUTCOME_ACCEPTED);
	assert_null(finding_worst(NULL));
	json_object_put(list);
	json_object_put(accepted);
}

static void test_junit_message(void **state)
{
	struct json_object *r = night(DIGEST("a", FLOWS(FLOW("f", ""))),
				      DIGEST("b", FLOWS(FLOW("f", ",'verdict':'unlinked','dead_copy_bytes':5"))), NULL);

	(void)state;
	assert_string_equal(json_str(json_at(json_get(json_at(json_get(kernel_of(r), "flows"), 0),
						      "findings"), 0), "what", ""), "dead-copies");
	tells(r, night_junit, "<failure message=\"verdict: unlinked, was exact\">");
	json_object_put(r);
}

/* One kernel's file that is gone or damaged is that kernel's failure, and the others are compared. */
static void test_damaged_digests(void **state)
{
	const char *digests[] = {NULL, "{'schema':1", DIGEST("b", FLOWS(FLOW("f", "")))};
	struct json_object *r = night_of(DIGEST("a", FLOWS(FLOW("f", ""))), digests, 3);
	struct json_object *kernels = json_get(r, "kernels");

	(void)state;
	assert_int_equal(json_length(kernels), 3);
	for (size_t i = 0; i < 2; i++) {
		struct json_object *k = json_at(kernels, i);

		assert_string_equal(json_str(k, "label", ""), i ? "k1" : "k0");
		assert_string_equal(json_str(k, "status", ""), "failed");
		assert_string_equal(json_str(k, "outcome", ""), "not comparable");
		finds(k, "digest", "not comparable", i ? "no JSON" : "No such file");
		assert_non_null(strstr(json_str(k, "why", ""), i ? "no JSON" : "No such file"));
		assert_null(json_str(finding_of(k, "digest"), "accept", NULL));
	}
	assert_string_equal(json_str(json_at(kernels, 2), "outcome", ""), "same");
	assert_int_equal(json_int(r, "exit_status", 99), 4);
	assert_int_equal(night_status(r), 4);
	tells(r, night_text, "k0 (version unknown): not comparable");
	tells(r, night_text, "b (version unknown): same");
	tells(r, night_markdown, "## k1: not comparable");
	tells(r, night_html, "k1");
	tells(r, night_junit, "<testsuite name=\"k0\" tests=\"1\" failures=\"0\" errors=\"1\"");
	json_object_put(r);
}

static void test_folder_of_digest(void **state)
{
	static const struct {
		const char *path, *label;
	} cases[] = {
		{"jobs/k//digest.json", "k"}, {"/nonexistent/k/digest.json", "k"}, {"/digest.json", "?"},
		{"nonexistent/./digest.json", "."},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct night_input in = {.name = "n", .limits = LIMITS_DEFAULT};
		const char *item = cases[i].path;
		struct json_object *r;
		char why[512];

		in.baseline = file("base.json", DIGEST("a", FLOWS(FLOW("f", ""))));
		in.digests = (struct opt_list){.items = &item, .count = 1};
		r = night_compare(&in, why, sizeof(why));
		assert_string_equal(json_str(kernel_of(r), "label", ""), cases[i].label);
		json_object_put(r);
	}
}

/* What is the baseline's fault no line about kernels hides. */
static void test_baseline_is_not_accepted(void **state)
{
	static const char *const bases[] = {
		"{'schema':1,'label':'a','status':'failed','why':'panic','set':'s'}",
		"{'schema':1,'label':'a','status':'measured','set':'other','flows':[]}",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct json_object *r = night(bases[i], DIGEST("b", FLOWS(FLOW("f", ""))), "* * kernel - any\n");

		finds(kernel_of(r), "baseline", "not comparable", "baseline was");
		assert_null(json_str(finding_of(kernel_of(r), "baseline"), "accept", NULL));
		assert_int_equal(json_int(r, "exit_status", 99), 3);
		json_object_put(r);
	}
}

static void test_loss_is_not_a_flow(void **state)
{
	const char *lost = DIGEST("b", FLOWS(FLOW("f", ",'lost':true") "," FLOW("g", "")));
	struct json_object *r = night(DIGEST("a", FLOWS(FLOW("f", "") "," FLOW("g", ""))), lost, "* * flow - any\n");

	(void)state;
	assert_int_equal(json_int(r, "exit_status", 99), 3);
	json_object_put(r);
	r = night(DIGEST("a", FLOWS(FLOW("f", "") "," FLOW("g", ""))), lost, "* * lost - any\n");
	assert_int_equal(json_int(r, "exit_status", 99), 0);
	assert_int_equal(json_uint(r, "compared", 0), 1);
	json_object_put(r);
}

/* Messages that no longer arrive end a night with 3, unless a line says why that is well. */
static void test_fewer_arrive(void **state)
{
	const char *base = DIGEST("a", FLOWS(FLOW("f", ""))), *fewer = DIGEST("b", FLOWS(FLOW("f", ",'delivered':9")));
	struct json_object *r = night(base, fewer, NULL);

	(void)state;
	assert_int_equal(json_int(r, "exit_status", 99), 3);
	tells(r, night_text, "to accept it: b f delivery - REASON");
	json_object_put(r);
	r = night(base, fewer, "b f delivery - the card is slow\n");
	assert_int_equal(json_int(r, "exit_status", 99), 0);
	assert_string_equal(json_str(kernel_of(r), "outcome", ""), "accepted");
	json_object_put(r);
}

/* Accepted is what is missing beside something that was compared. */
static void test_all_accepted(void **state)
{
	const char *base = DIGEST("a", FLOWS(FLOW("f", "") "," FLOW("g", "")));
	const char *failed = "{'schema':1,'label':'b','status':'failed','why':'panic','set':'s'}";
	const char *some = DIGEST("b", FLOWS(FLOW("f", ""))), *none = DIGEST("b", FLOWS(""));
	static const struct {
		size_t digest;
		const char *accepted;
		int status;
	} cases[] = {
		{0, "* * kernel - x\n", 3}, {1, "* * flow - x\n", 0}, {2, "* * flow - x\n", 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *digests[] = {failed, some, none};
		struct json_object *r = night(base, digests[cases[i].digest], cases[i].accepted);

		if (json_int(r, "exit_status", 99) != cases[i].status)
			fail_msg("case %zu: %s", i, json_object_to_json_string(r));
		if (cases[i].status == 3) {
			tells(r, night_text, "nothing was compared");
			tells(r, night_markdown, "Nothing was compared");
		}
		json_object_put(r);
	}
}

/* Whoever skipped it says why. */
static void test_skipped(void **state)
{
	const char *skipped = DIGEST("a", FLOWS(FLOW("f", "")) ",'skipped':[{'name':'g','why':'no rxe'}]");
	const char *both = DIGEST("b", FLOWS(FLOW("f", "") "," FLOW("g", "")));
	struct json_object *r = night(skipped, both, NULL);

	(void)state;
	finds(json_at(json_get(kernel_of(r), "flows"), 1), "flow", "not comparable",
	      "the baseline did not run it: no rxe");
	assert_int_equal(json_int(r, "exit_status", 99), 0);
	json_object_put(r);
	r = night(both, skipped, NULL);
	finds(json_at(json_get(kernel_of(r), "flows"), 1), "flow", "not comparable", "no rxe");
	assert_int_equal(json_int(r, "exit_status", 99), 3);
	json_object_put(r);
}

/* One flow got worse in one way and cannot be compared in another: the highest applies. */
static void test_highest_status(void **state)
{
	struct json_object *r = night(DIGEST("a", FLOWS(FLOW("f", ""))), DIGEST("b", FLOWS(FLOW("f", ""))), NULL);
	struct json_object *flow = json_at(json_get(kernel_of(r), "flows"), 0);

	(void)state;
	finding_add(json_get(flow, "findings"), OUTCOME_REGRESSION, "copies", "x");
	assert_int_equal(night_status(r), 1);
	finding_add(json_get(flow, "findings"), OUTCOME_NOT_COMPARABLE, "cost", "x");
	assert_int_equal(night_status(r), 3);
	json_object_put(r);
}

#define CENSUS(label, function) \
	"{'schema':1,'label':'" label "','status':'measured','set':'none','census':[{'primitive':'memcpy'," \
	"'module':'','function':'" function "','sites':1,'seen':1,'blind':0}]}"
#define NO_CENSUS(label) "{'schema':1,'label':'" label "','status':'measured','set':'none'}"

/* Without traffic, copy sites that differ are the outcome, and no failure. */
static void test_no_traffic(void **state)
{
	struct json_object *r = night(CENSUS("a", "one"), CENSUS("b", "other"), NULL);

	(void)state;
	finds(kernel_of(r), "census", "change", "functions with copy sites: 1 new, 1 gone");
	assert_string_equal(json_str(kernel_of(r), "outcome", ""), "change");
	assert_int_equal(json_int(r, "exit_status", 99), 0);
	tells(r, night_text, "b (version unknown): change");
	tells(r, night_junit, "<system-out>change, census: ");
	json_object_put(r);
	r = night(CENSUS("a", "one"), CENSUS("b", "one"), NULL);
	assert_string_equal(json_str(kernel_of(r), "outcome", ""), "same");
	assert_int_equal(json_int(r, "exit_status", 99), 0);
	json_object_put(r);
	r = night(CENSUS("a", "one"), NO_CENSUS("b"), NULL);
	finds(kernel_of(r), "kernel", "not comparable", "no census");
	assert_int_equal(json_int(r, "exit_status", 99), 3);
	json_object_put(r);
	r = night(NO_CENSUS("a"), CENSUS("b", "one"), "* * kernel - x\n");
	finds(kernel_of(r), "baseline", "not comparable", "no census");
	assert_int_equal(json_int(r, "exit_status", 99), 3);
	json_object_put(r);
}

/* With traffic the flows decide. */
static void test_census_beside_traffic(void **state)
{
	struct json_object *r = night(DIGEST("a", FLOWS(FLOW("f", "")) ",'census':[{'function':'x','primitive':'y'}]"),
				      DIGEST("b", FLOWS(FLOW("f", "")) ",'census':[]"), NULL);

	(void)state;
	assert_int_equal(json_length(json_get(json_get(kernel_of(r), "census"), "gone")), 1);
	assert_string_equal(json_str(kernel_of(r), "outcome", ""), "same");
	json_object_put(r);
}

#define EVIL "\\u001b[2J\\n`*x"

/* Whoever named a kernel, a flow or a night commands neither the terminal nor the document. */
static void test_words_of_others(void **state)
{
	static report_fn *const kinds[] = {night_text, night_markdown, night_junit};
	struct json_object *r = night(DIGEST("a" EVIL, "'append':'" EVIL "'," FLOWS(FLOW("f" EVIL, "") "," FLOW("g", ""))),
				      DIGEST("b" EVIL, FLOWS(FLOW("f" EVIL, ",'copied_bytes':40") ","
							     FLOW("g", ",'copied_bytes':40"))),
				      "* g copies - \x1b[2Jbecause\nx\x1b[2J`` y copies - reason\n");

	(void)state;
	json_add_str(r, "night", "n\x1b[2J\n`*x");
	json_add_str(r, "set", "s\x1b[2J\n`*x");
	for (size_t i = 0; i < 3; i++) {
		char *text = told(r, kinds[i]);

		if (strchr(text, '\x1b') || strstr(text, "\n`*x"))
			fail_msg("%zu: %s", i, text);
		free(text);
	}
	tells(r, night_text, "night n?[2J?`*x, flows s?[2J?`*x, against a?[2J?`*x (");
	tells(r, night_text, "because ?[2Jbecause");
	tells(r, night_text, "line 2: x?[2J`` y copies -");
	tells(r, night_text, "to accept it: b?\\[2J?`\\*x f?\\[2J?`\\*x copies 4.000 REASON");
	tells(r, night_markdown, "to accept it: `` b?\\[2J?`\\*x f?\\[2J?`\\*x copies 4.000 REASON ``");
	tells(r, night_markdown, "night n?\\[2J?\\`\\*x");
	json_object_put(r);
}

/* A table shows what the finding is about, be it a byte of many. */
static void test_table_tells_apart(void **state)
{
	struct json_object *r = night(DIGEST("a", FLOWS(FLOW("f", ",'payload_bytes':100000,'copied_bytes':200000"))),
				      DIGEST("b", FLOWS(FLOW("f", ",'payload_bytes':100000,'copied_bytes':200001"))), NULL);

	(void)state;
	tells(r, night_text, "2.00000>2.00001");
	tells(r, night_text, "copies per byte: 2.00001, was 2.00000");
	tells(r, night_markdown, "2.00000\\>2.00001");
	json_object_put(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second_boot),
		cmocka_unit_test(test_digest_of_job),
		cmocka_unit_test(test_flow_in_digest),
		cmocka_unit_test(test_worst),
		cmocka_unit_test(test_junit_message),
		cmocka_unit_test(test_damaged_digests),
		cmocka_unit_test(test_folder_of_digest),
		cmocka_unit_test(test_baseline_is_not_accepted),
		cmocka_unit_test(test_loss_is_not_a_flow),
		cmocka_unit_test(test_fewer_arrive),
		cmocka_unit_test(test_all_accepted),
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_highest_status),
		cmocka_unit_test(test_no_traffic),
		cmocka_unit_test(test_words_of_others),
		cmocka_unit_test(test_table_tells_apart),
		cmocka_unit_test(test_census_beside_traffic),
	};

	return cmocka_run_group_tests(tests, regress_begin, regress_end);
}
