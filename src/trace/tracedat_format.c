// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event formats. The library's parser is fed only text that was rebuilt from what was
 * understood here: it trusts its input in places, and print formats, which we have no use for,
 * are where it does most of its work.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>

#include "trace/tracedat_priv.h"

enum {
	NAME_LEN = 128,
	DECL_LEN = 256,
	FIELDS_MAX = 512,
	OFFSET_MAX = 1 << 20, /* no page is larger */
	TYPE_MAX = 65535,     /* an event's ID is 16 bits of its record */
};

struct text {
	const char *at, *end;
};

/* Takes a line without its end; false at the end of the text. */
static bool next_line(struct text *t, struct text *line)
{
	const char *nl;

	if (t->at == t->end)
		return false;
	nl = memchr(t->at, '\n', (size_t)(t->end - t->at));
	*line = (struct text){t->at, nl ? nl : t->end};
	t->at = nl ? nl + 1 : t->end;
	return true;
}

static void skip_blanks(struct text *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t'))
		t->at++;
}

static bool skip_word(struct text *t, const char *word)
{
	size_t len = strlen(word);

	skip_blanks(t);
	if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len))
		return false;
	t->at += len;
	return true;
}

static bool take_num(struct text *t, unsigned max, unsigned *v)
{
	unsigned long long n = 0;
	const char *from;

	skip_blanks(t);
	from = t->at;
	while (t->at < t->end && isdigit((unsigned char)*t->at)) {
		n = n * 10 + (unsigned)(*t->at++ - '0');
		if (n > max)
			return false;
	}
	*v = (unsigned)n;
	return t->at > from;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool take_name(struct text *t, char name[NAME_LEN])
{
	size_t n = 0;

	skip_blanks(t);
	while (t->at < t->end && n + 1 < NAME_LEN && (is_name_char(*t->at) || (n && *t->at == '-')))
		name[n++] = *t->at++;
	name[n] = 0;
	return n && (t->at == t->end || isspace((unsigned char)*t->at));
}

/* ---- declarations ---- */

/* Goes behind "__attribute__((…))", of which nothing is kept. */
static bool skip_attribute(struct text *t)
{
	int depth = 0;

	if (!skip_word(t, "__attribute__"))
		return false;
	skip_blanks(t);
	do {
		if (t->at == t->end)
			return false;
		depth += (*t->at == '(') - (*t->at == ')');
		t->at++;
	} while (depth > 0);
	return true;
}

/* "[16]", "[]" or "[NAME]" as they are, any other length as "[]". */
static bool take_brackets(struct text *t, char *decl, size_t *n)
{
	const char *from = ++t->at;
	const char *shut = memchr(from, ']', (size_t)(t->end - from));
	bool plain = true;
	size_t len;

	if (!shut)
		return false;
	len = (size_t)(shut - from);
	for (size_t i = 0; i < len; i++)
		plain = plain && is_name_char(from[i]);
	if (!plain)
		len = 0;
	if (*n + len + 4 > DECL_LEN)
		return false;
	decl[(*n)++] = '[';
	memcpy(decl + *n, from, len);
	*n += len;
	decl[(*n)++] = ']';
	t->at = shut + 1;
	return true;
}

/*
 * A C declaration up to its ';', put in a form that the library reads without a leak: names and
 * stars, a type and a name at least; at most one pair of brackets, with two words before it and
 * one more behind it at most.
 */
static bool take_decl(struct text *t, char decl[DECL_LEN])
{
	unsigned words = 0, brackets = 0, after = 0;
	bool name_last = false;
	size_t n = 0;

	for (;;) {
		skip_blanks(t);
		if (t->at == t->end || n + 4 > DECL_LEN)
			return false;
		if (*t->at == ';')
			break;
		if (*t->at == '[') {
			if (brackets++ || words < 2 || !name_last || !take_brackets(t, decl, &n))
				return false;
			continue;
		}
		if (*t->at == '*') {
			if (!words || brackets)
				return false;
			decl[n++] = ' ';
			decl[n++] = *t->at++;
			name_last = false;
			continue;
		}
		if (skip_attribute(t))
			continue;
		if (!is_name_char(*t->at) || (brackets && after++))
			return false;
		if (n)
			decl[n++] = ' ';
		while (t->at < t->end && is_name_char(*t->at) && n + 1 < DECL_LEN)
			decl[n++] = *t->at++;
		words++;
		name_last = true;
	}
	t->at++;
	decl[n] = 0;
	return words >= 2 && name_last;
}

/* ---- fields ---- */

struct field_text {
	char decl[DECL_LEN];
	unsigned offset, size, is_signed;
};

static bool take_field(struct text *line, struct field_text *f)
{
	if (!skip_word(line, "field"))
		return false;
	skip_word(line, "special"); /* of old kernels' ftrace events */
	if (!skip_word(line, ":") || !take_decl(line, f->decl))
		return false;
	if (!skip_word(line, "offset:") || !take_num(line, OFFSET_MAX, &f->offset) ||
	    !skip_word(line, ";"))
		return false;
	if (!skip_word(line, "size:") || !take_num(line, OFFSET_MAX, &f->size) ||
	    !skip_word(line, ";"))
		return false;
	f->is_signed = 0;
	if (skip_word(line, "signed:") &&
	    (!take_num(line, 1, &f->is_signed) || !skip_word(line, ";")))
		return false;
	return true;
}

/* Field lines up to an empty one. */
static bool take_fields(struct text *t, FILE *out, unsigned *count)
{
	struct text line;

	while (next_line(t, &line)) {
		struct field_text f;

		skip_blanks(&line);
		if (line.at == line.end) {
			fputc('\n', out);
			return true;
		}
		if (++*count > FIELDS_MAX || !take_field(&line, &f))
			return false;
		fprintf(out, "\tfield:%s;\toffset:%u;\tsize:%u;\tsigned:%u;\n", f.decl, f.offset,
			f.size, f.is_signed);
	}
	return false;
}

/* The whole format, rebuilt; false where it is not understood. */
static bool rebuild(struct text *t, FILE *out, unsigned *id)
{
	char name[NAME_LEN];
	unsigned count = 0;
	struct text line;

	if (!next_line(t, &line) || !skip_word(&line, "name:") || !take_name(&line, name))
		return false;
	if (!next_line(t, &line) || !skip_word(&line, "ID:") || !take_num(&line, TYPE_MAX, id))
		return false;
	if (!next_line(t, &line) || !skip_word(&line, "format:"))
		return false;
	fprintf(out, "name: %s\nID: %u\nformat:\n", name, *id);
	if (!take_fields(t, out, &count) || !take_fields(t, out, &count))
		return false;
	fputs("print fmt: \"\"\n", out);
	return true;
}

int td_add_format(struct tracedat *td, const char *system, const char *text, size_t len)
{
	struct text t = {text, text + len};
	char *built = NULL;
	size_t built_n = 0;
	unsigned id = 0;
	FILE *out = open_memstream(&built, &built_n);
	bool good;
	int err = 0;

	if (!out)
		return -ENOMEM;
	good = rebuild(&t, out, &id);
	if (fclose(out)) {
		err = -ENOMEM;
		goto out;
	}
	if (good && tep_find_event(td->tep, (int)id)) {
		td->formats_twice++;
		goto out;
	}
	if (!good || tep_parse_event(td->tep, built, built_n, system))
		td->formats_bad++;
out:
	free(built);
	return err;
}

/* ---- header_page ---- */

int td_read_header_page(struct tracedat *td, const char *text, size_t len)
{
	struct text t = {text, text + len}, line;
	struct field_text f;
	unsigned got = 0, data_size = 0;

	while (next_line(&t, &line)) {
		const char *name;

		if (!take_field(&line, &f))
			continue;
		name = strrchr(f.decl, ' ') + 1;
		if (!strcmp(name, "timestamp") && f.size == 8) {
			td->page_ts = f.offset;
			got |= 1;
		} else if (!strcmp(name, "commit") && (f.size == 4 || f.size == 8)) {
			td->page_commit = f.offset;
			td->page_commit_size = f.size;
			got |= 2;
		} else if (!strcmp(name, "data")) {
			td->page_data = f.offset;
			data_size = f.size;
			got |= 4;
		}
	}
	if (got != 7 || td->page_ts + 8 > td->page_data ||
	    td->page_commit + td->page_commit_size > td->page_data)
		return td_fail(td, -EBADMSG, "its header_page is not understood");
	/* Sub-buffers may be larger than a page of the machine. */
	if (td->page_data + data_size > td->stride)
		td->stride = td->page_data + data_size;
	if (td->stride > 2u << 20 || td->page_data + 4 > td->stride)
		return td_fail(td, -EBADMSG, "its header_page makes no sense");
	tep_set_long_size(td->tep, (int)td->page_commit_size);
	return 0;
}
