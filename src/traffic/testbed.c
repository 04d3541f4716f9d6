// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/testbed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/vec.h"
#include "traffic/testbed_ops.h"

int tf_lo_up(struct tf_bed *bed)
{
	for (int i = 0; i < 2; i++) {
		struct tf_bed_end *end = i ? &bed->dst : &bed->src;

		strcpy(end->addr, "127.0.0.1");
		strcpy(end->addr6, "::1");
		strcpy(end->dev, "lo");
	}
	return 0;
}

#define TESTBED(name_, about_, modules_, net_, ...)                                                \
	{.name = name_, .about = about_, .modules = modules_, .net = net_, __VA_ARGS__},

static const struct tf_bed_row rows[] = {
#include "traffic/testbeds.def"
};

static const struct tf_bed_row *find(const char *path)
{
	size_t len = strcspn(path, ",");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].name) == len && !memcmp(rows[i].name, path, len))
			return &rows[i];
	return NULL;
}

static int take_option(struct tf_bed *bed, const char *word)
{
	if (!strcmp(word, "static") && bed->row->one_link) {
		bed->is_static = true;
		return 0;
	}
	snprintf(bed->why, sizeof(bed->why), "%s takes %s after a comma, not '%s'", bed->row->name,
		 bed->row->one_link ? "static" : "nothing", word);
	return -EINVAL;
}

static int choose(struct tf_bed *bed, const char *path)
{
	const char *comma = strchr(path, ',');

	*bed = (struct tf_bed){.row = find(path)};
	if (bed->row)
		return comma ? take_option(bed, comma + 1) : 0;
	snprintf(bed->why, sizeof(bed->why), "no testbed '%.*s'; traffic testbed --list shows them",
		 (int)strcspn(path, ","), path);
	return -EINVAL;
}

const char *tf_bed_name(const char *path)
{
	const struct tf_bed_row *row = find(path);

	return row ? row->name : NULL;
}

int tf_bed_known(const char *path, char *why, size_t size)
{
	struct tf_bed bed;
	int err = choose(&bed, path);

	if (err)
		snprintf(why, size, "%s", bed.why);
	return err;
}

const char *tf_bed_modules(const char *path)
{
	const struct tf_bed_row *row = find(path);

	return row ? row->modules : NULL;
}

void tf_bed_list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		printf("%-16s %s\n", rows[i].name, rows[i].about);
}

void tf_bed_show(const char *path)
{
	const struct tf_bed_row *row = find(path);

	if (row)
		printf("# %s: %s\n%s", row->name, row->about, row->script ? row->script : "");
}

int tf_bed_up(struct tf_bed *bed, const char *path, bool with_ipv6)
{
	int err = choose(bed, path);

	if (err)
		return err;
	bed->has_ipv6 = with_ipv6 && bed->row->src6;
	tf_bed_load_modules(bed);
	err = bed->row->up ? bed->row->up(bed) : tf_script_up(bed);
	if (err)
		tf_bed_down(bed);
	return err;
}

static void end_helper(struct tf_bed *bed)
{
	if (bed->helper) {
		kill(bed->helper, SIGKILL);
		waitpid(bed->helper, NULL, 0);
	}
	bed->helper = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bed->fds); i++) {
		if (bed->fds[i] > 0)
			close(bed->fds[i]);
		bed->fds[i] = 0;
	}
}

void tf_bed_down(struct tf_bed *bed)
{
	if (bed->row && bed->row->down)
		bed->row->down(bed);
	end_helper(bed);
	tf_bed_spaces_down(bed);
	bed->row = NULL;
}
