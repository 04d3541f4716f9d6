/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The symbols of one module, from the kernel's own table of it: /proc/kallsyms lists all others
 * first, and a module that was just loaded is in use before it gets there.
 */
#ifndef COLLECT_MODULE_SYMBOLS_H
#define COLLECT_MODULE_SYMBOLS_H

#include "collect/session.h"

/* 0 or -errno. Safe to free either way. */
int module_symbols(struct session *s, const char *module, struct kallsyms *out);

/*
 * The functions with sites or calls of a module's census that ftrace knows, by the instruction that
 * it put into them; sorted.
 */
int module_traceable(const struct session *s, const struct census *c, struct ktypes_names *out);

#endif
