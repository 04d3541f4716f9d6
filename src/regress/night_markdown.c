// SPDX-License-Identifier: GPL-2.0-only
/* The report for a mail or an issue: Markdown, which reads as text too. */
#include <json-c/json.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "regress/censusdiff.h"
#include "regress/night_report.h"

#define CENSUS_LINES 20

static void put_table_head(FILE *out)
{
	fputs("\n|", out);
	for (size_t i = 0; i < night_column_count; i++)
		fprintf(out, " %s |", night_columns[i].head);
	fputs("\n|", out);
	for (size_t i = 0; i < night_column_count; i++)
		fputs(night_columns[i].width < 0 ? " :-- |" : " --: |", out);
	fputc('\n', out);
}

static void put_row(struct json_object *flow, FILE *out)
{
	char cell[256];

	fputc('|', out);
	for (size_t i = 0; i < night_column_count; i++) {
		night_columns[i].put(flow, cell, sizeof(cell));
		fputc(' ', out);
		text_markdown(out, cell);
		fputs(" |", out);
	}
	fputc('\n', out);
}

/* A code span holds anything but as many backticks as stand around it. */
static void put_code(const char *words, const char *after, FILE *out)
{
	char clean[4096], fence[sizeof(clean)];
	size_t longest = 0, run = 0;

	text_clean(words, clean, sizeof(clean) - 1);
	for (const char *p = clean; *p; p++) {
		run = *p == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	memset(fence, '`', longest + 1);
	fence[longest + 1] = '\0';
	fprintf(out, "%s%s%s%s%s%s", fence, longest ? " " : "", clean, after, longest ? " " : "",
		fence);
}

static void put_findings(const char *where, struct json_object *list, FILE *out)
{
	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *f = json_at(list, i);
		const char *accepted = json_str(f, "accepted", NULL);

		fprintf(out, "- **%s** ", accepted ? "accepted" : json_str(f, "class", ""));
		text_markdown(out, where);
		fprintf(out, ", %s: ", json_str(f, "what", ""));
		text_markdown(out, json_str(f, "text", ""));
		if (accepted) {
			fputs(" (", out);
			text_markdown(out, accepted);
			fputc(')', out);
		} else if (json_str(f, "accept", NULL)) {
			fputs("; to accept it: ", out);
			put_code(json_str(f, "accept", ""), " REASON", out);
		}
		fputc('\n', out);
	}
}

static void put_census(struct json_object *census, FILE *out)
{
	char text[1100];

	for (const struct census_list *l = census_lists; census && l->key; l++) {
		struct json_object *list = json_get(census, l->key);
		size_t shown = 0;

		if (!json_length(list))
			continue;
		fprintf(out, "\nCopy sites, %s: %zu functions", l->about, json_length(list));
		for (size_t i = 0; i < json_length(list) && shown < CENSUS_LINES; i++) {
			if (!night_census_in_scope(json_at(list, i)))
				continue;
			night_census_text(json_at(list, i), text, sizeof(text));
			fputs(shown++ ? "; " : "; among them ", out);
			text_markdown(out, text);
		}
		fputs(".\n", out);
	}
}

static void put_kernel(struct json_object *kernel, FILE *out)
{
	struct json_object *flows = json_get(kernel, "flows");
	char text[1024];

	fputs("\n## ", out);
	text_markdown(out, json_str(kernel, "label", "?"));
	fprintf(out, ": %s\n\n", json_str(kernel, "outcome", "?"));
	night_kernel_text(kernel, text, sizeof(text));
	text_markdown(out, text);
	night_outcomes_text(kernel, text, sizeof(text));
	fprintf(out, "; %s.\n", text);
	if (json_length(flows))
		put_table_head(out);
	for (size_t i = 0; i < json_length(flows); i++)
		put_row(json_at(flows, i), out);
	fputc('\n', out);
	put_findings(json_str(kernel, "label", "?"), json_get(kernel, "findings"), out);
	for (size_t i = 0; i < json_length(flows); i++)
		put_findings(json_str(json_at(flows, i), "name", "?"),
			     json_get(json_at(flows, i), "findings"), out);
	put_census(json_get(kernel, "census"), out);
}

int night_markdown(struct json_object *report, const struct night_context *c, FILE *out)
{
	struct json_object *base = json_get(report, "baseline"), *list = json_get(report, "kernels");
	char text[1024];

	(void)c;
	fputs("# Kernel against kernel, night ", out);
	text_markdown(out, json_str(report, "night", "?"));
	fputs("\n\nFlows: ", out);
	text_markdown(out, json_str(report, "set", "?"));
	fputs(". Against: ", out);
	text_markdown(out, json_str(base, "label", "?"));
	night_kernel_text(base, text, sizeof(text));
	fputs(", ", out);
	text_markdown(out, text);
	fputs(".\n", out);
	for (size_t i = 0; i < json_length(list); i++)
		put_kernel(json_at(list, i), out);
	if (!json_uint(report, "compared", 1))
		fputs("\nNothing was compared.\n", out);
	return 0;
}
