// SPDX-License-Identifier: GPL-2.0-only
/* The report for a terminal: a table per kernel, what differs, and what the censuses say. */
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "regress/censusdiff.h"
#include "regress/finding.h"
#include "regress/night_report.h"

#define CENSUS_LINES 12 /* of a list; all are in report.json and the HTML */

/* What others named or wrote, made harmless, between words of ours. */
static void print_clean(FILE *out, const char *before, const char *words, const char *after)
{
	char clean[4096];

	text_clean(words, clean, sizeof(clean));
	fprintf(out, "%s%s%s", before, clean, after);
}

static void print_heads(FILE *out)
{
	for (size_t i = 0; i < night_column_count; i++)
		fprintf(out, "%s%*s", i ? " " : "", night_columns[i].width, night_columns[i].head);
	fputc('\n', out);
}

static void print_finding(struct json_object *f, FILE *out)
{
	const char *accepted = json_str(f, "accepted", NULL), *accept = json_str(f, "accept", NULL);

	fprintf(out, "    %-14s %-13s", accepted ? "accepted" : json_str(f, "class", ""),
		json_str(f, "what", ""));
	print_clean(out, " ", json_str(f, "text", ""), "\n");
	if (!accepted && !accept)
		return;
	fprintf(out, "    %28s", "");
	if (accepted)
		print_clean(out, " because ", accepted, "\n");
	else
		print_clean(out, " to accept it: ", accept, " REASON\n");
}

/* Hops are many: those that are dearer are told where the message is, too. */
static bool is_told(struct json_object *f, bool dearer)
{
	return strcmp(json_str(f, "what", ""), "hop-cost") ||
	       (dearer && json_object_get_double(json_get(f, "percent")) > 0);
}

static bool is_dearer(struct json_object *list)
{
	for (size_t i = 0; i < json_length(list); i++)
		if (!strcmp(json_str(json_at(list, i), "what", ""), "cost") &&
		    !strcmp(json_str(json_at(list, i), "class", ""), "regression"))
			return true;
	return false;
}

static void print_findings(struct json_object *list, FILE *out)
{
	bool dearer = is_dearer(list);
	size_t untold = 0;

	for (size_t i = 0; i < json_length(list); i++)
		if (is_told(json_at(list, i), dearer))
			print_finding(json_at(list, i), out);
		else
			untold++;
	if (untold)
		fprintf(out, "    %-14s %-13s of %zu other hops: see report.html\n", "change",
			"hop-cost", untold);
}

static void print_flow(struct json_object *flow, FILE *out)
{
	char cell[256], clean[256];

	for (size_t i = 0; i < night_column_count; i++) {
		night_columns[i].put(flow, cell, sizeof(cell));
		text_clean(cell, clean, sizeof(clean));
		fprintf(out, "%s%*s", i ? " " : "", night_columns[i].width, clean);
	}
	fputc('\n', out);
	print_findings(json_get(flow, "findings"), out);
}

static void print_list(struct json_object *list, const char *about, FILE *out)
{
	size_t shown = 0, in_scope = 0;
	char text[1100];

	for (size_t i = 0; i < json_length(list); i++)
		in_scope += (size_t)night_census_in_scope(json_at(list, i));
	if (!json_length(list))
		return;
	fprintf(out, "  %s: %zu, of which %zu where probes see payload\n", about,
		json_length(list), in_scope);
	for (size_t i = 0; i < json_length(list) && shown < CENSUS_LINES; i++) {
		if (!night_census_in_scope(json_at(list, i)))
			continue;
		night_census_text(json_at(list, i), text, sizeof(text));
		print_clean(out, "    ", text, "\n");
		shown++;
	}
	if (shown < in_scope)
		fprintf(out, "    and %zu more in report.html\n", in_scope - shown);
}

static void print_census(struct json_object *census, FILE *out)
{
	bool same = true;

	if (!census)
		return;
	for (const struct census_list *l = census_lists; l->key; l++)
		same = same && !json_length(json_get(census, l->key));
	fprintf(out, "\n  copy sites, by function, without traffic%s\n",
		same ? ": the same" : "");
	for (const struct census_list *l = census_lists; l->key; l++)
		print_list(json_get(census, l->key), l->about, out);
}

static void print_kernel(struct json_object *kernel, FILE *out)
{
	struct json_object *flows = json_get(kernel, "flows");
	char text[1024], sum[256];

	night_kernel_text(kernel, text, sizeof(text));
	night_outcomes_text(kernel, sum, sizeof(sum));
	print_clean(out, "\n", json_str(kernel, "label", "?"), " (");
	print_clean(out, "", text, "): ");
	fprintf(out, "%s%s%s\n", json_str(kernel, "outcome", "?"), json_length(flows) ? "; " : "",
		json_length(flows) ? sum : "");
	print_findings(json_get(kernel, "findings"), out);
	if (json_length(flows)) {
		fputc('\n', out);
		print_heads(out);
	}
	for (size_t i = 0; i < json_length(flows); i++)
		print_flow(json_at(flows, i), out);
	print_census(json_get(kernel, "census"), out);
}

int night_text(struct json_object *report, const struct night_context *c, FILE *out)
{
	struct json_object *base = json_get(report, "baseline"), *list = json_get(report, "kernels"),
			   *unused = json_get(report, "accepted_unused");
	char text[1024];

	(void)c;
	night_kernel_text(base, text, sizeof(text));
	print_clean(out, "night ", json_str(report, "night", "?"), ", flows ");
	print_clean(out, "", json_str(report, "set", "?"), ", against ");
	print_clean(out, "", json_str(base, "label", "?"), " (");
	print_clean(out, "", text, ")\n");
	for (size_t i = 0; i < json_length(list); i++)
		print_kernel(json_at(list, i), out);
	if (!json_uint(report, "compared", 1))
		fputs("\nnothing was compared\n", out);
	for (size_t i = 0; i < json_length(unused); i++)
		print_clean(out, i ? "not needed among the accepted changes: " :
			    "\nnot needed among the accepted changes: ",
			    json_object_get_string(json_at(unused, i)), "\n");
	return 0;
}
