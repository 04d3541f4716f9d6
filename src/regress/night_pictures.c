// SPDX-License-Identifier: GPL-2.0-only
#include "regress/night_pictures.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/gnuplot.h"
#include "common/json.h"
#include "common/text.h"
#include "common/vec.h"
#include "regress/history.h"
#include "regress/night_plot.h"
#include "regress/night_report.h"
#include "regress/trend.h"

/* From the file into the page. */
static int put_picture(const char *path, const char *name, const char *title, FILE *out)
{
	char *svg;
	int err = file_read(path, &svg, NULL);

	if (err)
		return err;
	gnuplot_embed(out, svg, name, title);
	free(svg);
	return 0;
}

/* Nights without a picture are still worth a report. */
static void put_plot(const struct plot *p, const struct night_context *c, const char *name,
		     FILE *out)
{
	char path[PATH_MAX];
	int err = snprintf(path, sizeof(path), "%s/%s.svg", c->dir, name) < (int)sizeof(path) ?
			  plot_draw(p, path) : -ENAMETOOLONG;

	if (!err)
		err = put_picture(path, name, p->title, out);
	if (err && err != -ENODATA)
		fprintf(out, "<p>No plot of %s: %s</p>\n", name,
			err == -ENOPKG ? "gnuplot is not there (apt-get install gnuplot-nox)" :
					 strerror(-err));
}

static void open_figure(const char *title, FILE *out)
{
	fputs("<figure><figcaption>", out);
	text_html(out, title);
	fputs("</figcaption>\n", out);
}

/* Figures of a flow of one kernel; NAN: it has none. few: messages that make no median. */
static double copies_of(struct json_object *flow, uint64_t few)
{
	struct json_object *to = json_get(flow, "to");
	uint64_t of = json_uint(to, "payload_bytes", 0);

	(void)few;
	return of ? (double)json_uint(to, "copied_bytes", 0) / (double)of : NAN;
}

/* As compared, so that the picture says what the table does. */
static double cost_of(struct json_object *flow, uint64_t few)
{
	struct json_object *percent = json_get(json_get(flow, "cost"), "percent");

	(void)few;
	return percent ? 100 + json_object_get_double(percent) : NAN;
}

static double probes_of(struct json_object *flow, uint64_t few)
{
	struct json_object *cost = json_get(json_get(flow, "to"), "cost"),
			   *bare = json_get(cost, "bare"), *probed = json_get(cost, "probed");
	uint64_t without = json_uint(bare, "median", 0);

	if (!without || json_uint(bare, "messages", 0) < few || json_uint(probed, "messages", 0) < few)
		return NAN;
	return (double)json_uint(probed, "median", 0) / (double)without;
}

static const struct kernel_plot {
	const char *name, *title, *unit, *why; /* why a flow may be missing */
	double (*value)(struct json_object *flow, uint64_t few);
	double base;
	bool relative; /* to the baseline, which has no bars of its own */
} kernel_plots[] = {
	{"copies", "Copies of each delivered byte", "copies", "nothing was delivered", copies_of, 0,
	 false},
	{"cost", "Instructions per message, without probes, against the baseline",
	 "% of the baseline's instructions", "too few messages, or not measured on both sides", cost_of,
	 100, true},
	{"probes", "What the probes cost: instructions per message with them, for each without",
	 "times the instructions without probes", "too few messages, or not measured", probes_of, 0,
	 false},
};

static uint64_t few_messages(struct json_object *report)
{
	static const struct limits limits = LIMITS_DEFAULT;

	return json_uint(json_get(report, "limits"), "messages", limits.messages);
}

/* A kernel has one colour in all plots of a page. */
static void name_kernels(struct plot *p, struct json_object *report)
{
	struct json_object *list = json_get(report, "kernels");

	plot_name(p, json_str(json_get(report, "baseline"), "label", "?"));
	for (size_t i = 0; i < json_length(list); i++)
		plot_name(p, json_str(json_at(list, i), "label", "?"));
}

/* Adds a kernel's bars; false: it has none. */
static bool add_kernel(struct plot *p, const struct kernel_plot *k, struct json_object *report,
		       struct json_object *kernel)
{
	struct json_object *flows = json_get(kernel, "flows");
	const char *label = json_str(kernel, "label", "?");
	bool any = false;

	for (size_t i = 0; i < json_length(flows); i++) {
		double v = k->value(json_at(flows, i), few_messages(report));

		if (!isnan(v) && !plot_put(p, json_str(json_at(flows, i), "name", "?"), label, NULL, v))
			any = true;
	}
	return any;
}

