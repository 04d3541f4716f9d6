// SPDX-License-Identifier: GPL-2.0-only
#include "collect/plan.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/modalias.h"
#include "common/msg.h"

struct scope_sets {
	struct ktypes_names image;	  /* functions of the kernel image by RULE_TYPE */
	struct ktypes_names *module;	  /* the same of each module of `modules` */
	struct ktypes_names modules;	  /* modules that have sites */
	struct ktypes_names device_bound; /* modules by RULE_MODULES */
	const struct ktypes_names *emulating; /* modules by RULE_EMULATORS */
};

static int cmp_str(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int plan_load_traceable(const char *text, struct ktypes_names *out)
{
	size_t lines = 0;

	memset(out, 0, sizeof(*out));
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	out->names = calloc(lines + 1, sizeof(*out->names));
	if (!out->names)
		return -ENOMEM;
	for (const char *p = text; *p;) {
		size_t line = strcspn(p, "\n");

		out->names[out->count] = strndup(p, strcspn(p, " \t\n"));
		if (!out->names[out->count])
			return -ENOMEM;
		out->count++;
		p += line + (p[line] == '\n');
	}
	if (out->count)
		qsort(out->names, out->count, sizeof(*out->names), cmp_str);
	return 0;
}

/* The modules that drive devices of a class: /sys/class/CLASS/DEVICE/device/driver/module. */
static int add_device_modules(const char *class, struct ktypes_names *out)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *e;
	DIR *dir;
	int err = 0;

	snprintf(path, sizeof(path), "/sys/class/%s", class);
	dir = opendir(path);
	while (dir && !err && (e = readdir(dir))) {
		ssize_t len;

		snprintf(path, sizeof(path), "/sys/class/%s/%s/device/driver/module", class,
			 e->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (e->d_name[0] == '.' || len <= 0)
			continue;
		target[len] = '\0';
		err = ktypes_names_add(out, strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
	}
	if (dir)
		closedir(dir);
	return err;
}

/* "foo.constprop.0" is foo to BTF. */
static const char *base_name(const char *name, char *buf, size_t size)
{
	size_t len = strcspn(name, ".");

	if (!name[len] || len >= size)
		return name;
	memcpy(buf, name, len);
	buf[len] = '\0';
	return buf;
}

/* image: functions of the kernel image are to be judged, too. */
static int load_scopes(struct scope_sets *sets, const struct census *c, struct ktypes *kt, bool image)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->count; i++) {
		const char *m = c->sites[i].func->module;

		if (m && (!sets->modules.count ||
			  strcmp(sets->modules.names[sets->modules.count - 1], m)))
			err = ktypes_names_add(&sets->modules, m);
	}
	if (!err && sets->modules.count)
		sets->module = calloc(sets->modules.count, sizeof(*sets->module));
	if (err || (sets->modules.count && !sets->module))
		return -ENOMEM;
	for (size_t s = 0; !err && s < scope_count; s++) {
		if (scopes[s].rule == RULE_MODULES)
			err = add_device_modules(scopes[s].what, &sets->device_bound);
		if (scopes[s].rule != RULE_TYPE)
			continue;
		if (image)
			err = ktypes_functions_with(kt, NULL, scopes[s].what, &sets->image);
		/* A module without BTF is no error: the other rules still apply to it. */
		for (size_t m = 0; !err && m < sets->modules.count; m++)
			if (ktypes_functions_with(kt, sets->modules.names[m], scopes[s].what,
						  &sets->module[m]) == -ENOMEM)
				err = -ENOMEM;
	}
	if (sets->device_bound.count)
		qsort(sets->device_bound.names, sets->device_bound.count, sizeof(char *), cmp_str);
	return err;
}

int plan_load_emulating(struct ktypes_names *out)
{
	int err = 0;

	memset(out, 0, sizeof(*out));
	for (size_t s = 0; !err && s < scope_count; s++)
		if (scopes[s].rule == RULE_EMULATORS)
			err = modalias_find(scopes[s].what, out);
	if (out->count)
		qsort(out->names, out->count, sizeof(char *), cmp_str);
	return err;
}

static void free_scopes(struct scope_sets *sets)
{
	for (size_t m = 0; sets->module && m < sets->modules.count; m++)
		ktypes_names_free(&sets->module[m]);
	free(sets->module);
	ktypes_names_free(&sets->image);
	ktypes_names_free(&sets->modules);
	ktypes_names_free(&sets->device_bound);
}

