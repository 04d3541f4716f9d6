/* SPDX-License-Identifier: GPL-2.0-only */
/* One worked chain on the terminal: a box for each place, an arrow for each hop that moves bytes. */
#ifndef REPORT_CHAIN_TEXT_H
#define REPORT_CHAIN_TEXT_H

#include <stdio.h>

#include "analyze/analysis.h"

/* f has at least one view. */
void chain_text_print(const struct analysis *r, const struct flow *f, FILE *out);

#endif
