// SPDX-License-Identifier: GPL-2.0-only
/* Lines over nights: a small panel per flow, below each other along one axis of nights. */
#include <math.h>
#include <string.h>

#include "regress/night_plot.h"

#define PANEL 130 /* height of a panel with its name */
#define NAME 34	  /* of that for the name */
#define NIGHTS 50 /* below the last panel, for the nights */
#define TICS 3	  /* nights that are named: more names than that would overlap */
#define MARGIN "0.16" /* left of the panels, for numbers */

static bool same_panel(const struct plot *p, size_t a, size_t b)
{
	return !strcmp(p->series[a].panel, p->series[b].panel);
}

/* Is it the first series of its panel? */
static bool opens_panel(const struct plot *p, size_t series)
{
	for (size_t i = 0; i < series; i++)
		if (same_panel(p, i, series))
			return false;
	return true;
}

static unsigned panels(const struct plot *p)
{
	unsigned n = 0;

	for (size_t k = 0; k < p->series_count; k++)
		n += opens_panel(p, k);
	return n;
}

static unsigned drawn_names(const struct plot *p)
{
	unsigned n = 0;

	for (size_t k = 0; k < p->series_count; k++)
		n += plot_first(p, k);
	return n;
}

/* The unit stands above the names. */
static unsigned head(const struct plot *p)
{
	return PLOT_KEY * (drawn_names(p) + 1) + 8;
}

unsigned plot_lines_height(const struct plot *p)
{
	return head(p) + PANEL * panels(p) + NIGHTS;
}

static void put_data(const struct plot *p, FILE *out)
{
	fputs("$data << COPYCHAIN_END\n", out);
	for (size_t i = 0; i < p->rows; i++) {
		fprintf(out, "%zu", i);
		for (size_t k = 0; k < p->series_count; k++) {
			double v = plot_value(p, i, k);

			if (isnan(v))
				fputs(" NaN", out);
			else
				fprintf(out, " %.12g", v);
		}
		fputc('\n', out);
	}
	fputs("COPYCHAIN_END\n", out);
}

/* Names a few nights, evenly apart, or only marks them. */
static void put_nights(const struct plot *p, bool named, FILE *out)
{
	size_t n = p->rows < TICS ? p->rows : TICS;

	fputs("set xtics font ',13' (", out);
	for (size_t i = 0; i < n; i++) {
		size_t row = n > 1 ? i * (p->rows - 1) / (n - 1) : 0;

		fputs(i ? ", " : "", out);
		plot_quote(named ? p->labels[row] : "", 16, out);
		fprintf(out, " %zu", row);
	}
	fputs(")\n", out);
}

/*
 * A few numbers along the axis, with the digits that tell them apart. It never shows less than a
 * fiftieth: what a value varies by from boot to boot is to look like nothing.
 */
static void put_numbers(double least, double most, FILE *out)
{
	double middle = (least + most) / 2, span = fmax(most - least, 0.02 * fabs(middle)), step;
	int digits;

	if (span <= 0)
		span = 1;
	step = plot_step(span);
	digits = step < 1 ? (int)ceil(-log10(step)) : 0;
	fprintf(out, "set yrange [%.12g:%.12g]\nset ytics font ',13' %.9g\nset format y '%%.%df'\n",
		middle - 0.65 * span, middle + 0.65 * span, step, digits);
}

static void put_axis(const struct plot *p, size_t first, FILE *out)
{
	double least = NAN, most = NAN;

	for (size_t k = first; k < p->series_count; k++)
		for (size_t i = 0; same_panel(p, first, k) && i < p->rows; i++) {
			least = fmin(least, plot_value(p, i, k));
			most = fmax(most, plot_value(p, i, k));
		}
	put_numbers(isnan(least) ? 0 : least, isnan(most) ? 0 : most, out);
}

static void put_panel(const struct plot *p, size_t first, unsigned n, FILE *out)
{
	double height = plot_lines_height(p), top = head(p) + (double)PANEL * n + NAME,
	       bottom = head(p) + (double)PANEL * (n + 1);
	const char *comma = "";

	fprintf(out, "set tmargin at screen %.5f\nset bmargin at screen %.5f\nset label ",
		1 - top / height, 1 - bottom / height);
	plot_quote(p->series[first].panel, 48, out);
	fputs(" at graph 0, graph 1 left offset 0,0.6\n", out);
	put_axis(p, first, out);
	put_nights(p, n + 1 == panels(p), out);
	fputs("plot ", out);
	for (size_t k = first; k < p->series_count; k++) {
		size_t colour = plot_colour(p, k);

		if (!same_panel(p, first, k))
			continue;
		fprintf(out, "%s$data using 1:%zu with linespoints linetype %zu linewidth 1.5 pointtype %u "
			"pointsize 0.5", comma, k + 2, colour, plot_mark(colour));
		comma = ", ";
	}
	/* What stands above the panels is drawn with the first. */
	fputs("\nunset label\n", out);
}

void plot_lines(const struct plot *p, FILE *out)
{
	double room = p->rows > 1 ? 0.04 * (double)p->rows : 0.5;
	unsigned n = 0;

	put_data(p, out);
	fprintf(out, "set xrange [%.3f:%.3f]\nset lmargin at screen " MARGIN
		"\nset rmargin at screen 0.87\nset label ", -room, (double)p->rows - 1 + room);
	plot_quote(p->unit, 64, out);
	fprintf(out, " at screen 0.02, screen %.5f left\n", 1 - PLOT_KEY * 0.6 / plot_lines_height(p));
	plot_key(p, 1, out);
	fputs("unset key\nset multiplot\n", out);
	for (size_t k = 0; k < p->series_count; k++)
		if (opens_panel(p, k))
			put_panel(p, k, n++, out);
	fputs("unset multiplot\n", out);
}
