// SPDX-License-Identifier: GPL-2.0-only
#include "common/opt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "common/vec.h"

static const struct opt *find(const struct opt *opts, const char *name, size_t len)
{
	for (const struct opt *o = opts; o->type != OPT_END; o++)
		if (strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

static bool word_in(const char *words, const char *value)
{
	size_t len = strlen(value);

	for (const char *w = words; len && (w = strstr(w, value)); w += len)
		if ((w == words || w[-1] == ' ') && (w[len] == ' ' || !w[len]))
			return true;
	return false;
}

static int set_uint(const struct opt *o, unsigned long *to, const char *value)
{
	char *end;

	errno = 0;
	*to = strtoul(value, &end, 0);
	if (errno || end == value || *end || *value == '-' || *to < o->min || *to > o->max) {
		msg_error("--%s: '%s' is not a number from %lu to %lu", o->name, value, o->min,
			  o->max);
		return -EINVAL;
	}
	return 0;
}

static int append(struct opt_list *list, const char *value)
{
	if (vec_reserve(&list->items, &list->cap, list->count + 1))
		return -ENOMEM;
	list->items[list->count++] = value;
	return 0;
}

static int set(const struct opt *o, void *cfg, const char *value)
{
	void *to = (char *)cfg + o->offset;

	switch (o->type) {
	case OPT_UINT:
		return set_uint(o, to, value);
	case OPT_LIST:
		return append(to, value);
	case OPT_WORD:
		if (!word_in(o->words, value)) {
			msg_error("--%s: '%s' is not one of: %s", o->name, value, o->words);
			return -EINVAL;
		}
		/* fall through */
	case OPT_STR:
		*(const char **)to = value;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Takes argv[i] and, where the value stands apart, argv[i + 1]; gives how many it took. */
static int take(const struct opt_command *cmd, int argc, char **argv, int i, void *cfg)
{
	const char *word = argv[i] + 2;
	const char *eq = strchr(word, '=');
	const struct opt *o = find(cmd->opts, word, eq ? (size_t)(eq - word) : strlen(word));
	int err;

	if (!o || argv[i][1] != '-') {
		msg_error("unknown option '%s'; --help lists the options", argv[i]);
		return -EINVAL;
	}
	if (o->type == OPT_FLAG) {
		if (eq) {
			msg_error("--%s takes no value", o->name);
			return -EINVAL;
		}
		*(bool *)((char *)cfg + o->offset) = true;
		return 1;
	}
	if (!eq && i + 1 >= argc) {
		msg_error("--%s needs a value: %s", o->name, o->arg);
		return -EINVAL;
	}
	err = set(o, cfg, eq ? eq + 1 : argv[i + 1]);
	if (err)
		return err;
	return eq ? 1 : 2;
}

int opt_parse(const struct opt_command *cmd, int argc, char **argv, void *cfg)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1]) {
		int took;

		if (!strcmp(argv[i], "--"))
			return i + 1;
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			opt_help(cmd);
			return -ECANCELED;
		}
		took = take(cmd, argc, argv, i, cfg);
		if (took < 0)
			return took;
		i += took;
	}
	return i;
}

void opt_help(const struct opt_command *cmd)
{
	printf("usage: %s\n%s\n", cmd->usage, cmd->about);
	if (cmd->opts->type != OPT_END)
		printf("\noptions:\n");
	for (const struct opt *o = cmd->opts; o->type != OPT_END; o++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		printf("  %-24s %s\n", left, o->help);
	}
}

void opt_list_free(struct opt_list *list)
{
	free(list->items);
	*list = (struct opt_list){0};
}
