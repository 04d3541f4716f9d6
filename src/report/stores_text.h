/* SPDX-License-Identifier: GPL-2.0-only */
/* What an audit found, in lines: each store that is no recorded copy, and how many flows have none. */
#ifndef REPORT_STORES_TEXT_H
#define REPORT_STORES_TEXT_H

#include <stdio.h>

#include "analyze/analysis.h"

/* Of the flows that the pattern selects; nothing of a run that was not audited. */
void stores_print(const struct analysis *r, const char *pattern, FILE *out);

#endif
