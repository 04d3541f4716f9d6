/* SPDX-License-Identifier: GPL-2.0-only */
/* The program under observation: forked early, let go once the probes are live. */
#ifndef COLLECT_WORKLOAD_H
#define COLLECT_WORKLOAD_H

#include <sys/types.h>

struct workload {
	pid_t pid;
	int gate; /* closing it without a byte ends the child before exec */
	int told; /* where it says why exec failed */
	int status;
};

/* The variable by which a later start knows the processes of a recorder that was killed. */
#define WORKLOAD_ENV "COPYCHAIN_COLLECTOR"

/* Forks a child that waits on a pipe; it dies with its parent. env holds "NAME=value" or NULL. */
int workload_fork(struct workload *w, char *const argv[], const char *env);
int workload_release(struct workload *w);

/*
 * Waits for it, and passes the time, some 20 ms at once, by meanwhile; on a signal in *interrupted
 * passes SIGTERM on, and SIGKILL 5 s later.
 */
int workload_wait(struct workload *w, const volatile int *interrupted,
		  void (*meanwhile)(void *ctx), void *ctx);

/* Why it could not be started, as -errno; 0: it was. To be asked after its end. */
int workload_exec_error(struct workload *w);

/* Ends it if it still runs. Accepts one that never started. */
void workload_kill(struct workload *w);

#endif
