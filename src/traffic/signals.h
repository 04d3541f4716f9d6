/* SPDX-License-Identifier: GPL-2.0-only */
/* What the user says by signal: end, or go on. */
#ifndef TRAFFIC_SIGNALS_H
#define TRAFFIC_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

extern volatile sig_atomic_t tf_interrupted; /* the signal's number, once it came */

/* Catches SIGUSR1 and, unless ignored, SIGINT, SIGTERM and SIGHUP; system calls do not restart. */
void tf_signals_catch(void);

/* In a process that starts processes of its own. */
void tf_signals_parent(void);

/* In a child that its parent tells when to end: ignores them, dies with the parent. */
void tf_signals_child(void);

/* In a child that will run a foreign program: as they were; dies with the parent. */
void tf_signals_foreign(void);

/* Waits for a newline on standard input or SIGUSR1; -EINTR if the user wants an end. */
int tf_wait_user(void);

/* Ends by the signal that came, if one came, so that the shell sees it. */
void tf_signals_end(void);

#endif
