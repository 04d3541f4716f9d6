/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for people: widths in columns, long lines cut or folded, words of others made harmless. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Columns of a UTF-8 text; every character counts as one. */
size_t text_width(const char *s);

/* The text, its middle replaced by "…" where it is wider than width. */
void text_cut(const char *s, size_t width, char *buf, size_t size);

/* Prints text of many lines, cleaned; those wider than width go on below, between words, indented. */
void text_fold(const char *text, size_t width, FILE *out);

/*
 * Names in a trace are anybody's: gives a copy that holds no control character and no byte that is
 * not UTF-8 ("?" stands for them), so that it may go to a terminal or into a document.
 */
void text_clean(const char *s, char *buf, size_t size);

/* The cleaned text for HTML and XML, with its special characters as entities. */
void text_html(FILE *out, const char *s);

/* For Markdown: outside code spans, nothing in it is markup, and it stays on one line. */
void text_markdown(FILE *out, const char *s);

/* A field of a CSV file, quoted where it must be (RFC 4180). */
void text_csv(FILE *out, const char *s);

#endif
