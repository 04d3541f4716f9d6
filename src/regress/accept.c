// SPDX-License-Identifier: GPL-2.0-only
#include "regress/accept.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/json.h"
#include "common/vec.h"
#include "regress/finding.h"

enum limit_kind { LIMIT_NONE, LIMIT_NUMBER, LIMIT_PERCENT, LIMIT_NAME, LIMIT_NEVER };

static enum limit_kind limit_kind(const char *what)
{
	static const struct {
		const char *what;
		enum limit_kind kind;
	} kinds[] = {
#define FINDING(what, limit, about) {what, LIMIT_##limit},
#include "regress/findings.def"
#undef FINDING
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].what, what))
			return kinds[i].kind;
	return LIMIT_NONE;
}

static bool is_number(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	return end != text && (!*end || !strcmp(end, "%")) && isfinite(v);
}

/* Why a line is none, or NULL. */
static const char *fault(const struct accept_line *l)
{
	enum limit_kind kind;

	if (!l->reason || !*l->reason)
		return "it takes five words: kernel, flow, what, limit and a reason";
	if (!finding_about(l->what))
		return "the third word is no kind of finding";
	kind = limit_kind(l->what);
	if (kind == LIMIT_NEVER)
		return "findings of this kind cannot be accepted";
	if (strcmp(l->limit, "-") && (kind == LIMIT_NUMBER || kind == LIMIT_PERCENT) &&
	    !is_number(l->limit))
		return "the fourth word must be a number or -";
	return NULL;
}

/* Cuts the next word off *text; NULL: there is none. */
static char *word(char **text)
{
	char *start = *text + strspn(*text, " \t"), *end = start + strcspn(start, " \t");

	if (!*start)
		return NULL;
	*text = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

/* The words stay in the line, whose first word it begins with: freeing that frees all. */
static int add_line(struct accepts *a, const char *text, unsigned int number, const char **why)
{
	struct accept_line *more = realloc(a->lines, (a->count + 1) * sizeof(*more)), *l;
	char *own = more ? strdup(text) : NULL;

	if (more)
		a->lines = more;
	if (!own)
		return -ENOMEM;
	l = &more[a->count++];
	memset(l, 0, sizeof(*l));
	l->number = number;
	l->kernel = own;
	word(&own);
	l->flow = word(&own);
	l->what = word(&own);
	l->limit = word(&own);
	l->reason = l->limit ? own + strspn(own, " \t") : NULL;
	*why = fault(l);
	return *why ? -EBADMSG : 0;
}

int accepts_load(const char *path, struct accepts *a, char *why, size_t size)
{
	char *text, *line, *rest;
	unsigned int number = 0;
	const char *bad;
	int err;

	memset(a, 0, sizeof(*a));
	err = file_read(path, &text, NULL);
	if (err) {
		snprintf(why, size, "%s: %s", path, file_strerror(err));
		return err;
	}
	rest = text;
	while (!err && (line = strsep(&rest, "\n"))) {
		number++;
		line += strspn(line, " \t\r");
		for (size_t n = strlen(line); n && isspace((unsigned char)line[n - 1]); n--)
			line[n - 1] = '\0';
		if (!*line || *line == '#')
			continue;
		bad = "out of memory";
		err = add_line(a, line, number, &bad);
		if (err)
			snprintf(why, size, "%s, line %u: %s", path, number, bad);
	}
	free(text);
	return err;
}

void accepts_free(struct accepts *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->lines[i].kernel);
	free(a->lines);
	memset(a, 0, sizeof(*a));
}

static bool within(const struct accept_line *l, struct json_object *f)
{
	enum limit_kind kind = limit_kind(l->what);
	struct json_object *to = json_get(f, kind == LIMIT_PERCENT ? "percent" : "to");

	if (!strcmp(l->limit, "-") || kind == LIMIT_NONE)
		return true;
	/* A cost that could not be measured is within no limit. */
	if (!to)
		return false;
	if (kind == LIMIT_NAME)
		return !strcmp(l->limit, json_str(f, "to", ""));
	/* What stands in the report was rounded to be written into the file. */
	return json_object_get_double(to) <= strtod(l->limit, NULL) + 0.0005;
}

static bool accepts_it(const struct accept_line *l, const char *kernel, const char *flow,
		       struct json_object *f)
{
	return !fnmatch(l->kernel, kernel, 0) && !fnmatch(l->flow, flow, 0) &&
	       !strcmp(l->what, json_str(f, "what", "")) && within(l, f);
}

void accepts_apply(struct accepts *a, const char *kernel, const char *flow,
		   struct json_object *findings)
{
	for (size_t i = 0; i < json_length(findings); i++) {
		struct json_object *f = json_at(findings, i);

		for (size_t k = 0; k < a->count; k++) {
			if (!accepts_it(&a->lines[k], kernel, flow, f))
				continue;
			a->lines[k].used = true;
			json_add_str(f, "accepted", a->lines[k].reason);
			break;
		}
	}
}

static bool is_word(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 127)
			return false;
	return *text && strcmp(text, "-") != 0;
}

/*
 * A name as a pattern that matches it, in a line that is read back: what a terminal would not show as it
 * is may be any byte, and so may a blank, which would end the word.
 */
static void put_pattern(FILE *out, const char *name, bool first)
{
	if (!*name)
		fputc('*', out);
	for (const char *c = name; *c; c++) {
		if (strchr("*?[]\\", *c) || (*c == '#' && c == name && first))
			fputc('\\', out);
		fputc(*c > ' ' && *c < 127 ? *c : '?', out);
	}
}

/* What was found: rounded, for within() allows for that. */
static void put_limit(FILE *out, struct json_object *f, enum limit_kind kind)
{
	struct json_object *to = json_get(f, kind == LIMIT_PERCENT ? "percent" : "to");
	double value = json_object_get_double(to);

	if (to && kind == LIMIT_NUMBER)
		fprintf(out, "%.3f", value);
	else if (to && kind == LIMIT_PERCENT)
		fprintf(out, "%.0f%%", ceil(value));
	else if (kind == LIMIT_NAME && is_word(json_str(f, "to", "")))
		fputs(json_str(f, "to", ""), out);
	else
		fputc('-', out);
}

char *accept_suggest(const char *kernel, const char *flow, struct json_object *f)
{
	const char *what = json_str(f, "what", "");
	enum limit_kind kind = limit_kind(what);
	char *line = NULL;
	size_t size;
	FILE *out = kind == LIMIT_NEVER ? NULL : open_memstream(&line, &size);

	if (!out)
		return NULL;
	put_pattern(out, kernel, true);
	fputc(' ', out);
	put_pattern(out, flow, false);
	fprintf(out, " %s ", what);
	put_limit(out, f, kind);
	if (!fclose(out))
		return line;
	free(line);
	return NULL;
}
