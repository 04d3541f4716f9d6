/* SPDX-License-Identifier: GPL-2.0-only */
/* Plots by gnuplot: a table of numbers, as SVG that can be read on a phone, on light and dark pages. */
#ifndef REGRESS_NIGHT_PLOT_H
#define REGRESS_NIGHT_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum plot_kind {
	PLOT_BARS,  /* rows from top to bottom, in each a bar per series */
	PLOT_LINES, /* rows from left to right; a panel below the other, in each a line per series */
};

/* A column of the table. Several of one name are of one colour. */
struct plot_series {
	char *name;
	char *panel;	/* where its line is drawn */
	double *values; /* NAN: none; rows behind count have none */
	size_t count;
};

struct plot {
	enum plot_kind kind;
	const char *title; /* for who places the picture; not in it */
	const char *unit;  /* of the numbers */
	double base;	   /* where bars begin */
	bool rise;	   /* bars tell how far they reach from there, in percent; else their number */
	char **names; /* of series, each once, in the order of their colours */
	size_t name_count;
	struct plot_series *series;
	size_t series_count;
	char **labels; /* of rows */
	size_t rows;
};

/* Sets a number of the row and series of these names, made at need. 0 or -ENOMEM. */
int plot_put(struct plot *p, const char *row, const char *series, const char *panel, double value);
/* Adds a row, if there is none so called. Its number or -ENOMEM. */
long plot_row(struct plot *p, const char *label);
/* Keeps the next colour for series of that name, which need not come. 0 or -ENOMEM. */
int plot_name(struct plot *p, const char *name);
/* NAN: none. */
double plot_value(const struct plot *p, size_t row, size_t series);
/* Takes a series out. */
void plot_drop(struct plot *p, size_t series);
void plot_free(struct plot *p);

/*
 * Draws into the file. 0, -ENODATA: nothing to draw; -ENOPKG: there is no gnuplot; -EIO: it failed; or
 * another -errno.
 */
int plot_draw(const struct plot *p, const char *svg);

/* For the script, in whose strings nothing is markup: the text, cut to so many columns, in quotes. */
void plot_quote(const char *text, size_t columns, FILE *out);
/* A round step of which three or four make up the span. */
double plot_step(double span);
/* Which colour: the same for all series of one name. Counts from 1. */
size_t plot_colour(const struct plot *p, size_t series);
/* Is it the first series of its name? */
bool plot_first(const struct plot *p, size_t series);

/*
 * Names of the series with their marks, from the top, behind so many lines of other text: gnuplot leaves
 * names out of its own key where the plot is small. Colours repeat behind eight names, with other marks.
 */
void plot_key(const struct plot *p, unsigned below, FILE *out);
unsigned plot_mark(size_t colour);

/* The scripts behind terminal and colours: night_bars.c, night_lines.c; how high, and the rest. */
unsigned plot_bars_height(const struct plot *p);
void plot_bars(const struct plot *p, FILE *out);
unsigned plot_lines_height(const struct plot *p);
void plot_lines(const struct plot *p, FILE *out);

#define PLOT_WIDTH 480 /* of which a phone shows two thirds: letters of 15 are still read */
#define PLOT_KEY 25    /* height of a name in the key */

#endif
