// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/vec.h"

volatile sig_atomic_t tf_interrupted;
static volatile sig_atomic_t go_on;
static pid_t parent;

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
#define ENDS ARRAY_SIZE(ends)

static void on_signal(int number)
{
	if (number == SIGUSR1)
		go_on = 1;
	else
		tf_interrupted = number;
}

static void set(int number, void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler};

	sigemptyset(&sa.sa_mask);
	sigaction(number, &sa, NULL);
}

static void set_all(void (*handler)(int))
{
	for (size_t i = 0; i < ENDS; i++)
		set(ends[i], handler);
	set(SIGUSR1, handler);
}

void tf_signals_parent(void)
{
	parent = getpid();
}

void tf_signals_catch(void)
{
	tf_signals_parent();
	for (size_t i = 0; i < ENDS; i++) {
		struct sigaction was;

		/* nohup, or the background of a script: whoever started us wants it ignored */
		if (!sigaction(ends[i], NULL, &was) && was.sa_handler != SIG_IGN)
			set(ends[i], on_signal);
	}
	set(SIGUSR1, on_signal);
}

static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

void tf_signals_child(void)
{
	set_all(SIG_IGN);
	die_with_parent();
}

/* exec puts caught signals back by itself, and keeps ignored ones ignored. */
void tf_signals_foreign(void)
{
	die_with_parent();
}

/* End of file is no newline: a process in the background has /dev/null there. */
int tf_wait_user(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char c = 0;

	while (!tf_interrupted && !go_on && c != '\n') {
		if (poll(&in, 1, 100) > 0 && read(in.fd, &c, 1) <= 0)
			in.fd = -1;
	}
	go_on = 0;
	return tf_interrupted ? -EINTR : 0;
}

void tf_signals_end(void)
{
	if (!tf_interrupted)
		return;
	fflush(NULL);
	set(tf_interrupted, SIG_DFL);
	raise(tf_interrupted);
}
