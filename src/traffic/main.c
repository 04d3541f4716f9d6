// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/exitcode.h"
#include "common/msg.h"
#include "common/vec.h"
#include "traffic/cmd.h"
#include "traffic/worker.h"

static int cmd_help(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"udp", tf_cmd_udp, "UDP messages over a network of your choice"},
	{"rdma", tf_cmd_rdma, "RDMA messages over soft-RoCE devices or those you name"},
	{"pty", tf_cmd_pty, "one datagram of a program that prints to a terminal"},
	{"set", tf_cmd_set, "a set of flows, one after the other"},
	{"testbed", tf_cmd_testbed, "set up a network, and run a program of yours in it"},
	{"help", cmd_help, "this list"},
	{"worker", tf_cmd_worker, NULL},
};

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("usage: traffic COMMAND [OPTIONS]\nMakes payload travel, and logs every call that "
	       "moved it.\n\ncommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].help)
			printf("  %-8s %s\n", commands[i].name, commands[i].help);
	printf("\ntraffic COMMAND --help lists the options.\n"
	       "exit status: 0 good, 1 contents differ, 2 wrong usage, 4 environment lacking\n");
	return fflush(stdout) ? EXIT_ENV : EXIT_GOOD;
}

int main(int argc, char **argv)
{
	msg_program("traffic");
	if (argc < 2) {
		msg_error("which command? traffic help lists them");
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return cmd_help(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	msg_error("no command '%s'; traffic help lists them", argv[1]);
	return EXIT_USAGE;
}
