/* SPDX-License-Identifier: GPL-2.0-only */
/* The one exit table of all programs; the highest that applies wins. */
#ifndef COMMON_EXITCODE_H
#define COMMON_EXITCODE_H

enum exitcode {
	EXIT_GOOD = 0,	  /* all is well */
	EXIT_ASSERT = 1,  /* an assertion failed or a regression was found */
	EXIT_USAGE = 2,	  /* wrong usage */
	EXIT_INEXACT = 3, /* not exact, or incomplete, where exactness was asked for */
	EXIT_ENV = 4,	  /* input damaged or environment lacking */
};

#endif
