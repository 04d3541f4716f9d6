// SPDX-License-Identifier: GPL-2.0-only
#include "regress/words.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_LEAST 3
#define DIGITS_MOST 12 /* more than this a double of a few copies per byte does not have */

size_t function_length(const char *name)
{
	size_t n = strcspn(name, ".");

	return n ? n : strlen(name);
}

struct ratio_words ratio_words(double was, double is)
{
	struct ratio_words w;
	int digits = DIGITS_LEAST;

	do {
		snprintf(w.was, sizeof(w.was), "%.*f", digits, was);
		snprintf(w.is, sizeof(w.is), "%.*f", digits, is);
	} while (was != is && !strcmp(w.was, w.is) && digits++ < DIGITS_MOST);
	return w;
}
