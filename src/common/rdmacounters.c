// SPDX-License-Identifier: GPL-2.0-only
#include "common/rdmacounters.h"

#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

static int read_counter(const char *folder, const char *name, int64_t *value)
{
	char path[640];
	FILE *f;
	long long got;
	int n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fscanf(f, "%lld", &got);
	fclose(f);
	*value = got;
	return n == 1 ? 0 : -ENODATA;
}

/* `lifespan` stands among them, and says for how many ms a reading is given again. */
static int is_counter(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strcmp(entry->d_name, "lifespan") != 0;
}

struct json_object *rdmacounters_read(const char *dev, int port, const char *kind)
{
	struct json_object *all;
	struct dirent **found;
	char folder[320];
	int64_t value = 0;
	int n;

	snprintf(folder, sizeof(folder), RDMA_SYSFS "/%s/ports/%d/%s", dev, port, kind);
	n = scandir(folder, &found, is_counter, alphasort);
	if (n < 0)
		return NULL;
	all = json_object_new_object();
	for (int i = 0; i < n; i++) {
		if (!read_counter(folder, found[i]->d_name, &value))
			json_add_int(all, found[i]->d_name, value);
		free(found[i]);
	}
	free(found);
	return all;
}
