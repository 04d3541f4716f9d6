// SPDX-License-Identifier: GPL-2.0-only
#include "collect/kallsyms.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect/module_text.h"
#include "common/file.h"

bool ksym_is_text(const struct ksym *sym)
{
	return sym->type == 't' || sym->type == 'T' || sym->type == 'w' || sym->type == 'W';
}

/* One line: "ffffffff81000000 T name\t[module]". Cuts the names out of the text in place. */
static bool parse_line(char *line, struct ksym *sym)
{
	char *end, *tab;

	sym->addr = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ' || !end[3])
		return false;
	sym->type = end[1];
	sym->name = end + 3;
	sym->module = NULL;
	tab = strchr(end + 3, '\t');
	if (tab) {
		char *close = strchr(tab, ']');

		*tab = '\0';
		if (tab[1] == '[' && close) {
			*close = '\0';
			sym->module = tab + 2;
		}
	}
	return true;
}

/* Plain, global names first: they are the ones that people know. */
static int rank(const struct ksym *s)
{
	return (strchr(s->name, '.') ? 4 : 0) + (isupper((unsigned char)s->type) ? 0 : 2) +
	       (!strncmp(s->name, "__", 2) ? 1 : 0);
}

static int cmp_addr(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	return strcmp(x->name, y->name);
}

static int cmp_name(const void *a, const void *b)
{
	const struct ksym *x = *(struct ksym *const *)a, *y = *(struct ksym *const *)b;
	int diff = strcmp(x->name, y->name);

	if (diff)
		return diff;
	/* Code before data, so that a lookup by name means the function. */
	if (ksym_is_text(x) != ksym_is_text(y))
		return ksym_is_text(x) ? -1 : 1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	return lines;
}

static bool all_hidden(const struct kallsyms *ks)
{
	return !ks->count || !ks->by_addr[ks->count - 1].addr;
}

int kallsyms_load(const char *path, const char *modules, struct kallsyms *ks)
{
	char *text, *loaded = NULL;
	/* Modules first: one that goes while this reads has no names, rather than stale ones. */
	int err = modules ? file_read(modules, &loaded, NULL) : 0;

	memset(ks, 0, sizeof(*ks));
	if (!err)
		err = file_read(path, &text, NULL);
	if (!err)
		err = kallsyms_parse(text, loaded, ks);
	free(loaded);
	return err;
}

int kallsyms_parse(char *text, const char *modules, struct kallsyms *ks)
{
	char *line, *next;
	size_t lines = count_lines(text);
	int err;

	*ks = (struct kallsyms){.text = text};
	ks->by_addr = calloc(lines + 1, sizeof(*ks->by_addr));
	ks->by_name = calloc(lines + 1, sizeof(*ks->by_name));
	if (!ks->by_addr || !ks->by_name)
		return -ENOMEM;
	for (line = ks->text; ks->count < lines && (next = strchr(line, '\n')); line = next + 1) {
		*next = '\0';
		if (parse_line(line, &ks->by_addr[ks->count]))
			ks->count++;
	}
	err = modules ? module_text_keep(ks->by_addr, &ks->count, modules) : 0;
	if (err)
		return err;
	qsort(ks->by_addr, ks->count, sizeof(*ks->by_addr), cmp_addr);
	if (all_hidden(ks))
		return -EPERM;
	for (size_t i = 0; i < ks->count; i++)
		ks->by_name[i] = &ks->by_addr[i];
	qsort(ks->by_name, ks->count, sizeof(*ks->by_name), cmp_name);
	return 0;
}

void kallsyms_free(struct kallsyms *ks)
{
	free(ks->text);
	free(ks->by_addr);
	free(ks->by_name);
	memset(ks, 0, sizeof(*ks));
}

/* The index of the first name that is not before `name`. */
static size_t lower_name(const struct kallsyms *ks, const char *name)
{
	size_t lo = 0, hi = ks->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(ks->by_name[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct ksym *kallsyms_find(const struct kallsyms *ks, const char *name)
{
	size_t i = lower_name(ks, name);

	return i < ks->count && !strcmp(ks->by_name[i]->name, name) ? ks->by_name[i] : NULL;
}

static bool same_module(const struct ksym *a, const struct ksym *b)
{
	return a->module && b->module ? !strcmp(a->module, b->module) : a->module == b->module;
}

static bool is_unique(const struct kallsyms *ks, const struct ksym *sym)
{
	size_t count = 0;

	for (size_t i = lower_name(ks, sym->name);
	     i < ks->count && !strcmp(ks->by_name[i]->name, sym->name); i++)
		count += !sym->module || same_module(ks->by_name[i], sym);
	return count == 1;
}

const struct ksym *kallsyms_anchor(const struct kallsyms *ks, const struct ksym *func)
{
	for (size_t i = (size_t)(func - ks->by_addr) + 1; i-- > 0;) {
		const struct ksym *s = &ks->by_addr[i];

		if (!same_module(s, func))
			break;
		if (ksym_is_text(s) && is_unique(ks, s))
			return s;
	}
	return func;
}

static bool is_base(const struct ksym *sym, size_t len)
{
	const char *rest = sym->name + len;

	return !*rest || (*rest == '.' && strcmp(rest, ".cold") && ksym_is_text(sym));
}

const struct ksym *kallsyms_find_base(const struct kallsyms *ks, const char *module,
				      const char *base)
{
	size_t len = strlen(base);

	for (size_t i = lower_name(ks, base); i < ks->count; i++) {
		const struct ksym *sym = ks->by_name[i];

		if (strncmp(sym->name, base, len))
			break;
		if (is_base(sym, len) && (!module || (sym->module && !strcmp(sym->module, module))))
			return sym;
	}
	return NULL;
}

bool kallsyms_has_module(const struct kallsyms *ks, const char *module)
{
	for (size_t i = 0; i < ks->count; i++)
		if (ks->by_addr[i].module && !strcmp(ks->by_addr[i].module, module))
			return true;
	return false;
}

const struct ksym *kallsyms_text_at(const struct kallsyms *ks, uint64_t addr, uint64_t *end)
{
	size_t lo = 0, hi = ks->count, first;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ks->by_addr[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	*end = lo < ks->count ? ks->by_addr[lo].addr : ks->by_addr[lo - 1].addr + 4096;
	for (first = lo - 1; first > 0 && ks->by_addr[first - 1].addr == ks->by_addr[lo - 1].addr;)
		first--;
	for (; first < lo; first++)
		if (ksym_is_text(&ks->by_addr[first]))
			return &ks->by_addr[first];
	return NULL;
}
