// SPDX-License-Identifier: GPL-2.0-only
#include "collect/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void child(int gate, int told, pid_t parent, char *const argv[], const char *env)
{
	char self[32], go;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	snprintf(self, sizeof(self), "%d", (int)parent);
	setenv(WORKLOAD_ENV, self, 1);
	if (env)
		putenv(strdup(env));
	if (read(gate, &go, 1) != 1)
		_exit(127);
	execvp(argv[0], argv);
	err = errno;
	if (write(told, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int workload_fork(struct workload *w, char *const argv[], const char *env)
{
	pid_t self = getpid();
	int gate[2], told[2], err = 0;

	w->pid = 0;
	w->gate = w->told = -1;
	if (pipe2(gate, O_CLOEXEC))
		return -errno;
	if (pipe2(told, O_CLOEXEC)) {
		err = -errno;
		close(gate[0]);
		close(gate[1]);
		return err;
	}
	w->pid = fork();
	if (w->pid == 0) {
		close(gate[1]);
		child(gate[0], told[1], self, argv, env);
	}
	if (w->pid < 0)
		err = -errno;
	close(gate[0]);
	close(told[1]);
	w->gate = gate[1];
	w->told = told[0];
	if (err)
		workload_kill(w);
	return err;
}

int workload_exec_error(struct workload *w)
{
	int err = 0;

	if (w->told < 0 || read(w->told, &err, sizeof(err)) != sizeof(err))
		return 0;
	return -err;
}

int workload_release(struct workload *w)
{
	ssize_t put = write(w->gate, "g", 1);

	close(w->gate);
	w->gate = -1;
	return put == 1 ? 0 : -EPIPE;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int workload_wait(struct workload *w, const volatile int *interrupted,
		  void (*meanwhile)(void *ctx), void *ctx)
{
	double asked = 0;

	for (;;) {
		pid_t got = waitpid(w->pid, &w->status, WNOHANG);

		if (got == w->pid) {
			w->pid = 0;
			return 0;
		}
		if (got < 0 && errno != EINTR)
			return -errno;
		if (*interrupted && !asked) {
			asked = now();
			kill(w->pid, SIGTERM);
		} else if (asked && now() - asked > 5) {
			kill(w->pid, SIGKILL);
		}
		meanwhile(ctx);
	}
}

void workload_kill(struct workload *w)
{
	if (w->gate >= 0)
		close(w->gate);
	if (w->told >= 0)
		close(w->told);
	w->gate = w->told = -1;
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, &w->status, 0);
	}
	w->pid = 0;
}
