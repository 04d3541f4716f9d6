/* SPDX-License-Identifier: GPL-2.0-only */
/* Removes what a collect that was killed left behind: its processes, instance and probes. */
#ifndef COLLECT_REAP_H
#define COLLECT_REAP_H

#include <stdbool.h>
#include <sys/types.h>

/* Only what is named by the PID of a process that no longer lives is touched; says what it did. */
void reap_dead(void);

/* The PID in "copychain_123", or 0. */
pid_t reap_owner(const char *name);

#endif
