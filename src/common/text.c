// SPDX-License-Identifier: GPL-2.0-only
#include "common/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the character at s, or 0: no UTF-8 (overlong forms and surrogates are none). */
static size_t char_length(const unsigned char *s)
{
	size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 :
		   *s >= 0xf0 && *s < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

/* C0 and C1 controls, line separators, and what turns the direction of text or hides it. */
static bool is_harmful(const unsigned char *s, size_t n)
{
	if (n == 1)
		return *s < ' ' || *s == 127;
	if (n == 2)
		return *s == 0xc2 && s[1] < 0xa0;
	if (n == 3 && s[0] == 0xe2 && s[1] == 0x80)
		return s[2] >= 0x8b && (s[2] <= 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae));
	if (n == 3 && s[0] == 0xe2 && s[1] == 0x81)
		return s[2] >= 0xa0 && s[2] <= 0xaf;
	return n == 3 && s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf;
}

void text_clean(const char *s, char *buf, size_t size)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t used = 0;

	while (*p && used + 5 < size) {
		size_t n = char_length(p);

		if (!n || is_harmful(p, n)) {
			buf[used++] = '?';
			p += n ? n : 1;
			continue;
		}
		memcpy(buf + used, p, n);
		used += n;
		p += n;
	}
	buf[used] = '\0';
}

size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* Where the character number n begins. */
static const char *at_column(const char *s, size_t n)
{
	for (; *s; s++)
		if ((*s & 0xc0) != 0x80 && !n--)
			break;
	return s;
}

void text_cut(const char *s, size_t width, char *buf, size_t size)
{
	size_t have = text_width(s), left = width / 2, right = width - left - 1;

	if (have <= width)
		snprintf(buf, size, "%s", s);
	else
		snprintf(buf, size, "%.*s…%s", (int)(at_column(s, left) - s), s,
			 at_column(s, have - right));
}

/* How many bytes of the line go on this row: up to the last space that fits, else all that fit. */
static size_t row_bytes(const char *line, size_t len, size_t width)
{
	size_t columns = 0, space = 0, i;
	bool word = false;

	for (i = 0; i < len; i++) {
		if ((line[i] & 0xc0) != 0x80 && columns++ == width)
			break;
		if (line[i] == ' ' && word)
			space = i;
		word |= line[i] != ' ';
	}
	return i == len || (i < len && line[i] == ' ') ? i : space ? space : i;
}

static void fold_line(const char *line, size_t len, size_t width, FILE *out)
{
	size_t indent = 0;

	while (len && line[len - 1] == ' ')
		len--;
	do {
		size_t n = row_bytes(line, len, width - indent);

		fprintf(out, "%*s%.*s\n", (int)indent, "", (int)n, line);
		line += n;
		len -= n;
		while (len && *line == ' ')
			line++, len--;
		indent = 4;
	} while (len);
}

void text_fold(const char *text, size_t width, FILE *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = strndup(text, len), *clean = malloc(len + 6);

		if (line && clean) {
			text_clean(line, clean, len + 6);
			fold_line(clean, strlen(clean), width, out);
		}
		free(line);
		free(clean);
		text += len + (text[len] == '\n');
	}
}

void text_html(FILE *out, const char *s)
{
	char clean[4096];

	text_clean(s, clean, sizeof(clean));
	for (const char *p = clean; *p; p++)
		switch (*p) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*p, out);
		}
}

void text_markdown(FILE *out, const char *s)
{
	char clean[4096];

	text_clean(s, clean, sizeof(clean));
	for (const char *p = clean; *p; p++) {
		if (strchr("\\`*{}[]<>#|~&", *p) || (*p == '_' && p == clean))
			fputc('\\', out);
		fputc(*p, out);
	}
}

void text_csv(FILE *out, const char *s)
{
	char clean[4096];
	bool quote;

	text_clean(s, clean, sizeof(clean));
	/* A spreadsheet takes what begins so for a formula. */
	if (*clean && strchr("=@+-", *clean) && (clean[1] < '0' || clean[1] > '9')) {
		memmove(clean + 1, clean, strlen(clean) < sizeof(clean) - 1 ? strlen(clean) + 1 :
				sizeof(clean) - 1);
		clean[sizeof(clean) - 1] = '\0';
		*clean = '\'';
	}
	quote = strpbrk(clean, ",\"\r\n") != NULL;
	if (quote)
		fputc('"', out);
	for (const char *p = clean; *p; p++) {
		if (*p == '"')
			fputc('"', out);
		fputc(*p, out);
	}
	if (quote)
		fputc('"', out);
}
