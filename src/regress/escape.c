// SPDX-License-Identifier: GPL-2.0-only
#include "regress/escape.h"

#include <string.h>

void xml_puts(const char *text, FILE *out)
{
	for (; *text; text++) {
		switch (*text) {
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
		default:
			fputc((unsigned char)*text < ' ' && *text != '\n' ? '?' : *text, out);
		}
	}
}

void markdown_puts(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("|\\`*_<>[]#", *text))
			fputc('\\', out);
		fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
	}
}
