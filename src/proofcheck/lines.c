// SPDX-License-Identifier: GPL-2.0-only
#include "proofcheck/lines.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/vec.h"
#include "proofcheck/form.h"

#define THEREFORE "\xe2\x88\xb4"

static bool skip_word(char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

/* As it is written: no sign, no leading zero, no more than fits. */
static int read_number(char *p, char **end, uint64_t *n)
{
	if (!isdigit((unsigned char)*p) || (*p == '0' && isdigit((unsigned char)p[1])))
		return -EINVAL;
	errno = 0;
	*n = strtoull(p, end, 10);
	return errno ? -EINVAL : 0;
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
		uint64_t n;

		if (read_number(*p, p, &n) || !n || n > UINT32_MAX)
			return -EINVAL;
		if (add_premise(l, n))
			return -ENOMEM;
		if (!skip_word(p, ", "))
			break;
	}
	return l->from_count && skip_word(p, " BY ") ? 0 : -EINVAL;
}

/* The part in backticks, which nothing follows but the words of its rule. */
static int read_claim(struct line *l, char *p, const char *words)
{
	char *close = strchr(p, '`');

	if (!close || !words)
		return -EINVAL;
	*close++ = '\0';
	l->text = p;
	if (!*words)
		return *close ? -EINVAL : 0;
	return *close++ == ' ' && !strcmp(close, words) ? 0 : -EINVAL;
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
	*colon = '\0';
	return read_claim(l, colon + 3, proof_words(l->rule));
}

static int read_numbered(struct lines *ls, unsigned int number, char *p)
{
	struct line *l;

	if (vec_reserve(&ls->items, &ls->cap, ls->count + 1))
		return -ENOMEM;
	l = &ls->items[ls->count++];
	*l = (struct line){.number = number, .heading = (unsigned int)ls->heading_count};
	if (skip_word(&p, "FACT `")) {
		l->fact = true;
		return read_claim(l, p, "");
	}
	return skip_word(&p, "DERIVED FROM ") ? read_derived(l, p) : -EINVAL;
}

/* "## NAME, message N" */
static int read_heading(struct lines *ls, char *p, unsigned int nr)
{
	char *comma = strstr(p, ", message "), *end;
	struct heading h = {.name = p, .row = nr};

	if (!comma || comma == p)
		return -EINVAL;
	*comma = '\0';
	if (read_number(comma + strlen(", message "), &end, &h.message) || *end)
		return -EINVAL;
	if (vec_reserve(&ls->headings, &ls->heading_cap, ls->heading_count + 1))
		return -ENOMEM;
	ls->headings[ls->heading_count++] = h;
	return 0;
}

static int read_line(struct lines *ls, char *p, unsigned int nr, char *why, size_t size)
{
	uint64_t n;
	int err = read_number(p, &p, &n);

	if (err || !skip_word(&p, ". "))
		return -EINVAL;
	if (n != ls->count + 1) {
		snprintf(why, size, "row %u has number %llu where %zu is next", nr, (unsigned long long)n,
			 ls->count + 1);
		return -EINVAL;
	}
	err = read_numbered(ls, (unsigned int)n, p);
	if (ls->count == n)
		ls->items[n - 1].row = nr;
	if (err == -EINVAL)
		snprintf(why, size, "line %llu (row %u) is neither a fact nor derived", (unsigned long long)n, nr);
	return err;
}

static int read_row(struct lines *ls, char *p, unsigned int nr, char *why, size_t size)
{
	int err = -EINVAL;

	if (proof_is_idle(p)) {
		if (ls->heading_count)
			ls->headings[ls->heading_count - 1].remark |= proof_is_remark(p);
		return 0;
	}
	if (!strncmp(p, "Redacted:", 9)) {
		snprintf(why, size, "it is redacted, and aliases cannot be held against a recording; "
			 "write it again without --redact");
		return -EINVAL;
	}
	snprintf(why, size, "row %u is no part of a proof", nr);
	if (isdigit((unsigned char)*p))
		return read_line(ls, p, nr, why, size);
	if (skip_word(&p, "## "))
		return read_heading(ls, p, nr);
	if (skip_word(&p, "**" THEREFORE " ")) {
		if (!ls->count || ls->items[ls->count - 1].therefore) {
			snprintf(why, size, "row %u concludes from nothing", nr);
			return -EINVAL;
		}
		ls->items[ls->count - 1].therefore = p;
		err = 0;
	}
	return err;
}

/* Nothing that is not seen: printable ASCII, and the two signs that proofs have. */
static int check_characters(const char *text, size_t length, char *why, size_t size)
{
	static const char *const signs[] = {THEREFORE, "\xe2\x98\x85"};
	unsigned int row = 1;

	for (size_t i = 0; i < length;) {
		const char *p = text + i;
		size_t n = *p == '\n' || (*p >= ' ' && *p <= '~');

		for (size_t k = 0; !n && k < ARRAY_SIZE(signs); k++)
			n = strncmp(p, signs[k], strlen(signs[k])) ? 0 : strlen(signs[k]);
		if (!n) {
			snprintf(why, size, "row %u has a character that no proof has (code 0x%02x)", row,
				 (unsigned char)*p);
			return -EINVAL;
		}
		row += *p == '\n';
		i += n;
	}
	return 0;
}

int lines_read(const char *path, struct lines *l, char *why, size_t size)
{
	char *text;
	size_t length;
	int err = file_read(path, &text, &length);

	if (!err)
		return lines_parse(text, length, l, why, size);
	*l = (struct lines){0};
	snprintf(why, size, "cannot read %s: %s", path, file_strerror(err));
	return err;
}

int lines_parse(char *text, size_t length, struct lines *l, char *why, size_t size)
{
	unsigned int nr = 0;
	int err;

	*l = (struct lines){.text = text};
	err = check_characters(text, length, why, size);
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
	free(l->headings);
	free(l->text);
	*l = (struct lines){0};
}
