/* SPDX-License-Identifier: GPL-2.0-only */
/* What a value did over the nights: its plot, and the first night on which it was another. */
#ifndef REGRESS_TREND_H
#define REGRESS_TREND_H

#include <stdbool.h>
#include <stdio.h>

#include "regress/history.h"
#include "regress/night_plot.h"

/* A panel per flow, in it a line per kernel; where nothing changed, the line can be left out. */
struct trend {
	struct plot plot;
	size_t changed, constant; /* kernels' flows */
};

/* *t begins as zeros, or with names of its plot; freed by plot_free(&t->plot), also after an error. 0, -EINVAL for what is no number, or -errno. */
int trend_plot(struct history *h, const struct history_query *q, bool only_changes, struct trend *t);

/* Prints each run of nights with one value, and so the first night of every other. 0 or -errno. */
int trend_print(struct history *h, const struct history_query *q, FILE *out);

#endif
