// SPDX-License-Identifier: GPL-2.0-only
#include "common/command.h"

#include <stdio.h>
#include <string.h>

#include "common/exitcode.h"
#include "common/msg.h"

static int help(const char *program, const struct command *commands, const char *closing)
{
	printf("usage: %s COMMAND [OPTIONS]\n\n", program);
	for (const struct command *c = commands; c->name; c++)
		printf("  %-10s %s\n", c->name, c->about);
	printf("\n'%s COMMAND --help' lists the options. %s\n", program, closing);
	return fflush(stdout) ? EXIT_ENV : EXIT_GOOD;
}

int command_main(const char *program, const struct command *commands, const char *closing, int argc,
		 char **argv)
{
	msg_program(program);
	if (argc < 2) {
		msg_error("no command; '%s help' lists them", program);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(program, commands, closing);
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(argv[1], c->name))
			return c->run(argc - 1, argv + 1);
	msg_error("unknown command '%s'; '%s help' lists them", argv[1], program);
	return EXIT_USAGE;
}
