// SPDX-License-Identifier: GPL-2.0-only
/* summary.txt and the terminal: the flow table, one worked chain, the verdict and its limits. */
#include <errno.h>
#include <stdlib.h>

#include "report/report.h"
#include "common/text.h"

/* A file hides what it must by itself; the terminal does not. */
static void print_folded(const struct report *rep, const char *text, FILE *out)
{
	char *hidden = NULL;
	size_t size = 0;
	FILE *mem = rep->hide && out == stdout ? open_memstream(&hidden, &size) : NULL;

	if (mem) {
		redact_text(rep->hide, text, mem);
		text = fclose(mem) ? "" : hidden;
	}
	text_fold(text, SCREEN_WIDTH, out);
	free(hidden);
}

void summary_print(const struct report *rep, FILE *out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *mem = open_memstream(&text, &size);

	if (!mem)
		return;
	screen_print(rep->r, rep->flow, mem);
	if (!fclose(mem))
		print_folded(rep, text, out);
	free(text);
}

int summary_write(struct report *rep)
{
	FILE *f = report_open(rep, "summary.txt");

	if (f)
		summary_print(rep, f);
	return report_close(f);
}
