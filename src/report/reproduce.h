/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands that make such a run and this report again. */
#ifndef REPORT_REPRODUCE_H
#define REPORT_REPRODUCE_H

#include "report/report.h"

/* Words of the run go through `put`, which escapes them for where they are printed. */
void reproduce_print(const struct report *rep, FILE *out, void (*put)(FILE *out, const char *s));

#endif
