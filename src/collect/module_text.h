/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the text of modules lies, and which names lie outside of it. */
#ifndef COLLECT_MODULE_TEXT_H
#define COLLECT_MODULE_TEXT_H

#include "collect/kallsyms.h"

/*
 * Removes functions that are not in their module's memory any more, where `modules` is the text of
 * /proc/modules, and gives back how many symbols stay, in their order. The kernel keeps naming what
 * a module had for its initialisation, although that memory has been freed and may be another
 * module's text by now (kernel/module/main.c: do_init_module, do_free_init). Modules that the text
 * does not name stay as they are. *count is unchanged on -ENOMEM.
 */
int module_text_keep(struct ksym *syms, size_t *count, const char *modules);

#endif
