// SPDX-License-Identifier: GPL-2.0-only
#include "regress/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "regress/costdiff.h"

/* A run of nights with one value, of one kernel and flow. */
struct run {
	char *kernel, *flow, *first, *last, *version, *value;
	struct history_cost cost;
	size_t nights;
	bool again; /* not the first of its kernel and flow */
};

static int set_text(char **to, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static void run_free(struct run *r)
{
	free(r->kernel);
	free(r->flow);
	free(r->first);
	free(r->last);
	free(r->version);
	free(r->value);
}

/* By the rule by which two kernels are compared. */
static bool same_cost(const struct history_cost *was, const struct history_cost *is)
{
	bool steady = was->steady && is->steady;
	double a = steady ? was->median : was->middle, b = steady ? is->median : is->middle;

	if (!was->known || !is->known)
		return was->known == is->known;
	return fabs(b - a) <= cost_allowed(a, !steady, &is->limits);
}

static bool same_value(const struct run *r, const struct history_row *row,
		       const struct history_value *value)
{
	double a;

	if (value->cost)
		return same_cost(&r->cost, &row->cost);
	if (!value->number || !*row->value || !*r->value)
		return !strcmp(r->value, row->value);
	a = strtod(r->value, NULL);
	return fabs(a - strtod(row->value, NULL)) <= value->part * fabs(a);
}

static int start_run(struct run *r, const struct history_row *row)
{
	int err = set_text(&r->kernel, row->kernel);

	if (!err)
		err = set_text(&r->flow, row->flow);
	if (!err)
		err = set_text(&r->first, row->night);
	if (!err)
		err = set_text(&r->version, row->version);
	if (!err)
		err = set_text(&r->value, row->value);
	r->cost = row->cost;
	r->nights = 0;
	return err;
}

/* One night more; ended, if any, is called with a run that the row is no part of. */
static int follow(struct run *r, const struct history_row *row, const struct history_value *value,
		  void (*ended)(const struct run *r, void *ctx), void *ctx)
{
	bool same_flow = r->nights && !strcmp(r->kernel, row->kernel) && !strcmp(r->flow, row->flow);
	int err = 0;

	if (!same_flow || !same_value(r, row, value)) {
		if (r->nights && ended)
			ended(r, ctx);
		err = start_run(r, row);
		r->again = same_flow;
	}
	r->nights++;
	return err ? err : set_text(&r->last, row->night);
}

static int plot_point(const struct history_row *row, void *ctx)
{
	struct plot *p = ctx;
	char name[256];

	if (!*row->value)
		return 0;
	snprintf(name, sizeof(name), "%s %s", row->kernel, row->flow);
	plot_set(p, plot_row(p, row->night), plot_series(p, name), strtod(row->value, NULL));
	return 0;
}

static int row_order(const void *a, const void *b, void *ctx)
{
	const struct plot *p = ctx;

	return strcmp(p->labels[*(const size_t *)a], p->labels[*(const size_t *)b]);
}

/* Rows came by kernel; along the axis they stand by night. */
static int sort_rows(struct plot *p)
{
	size_t *order = calloc(p->rows + 1, sizeof(*order));
	char **labels = calloc(p->rows + 1, sizeof(*labels));
	double *values = calloc((p->rows + 1) * PLOT_SERIES, sizeof(*values));
	int err = order && labels && values ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < p->rows; i++)
		order[i] = i;
	if (!err)
		qsort_r(order, p->rows, sizeof(*order), row_order, p);
	for (size_t i = 0; !err && i < p->rows; i++) {
		labels[i] = p->labels[order[i]];
		memcpy(&values[i * PLOT_SERIES], &p->values[order[i] * PLOT_SERIES],
		       PLOT_SERIES * sizeof(*values));
	}
	if (err) {
		free(labels);
		free(values);
	} else {
		free(p->labels);
		free(p->values);
		p->labels = labels;
		p->values = values;
	}
	free(order);
	return err;
}

int trend_plot(struct history *h, const struct history_query *q, struct plot *p)
{
	int err;

	*p = (struct plot){.title = q->value->about, .unit = q->value->name, .lines = true};
	if (!q->value->number)
		return -EINVAL;
	err = history_each(h, q, plot_point, p);
	return err ? err : sort_rows(p);
}

struct printing {
	FILE *out;
	const struct history_value *value;
	struct run run;
};

static void print_run(const struct run *r, void *ctx)
{
	const struct printing *p = ctx;
	bool middle = p->value->cost && r->cost.known && !r->cost.steady;

	fprintf(p->out, "%-20s %-20s %-16s %-16s %6zu  %s%s%s  (linux %s)\n", r->kernel, r->flow,
		r->first, r->last, r->nights, r->again ? "changed: " : "", middle ? "~" : "",
		*r->value ? r->value : "none", r->version);
}

static int print_row(const struct history_row *row, void *ctx)
{
	struct printing *p = ctx;

	return follow(&p->run, row, p->value, print_run, p);
}

int trend_print(struct history *h, const struct history_query *q, FILE *out)
{
	struct printing p = {.out = out, .value = q->value};
	int err;

	fprintf(out, "%-20s %-20s %-16s %-16s %6s  %s: %s\n", "kernel", "flow", "first night",
		"last night", "nights", q->value->name, q->value->about);
	err = history_each(h, q, print_row, &p);
	if (!err && p.run.nights)
		print_run(&p.run, &p);
	run_free(&p.run);
	return err;
}
