// SPDX-License-Identifier: GPL-2.0-only
/* Bars beside each other: rows from top to bottom, so that their names have room. */
#include <math.h>

#include "regress/night_plot.h"

#define BAR 16	/* height of a bar and the number at its end */
#define GAP 10	/* between rows */
#define AXIS 60 /* below the rows */

static double row_height(const struct plot *p)
{
	return (double)BAR * (double)p->series_count + GAP;
}

unsigned plot_bars_height(const struct plot *p)
{
	return (unsigned)(row_height(p) * (double)p->rows) + AXIS +
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

/* A row per bar: where, how long, its number. */
static void put_series(const struct plot *p, size_t k, FILE *out)
{
	fprintf(out, "$s%zu << COPYCHAIN_END\n", k);
	for (size_t i = 0; i < p->rows; i++) {
		double v = plot_value(p, i, k);

		fprintf(out, "%.4f %.9g \"", (double)i + offset(p, k), isnan(v) ? p->base : v);
		if (isnan(v))
			fputs("none", out);
		else if (p->rise)
			fprintf(out, "%+.1f %%", v - p->base);
		else
			fprintf(out, "%.4g", v);
		fprintf(out, "\" %d\n", !isnan(v) && v < p->base ? 1 : 0);
	}
	fputs("COPYCHAIN_END\n", out);
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
	fprintf(out, "set tmargin at screen 1 - %d.0 / %u\n", PLOT_KEY * (int)p->series_count + 8,
		plot_bars_height(p));
	fputs("set key at screen 0.02, screen 0.995 left top vertical Left reverse maxrows 99 samplen 2 "
	      "spacing 1.1\nplot ", out);
	for (size_t k = 0; k < p->series_count; k++) {
		fprintf(out, "%s$s%zu using 2:1:(%.9g):2:($1 - %.4f):($1 + %.4f) with boxxyerror "
			"linetype %zu title ", k ? ", " : "", k, p->base, half, half, plot_colour(p, k));
		plot_quote(p->series[k].name, 48, out);
		fprintf(out, ", $s%zu using ($4 == 1 ? NaN : $2):1:3 with labels left offset 0.4,0 font ',13' "
			"notitle, $s%zu using ($4 == 1 ? $2 : NaN):1:3 with labels right offset -0.4,0 "
			"font ',13' notitle", k, k);
	}
	fputc('\n', out);
}
