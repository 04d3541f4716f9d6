/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of kernel against kernel share: JSON that reads well in C, and files to hand over. */
#ifndef TESTS_REGRESSHELP_H
#define TESTS_REGRESSHELP_H

struct json_object;

/* ' stands for ", so that JSON can be read here. */
struct json_object *parse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Writes text, again with ' for ", into a file of that name; its path stays good for four more. */
const char *file(const char *name, const char *text);

/* The same of text as it is. */
const char *raw_file(const char *name, const char *text);

/* A folder for the files of a group of tests. */
int regress_begin(void **state);
int regress_end(void **state);

#endif
