// SPDX-License-Identifier: GPL-2.0-only
#include "regresshelp.h"

#include <ftw.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

static char dir[] = "/tmp/copychain-regress-XXXXXX";

/* In place. */
static void requote(char *text)
{
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
}

struct json_object *parse(const char *fmt, ...)
{
	struct json_object *o;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&text, fmt, ap) > 0);
	va_end(ap);
	requote(text);
	o = json_tokener_parse(text);
	if (!o)
		fail_msg("no JSON: %s", text);
	free(text);
	return o;
}

const char *raw_file(const char *name, const char *text)
{
	static char path[4][256];
	static unsigned at;
	char *slash;
	FILE *f;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	slash = strrchr(path[at], '/');
	*slash = '\0';
	mkdir(path[at], 0700);
	*slash = '/';
	f = fopen(path[at], "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	return path[at];
}

const char *file(const char *name, const char *text)
{
	char *own = strdup(text);
	const char *path;

	assert_non_null(own);
	requote(own);
	path = raw_file(name, own);
	free(own);
	return path;
}

int regress_begin(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int regress_end(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
