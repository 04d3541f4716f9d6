/* SPDX-License-Identifier: GPL-2.0-only */
/* Plots by gnuplot, without a shell between, and its pictures within a page. */
#ifndef COMMON_GNUPLOT_H
#define COMMON_GNUPLOT_H

#include <stdio.h>

/*
 * Runs a script that is read from the descriptor in, within the folder dir (NULL: here). What it
 * prints goes to the descriptor out; -1: nowhere. 0, -ENOPKG: there is no gnuplot; -EIO: it failed;
 * or another -errno.
 */
int gnuplot_run(const char *dir, int in, int out);

/*
 * Writes a picture of gnuplot's as part of a page: black takes the page's colour, and its marks are
 * called after name, so that those of several pictures do not meet. title is for screen readers.
 */
void gnuplot_embed(FILE *out, const char *svg, const char *name, const char *title);

#endif
