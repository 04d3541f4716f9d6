// SPDX-License-Identifier: GPL-2.0-only
/* summary.txt and the terminal: the flow table, one worked chain, the verdict and its limits. */
#include <errno.h>
#include <stdlib.h>

#include "report/report.h"
#include "common/text.h"

void summary_print(const struct result *r, const char *flow, FILE *out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *mem = open_memstream(&text, &size);

	if (!mem)
		return;
	screen_print(r, flow, mem);
	if (!fclose(mem))
		text_fold(text, SCREEN_WIDTH, out);
	free(text);
}

int summary_write(struct report *rep)
{
	FILE *f = report_open(rep, "summary.txt");

	if (f)
		summary_print(rep->r, rep->flow, f);
	return report_close(f);
}
