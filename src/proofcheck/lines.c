// SPDX-License-Identifier: GPL-2.0-only
#include "proofcheck/lines.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/vec.h"

#define THEREFORE "\xe2\x88\xb4"

static bool skip_word(char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

static int add_premise(struct line *l, unsigned long n)
{
	if (vec_reserve(&l->from, &l->from_cap, l->from_count + 1))
		return -ENOMEM;
	l->from[l->from_count++] = (unsigned int)n;
	return 0;
}

/* "12, 13, 14 BY " */
static int read_premises(struct line *l, char **p)
{
	while (isdigit((unsigned char)**p)) {
		unsigned long n = strtoul(*p, p, 10);

		if (!n || n > UINT32_MAX)
			return -EINVAL;
		if (add_premise(l, n))
			return -ENOMEM;
		if (!skip_word(p, ", "))
			break;
	}
	return l->from_count && skip_word(p, " BY ") ? 0 : -EINVAL;
}

/* The part in backticks: what is claimed. */
static int read_claim(struct line *l, char *p)
{
	char *open = strchr(p, '`'), *close = open ? strchr(open + 1, '`') : NULL;

	if (!close)
		return -EINVAL;
	*close = '\0';
	l->text = open + 1;
	return 0;
}

static int read_derived(struct line *l, char *p)
{
	char *colon;
	int err = read_premises(l, &p);

	if (err)
		return err;
	colon = strstr(p, ": `");
	if (!colon)
		return -EINVAL;
	l->rule = p;
	err = read_claim(l, colon);
	*colon = '\0';
	return err;
}

static int read_numbered(struct lines *ls, char *row, unsigned int number, char *p)
{
	struct line *l;

	(void)row;
	if (vec_reserve(&ls->items, &ls->cap, ls->count + 1))
		return -ENOMEM;
	l = &ls->items[ls->count++];
	*l = (struct line){.number = number};
	if (skip_word(&p, "FACT ")) {
		l->fact = true;
		return read_claim(l, p);
	}
	return skip_word(&p, "DERIVED FROM ") ? read_derived(l, p) : -EINVAL;
}

static int read_row(struct lines *ls, char *row, unsigned int nr, char *why, size_t size)
{
	char *p = row;
	unsigned long n;
	int err;

	while (*p == ' ')
		p++;
	if (strstr(p, THEREFORE)) {
		if (!ls->count || ls->items[ls->count - 1].therefore) {
			snprintf(why, size, "row %u concludes from nothing", nr);
			return -EINVAL;
		}
		ls->items[ls->count - 1].therefore = strstr(p, THEREFORE) + strlen(THEREFORE);
		return 0;
	}
	if (!strncmp(p, "Redacted:", 9)) {
		snprintf(why, size, "it is redacted, and aliases cannot be held against a recording; "
			 "write it again without --redact");
		return -EINVAL;
	}
	if (!isdigit((unsigned char)*p))
		return 0;
	n = strtoul(p, &p, 10);
	if (!skip_word(&p, ". "))
		return 0;
	if (n != ls->count + 1) {
		snprintf(why, size, "row %u has number %lu where %zu is next", nr, n, ls->count + 1);
		return -EINVAL;
	}
	err = read_numbered(ls, row, (unsigned int)n, p);
	if (ls->count)
		ls->items[ls->count - 1].row = nr;
	if (err == -EINVAL)
		snprintf(why, size, "line %lu (row %u) is neither a fact nor derived", n, nr);
	return err;
}

int lines_read(const char *path, struct lines *l, char *why, size_t size)
{
	char *text;
	int err = file_read(path, &text, NULL);

	if (!err)
		return lines_parse(text, l, why, size);
	*l = (struct lines){0};
	snprintf(why, size, "cannot read %s: %s", path, file_strerror(err));
	return err;
}

int lines_parse(char *text, struct lines *l, char *why, size_t size)
{
	unsigned int nr = 0;
	int err = 0;

	*l = (struct lines){.text = text};
	for (char *row = l->text, *end; row && !err; row = end) {
		end = strchr(row, '\n');
		if (end)
			*end++ = '\0';
		err = read_row(l, row, ++nr, why, size);
	}
	return err;
}

void lines_free(struct lines *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].from);
		free(l->items[i].cited);
	}
	free(l->items);
	free(l->text);
	*l = (struct lines){0};
}