static bool in_type_scope(const struct scope_sets *sets, const struct ksym *f, const char *base)
{
	if (!f->module)
		return ktypes_names_has(&sets->image, base);
	for (size_t m = 0; m < sets->modules.count; m++)
		if (!strcmp(sets->modules.names[m], f->module))
			return ktypes_names_has(&sets->module[m], base);
	return false;
}

static bool emulates(const struct scope_sets *sets, const struct ksym *f)
{
	return f->module && ktypes_names_has(sets->emulating, f->module);
}

static bool in_scope(const struct scope_sets *sets, const struct ksym *f)
{
	char buf[KSYM_NAME];
	const char *base = base_name(f->name, buf, sizeof(buf));

	for (size_t s = 0; s < scope_count; s++) {
		const char *what = scopes[s].what;

		if ((scopes[s].rule == RULE_TYPE && in_type_scope(sets, f, base)) ||
		    (scopes[s].rule == RULE_PREFIX && !strncmp(f->name, what, strlen(what))) ||
		    (scopes[s].rule == RULE_MODULES && f->module &&
		     ktypes_names_has(&sets->device_bound, f->module)) ||
		    (scopes[s].rule == RULE_EMULATORS && emulates(sets, f)))
			return true;
	}
	return false;
}

/* SITE is a function, a function+0xoffset, either led by "module:", or a primitive. */
static bool is_excluded(const struct site *s, const struct opt_list *excluded)
{
	char name[256];

	site_name(s, name, sizeof(name));
	for (size_t i = 0; excluded && i < excluded->count; i++) {
		const char *x = excluded->items[i];
		size_t len = strlen(x);
		const char *bare = strchr(x, ':') ? name :
				   s->func->module ? strchr(name, ':') + 1 : name;

		if (!strcmp(x, primitives[s->prim].name) ||
		    (!strncmp(bare, x, len) && (!bare[len] || bare[len] == '+')))
			return true;
	}
	return false;
}

static int prim_of_function(const struct census *c, const struct ksym *f)
{
	for (unsigned int i = 0; i < primitive_count; i++)
		if (c->syms[i] && c->syms[i]->addr == f->addr && primitives[i].kind == PRIM_LEAF)
			return (int)i;
	return -1;
}

static bool is_traceable(const struct ktypes_names *traceable, const struct ksym *s)
{
	return ktypes_names_has(traceable, s->name);
}

/* Do all primitives that prim calls have a traceable entry? Then those entries see its work. */
static bool callees_traceable(const struct census *c, const struct ktypes_names *traceable,
			      unsigned int prim)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct site *s = &c->sites[i];

		if (s->kind == SITE_TAKEN || s->func->addr != c->syms[prim]->addr ||
		    primitives[s->prim].kind == PRIM_WRAPPER)
			continue;
		/* What it moves by itself passes no callee's entry. */
		if (primitives[s->prim].kind == PRIM_INLINED ||
		    !is_traceable(traceable, c->syms[s->prim]))
			return false;
		n++;
	}
	return n > 0;
}

static bool takers_traceable(const struct census *c, const struct ktypes_names *traceable,
			     unsigned int prim)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct site *s = &c->sites[i];

		if (s->kind == SITE_TAKEN && s->prim == prim &&
		    (!ksym_is_text(s->func) || !is_traceable(traceable, s->func)))
			return false;
	}
	return true;
}

