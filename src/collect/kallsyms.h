/* SPDX-License-Identifier: GPL-2.0-only */
/* The running kernel's symbols, modules' included, by address and by name. */
#ifndef COLLECT_KALLSYMS_H
#define COLLECT_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KSYM_NAME 512 /* include/linux/kallsyms.h: KSYM_NAME_LEN */
#define MODULE_NAME 56 /* include/linux/moduleparam.h: MODULE_NAME_LEN */

struct ksym {
	uint64_t addr;
	const char *name;
	const char *module; /* NULL for the kernel image */
	char type;	    /* as nm prints it */
};

struct kallsyms {
	char *text;
	struct ksym *by_addr;
	struct ksym **by_name;
	size_t count;
};

/*
 * Reads a file of the form of /proc/kallsyms, without the names that are stale by another of the
 * form of /proc/modules (NULL: all). -EPERM when every address reads as zero
 * (kernel/kallsyms.c: kallsyms_show_value). On any error *ks is safe to free.
 */
int kallsyms_load(const char *path, const char *modules, struct kallsyms *ks);

/* The same of such files' texts, of which the first, malloc'ed, becomes part of *ks. */
int kallsyms_parse(char *text, const char *modules, struct kallsyms *ks);
void kallsyms_free(struct kallsyms *ks);

/* The first symbol of this exact name, or NULL. */
const struct ksym *kallsyms_find(const struct kallsyms *ks, const char *name);

/*
 * func, or the nearest function before it in the same module or image, whose name kprobe_events takes for
 * one function only: "module:name" has to be unique in the module, a bare name everywhere
 * (kernel/trace/trace_kprobe.c: validate_probe_symbol). func itself where there is none.
 */
const struct ksym *kallsyms_anchor(const struct kallsyms *ks, const struct ksym *func);

/*
 * The first symbol, of this module unless that is NULL, whose name, cut at its first dot
 * (.constprop.0, .isra.0), is base; or NULL.
 */
const struct ksym *kallsyms_find_base(const struct kallsyms *ks, const char *module,
				      const char *base);

/*
 * The text symbol that holds addr; of several at one address the global, least decorated one.
 * *end gets the address of the next symbol.
 */
const struct ksym *kallsyms_text_at(const struct kallsyms *ks, uint64_t addr, uint64_t *end);

bool ksym_is_text(const struct ksym *sym);

/* Is a module of this name loaded? */
bool kallsyms_has_module(const struct kallsyms *ks, const char *module);

#endif
