/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules that were loaded while a run was recorded: the census saw none of their sites. */
#ifndef COLLECT_LATE_H
#define COLLECT_LATE_H

#include "collect/session.h"

struct json_object;

/*
 * [{"module", "sites"}…] of the modules in /proc/modules that the session does not know, with how
 * many copy sites each has. The caller owns it; NULL: no memory.
 */
struct json_object *late_modules(const struct session *s);

#endif