static void set_covers(struct census *c, const struct ktypes_names *traceable)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->sites[i].kind == SITE_TAKEN)
			c->indirect[c->sites[i].prim]++;
	for (unsigned int p = 0; p < primitive_count; p++) {
		if (primitives[p].kind == PRIM_INLINED)
			c->covers[p] = COVER_SITES;
		else if (!c->syms[p])
			c->covers[p] = COVER_ABSENT;
		else if (primitives[p].kind == PRIM_WRAPPER)
			c->covers[p] = COVER_WRAPPER;
		/* memcpy is called through no pointer on payload's way, and its entry is a trap
		 * that the kernel forbids (arch/x86/lib/memcpy_64.S is noinstr). */
		else if (!c->indirect[p] || primitives[p].scope == SCOPE_NET)
			c->covers[p] = COVER_SITES;
		else if (is_traceable(traceable, c->syms[p]))
			c->covers[p] = COVER_ENTRY;
		else if (callees_traceable(c, traceable, p))
			c->covers[p] = COVER_CALLEE;
		else if (takers_traceable(c, traceable, p))
			c->covers[p] = COVER_GUARD;
		else
			c->covers[p] = COVER_NONE;
	}
	/* What an indirect primitive calls is seen at the callee's entry, whoever calls it. */
	for (size_t i = 0; i < c->count; i++) {
		int in = prim_of_function(c, c->sites[i].func);

		if (in >= 0 && c->covers[in] == COVER_CALLEE && c->sites[i].kind != SITE_TAKEN)
			c->covers[c->sites[i].prim] = COVER_ENTRY;
	}
}

static void set_status(struct census *c, struct site *s, const struct scope_sets *sets,
		       const struct ktypes_names *traceable, const struct opt_list *excluded)
{
	enum cover cover = c->covers[s->prim];
	int in = prim_of_function(c, s->func);

	s->emulates = emulates(sets, s->func);
	if (s->kind == SITE_TAKEN)
		s->status = SITE_REFERENCE;
	else if (cover == COVER_WRAPPER)
		s->status = SITE_WRAPPER;
	else if (is_excluded(s, excluded))
		s->status = SITE_EXCLUDED;
	else if (in >= 0 && c->covers[in] != COVER_CALLEE)
		s->status = SITE_INSIDE;
	else if (cover == COVER_ENTRY || cover == COVER_CALLEE)
		s->status = SITE_COVERED;
	else if (primitives[s->prim].scope == SCOPE_NET && !in_scope(sets, s->func))
		s->status = SITE_UNPROBED;
	else if (!is_traceable(traceable, s->func))
		s->status = SITE_BLIND;
	else
		s->status = SITE_PROBED;
}

static int add_entries(struct census *c, const struct opt_list *excluded)
{
	for (unsigned int p = 0; p < primitive_count; p++) {
		struct site s = {.prim = p, .kind = SITE_ENTRY, .func = c->syms[p]};
		int err;

		if (c->covers[p] != COVER_ENTRY)
			continue;
		s.addr = s.ret = s.func->addr;
		s.status = is_excluded(&s, excluded) ? SITE_EXCLUDED : SITE_PROBED;
		err = census_add(c, &s);
		if (err)
			return err;
	}
	return 0;
}

/* A site that is to be left out but does not exist would otherwise be ignored silently. */
static int check_excluded(const struct census *c, const struct opt_list *excluded)
{
	for (size_t x = 0; excluded && x < excluded->count; x++) {
		struct opt_list one = {.items = &excluded->items[x], .count = 1};
		size_t i = 0;

		while (i < c->count && !is_excluded(&c->sites[i], &one))
			i++;
		if (i < c->count)
			continue;
		msg_error("--exclude-site: no copy site '%s' in this kernel; 'collect sites --all' "
			  "lists them", excluded->items[x]);
		return -ENOENT;
	}
	return 0;
}

int plan_probes(struct census *c, struct ktypes *kt, const struct ktypes_names *traceable,
		const struct ktypes_names *emulating, const struct opt_list *excluded)
{
	struct scope_sets sets = {.emulating = emulating};
	int err = load_scopes(&sets, c, kt, true);

	if (!err) {
		set_covers(c, traceable);
		for (size_t i = 0; i < c->count; i++)
			set_status(c, &c->sites[i], &sets, traceable, excluded);
		err = add_entries(c, excluded);
		if (!err)
			err = check_excluded(c, excluded);
	}
	free_scopes(&sets);
	return err;
}

int plan_module(struct census *c, const enum cover *covers, struct ktypes *kt,
		const struct ktypes_names *traceable, const struct ktypes_names *emulating,
		const struct opt_list *excluded)
{
	struct scope_sets sets = {.emulating = emulating};
	int err = load_scopes(&sets, c, kt, false);

	memcpy(c->covers, covers, primitive_count * sizeof(*covers));
	for (size_t i = 0; !err && i < c->count; i++)
		set_status(c, &c->sites[i], &sets, traceable, excluded);
	free_scopes(&sets);
	return err;
}
