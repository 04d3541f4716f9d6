// SPDX-License-Identifier: GPL-2.0-only
#include "collect/module_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/vec.h"


/* Since 6.4 the size is that of all of a module's memory, of which text is a part, and base is text's. */
struct layout {
	char name[MODULE_NAME + 1];
	uint64_t base, size;
};

struct layouts {
	struct layout *of; /* by base */
	size_t count, cap;
};

static int cmp_base(const void *a, const void *b)
{
	const struct layout *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* Lines "NAME SIZE REFERENCES USERS STATE 0xBASE" (kernel/module/procfs.c: m_show). */
static int read_layouts(struct layouts *l, const char *text)
{
	for (const char *line = text; *line;) {
		const char *end = strchr(line, '\n');
		struct layout one;

		if (sscanf(line, "%56s %" SCNu64 " %*s %*s %*s 0x%" SCNx64, one.name, &one.size,
			   &one.base) == 3 && one.base) {
			if (vec_reserve(&l->of, &l->cap, l->count + 1))
				return -ENOMEM;
			l->of[l->count++] = one;
		}
		line = end ? end + 1 : line + strlen(line);
	}
	if (l->count)
		qsort(l->of, l->count, sizeof(*l->of), cmp_base);
	return 0;
}

/* The module whose memory begins last before addr, or NULL. */
static const struct layout *begins_before(const struct layouts *l, uint64_t addr)
{
	size_t lo = 0, hi = l->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->of[mid].base <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &l->of[lo - 1] : NULL;
}

static bool is_known(const struct layouts *l, const char *module)
{
	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(l->of[i].name, module))
			return true;
	return false;
}

static bool is_stale(const struct layouts *l, const struct ksym *s)
{
	const struct layout *at;

	if (!s->module || !ksym_is_text(s))
		return false;
	at = begins_before(l, s->addr);
	if (at && !strcmp(at->name, s->module) && s->addr - at->base < at->size)
		return false;
	return is_known(l, s->module);
}

int module_text_keep(struct ksym *syms, size_t *count, const char *modules)
{
	struct layouts l = {0};
	size_t kept = 0;
	int err = read_layouts(&l, modules);

	for (size_t i = 0; !err && i < *count; i++)
		if (!is_stale(&l, &syms[i]))
			syms[kept++] = syms[i];
	if (!err)
		*count = kept;
	free(l.of);
	return err;
}
