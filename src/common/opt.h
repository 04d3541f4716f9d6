/* SPDX-License-Identifier: GPL-2.0-only */
/* Typed option tables: one row describes an option, fills a struct and makes its line of help. */
#ifndef COMMON_OPT_H
#define COMMON_OPT_H

#include <stddef.h>

enum opt_type {
	OPT_END = 0,
	OPT_FLAG, /* bool */
	OPT_UINT, /* unsigned long, decimal or 0x…, from min to max */
	OPT_STR,  /* const char *, into argv */
	OPT_LIST, /* struct opt_list, may be given several times */
	OPT_WORD, /* const char *, one of the space-separated words in `words` */
};

struct opt_list {
	const char **items;
	size_t count, cap;
};

struct opt {
	enum opt_type type;
	const char *name; /* without the dashes; given as --name VALUE or --name=VALUE */
	size_t offset;	  /* of the member in the struct that opt_parse fills */
	const char *arg;  /* what the value is called in the help */
	const char *help;
	unsigned long min, max; /* OPT_UINT */
	const char *words;	/* OPT_WORD */
};

struct opt_command {
	const char *usage; /* "traffic udp [OPTIONS]" */
	const char *about; /* a sentence or two under the usage line */
	const struct opt *opts;
};

/*
 * Fills *cfg from argv[1…]. Stops at the first word that is no option, or after "--".
 * Gives the index of the first word left, -EINVAL after it has printed why, or -ECANCELED
 * after it has printed the help for --help or -h.
 */
int opt_parse(const struct opt_command *cmd, int argc, char **argv, void *cfg);

/* Prints usage, about and a line per option on stdout. */
void opt_help(const struct opt_command *cmd);

/* Frees the items of a list option. */
void opt_list_free(struct opt_list *list);

#endif
