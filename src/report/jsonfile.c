// SPDX-License-Identifier: GPL-2.0-only
/* analysis.json: the analysis for programs. */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>

#include "report/report.h"

static int write_hidden(struct report *rep)
{
	struct json_object *root = analysis_json(rep->r);
	FILE *f = report_open(rep, "analysis.json");

	if (f && root)
		fprintf(f, "%s\n", json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
				JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return root ? report_close(f) : -ENOMEM;
}

int json_write(struct report *rep)
{
	char path[PATH_MAX + 32];

	if (rep->hide)
		return write_hidden(rep);
	snprintf(path, sizeof(path), "%s/analysis.json", rep->dir);
	return analysis_write(rep->r, path);
}
