// SPDX-License-Identifier: GPL-2.0-only
/* All kinds of report into one folder, each whole or not at all. */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/msg.h"
#include "common/vec.h"
#include "regress/night_report.h"

static const struct {
	const char *file;
	int (*write)(struct json_object *report, const struct night_context *c, FILE *out);
} kinds[] = {
	{"report.txt", night_text},
	{"report.md", night_markdown},
	{"report.html", night_html},
	{"junit.xml", night_junit},
};

static int write_kind(struct json_object *report, const struct night_context *c, size_t i)
{
	char path[PATH_MAX], part[PATH_MAX + 8];
	FILE *out;
	int err;

	if (snprintf(path, sizeof(path), "%s/%s", c->dir, kinds[i].file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	snprintf(part, sizeof(part), "%s.part", path);
	out = fopen(part, "we");
	if (!out)
		return msg_errno(-errno, "cannot write %s", path);
	err = kinds[i].write(report, c, out);
	if (fflush(out) || ferror(out))
		err = err ? err : -errno;
	if (fclose(out) && !err)
		err = -errno;
	if (!err && rename(part, path))
		err = -errno;
	if (!err)
		return 0;
	unlink(part);
	return msg_errno(err, "cannot write %s", path);
}

int night_reports(struct json_object *report, const struct night_context *c)
{
	char path[PATH_MAX];
	int err, first = 0;

	if (snprintf(path, sizeof(path), "%s/report.json", c->dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	first = json_write_file(report, path);
	if (first)
		msg_errno(first, "cannot write %s", path);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		err = write_kind(report, c, i);
		first = first ? first : err;
	}
	return first;
}
