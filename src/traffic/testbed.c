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

int tf_lo_up(struct tf_testbed *testbed)
{
	for (int i = 0; i < 2; i++) {
		struct tf_testbed_end *end = i ? &testbed->dst : &testbed->src;

		strcpy(end->addr, "127.0.0.1");
		strcpy(end->addr6, "::1");
		strcpy(end->dev, "lo");
	}
	return 0;
}

#define TESTBED(name_, about_, modules_, net_, ...)                                                \
	{.name = name_, .about = about_, .modules = modules_, .net = net_, __VA_ARGS__},

static const struct tf_testbed_row rows[] = {
#include "traffic/testbeds.def"
};

static const struct tf_testbed_row *find(const char *path)
{
	size_t len = strcspn(path, ",");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].name) == len && !memcmp(rows[i].name, path, len))
			return &rows[i];
	return NULL;
}

static int take_option(struct tf_testbed *testbed, const char *word)
{
	if (!strcmp(word, "static") && testbed->row->one_link) {
		testbed->is_static = true;
		return 0;
	}
	snprintf(testbed->why, sizeof(testbed->why), "%s takes %s after a comma, not '%s'", testbed->row->name,
		 testbed->row->one_link ? "static" : "nothing", word);
	return -EINVAL;
}

static int choose(struct tf_testbed *testbed, const char *path)
{
	const char *comma = strchr(path, ',');

	*testbed = (struct tf_testbed){.row = find(path)};
	if (testbed->row)
		return comma ? take_option(testbed, comma + 1) : 0;
	snprintf(testbed->why, sizeof(testbed->why), "no testbed '%.*s'; traffic testbed --list shows them",
		 (int)strcspn(path, ","), path);
	return -EINVAL;
}

const char *tf_testbed_name(const char *path)
{
	const struct tf_testbed_row *row = find(path);

	return row ? row->name : NULL;
}

int tf_testbed_known(const char *path, char *why, size_t size)
{
	struct tf_testbed testbed;
	int err = choose(&testbed, path);

	if (err)
		snprintf(why, size, "%s", testbed.why);
	return err;
}

const char *tf_testbed_modules(const char *path)
{
	const struct tf_testbed_row *row = find(path);

	return row ? row->modules : NULL;
}

void tf_testbed_list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		printf("%-16s %s\n", rows[i].name, rows[i].about);
}

void tf_testbed_show(const char *path)
{
	const struct tf_testbed_row *row = find(path);

	if (row)
		printf("# %s: %s\n%s", row->name, row->about, row->script ? row->script : "");
}

int tf_testbed_up(struct tf_testbed *testbed, const char *path, bool with_ipv6)
{
	int err = choose(testbed, path);

	if (err)
		return err;
	testbed->has_ipv6 = with_ipv6 && testbed->row->src6;
	tf_testbed_load_modules(testbed);
	err = testbed->row->up ? testbed->row->up(testbed) : tf_script_up(testbed);
	if (err)
		tf_testbed_down(testbed);
	return err;
}

static void end_helper(struct tf_testbed *testbed)
{
	if (testbed->helper) {
		kill(testbed->helper, SIGKILL);
		waitpid(testbed->helper, NULL, 0);
	}
	testbed->helper = 0;
	for (size_t i = 0; i < ARRAY_SIZE(testbed->fds); i++) {
		if (testbed->fds[i] > 0)
			close(testbed->fds[i]);
		testbed->fds[i] = 0;
	}
}

void tf_testbed_down(struct tf_testbed *testbed)
{
	if (testbed->row && testbed->row->down)
		testbed->row->down(testbed);
	end_helper(testbed);
	tf_testbed_spaces_down(testbed);
	testbed->row = NULL;
}
