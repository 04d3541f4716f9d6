/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's types by its BTF: member offsets, enum values, which functions handle a struct. */
#ifndef COLLECT_KTYPES_H
#define COLLECT_KTYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

/* What a run used of the kernel's layout, so that analyze need not see that kernel. */
struct ktypes_used {
	char name[64];
	int64_t value;
};

struct ktypes {
	struct btf *btf;
	struct btf *in; /* of the module whose types come first, or NULL */
	char in_name[64];
	struct ktypes_used *used;
	size_t used_count;
};

/* On any error *kt is safe to free. */
int ktypes_load(struct ktypes *kt);
void ktypes_free(struct ktypes *kt);

/* The types of this module, too, are known from now on, of no other one; NULL: of none. 0 or -errno. */
int ktypes_use_module(struct ktypes *kt, const char *module);

/*
 * Byte offset of "type.member" or "type.member.member", looking into unnamed members and following
 * named ones; -ENOENT when the kernel has none. What is asked for is remembered in `used`.
 */
int ktypes_offset(struct ktypes *kt, const char *path);

/* Size of a struct in bytes, or -ENOENT. */
int ktypes_sizeof(struct ktypes *kt, const char *type);

/* Remembers all values of an enum, named as the kernel names them. */
int ktypes_use_enum(struct ktypes *kt, const char *name);

/*
 * Replaces each {type.member} of tmpl by its offset, {type.member-3} by that less 3, and
 * {type.member-type.other} by the way from the other one; -ENOENT names the missing one in out.
 */
int ktypes_expand(struct ktypes *kt, const char *tmpl, char *out, size_t size);

/*
 * Names (malloc'ed, sorted) of all functions that take or return a pointer to the struct, in the
 * kernel image or, with module set, in that module.
 */
struct ktypes_names {
	char **names;
	size_t count;
};
int ktypes_functions_with(struct ktypes *kt, const char *module, const char *type,
			  struct ktypes_names *out);
/* Appends a copy; 0 or -ENOMEM. */
int ktypes_names_add(struct ktypes_names *names, const char *name);
/* Needs sorted names. */
bool ktypes_names_has(const struct ktypes_names *names, const char *name);
void ktypes_names_free(struct ktypes_names *names);

#endif
