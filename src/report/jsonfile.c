// SPDX-License-Identifier: GPL-2.0-only
/* analysis.json: the analysis for programs. */
#include <limits.h>

#include "report/report.h"

int json_write(struct report *rep)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/analysis.json", rep->dir);
	return analysis_write(rep->r, path);
}
