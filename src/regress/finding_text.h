/* SPDX-License-Identifier: GPL-2.0-only */
/* How findings name functions and tell numbers. */
#ifndef REGRESS_FINDING_TEXT_H
#define REGRESS_FINDING_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Length of a function's name without the compiler's splits of it ("do_x.isra.0", "do_x.constprop.0",
 * "do_x.part.0"): they are still that function, for whoever compares two builds.
 */
size_t function_length(const char *name);

/* Is a primitive of this name an instruction that copies, which stands in the place of a call? */
bool is_inlined(const char *primitive);

/* Two numbers in as many digits behind the point, from three on, as tell them apart. */
struct ratio_words {
	char was[40], is[40];
};
struct ratio_words ratio_words(double was, double is);
struct ratio_words percent_words(double was, double is); /* from one digit on */

#endif
