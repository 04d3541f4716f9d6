/* SPDX-License-Identifier: GPL-2.0-only */
/* The plots: a data file, a gnuplot script and an SVG each, in the folder plots. */
#ifndef REPORT_PLOTS_H
#define REPORT_PLOTS_H

#include "report/report.h"

struct plot {
	const char *name;  /* of its files */
	const char *title; /* what it shows, for those who see it and those who do not */
	const char *script;
	size_t (*data)(const struct report *rep, FILE *out); /* gives how many rows it wrote */
};

extern const struct plot plots[];
extern const size_t plot_count;

/* The SVG of a plot, to be freed; NULL where there is none. */
char *plot_svg(const struct report *rep, const struct plot *p);

#endif
