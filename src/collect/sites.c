// SPDX-License-Identifier: GPL-2.0-only
#include "collect/sites.h"

#include <errno.h>
#include <json-c/json.h>
#include <sys/utsname.h>

#include "collect/inlined.h"
#include "common/json.h"

size_t sites_count(const struct census *c, enum site_status status)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += c->sites[i].status == status;
	return n;
}

static struct json_object *site_json(const struct site *s)
{
	struct json_object *o = json_object_new_object();

	json_add_hex(o, "addr", s->addr);
	json_add_hex(o, "ret", s->ret);
	if (s->probe)
		json_add_hex(o, "probe", s->probe);
	json_add_str(o, "function", s->func->name);
	json_add_uint(o, "offset", s->addr - s->func->addr);
	if (s->func->module)
		json_add_str(o, "module", s->func->module);
	json_add_str(o, "primitive", primitives[s->prim].name);
	json_add_str(o, "kind", site_kind_name(s->kind));
	if (site_instruction(s))
		json_add_str(o, "instruction", site_instruction(s));
	json_add_str(o, "status", site_status_name(s->status));
	if (s->emulates)
		json_add_bool(o, "emulates", true);
	if (s->inlined && s->inlined->ragged)
		json_add_bool(o, "ragged", true);
	if (s->why)
		json_add_str(o, "why", s->why);
	return o;
}

static struct json_object *primitive_json(const struct census *c, unsigned int p)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", primitives[p].name);
	json_add_str(o, "kind", primitive_kind_name(primitives[p].kind));
	json_add_str(o, "scope", primitives[p].scope == SCOPE_ALL ? "all" : "net");
	json_add_str(o, "cover", cover_name(c->covers[p]));
	json_add_uint(o, "indirect", c->indirect[p]);
	if (c->syms[p])
		json_add_hex(o, "addr", c->syms[p]->addr);
	return o;
}

int sites_write_json(const struct census *c, const char *path)
{
	struct json_object *root = json_object_new_object(), *list = json_object_new_array(),
			   *prims = json_object_new_array();
	struct utsname uts;
	int err;

	uname(&uts);
	json_add_uint(root, "schema", 1);
	json_add_str(root, "kernel", uts.release);
	json_add_uint(root, "text_bytes", c->text_bytes);
	for (unsigned int p = 0; p < primitive_count; p++)
		json_object_array_add(prims, primitive_json(c, p));
	json_object_object_add(root, "primitives", prims);
	for (size_t i = 0; i < c->count; i++)
		json_object_array_add(list, site_json(&c->sites[i]));
	json_object_object_add(root, "sites", list);
	err = json_write_file(root, path);
	json_object_put(root);
	return err;
}

void sites_print(const struct census *c, FILE *f, int all)
{
	fprintf(f, "%-52s %-30s %-7s %-10s %s\n", "site", "primitive", "kind", "status", "why");
	for (size_t i = 0; i < c->count; i++) {
		const struct site *s = &c->sites[i];
		char name[KSYM_NAME + 64];

		if (!all && s->status == SITE_UNPROBED)
			continue;
		site_name(s, name, sizeof(name));
		fprintf(f, "%-52s %-30s %-7s %-10s %s\n", name, primitives[s->prim].name,
			site_kind_name(s->kind), site_status_name(s->status), s->why ? s->why : "");
	}
	fprintf(f, "\n%-30s %-8s %8s %8s %8s  %s\n", "primitive", "kind", "sites", "probed",
		"indirect", "seen by");
	for (unsigned int p = 0; p < primitive_count; p++) {
		size_t n = 0, probed = 0;

		for (size_t i = 0; i < c->count; i++) {
			const struct site *s = &c->sites[i];

			n += s->prim == p && site_instruction(s);
			probed += s->prim == p && s->status == SITE_PROBED;
		}
		fprintf(f, "%-30s %-8s %8zu %8zu %8zu  %s\n", primitives[p].name,
			primitive_kind_name(primitives[p].kind), n, probed,
			c->indirect[p], cover_name(c->covers[p]));
	}
}
