// SPDX-License-Identifier: GPL-2.0-only
/* The report for a browser: one file with the plots in it, nothing to fetch. */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "regress/censusdiff.h"
#include "regress/history.h"
#include "regress/night_plot.h"
#include "regress/night_report.h"
#include "regress/trend.h"

static const char style[] =
	"body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:64em;padding:0 1em;color:#222}"
	"table{border-collapse:collapse;margin:1em 0}th,td{padding:.2em .7em;text-align:right;"
	"border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}"
	".regression{color:#b00020;font-weight:600}.improvement{color:#00695c}.change{color:#8a5a00}"
	".not-comparable{color:#6a1b9a;font-weight:600}.accepted,.same{color:#666}"
	"code{background:#f3f3f3;padding:0 .2em}svg{max-width:100%;height:auto}"
	"li{margin:.15em 0}details{margin:.5em 0}";

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

	fputs("<table><tr>", out);
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
	fputs("</table>\n", out);
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

/* Copies the picture in, from its svg element on. */
static int put_picture(const char *path, FILE *out)
{
	char *text, *svg;
	int err = file_read(path, &text, NULL);

	if (err)
		return err;
	svg = strstr(text, "<svg");
	if (svg)
		fprintf(out, "<figure>%s</figure>\n", svg);
	free(text);
	return svg ? 0 : -EBADMSG;
}

/* Nights without a picture are still worth a report. */
static void put_plot(const struct plot *p, const struct night_context *c, const char *name,
		     FILE *out)
{
	char path[PATH_MAX];
	int err = snprintf(path, sizeof(path), "%s/%s.svg", c->dir, name) < (int)sizeof(path) ?
			  plot_draw(p, path) : -ENAMETOOLONG;

	if (!err)
		err = put_picture(path, out);
	if (err == -ENODATA)
		return;
	if (err)
		fprintf(out, "<p>No plot of %s: %s</p>\n", name,
			err == -ENOPKG ? "gnuplot is not there (apt-get install gnuplot-nox)" :
					 strerror(-err));
}

static double copies_of(struct json_object *side)
{
	uint64_t of = json_uint(side, "payload_bytes", 0);

	return of ? (double)json_uint(side, "copied_bytes", 0) / (double)of : NAN;
}

static double cost_of(struct json_object *side)
{
	struct json_object *bare = json_get(json_get(side, "cost"), "bare");

	return json_uint(bare, "messages", 0) ? (double)json_uint(bare, "median", 0) : NAN;
}

static double probes_of(struct json_object *side)
{
	struct json_object *probed = json_get(json_get(side, "cost"), "probed");

	return json_uint(probed, "messages", 0) ?
		       (double)json_uint(probed, "median", 0) - cost_of(side) : NAN;
}

static void add_kernel(struct plot *p, struct json_object *kernel, double (*value)(struct json_object *))
{
	struct json_object *flows = json_get(kernel, "flows");
	int series = plot_series(p, json_str(kernel, "label", "?"));

	for (size_t i = 0; i < json_length(flows); i++) {
		double v = value(json_get(json_at(flows, i), "to"));

		if (!isnan(v))
			plot_set(p, plot_row(p, json_str(json_at(flows, i), "name", "?")), series, v);
	}
}

static const struct {
	const char *name, *title, *unit;
	double (*value)(struct json_object *);
} kernel_plots[] = {
	{"copies", "Copies of each delivered byte", "copies", copies_of},
	{"cost", "Instructions per message, without probes", "instructions", cost_of},
	{"probes", "Instructions that the probes add per message", "instructions", probes_of},
};

static void put_kernel_plots(struct json_object *report, const struct night_context *c, FILE *out)
{
	struct json_object *list = json_get(report, "kernels");

	for (size_t n = 0; n < sizeof(kernel_plots) / sizeof(kernel_plots[0]); n++) {
		struct plot p = {.title = kernel_plots[n].title, .unit = kernel_plots[n].unit};

		add_kernel(&p, json_get(report, "baseline"), kernel_plots[n].value);
		for (size_t i = 0; i < json_length(list); i++)
			add_kernel(&p, json_at(list, i), kernel_plots[n].value);
		put_plot(&p, c, kernel_plots[n].name, out);
		plot_free(&p);
	}
}

static void put_nights(const struct night_context *c, FILE *out)
{
	static const char *const names[] = {"copies", "instructions"};
	char why[256] = "", name[64];
	struct history *h;

	if (!c->history || history_open(c->history, false, &h, why, sizeof(why)))
		return;
	for (size_t i = 0; i < 2; i++) {
		const struct history_query q = {.value = history_value(names[i])};
		struct plot p;

		if (!trend_plot(h, &q, &p) && p.rows > 1) {
			snprintf(name, sizeof(name), "nights-%s", names[i]);
			put_plot(&p, c, name, out);
		}
		plot_free(&p);
	}
	history_close(h);
}

int night_html(struct json_object *report, const struct night_context *c, FILE *out)
{
	struct json_object *base = json_get(report, "baseline"), *list = json_get(report, "kernels");
	char text[1024];

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>copychain, night ",
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
	fputs(".</p>\n", out);
	for (size_t i = 0; i < json_length(list); i++)
		put_kernel(json_at(list, i), out);
	fputs("<h2>Plots</h2>\n", out);
	put_kernel_plots(report, c, out);
	put_nights(c, out);
	fputs("</body></html>\n", out);
	return 0;
}
