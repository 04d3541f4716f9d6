// SPDX-License-Identifier: GPL-2.0-only
/* The report for a browser: one file with the plots in it, nothing to fetch. */
#include <json-c/json.h>

#include "common/json.h"
#include "common/text.h"
#include "regress/censusdiff.h"
#include "regress/night_pictures.h"
#include "regress/night_report.h"

static const char style[] =
	":root{color-scheme:light dark;--ink:#222;--soft:#5a6475;--paper:#fff;--panel:#f4f6f9;--line:#d3d9e2;"
	"--bad:#b00020;--good:#00695c;--warn:#8a4b00;--lost:#6a1b9a}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#a3adbd;--paper:#14181f;--panel:#1d232d;"
	"--line:#3a4352;--bad:#f5a3ae;--good:#8fdbab;--warn:#f3c178;--lost:#d7a8ef}}\n"
	"body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:76em;padding:0 1em;"
	"color:var(--ink);background:var(--paper);overflow-wrap:break-word}\n"
	".scroll{overflow-x:auto}table{border-collapse:collapse;margin:1em 0}"
	"th,td{padding:.2em .7em;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}"
	"th:first-child,td:first-child{text-align:left}\n"
	".regression{color:var(--bad);font-weight:600}.improvement{color:var(--good)}.change{color:var(--warn)}"
	".not-comparable{color:var(--lost);font-weight:600}.accepted,.same,.soft{color:var(--soft)}\n"
	"code{background:var(--panel);padding:0 .2em}li{margin:.15em 0}details{margin:.5em 0}"
	"ul{padding-left:1.2em}\n"
	".plots{columns:2 28em;column-gap:1em}"
	"figure{margin:0 0 1em;break-inside:avoid;background:var(--panel);border-radius:.4em;padding:.6em}"
	"figcaption{font-weight:600}figure p{margin:.4em 0}"
	"figure svg{width:100%;height:auto;max-width:32em;display:block;margin:0 auto}\n";

/* "not comparable" → "not-comparable" */
static void put_class(const char *outcome, FILE *out)
{
	for (; *outcome; outcome++)
		fputc(*outcome == ' ' ? '-' : *outcome, out);
}

static void put_outcome(const char *tag, const char *outcome, FILE *out)
{
	fprintf(out, "<%s class=\"", tag);
	put_class(outcome, out);
	fputs("\">", out);
	text_html(out, outcome);
	fprintf(out, "</%s>", tag);
}

static void put_findings(const char *where, struct json_object *list, FILE *out)
{
	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *f = json_at(list, i);
		const char *accepted = json_str(f, "accepted", NULL);

		fputs("<li>", out);
		put_outcome("span", accepted ? "accepted" : json_str(f, "class", ""), out);
		fputs(" <b>", out);
		text_html(out, where);
		fputs("</b>, ", out);
		text_html(out, json_str(f, "what", ""));
		fputs(": ", out);
		text_html(out, json_str(f, "text", ""));
		if (accepted) {
			fputs(" (because ", out);
			text_html(out, accepted);
			fputs(")", out);
		} else if (json_str(f, "accept", NULL)) {
			fputs("; to accept it: <code>", out);
			text_html(out, json_str(f, "accept", ""));
			fputs(" REASON</code>", out);
		}
		fputs("</li>\n", out);
	}
}

static void put_table(struct json_object *flows, FILE *out)
{
	char cell[256];

	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"flows\"><table><tr>", out);
	for (size_t i = 0; i < night_column_count; i++)
		fprintf(out, "<th>%s</th>", night_columns[i].head);
	fputs("</tr>\n", out);
	for (size_t n = 0; n < json_length(flows); n++) {
		fputs("<tr>", out);
		for (size_t i = 0; i < night_column_count; i++) {
			night_columns[i].put(json_at(flows, n), cell, sizeof(cell));
			if (i + 1 == night_column_count) {
				put_outcome("td", cell, out);
				continue;
			}
			fputs("<td>", out);
			text_html(out, cell);
			fputs("</td>", out);
		}
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void put_census(struct json_object *census, FILE *out)
{
	char text[1100];

	for (const struct census_list *l = census_lists; census && l->key; l++) {
		struct json_object *list = json_get(census, l->key);

		if (!json_length(list))
			continue;
		fprintf(out, "<details><summary>Copy sites, %s: %zu functions</summary><ul>\n",
			l->about, json_length(list));
		for (size_t i = 0; i < json_length(list); i++) {
			night_census_text(json_at(list, i), text, sizeof(text));
			fputs(night_census_in_scope(json_at(list, i)) ? "<li><b>" : "<li>", out);
			text_html(out, text);
			fputs(night_census_in_scope(json_at(list, i)) ? "</b></li>\n" : "</li>\n", out);
		}
		fputs("</ul></details>\n", out);
	}
}

static void put_kernel(struct json_object *kernel, FILE *out)
{
	struct json_object *flows = json_get(kernel, "flows");
	char text[1024];

	fputs("<h2>", out);
	text_html(out, json_str(kernel, "label", "?"));
	fputs(": ", out);
	put_outcome("span", json_str(kernel, "outcome", "?"), out);
	fputs("</h2>\n<p>", out);
	night_kernel_text(kernel, text, sizeof(text));
	text_html(out, text);
	night_outcomes_text(kernel, text, sizeof(text));
	fprintf(out, "; %s</p>\n", text);
	if (json_length(flows))
		put_table(flows, out);
	fputs("<ul>\n", out);
	put_findings(json_str(kernel, "label", "?"), json_get(kernel, "findings"), out);
	for (size_t i = 0; i < json_length(flows); i++)
		put_findings(json_str(json_at(flows, i), "name", "?"),
			     json_get(json_at(flows, i), "findings"), out);
	fputs("</ul>\n", out);
	put_census(json_get(kernel, "census"), out);
}

int night_html(struct json_object *report, const struct night_context *c, FILE *out)
{
	struct json_object *base = json_get(report, "baseline"), *list = json_get(report, "kernels");
	char text[1024];

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>copychain, night ",
	      out);
	text_html(out, json_str(report, "night", "?"));
	fprintf(out, "</title><style>%s</style></head><body>\n<h1>Kernel against kernel, night ",
		style);
	text_html(out, json_str(report, "night", "?"));
	fputs("</h1>\n<p>Flows: ", out);
	text_html(out, json_str(report, "set", "?"));
	fputs(". Against: <b>", out);
	text_html(out, json_str(base, "label", "?"));
	night_kernel_text(base, text, sizeof(text));
	fputs("</b>, ", out);
	text_html(out, text);
	fputs(json_get(base, "kept") ? ", kept from another night.</p>\n" : ".</p>\n", out);
	for (size_t i = 0; i < json_length(list); i++)
		put_kernel(json_at(list, i), out);
	fputs("<h2>Plots</h2>\n", out);
	night_pictures(report, c, out);
	fputs("</body></html>\n", out);
	return 0;
}