static bool has_row(const struct plot *p, const char *label)
{
	for (size_t i = 0; i < p->rows; i++)
		if (!strcmp(p->labels[i], label))
			return true;
	return false;
}

/* Writes what stands between the names of a list. */
static void put_name(size_t *count, const char *before, const char *name, FILE *out)
{
	fputs((*count)++ ? ", " : before, out);
	text_html(out, name);
}

/* Flows of the kernel that no bar stands for; each is named once, as lists of kernels repeat them. */
static void put_missing_flows(const struct plot *p, struct json_object *report, const char *why,
			      FILE *out)
{
	struct json_object *kernels = json_get(report, "kernels"), *seen = json_object_new_object();
	size_t count = 0;

	for (size_t k = 0; k <= json_length(kernels); k++) {
		struct json_object *flows = json_get(k ? json_at(kernels, k - 1) :
						     json_get(report, "baseline"), "flows");

		for (size_t i = 0; i < json_length(flows); i++) {
			const char *name = json_str(json_at(flows, i), "name", "?");

			if (has_row(p, name) || json_get(seen, name))
				continue;
			json_add_bool(seen, name, true);
			put_name(&count, "<p class=\"soft\">Flows left out: ", name, out);
		}
	}
	if (count)
		fprintf(out, " (%s).</p>\n", why);
	json_object_put(seen);
}

static void put_kernel_plot(const struct kernel_plot *k, struct json_object *report,
			    const struct night_context *c, FILE *out)
{
	struct plot p = {.kind = PLOT_BARS, .title = k->title, .unit = k->unit, .base = k->base,
			 .rise = k->relative};
	struct json_object *list = json_get(report, "kernels"), *none = json_object_new_array();
	size_t count = 0;

	name_kernels(&p, report);
	if (!k->relative)
		add_kernel(&p, k, report, json_get(report, "baseline"));
	for (size_t i = 0; i < json_length(list); i++)
		if (!add_kernel(&p, k, report, json_at(list, i)))
			json_object_array_add(none, json_object_get(json_at(list, i)));
	if (p.rows) {
		open_figure(k->title, out);
		put_plot(&p, c, k->name, out);
		put_missing_flows(&p, report, k->why, out);
		for (size_t i = 0; i < json_length(none); i++)
			put_name(&count, "<p class=\"soft\">Kernels left out, for which there is no such figure: ",
				 json_str(json_at(none, i), "label", "?"), out);
		fputs(count ? ".</p>\n</figure>\n" : "</figure>\n", out);
	}
	json_object_put(none);
	plot_free(&p);
}

/* What changed, and how much did not. */
static void put_trend(const struct trend *t, const struct night_context *c, const char *name,
		      const char *title, FILE *out)
{
	open_figure(title, out);
	if (t->changed) {
		put_plot(&t->plot, c, name, out);
		fprintf(out, "<p class=\"soft\">Left out: %zu of %zu series (a kernel's flow each) that did not "
			"change in %zu nights.</p>\n", t->constant, t->constant + t->changed, t->plot.rows);
	} else {
		fprintf(out, "<p>None of %zu series (a kernel's flow each) changed in %zu nights.</p>\n",
			t->constant, t->plot.rows);
	}
	fputs("</figure>\n", out);
}

static void put_nights(struct json_object *report, const struct night_context *c, FILE *out)
{
	static const struct {
		const char *value, *file, *title;
	} lists[] = {
		{"copies", "nights-copies", "Over the nights: copies of each delivered byte"},
		{"instructions", "nights-instructions", "Over the nights: instructions per message"},
	};
	char why[256] = "";
	struct history *h;

	if (!c->history || history_open(c->history, false, &h, why, sizeof(why)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct history_query q = {.value = history_value(lists[i].value)};
		struct trend t = {0};

		name_kernels(&t.plot, report);
		if (!trend_plot(h, &q, true, &t) && t.plot.rows > 1)
			put_trend(&t, c, lists[i].file, lists[i].title, out);
		plot_free(&t.plot);
	}
	history_close(h);
}

void night_pictures(struct json_object *report, const struct night_context *c, FILE *out)
{
	fputs("<div class=\"plots\">\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(kernel_plots); i++)
		put_kernel_plot(&kernel_plots[i], report, c, out);
	put_nights(report, c, out);
	fputs("</div>\n", out);
}
