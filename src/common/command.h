/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs of several commands: a table of them is the help and the way to each. */
#ifndef COMMON_COMMAND_H
#define COMMON_COMMAND_H

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command; gives the exit status */
	const char *about;
};

/*
 * Runs the command that argv names. The table ends with a NULL name; closing stands below it in the
 * help. Gives the exit status.
 */
int command_main(const char *program, const struct command *commands, const char *closing, int argc,
		 char **argv);

#endif
