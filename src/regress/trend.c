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
	if (!was->known || !is->known)
		return was->known == is->known;
	return !cost_moved(&was->message, &is->message, !was->steady || !is->steady, &is->limits);
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

struct plotting {
	const struct history_query *q;
	struct trend *trend;
	struct run run;
	bool changed, only_changes;
	size_t before; /* series before that of the run's kernel and flow */
};

static int add_night(const struct history_row *row, void *ctx)
{
	struct plotting *p = ctx;

	return *row->value && plot_row(&p->trend->plot, row->night) < 0 ? -ENOMEM : 0;
}

/* All nights of a kernel and flow were seen: is their line kept? */
static void end_series(struct plotting *p)
{
	struct plot *plot = &p->trend->plot;

	if (plot->series_count > p->before) {
		p->trend->changed += p->changed;
		p->trend->constant += !p->changed;
		if (!p->changed && p->only_changes)
			plot_drop(plot, p->before);
	}
	p->before = plot->series_count;
	p->changed = false;
}

static int add_point(const struct history_row *row, void *ctx)
{
	struct plotting *p = ctx;
	int err = follow(&p->run, row, p->q->value, NULL, NULL);

	if (err)
		return err;
	if (p->run.nights == 1 && !p->run.again)
		end_series(p);
	if (p->run.nights == 1 && p->run.again)
		p->changed = true;
	if (!*row->value)
		return 0;
	return plot_put(&p->trend->plot, row->night, row->kernel, row->flow,
			strtod(row->value, NULL));
}

int trend_plot(struct history *h, const struct history_query *q, bool only_changes, struct trend *t)
{
	struct plotting p = {.q = q, .trend = t, .only_changes = only_changes};
	struct history_query nights = *q;
	int err;

	t->plot.kind = PLOT_LINES;
	t->plot.title = t->plot.unit = q->value->about;
	if (!q->value->number)
		return -EINVAL;
	/* First the nights in their order, then the lines along them. */
	nights.by_night = true;
	err = history_each(h, &nights, add_night, &p);
	if (!err)
		err = history_each(h, q, add_point, &p);
	if (!err)
		end_series(&p);
	run_free(&p.run);
	return err;
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
