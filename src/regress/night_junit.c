// SPDX-License-Identifier: GPL-2.0-only
/* The report for CI systems: a suite per kernel, a case per flow, as JUnit's XML. */
#include <json-c/json.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "regress/finding.h"
#include "regress/night_report.h"

struct tally {
	size_t tests, failures, errors, skipped;
};

/* How a flow counts: something got worse, something is missing, or there was nothing to do. */
enum fate { FATE_PASS, FATE_FAILURE, FATE_ERROR, FATE_SKIPPED };

static enum fate fate_of(struct json_object *o)
{
	switch (outcome_parse(json_str(o, "outcome", ""))) {
	case OUTCOME_REGRESSION:
		return FATE_FAILURE;
	case OUTCOME_NOT_COMPARABLE:
		return json_get(o, "from") ? FATE_ERROR : FATE_SKIPPED;
	default:
		return FATE_PASS;
	}
}

static void count(struct tally *t, enum fate fate)
{
	t->tests++;
	t->failures += fate == FATE_FAILURE;
	t->errors += fate == FATE_ERROR;
	t->skipped += fate == FATE_SKIPPED;
}

static void put_findings(struct json_object *list, FILE *out)
{
	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *f = json_at(list, i);

		text_html(out, json_str(f, "accepted", NULL) ? "accepted" : json_str(f, "class", ""));
		fputs(", ", out);
		text_html(out, json_str(f, "what", ""));
		fputs(": ", out);
		text_html(out, json_str(f, "text", ""));
		fputc('\n', out);
	}
}

static void put_case(const char *kernel, const char *name, struct json_object *o, enum fate fate,
		     FILE *out)
{
	static const char *const tags[] = {"system-out", "failure", "error", "skipped"};
	struct json_object *list = json_get(o, "findings");

	fputs("    <testcase classname=\"copychain.", out);
	text_html(out, kernel);
	fputs("\" name=\"", out);
	text_html(out, name);
	if (!json_length(list)) {
		fputs("\"/>\n", out);
		return;
	}
	fprintf(out, "\">\n      <%s", tags[fate]);
	if (fate != FATE_PASS) {
		fputs(" message=\"", out);
		text_html(out, json_str(finding_worst(list), "text", ""));
		fputc('"', out);
	}
	fputc('>', out);
	put_findings(list, out);
	fprintf(out, "</%s>\n    </testcase>\n", tags[fate]);
}

/* The kernel as a whole is a case too: it was measured, or it was not. */
static enum fate whole_fate(struct json_object *kernel)
{
	return findings_outcome(json_get(kernel, "findings")) == OUTCOME_NOT_COMPARABLE ?
		       FATE_ERROR : FATE_PASS;
}

static struct tally tally_of(struct json_object *kernel)
{
	struct json_object *flows = json_get(kernel, "flows");
	struct tally t = {0};

	count(&t, whole_fate(kernel));
	for (size_t i = 0; i < json_length(flows); i++)
		count(&t, fate_of(json_at(flows, i)));
	return t;
}

static void put_suite(struct json_object *kernel, FILE *out)
{
	struct json_object *flows = json_get(kernel, "flows");
	const char *label = json_str(kernel, "label", "?");
	struct tally t = tally_of(kernel);

	fputs("  <testsuite name=\"", out);
	text_html(out, label);
	fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%llu\">\n",
		t.tests, t.failures, t.errors, t.skipped,
		(unsigned long long)json_uint(kernel, "seconds", 0));
	put_case(label, "kernel", kernel, whole_fate(kernel), out);
	for (size_t i = 0; i < json_length(flows); i++)
		put_case(label, json_str(json_at(flows, i), "name", "?"), json_at(flows, i),
			 fate_of(json_at(flows, i)), out);
	fputs("  </testsuite>\n", out);
}

int night_junit(struct json_object *report, const struct night_context *c, FILE *out)
{
	struct json_object *list = json_get(report, "kernels");

	(void)c;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"copychain ", out);
	text_html(out, json_str(report, "night", ""));
	fputs("\">\n", out);
	for (size_t i = 0; i < json_length(list); i++)
		put_suite(json_at(list, i), out);
	fputs("</testsuites>\n", out);
	return 0;
}
