// SPDX-License-Identifier: GPL-2.0-only
#include "collect/loss.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/probes.h"
#include "common/json.h"
#include "common/vec.h"

/* What kernel/trace/trace.c: tracing_stats_read calls the counts of lost events. */
static const char *const lost_labels[] = {"overrun", "commit overrun", "dropped events"};

char *loss_stats_text(struct tracefs_instance *instance, unsigned int cpu)
{
	char name[64];

	snprintf(name, sizeof(name), "per_cpu/cpu%u/stats", cpu);
	return tracefs_instance_file_read(instance, name, NULL);
}

int64_t loss_stat(const char *text, const char *label)
{
	size_t len = strlen(label);

	while (text && *text) {
		if (!strncmp(text, label, len) && text[len] == ':')
			return strtoll(text + len + 1, NULL, 10);
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return -1;
}

bool loss_stopped(struct tracefs_instance *instance)
{
	return tracefs_instance_file_write(instance, "trace_marker", "end\n") < 0;
}

static int64_t add_cpu(struct json_object *list, const char *stats, unsigned int cpu)
{
	struct json_object *o = json_object_new_object();
	int64_t lost = 0;

	json_add_uint(o, "cpu", cpu);
	for (size_t i = 0; i < ARRAY_SIZE(lost_labels); i++) {
		int64_t n = loss_stat(stats, lost_labels[i]);

		json_add_int(o, lost_labels[i], n);
		lost = n < 0 || lost < 0 ? -1 : lost + n;
	}
	json_object_array_add(list, o);
	return lost;
}

static bool is_ours(const struct probes *p, const char *event)
{
	for (size_t i = 0; i < p->event_count; i++)
		if (!strcmp(p->events[i], event))
			return true;
	return false;
}

/*
 * kprobe_profile has a line per probe, "event hits misses", without the group: another recorder's
 * misses count as ours, which errs on the side of less certainty.
 */
static int64_t add_missed(struct json_object *o, const struct probes *p)
{
	char *text = tracefs_instance_file_read(NULL, "kprobe_profile", NULL), *save = NULL;
	int64_t sum = text ? 0 : -1;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned long long hits, misses;
		char event[128];

		if (sscanf(line, "%127s %llu %llu", event, &hits, &misses) != 3 || !misses ||
		    !is_ours(p, event))
			continue;
		json_add_uint(o, event, json_uint(o, event, 0) + misses);
		sum += (int64_t)misses;
	}
	free(text);
	return sum;
}

int64_t loss_add_json(struct json_object *o, char *const stats[], unsigned int cpus, bool stopped,
		      const struct probes *p)
{
	struct json_object *list = json_object_new_array(), *missed = json_object_new_object();
	int64_t lost = stopped ? -1 : 0, m;

	for (unsigned int i = 0; i < cpus; i++) {
		int64_t n = add_cpu(list, stats[i], i);

		lost = n < 0 || lost < 0 ? -1 : lost + n;
	}
	m = add_missed(missed, p);
	json_object_object_add(o, "cpus", list);
	json_object_object_add(o, "missed", missed);
	lost = lost < 0 || m < 0 ? -1 : lost + m;
	json_add_bool(o, "stopped", stopped);
	json_add_int(o, "lost", lost);
	return lost;
}
