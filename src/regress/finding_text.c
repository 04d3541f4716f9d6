// SPDX-License-Identifier: GPL-2.0-only
#include "regress/finding_text.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_MOST 12 /* a double of a few copies per byte has no more */

size_t function_length(const char *name)
{
	size_t n = strcspn(name, ".");

	return n ? n : strlen(name);
}

bool is_inlined(const char *primitive)
{
	return !strncmp(primitive, "rep movs", 8);
}

static struct ratio_words apart(double was, double is, int digits)
{
	struct ratio_words w;

	do {
		snprintf(w.was, sizeof(w.was), "%.*f", digits, was);
		snprintf(w.is, sizeof(w.is), "%.*f", digits, is);
	} while (was != is && !strcmp(w.was, w.is) && digits++ < DIGITS_MOST);
	return w;
}

struct ratio_words ratio_words(double was, double is)
{
	return apart(was, is, 3);
}

struct ratio_words percent_words(double was, double is)
{
	return apart(was, is, 1);
}
