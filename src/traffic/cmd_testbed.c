// SPDX-License-Identifier: GPL-2.0-only
/* A testbed for a program that is not ours. */
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

struct args {
	bool list, modules;
	const char *show;
};

static const struct opt opts[] = {
	{OPT_FLAG, "list", offsetof(struct args, list), NULL, "show all testbeds", 0, 0, NULL},
	{OPT_STR, "show", offsetof(struct args, show), "TESTBED",
	 "show the lines that set it up: namespace, program and its words", 0, 0, NULL},
	{OPT_FLAG, "modules", offsetof(struct args, modules), NULL,
	 "show the kernel modules of all testbeds and sets named in COMMAND", 0, 0, NULL},
	{OPT_END, NULL, 0, NULL, NULL, 0, 0, NULL},
};

const struct opt_command tf_testbed_command = {
	.usage = "traffic testbed TESTBED -- COMMAND [ARGS]",
	.about =
		"Sets up a network and runs COMMAND at the sender's end; its exit status is passed on.\n"
		"COMMAND finds in its environment COPYCHAIN_SRC and COPYCHAIN_DST, the addresses\n"
		"(with IPv6 also COPYCHAIN_SRC6 and _DST6), COPYCHAIN_BIND, where a receiver is to\n"
		"bind if that is not COPYCHAIN_DST, COPYCHAIN_DEV_SRC and _DST, the devices, and\n"
		"COPYCHAIN_NS_SRC and _DST, the network namespaces for ip netns exec (empty on lo and\n"
		"rxe). With rxe, COPYCHAIN_RDMA_SRC and _DST name the soft-RoCE devices,\n"
		"COPYCHAIN_RDMA_GID_SRC and _DST the indexes of their addresses; what they counted\n"
		"before and after COMMAND goes to $COPYCHAIN_TRAFFIC_LOG.\n"
		"TESTBED,static knows its neighbours without ARP.",
	.opts = opts,
};

static void set_rdma(const char *device_key, const char *gid_key, const struct tf_testbed_end *end)
{
	char gid[16];

	if (!end->rdma[0])
		return;
	snprintf(gid, sizeof(gid), "%u", end->gid);
	setenv(device_key, end->rdma, 1);
	setenv(gid_key, gid, 1);
}

static void set_addr6(const char *key, const char *addr)
{
	if (addr[0])
		setenv(key, addr, 1);
	else
		unsetenv(key);
}

static void set_env(const struct tf_testbed *testbed)
{
	setenv("COPYCHAIN_SRC", testbed->src.addr, 1);
	setenv("COPYCHAIN_DST", testbed->to[0] ? testbed->to : testbed->dst.addr, 1);
	setenv("COPYCHAIN_BIND", testbed->dst.addr, 1);
	set_addr6("COPYCHAIN_SRC6", testbed->src.addr6);
	set_addr6("COPYCHAIN_DST6", testbed->dst.addr6);
	setenv("COPYCHAIN_NS_SRC", testbed->src.ns, 1);
	setenv("COPYCHAIN_NS_DST", testbed->dst.ns, 1);
	setenv("COPYCHAIN_DEV_SRC", testbed->src.dev, 1);
	setenv("COPYCHAIN_DEV_DST", testbed->dst.dev, 1);
	set_rdma("COPYCHAIN_RDMA_SRC", "COPYCHAIN_RDMA_GID_SRC", &testbed->src);
	set_rdma("COPYCHAIN_RDMA_DST", "COPYCHAIN_RDMA_GID_DST", &testbed->dst);
}

static void run_command(const struct tf_testbed *testbed, char **argv, const sigset_t *mask)
{
	int err = tf_netns_enter(testbed->src.ns);

	if (err) {
		msg_errno(err, "network namespace %s", testbed->src.ns);
		_exit(EXIT_ENV);
	}
	set_env(testbed);
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

static int run_foreign(const struct tf_testbed *testbed, char **argv)
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
		run_command(testbed, argv, &old);
	if (pid < 0) {
		msg_errno(-errno, "fork");
		status = EXIT_ENV;
	} else {
		status = await(pid, &set);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}

/* A foreign program logs nothing; what its devices counted is logged under no flow's number. */
static int run(const struct tf_testbed *testbed, char **argv)
{
	struct tf_counters counters = {NO_FLOW, {testbed->src.rdma, testbed->dst.rdma}, NULL, 0};
	struct tf_log log;
	int status = EXIT_ENV;

	if (!testbed->src.rdma[0])
		return run_foreign(testbed, argv);
	if (tf_log_open(&log, NULL))
		return EXIT_ENV;
	if (tf_counters_begin(&counters))
		goto out;
	status = run_foreign(testbed, argv);
	if ((tf_counters_log(&counters, &log) || tf_log_flush(&log)) && status == EXIT_GOOD)
		status = EXIT_ENV;
out:
	tf_counters_free(&counters);
	tf_log_close(&log);
	return status;
}

/* With IPv6, which a foreign command may want; our own flows ask for it. */
static int run_on(const char *path, char **argv)
{
	struct tf_testbed testbed;
	int status = EXIT_ENV, err;

	tf_signals_catch();
	tf_testbed_reap();
	err = tf_testbed_up(&testbed, path, true);
	if (err && !tf_interrupted)
		msg_error("path %s: %s", path, testbed.why);
	if (!err)
		status = run(&testbed, argv);
	tf_testbed_down(&testbed);
	if (err)
		tf_signals_end();
	return err == -EINVAL ? EXIT_USAGE : status;
}

static void print_modules(const char *path)
{
	const char *at = tf_testbed_modules(path);

	while (at && *at) {
		size_t len = strcspn(at, ",");

		printf("%.*s\n", (int)len, at);
		at += len + (at[len] == ',');
	}
}

/* Of a command line of traffic; a word may be an option with its value, too. */
static int list_modules(char **words)
{
	for (; *words; words++) {
		const char *value = strchr(*words, '=');
		const struct tf_set *set = tf_set_find(*words);

		print_modules(value ? value + 1 : *words);
		for (size_t i = 0; set && i < set->count; i++)
			print_modules(tf_flow_testbed(&set->flows[i]));
	}
	return fflush(stdout) ? EXIT_ENV : EXIT_GOOD;
}

static int show(const char *path)
{
	char why[256];

	if (tf_testbed_known(path, why, sizeof(why))) {
		msg_error("%s", why);
		return EXIT_USAGE;
	}
	tf_testbed_show(path);
	return fflush(stdout) ? EXIT_ENV : EXIT_GOOD;
}

int tf_cmd_testbed(int argc, char **argv)
{
	struct args args = {0};
	int at = opt_parse(&tf_testbed_command, argc, argv, &args);
	const char *path;

	if (at == -ECANCELED)
		return EXIT_GOOD;
	if (at < 0)
		return EXIT_USAGE;
	if (args.list && at == argc) {
		tf_testbed_list();
		return fflush(stdout) ? EXIT_ENV : EXIT_GOOD;
	}
	if (args.modules)
		return list_modules(argv + at);
	if (args.show && at == argc)
		return show(args.show);
	path = at < argc ? argv[at++] : NULL;
	if (at < argc && !strcmp(argv[at], "--"))
		at++;
	if (!path || at >= argc) {
		msg_error("usage: %s", tf_testbed_command.usage);
		return EXIT_USAGE;
	}
	return run_on(path, argv + at);
}
