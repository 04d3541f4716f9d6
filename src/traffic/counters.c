// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/counters.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/rdmacounters.h"
#include "traffic/sync.h"

#define STALE_NS 20000000ULL /* soft-RoCE gives a reading again to who asks within 10 ms */

static struct json_object *line_of(unsigned int flow, const char *dev, const char *when)
{
	struct json_object *line = tf_line("counters", flow);

	tf_line_str(line, "dev", dev);
	tf_line_str(line, "when", when);
	json_object_object_add(line, "counters", rdmacounters_read(dev, TF_RDMA_PORT, "counters"));
	json_object_object_add(line, "hw_counters", rdmacounters_read(dev, TF_RDMA_PORT, "hw_counters"));
	tf_line_int(line, "time", tf_now());
	return line;
}

static struct json_object *read_all(const struct tf_counters *c, const char *when)
{
	const char *a = c->dev[0] ? c->dev[0] : "", *b = c->dev[1] ? c->dev[1] : "";
	struct json_object *lines = json_object_new_array();

	if (*a)
		json_object_array_add(lines, line_of(c->flow, a, when));
	if (*b && strcmp(a, b))
		json_object_array_add(lines, line_of(c->flow, b, when));
	return lines;
}

int tf_counters_begin(struct tf_counters *c)
{
	c->before = read_all(c, "before");
	c->time = tf_now();
	return c->before ? 0 : -ENOMEM;
}

static void wait_stale(const struct tf_counters *c)
{
	uint64_t past = tf_now() - c->time;
	struct timespec pause = {0};

	if (past >= STALE_NS)
		return;
	pause.tv_nsec = STALE_NS - past;
	nanosleep(&pause, NULL);
}

static int add_lines(struct tf_log *log, struct json_object *lines)
{
	int err = 0;

	for (size_t i = 0; i < json_object_array_length(lines) && !err; i++)
		err = tf_log_add(log, json_object_get(json_object_array_get_idx(lines, i)));
	return err;
}

int tf_counters_log(struct tf_counters *c, struct tf_log *log)
{
	struct json_object *after;
	int err = add_lines(log, c->before);

	wait_stale(c);
	after = read_all(c, "after");
	if (!err)
		err = after ? add_lines(log, after) : -ENOMEM;
	json_object_put(after);
	return err;
}

void tf_counters_free(struct tf_counters *c)
{
	json_object_put(c->before);
	*c = (struct tf_counters){0};
}
