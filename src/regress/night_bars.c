// SPDX-License-Identifier: GPL-2.0-only
/* Bars beside each other: rows from top to bottom, so that their names have room. */
#include <math.h>

#include "regress/night_plot.h"

#define BAR 16	/* height of a bar and the number at its end */
#define GAP 10	/* between rows */
#define AXIS 72 /* below the rows */

static double row_height(const struct plot *p)
{
	return (double)BAR * (double)p->series_count + GAP;
}

unsigned plot_bars_height(const struct plot *p)
{
	return (unsigned)(row_height(p) * (double)p->rows) + AXIS + 8 +
	       PLOT_KEY * (unsigned)p->series_count;
}

static void put_range(const struct plot *p, FILE *out)
{
	double least = p->base, most = p->base, span;

	for (size_t i = 0; i < p->rows; i++)
		for (size_t k = 0; k < p->series_count; k++) {
			/* fmin and fmax pass over NAN */
			least = fmin(least, plot_value(p, i, k));
			most = fmax(most, plot_value(p, i, k));
		}
	span = most > least ? most - least : 1;
	/* Room for the numbers at the ends. */
	most += 0.3 * span;
	if (least < p->base || p->base > 0)
		least -= 0.3 * span;
	fprintf(out, "set xtics %.9g\nset xrange [%.9g:%.9g]\n", plot_step(span), least, most);
}

static void put_rows(const struct plot *p, FILE *out)
{
	fputs("set ytics scale 0 (", out);
	for (size_t i = 0; i < p->rows; i++) {
		fputs(i ? ", " : "", out);
		plot_quote(p->labels[i], 20, out);
		fprintf(out, " %zu", i);
	}
	fprintf(out, ")\nset yrange [%zu.5:-0.5]\n", p->rows - 1);
	/* Lines between the rows, none through the bars. */
	fputs("set grid xtics noytics\n", out);
	for (size_t i = 1; i < p->rows; i++)
		fprintf(out, "set arrow from graph 0, first %.1f to graph 1, first %.1f nohead "
			"linecolor rgb '#9a9a9a' linewidth 0.5\n", (double)i - 0.5, (double)i - 0.5);
}

/* Where the bar of a series stands in row 0, from its middle. */
static double offset(const struct plot *p, size_t series)
{
	return BAR / row_height(p) * ((double)series - ((double)p->series_count - 1) / 2);
}

/* The number at a bar's end, on the side to which it reaches. */
static void put_number(const struct plot *p, double at, double value, FILE *out)
{
	bool left = value < p->base;

	fputs("set label \"", out);
	if (isnan(value))
		fputs("none", out);
	else if (p->rise)
		fprintf(out, "%+.1f %%", value - p->base);
	else
		fprintf(out, "%.4g", value);
	fprintf(out, "\" at first %.9g, first %.4f %s offset %s,0 font ',13'\n",
		isnan(value) ? p->base : value, at, left ? "right" : "left", left ? "-0.4" : "0.4");
}

/* A row per bar: where, and how long. */
static void put_series(const struct plot *p, size_t k, FILE *out)
{
	fprintf(out, "$s%zu << COPYCHAIN_END\n", k);
	for (size_t i = 0; i < p->rows; i++) {
		double v = plot_value(p, i, k);

		fprintf(out, "%.4f %.9g\n", (double)i + offset(p, k), isnan(v) ? p->base : v);
	}
	fputs("COPYCHAIN_END\n", out);
	for (size_t i = 0; i < p->rows; i++)
		put_number(p, (double)i + offset(p, k), plot_value(p, i, k), out);
}

void plot_bars(const struct plot *p, FILE *out)
{
	double half = 0.45 * BAR / row_height(p);

	for (size_t k = 0; k < p->series_count; k++)
		put_series(p, k, out);
	put_range(p, out);
	put_rows(p, out);
	fputs("set border 1\nset xlabel ", out);
	plot_quote(p->unit, 80, out);
	fprintf(out, "\nset arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead front linewidth 1.5 "
		"linecolor rgb 'black'\n", p->base, p->base);
	fprintf(out, "set bmargin at screen %d.0 / %u\nset tmargin at screen 1 - %d.0 / %u\n", AXIS,
		plot_bars_height(p), PLOT_KEY * (int)p->series_count + 8, plot_bars_height(p));
	plot_key(p, 0, out);
	fputs("unset key\nplot ", out);
	for (size_t k = 0; k < p->series_count; k++)
		fprintf(out, "%s$s%zu using 2:1:(%.9g):2:($1 - %.4f):($1 + %.4f) with boxxyerror "
			"linetype %zu", k ? ", " : "", k, p->base, half, half, plot_colour(p, k));
	fputc('\n', out);
}
