// SPDX-License-Identifier: GPL-2.0-only
#include "collect/modalias.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/file.h"
#include "common/msg.h"

/* "alias PATTERN MODULE" */
static int take_line(char *line, const char *pattern, struct ktypes_names *out)
{
	char *save = NULL, *word = strtok_r(line, " ", &save), *alias, *module;

	if (!word || strcmp(word, "alias"))
		return 0;
	alias = strtok_r(NULL, " ", &save);
	module = strtok_r(NULL, " ", &save);
	if (!module || fnmatch(pattern, alias, 0))
		return 0;
	for (char *c = module; *c; c++)
		*c = *c == '-' ? '_' : *c;
	return ktypes_names_add(out, module);
}

int modalias_find(const char *pattern, struct ktypes_names *out)
{
	struct utsname uts;
	char path[256], *text = NULL, *save = NULL;
	int err;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.alias", uts.release);
	err = file_read(path, &text, NULL);
	if (err && err != -ENOMEM) {
		msg_note("cannot read %s: %s; copies of software RDMA devices carry no probe", path,
			 strerror(-err));
		return 0;
	}
	for (char *line = strtok_r(text, "\n", &save); line && !err;
	     line = strtok_r(NULL, "\n", &save))
		err = take_line(line, pattern, out);
	free(text);
	return err;
}
