// SPDX-License-Identifier: GPL-2.0-only
/* A bed for a program that is not ours. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/exitcode.h"
#include "common/msg.h"
#include "traffic/cmd.h"
#include "traffic/counters.h"
#include "traffic/signals.h"

#define NO_FLOW 0
#define PATIENCE_S 5 /* between SIGTERM and SIGKILL */

static const struct opt opts[] = {
	{OPT_END, NULL, 0, NULL, NULL, 0, 0, NULL},
};

const struct opt_command tf_bed_command = {
	.usage = "traffic bed veth|nics|nics:MODEL|rxe|lo -- COMMAND [ARGS]",
	.about =
		"Runs COMMAND at the sender's end of that path and passes its exit status on.\n"
		"It finds in its environment COPYCHAIN_SRC and COPYCHAIN_DST, the addresses,\n"
		"COPYCHAIN_DEV_SRC and _DST, the devices, and COPYCHAIN_NS_SRC and _DST, the\n"
		"network namespaces for ip netns exec (empty on lo and rxe). With rxe, a veth "
		"pair\n"
		"with a soft-RoCE device on each end, COPYCHAIN_RDMA_SRC and _DST name these, and\n"
		"COPYCHAIN_RDMA_GID_SRC and _DST the indexes of their addresses; what they "
		"counted\n"
		"before and after COMMAND goes to $COPYCHAIN_TRAFFIC_LOG.",
	.opts = opts,
};

static void set_rdma(const char *device_key, const char *gid_key, const struct tf_bed_end *end)
{
	char gid[16];

	if (!end->rdma[0])
		return;
	snprintf(gid, sizeof(gid), "%u", end->gid);
	setenv(device_key, end->rdma, 1);
	setenv(gid_key, gid, 1);
}

static void set_env(const struct tf_bed *bed)
{
	setenv("COPYCHAIN_SRC", bed->src.addr, 1);
	setenv("COPYCHAIN_DST", bed->dst.addr, 1);
	setenv("COPYCHAIN_NS_SRC", bed->src.ns, 1);
	setenv("COPYCHAIN_NS_DST", bed->dst.ns, 1);
	setenv("COPYCHAIN_DEV_SRC", bed->src.dev, 1);
	setenv("COPYCHAIN_DEV_DST", bed->dst.dev, 1);
	set_rdma("COPYCHAIN_RDMA_SRC", "COPYCHAIN_RDMA_GID_SRC", &bed->src);
	set_rdma("COPYCHAIN_RDMA_DST", "COPYCHAIN_RDMA_GID_DST", &bed->dst);
}

static void run_command(const struct tf_bed *bed, char **argv, const sigset_t *mask)
{
	int err = tf_netns_enter(bed->src.ns);

	if (err) {
		msg_errno(err, "network namespace %s", bed->src.ns);
		_exit(EXIT_ENV);
	}
	set_env(bed);
	tf_signals_foreign();
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	err = errno;
	msg_errno(err, "%s", argv[0]);
	_exit(err == ENOENT ? 127 : 126);
}

/* ^C reaches the program by itself if it shares our terminal; it decides what that means. */
static bool from_terminal(int number)
{
	return number == SIGINT && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static int await(pid_t pid, const sigset_t *set)
{
	struct timespec tick = {.tv_nsec = 200 * 1000000L};
	time_t kill_at = 0;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		int number = sigtimedwait(set, NULL, &tick);

		if (kill_at && time(NULL) >= kill_at)
			kill(pid, SIGKILL);
		if (number <= 0 || number == SIGCHLD || from_terminal(number))
			continue;
		kill(pid, number);
		if (number != SIGINT && !kill_at)
			kill_at = time(NULL) + PATIENCE_S;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_foreign(const struct tf_bed *bed, char **argv)
{
	sigset_t set, old;
	pid_t pid;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	fflush(NULL);
	pid = fork();
	if (!pid)
		run_command(bed, argv, &old);
	if (pid < 0) {
		msg_errno(-errno, "fork");
		status = EXIT_ENV;
	} else {
		status = await(pid, &set);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}

/* A foreign program logs nothing; what its devices counted stands under a flow that is none. */
static int run(const struct tf_bed *bed, char **argv)
{
	struct tf_counters counters = {NO_FLOW, {bed->src.rdma, bed->dst.rdma}, NULL, 0};
	struct tf_log log;
	int status = EXIT_ENV;

	if (!bed->src.rdma[0])
		return run_foreign(bed, argv);
	if (tf_log_open(&log, NULL))
		return EXIT_ENV;
	if (tf_counters_begin(&counters))
		goto out;
	status = run_foreign(bed, argv);
	if ((tf_counters_log(&counters, &log) || tf_log_flush(&log)) && status == EXIT_GOOD)
		status = EXIT_ENV;
out:
	tf_counters_free(&counters);
	tf_log_close(&log);
	return status;
}

int tf_cmd_bed(int argc, char **argv)
{
	int at = opt_parse(&tf_bed_command, argc, argv, NULL);
	struct tf_bed bed;
	const char *path;
	int status = EXIT_ENV, err;

	if (at == -ECANCELED)
		return EXIT_GOOD;
	if (at < 0)
		return EXIT_USAGE;
	path = at < argc ? argv[at++] : NULL;
	if (at < argc && !strcmp(argv[at], "--"))
		at++;
	if (!path || at >= argc) {
		msg_error("usage: %s", tf_bed_command.usage);
		return EXIT_USAGE;
	}
	tf_signals_catch();
	tf_bed_reap();
	err = tf_bed_up(&bed, path);
	if (err && !tf_interrupted)
		msg_error("path %s: %s", path, bed.why);
	if (!err)
		status = run(&bed, argv + at);
	tf_bed_down(&bed);
	if (err)
		tf_signals_end();
	return err == -EINVAL ? EXIT_USAGE : status;
}
