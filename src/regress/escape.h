/* SPDX-License-Identifier: GPL-2.0-only */
/* Text of kernels and logs as text of XML, HTML or Markdown. */
#ifndef REGRESS_ESCAPE_H
#define REGRESS_ESCAPE_H

#include <stdio.h>

/* Control characters, which XML cannot carry, become '?'. */
void xml_puts(const char *text, FILE *out);

/* In a cell of a table: '|' and what would be markup. */
void markdown_puts(const char *text, FILE *out);

#endif
