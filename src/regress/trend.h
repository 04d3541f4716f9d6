/* SPDX-License-Identifier: GPL-2.0-only */
/* What a value did over the nights: its plot, and the first night on which it was another. */
#ifndef REGRESS_TREND_H
#define REGRESS_TREND_H

#include <stdio.h>

#include "regress/history.h"
#include "regress/night_plot.h"

/* A line per kernel and flow; freed by plot_free also after an error. 0 or -errno. */
int trend_plot(struct history *h, const struct history_query *q, struct plot *p);

/* Prints each run of nights with one value, and so the first night of every other. 0 or -errno. */
int trend_print(struct history *h, const struct history_query *q, FILE *out);

#endif
