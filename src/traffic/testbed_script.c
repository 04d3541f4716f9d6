// SPDX-License-Identifier: GPL-2.0-only
/* Runs the lines by which a testbed of the table is set up. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traffic/ip.h"
#include "traffic/signals.h"
#include "traffic/testbed_ops.h"

/* Lines for one program in one namespace are given to it at once: starting it is what takes time. */
static const struct tool {
	const char *name, *package, *command; /* command NULL: sysctl */
} tools[] = {
	{"ip", "iproute2", "ip -batch -"},
	{"tc", "iproute2", "tc -batch -"},
	{"nft", "nftables", "nft -f -"},
	{"sysctl", NULL, NULL},
};

struct group {
	struct tf_testbed *testbed;
	char space;
	const struct tool *tool;
	char lines[2048];
	size_t len;
};

static const char *word_for(const struct tf_testbed *testbed, const char *key, size_t len, char *room,
			    size_t size)
{
	const struct {
		const char *key, *value;
	} words[] = {{"src", testbed->src.addr},	 {"dst", testbed->dst.addr},   {"src6", testbed->src.addr6},
		     {"dst6", testbed->dst.addr6},	 {"src_dev", testbed->src.dev}, {"to", testbed->to},
		     {"dst_dev", testbed->dst.dev}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].key) == len && !memcmp(words[i].key, key, len))
			return words[i].value;
	if (len == 1 && *key == 'n')
		snprintf(room, size, "%d", testbed->row->net);
	else if (len == 1)
		tf_testbed_space(*key, room, size);
	return room;
}

/* nft has braces of its own, which have no letter behind them. */
static int expand(const struct tf_testbed *testbed, const char *script, char **text)
{
	size_t size;
	FILE *f = open_memstream(text, &size);

	if (!f)
		return -errno;
	while (*script) {
		size_t plain = *script == '{' && islower(script[1]) ? 0 : 1;
		size_t len = strcspn(script + 1, "}");
		char room[24] = "";

		if (plain) {
			plain += strcspn(script + 1, "{");
			fwrite(script, 1, plain, f);
			script += plain;
			continue;
		}
		fputs(word_for(testbed, script + 1, len, room, sizeof(room)), f);
		script += len + 2;
	}
	return fclose(f) ? -ENOMEM : 0;
}

/* /proc/sys/net shows the namespace of who opens it. */
static int set_sysctl(struct tf_testbed *testbed, const char *line)
{
	char path[128];
	const char *value = strchr(line, '=');
	int fd, err = 0;

	if (!value)
		return -EINVAL;
	snprintf(path, sizeof(path), "/proc/sys/%.*s", (int)(value - line), line);
	value++;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		snprintf(testbed->why, sizeof(testbed->why), "%s: %s", path, strerror(-err));
	return err;
}

static int set_sysctls(struct tf_testbed *testbed, char *lines)
{
	char *save = NULL;
	int err = 0;

	for (char *line = strtok_r(lines, "\n", &save); line && !err;
	     line = strtok_r(NULL, "\n", &save))
		err = set_sysctl(testbed, line);
	return err;
}

static int run_group(void *arg)
{
	struct group *g = arg;

	if (!g->tool->command)
		return set_sysctls(g->testbed, g->lines);
	return tf_tool_lines(g->testbed->why, sizeof(g->testbed->why), g->tool->package, g->tool->command,
			     g->lines);
}

static int flush(struct group *g)
{
	char name[24] = "";
	int err = 0;

	if (tf_interrupted)
		return -EINTR;
	if (g->space != '-')
		tf_testbed_space(g->space, name, sizeof(name));
	if (g->len) {
		err = tf_netns_call(name, run_group, g);
		if (err && !g->testbed->why[0])
			snprintf(g->testbed->why, sizeof(g->testbed->why), "namespace %s: %s", name,
				 strerror(-err));
	}
	g->len = 0;
	return err;
}

static const struct tool *find_tool(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strlen(tools[i].name) == len && !memcmp(tools[i].name, name, len))
			return &tools[i];
	return NULL;
}

/* Adds a line to the group; if it is of another program or namespace, runs the group first. */
static int add(struct group *g, const char *line)
{
	bool is_ipv6 = *line == '6';
	const char *space = line + is_ipv6, *program = space + 2;
	size_t len = strcspn(program, " ");
	const struct tool *tool = find_tool(program, len);
	int n, err = 0;

	if (!*space || space[1] != ' ' || !tool) {
		snprintf(g->testbed->why, sizeof(g->testbed->why), "not a line of a script: %s", line);
		return -EINVAL;
	}
	if (is_ipv6 && !g->testbed->has_ipv6)
		return 0;
	if (g->len && (g->space != *space || g->tool != tool))
		err = flush(g);
	g->space = *space;
	g->tool = tool;
	n = snprintf(g->lines + g->len, sizeof(g->lines) - g->len, "%s\n", program + len + 1);
	if (!err && (n < 0 || (size_t)n >= sizeof(g->lines) - g->len)) {
		snprintf(g->testbed->why, sizeof(g->testbed->why), "the script is too long at: %s", line);
		err = -E2BIG;
	}
	g->len += n;
	return err;
}

int tf_script_run(struct tf_testbed *testbed, const char *script)
{
	struct group g = {.testbed = testbed, .space = '-'};
	char *text = NULL, *save = NULL;
	int err = expand(testbed, script, &text);

	if (err)
		snprintf(testbed->why, sizeof(testbed->why), "script: %s", strerror(-err));
	for (char *line = err ? NULL : strtok_r(text, "\n", &save); line && !err;
	     line = strtok_r(NULL, "\n", &save))
		err = add(&g, line);
	if (!err)
		err = flush(&g);
	free(text);
	return err;
}

static bool is_loaded(const char *module, size_t len)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%.*s", (int)len, module);
	return !access(path, F_OK);
}

void tf_testbed_load_modules(const struct tf_testbed *testbed)
{
	const char *at = testbed->row->modules;
	char why[256];

	while (at && *at) {
		size_t len = strcspn(at, ",");

		if (!is_loaded(at, strcspn(at, " ,")))
			tf_tool(why, sizeof(why), "kmod", "modprobe -q %.*s", (int)len, at);
		at += len;
		at += strspn(at, ", ");
	}
}
