/* SPDX-License-Identifier: GPL-2.0-only */
/* Plots by gnuplot: a table of numbers, a series per column, as SVG. */
#ifndef REGRESS_NIGHT_PLOT_H
#define REGRESS_NIGHT_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#define PLOT_SERIES 32

/* One value per row and series; rows have labels along the x axis. */
struct plot {
	const char *title, *unit;
	bool lines; /* else bars beside each other */
	char *series[PLOT_SERIES];
	size_t series_count;
	char **labels;
	double *values; /* rows of PLOT_SERIES; NAN: none */
	size_t rows;
};

/* The number of the series or row of that name, made at need; -1: no room or memory. */
int plot_series(struct plot *p, const char *name);
int plot_row(struct plot *p, const char *label);
void plot_set(struct plot *p, int row, int series, double value);
void plot_free(struct plot *p);

/* Draws into the file. 0, -ENOPKG: there is no gnuplot; -EIO: it failed; or another -errno. */
int plot_draw(const struct plot *p, const char *svg);

#endif
