// SPDX-License-Identifier: GPL-2.0-only
#include "regress/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* A run of nights with one value, of one kernel and flow. */
struct run {
	FILE *out;
	const struct history_value *value;
	char kernel[128], flow[128], first[64], last[64], version[128];
	char *text;
	size_t nights;
	bool again; /* not the first of its kernel and flow */
};

static bool same_value(const struct run *r, const char *value)
{
	double a, b;

	if (!r->value->number || !*value || !*r->text)
		return !strcmp(r->text, value);
	a = strtod(r->text, NULL);
	b = strtod(value, NULL);
	return fabs(a - b) <= r->value->part * fabs(a);
}

static void print_run(const struct run *r)
{
	if (r->nights)
		fprintf(r->out, "%-20s %-20s %-16s %-16s %6zu  %s%s  (linux %s)\n", r->kernel, r->flow,
			r->first, r->last, r->nights, r->again ? "changed: " : "",
			*r->text ? r->text : "none", r->version);
}

static int start_run(struct run *r, const struct history_row *row)
{
	char *text = strdup(row->value);

	if (!text)
		return -ENOMEM;
	free(r->text);
	r->text = text;
	r->nights = 0;
	snprintf(r->kernel, sizeof(r->kernel), "%s", row->kernel);
	snprintf(r->flow, sizeof(r->flow), "%s", row->flow);
	snprintf(r->first, sizeof(r->first), "%s", row->night);
	snprintf(r->version, sizeof(r->version), "%s", row->version);
	return 0;
}

static int take_row(const struct history_row *row, void *ctx)
{
	struct run *r = ctx;
	bool same_flow = r->text && !strcmp(r->kernel, row->kernel) && !strcmp(r->flow, row->flow);
	int err;

	if (!same_flow || !same_value(r, row->value)) {
		print_run(r);
		err = start_run(r, row);
		if (err)
			return err;
		r->again = same_flow;
	}
	r->nights++;
	snprintf(r->last, sizeof(r->last), "%s", row->night);
	return 0;
}

int trend_print(struct history *h, const struct history_query *q, FILE *out)
{
	struct run r = {.out = out, .value = q->value};
	int err;

	fprintf(out, "%-20s %-20s %-16s %-16s %6s  %s: %s\n", "kernel", "flow", "first night",
		"last night", "nights", q->value->name, q->value->about);
	err = history_each(h, q, take_row, &r);
	if (!err)
		print_run(&r);
	free(r.text);
	return err;
}
