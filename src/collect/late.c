// SPDX-License-Identifier: GPL-2.0-only
#include "collect/late.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/json.h"

/* How many places in a module copy, or -1: unknown. ks is loaded when first needed. */
static int64_t count_sites(const struct session *s, struct kallsyms *ks, const char *module)
{
	struct census c = {0};
	int64_t n = -1;

	if (!ks->count && kallsyms_load("/proc/kallsyms", ks))
		return -1;
	if (!census_take_module(&c, ks, &s->kc, module)) {
		n = 0;
		for (size_t i = 0; i < c.count; i++)
			n += c.sites[i].kind != SITE_TAKEN;
	}
	census_free(&c);
	return n;
}

struct json_object *late_modules(const struct session *s)
{
	struct json_object *list = json_object_new_array();
	struct kallsyms ks = {0};
	char *text = NULL, *save = NULL;

	if (!list || file_read("/proc/modules", &text, NULL))
		return list;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct json_object *o;

		line[strcspn(line, " ")] = '\0';
		if (kallsyms_has_module(&s->ks, line))
			continue;
		o = json_object_new_object();
		json_add_str(o, "module", line);
		json_add_int(o, "sites", count_sites(s, &ks, line));
		json_object_array_add(list, o);
	}
	kallsyms_free(&ks);
	free(text);
	return list;
}
