// SPDX-License-Identifier: GPL-2.0-only
#include "collect/ktypes.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

int ktypes_load(struct ktypes *kt)
{
	memset(kt, 0, sizeof(*kt));
	libbpf_set_print(quiet);
	kt->btf = btf__load_vmlinux_btf();
	if (!kt->btf)
		return -errno;
	return 0;
}

int ktypes_use_module(struct ktypes *kt, const char *module)
{
	if (!strcmp(kt->in_name, module ? module : ""))
		return 0;
	btf__free(kt->in);
	kt->in = NULL;
	kt->in_name[0] = '\0';
	if (!module)
		return 0;
	kt->in = btf__load_module_btf(module, kt->btf);
	if (!kt->in)
		return -errno;
	snprintf(kt->in_name, sizeof(kt->in_name), "%s", module);
	return 0;
}

void ktypes_free(struct ktypes *kt)
{
	btf__free(kt->in);
	btf__free(kt->btf);
	free(kt->used);
	memset(kt, 0, sizeof(*kt));
}

static int remember(struct ktypes *kt, const char *name, int64_t value)
{
	struct ktypes_used *more;

	for (size_t i = 0; i < kt->used_count; i++)
		if (!strcmp(kt->used[i].name, name))
			return 0;
	more = realloc(kt->used, (kt->used_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	kt->used = more;
	snprintf(more[kt->used_count].name, sizeof(more->name), "%s", name);
	more[kt->used_count++].value = value;
	return 0;
}

/* Through typedefs and qualifiers to the type itself. */
static const struct btf_type *strip(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/* Finds a member by name, looking into unnamed members; *bits is added to. */
static const struct btf_type *find_member(const struct btf *btf, const struct btf_type *t,
					  const char *name, size_t len, __u32 *bits)
{
	const struct btf_member *m = btf_members(t);

	for (__u32 i = 0; i < btf_vlen(t); i++) {
		const char *mname = btf__name_by_offset(btf, m[i].name_off);
		const struct btf_type *mt = strip(btf, m[i].type);
		__u32 off = btf_member_bit_offset(t, i);

		if (strlen(mname) == len && !memcmp(mname, name, len)) {
			*bits += off;
			return mt;
		}
		if (!*mname && mt && btf_is_composite(mt)) {
			__u32 inner = *bits + off;
			const struct btf_type *found = find_member(btf, mt, name, len, &inner);

			if (found) {
				*bits = inner;
				return found;
			}
		}
	}
	return NULL;
}

/* A module's BTF begins with all of the kernel's. */
static const struct btf *types_of(const struct ktypes *kt)
{
	return kt->in ? kt->in : kt->btf;
}

static const struct btf_type *find_type(const struct ktypes *kt, const char *name, __u32 kind)
{
	__s32 id = btf__find_by_name_kind(types_of(kt), name, kind);

	return id < 0 ? NULL : btf__type_by_id(types_of(kt), id);
}

int ktypes_offset(struct ktypes *kt, const char *path)
{
	const char *dot = strchr(path, '.');
	const struct btf_type *t;
	char type[64];
	__u32 bits = 0;

	if (!dot || (size_t)(dot - path) >= sizeof(type))
		return -EINVAL;
	memcpy(type, path, (size_t)(dot - path));
	type[dot - path] = '\0';
	t = find_type(kt, type, BTF_KIND_STRUCT);
	while (t && dot) {
		const char *name = dot + 1;

		dot = strchr(name, '.');
		if (!btf_is_composite(t))
			return -ENOENT;
		t = find_member(types_of(kt), t, name, dot ? (size_t)(dot - name) : strlen(name), &bits);
	}
	if (!t)
		return -ENOENT;
	if (remember(kt, path, bits / 8))
		return -ENOMEM;
	return (int)(bits / 8);
}

int ktypes_sizeof(struct ktypes *kt, const char *type)
{
	const struct btf_type *t = find_type(kt, type, BTF_KIND_STRUCT);
	char name[64];

	if (!t)
		return -ENOENT;
	snprintf(name, sizeof(name), "sizeof.%s", type);
	if (remember(kt, name, t->size))
		return -ENOMEM;
	return (int)t->size;
}

int ktypes_use_enum(struct ktypes *kt, const char *name)
{
	const struct btf_type *t = find_type(kt, name, BTF_KIND_ENUM);

	if (!t)
		return -ENOENT;
	for (__u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_enum *e = &btf_enum(t)[i];
		int err = remember(kt, btf__name_by_offset(types_of(kt), e->name_off), e->val);

		if (err)
			return err;
	}
	return 0;
}

/* What follows a minus is a number, for pointers with flags in their lowest bits, or a member. */
static int offset_less(struct ktypes *kt, char *path, int *off)
{
	char *minus = strchr(path, '-');
	int less = 0;

	if (minus) {
		*minus = '\0';
		less = strchr(minus + 1, '.') ? ktypes_offset(kt, minus + 1) : atoi(minus + 1);
	}
	*off = ktypes_offset(kt, path);
	if (less < 0 || *off < 0)
		return -ENOENT;
	*off -= less;
	return 0;
}

/* "+" stands before what is replaced, and a kprobe takes no "+-8(…)". */
static size_t put_offset(char *out, size_t used, size_t size, int off)
{
	if (off < 0 && used && out[used - 1] == '+')
		used--;
	return used + (size_t)snprintf(out + used, size - used, "%d", off);
}

int ktypes_expand(struct ktypes *kt, const char *tmpl, char *out, size_t size)
{
	size_t used = 0;

	while (*tmpl) {
		const char *close = *tmpl == '{' ? strchr(tmpl, '}') : NULL;
		char path[96];
		int off;

		if (used + 24 > size)
			return -E2BIG;
		if (!close || (size_t)(close - tmpl) > sizeof(path)) {
			out[used++] = *tmpl++;
			continue;
		}
		memcpy(path, tmpl + 1, (size_t)(close - tmpl - 1));
		path[close - tmpl - 1] = '\0';
		if (offset_less(kt, path, &off)) {
			snprintf(out, size, "%s", path);
			return -ENOENT;
		}
		used = put_offset(out, used, size, off);
		tmpl = close + 1;
	}
	out[used] = '\0';
	return 0;
}

static bool is_pointer_to(const struct btf *btf, __u32 id, const char *type)
{
	const struct btf_type *t = strip(btf, id);

	if (!t || !btf_is_ptr(t))
		return false;
	t = strip(btf, t->type);
	return t && btf_is_struct(t) && !strcmp(btf__name_by_offset(btf, t->name_off), type);
}

static bool handles(const struct btf *btf, const struct btf_type *func, const char *type)
{
	const struct btf_type *proto = btf__type_by_id(btf, func->type);

	if (!proto || !btf_is_func_proto(proto))
		return false;
	if (is_pointer_to(btf, proto->type, type))
		return true;
	for (__u32 i = 0; i < btf_vlen(proto); i++)
		if (is_pointer_to(btf, btf_params(proto)[i].type, type))
			return true;
	return false;
}

static int cmp_str(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct ktypes_names *out, size_t *room, const char *name)
{
	if (out->count == *room) {
		size_t want = *room ? *room * 2 : 1024;
		char **more = realloc(out->names, want * sizeof(*more));

		if (!more)
			return -ENOMEM;
		out->names = more;
		*room = want;
	}
	out->names[out->count] = strdup(name);
	return out->names[out->count] ? (out->count++, 0) : -ENOMEM;
}

int ktypes_functions_with(struct ktypes *kt, const char *module, const char *type,
			  struct ktypes_names *out)
{
	struct btf *btf = module ? btf__load_module_btf(module, kt->btf) : kt->btf;
	__u32 first = module ? btf__type_cnt(kt->btf) : 1;
	size_t room = 0;
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (!btf)
		return -errno;
	for (__u32 id = first; !err && id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_func(t) && handles(btf, t, type))
			err = add_name(out, &room, btf__name_by_offset(btf, t->name_off));
	}
	if (out->count)
		qsort(out->names, out->count, sizeof(*out->names), cmp_str);
	if (module)
		btf__free(btf);
	return err;
}

int ktypes_names_add(struct ktypes_names *names, const char *name)
{
	char **more = realloc(names->names, (names->count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	names->names = more;
	more[names->count] = strdup(name);
	return more[names->count] ? (names->count++, 0) : -ENOMEM;
}

bool ktypes_names_has(const struct ktypes_names *names, const char *name)
{
	return names->count &&
	       bsearch(&name, names->names, names->count, sizeof(*names->names), cmp_str);
}

void ktypes_names_free(struct ktypes_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	memset(names, 0, sizeof(*names));
}
