// SPDX-License-Identifier: GPL-2.0-only
#include "collect/reap.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tracefs/tracefs.h>

#include "collect/workload.h"
#include "common/file.h"
#include "common/msg.h"

#define PREFIX "copychain_"

pid_t reap_owner(const char *name)
{
	char *end;
	long pid;

	if (strncmp(name, PREFIX, strlen(PREFIX)) || !isdigit((unsigned char)name[strlen(PREFIX)]))
		return 0;
	pid = strtol(name + strlen(PREFIX), &end, 10);
	return *end && !strchr("/_", *end) ? 0 : (pid_t)pid;
}

static bool is_dead(pid_t pid)
{
	return pid > 0 && kill(pid, 0) && errno == ESRCH;
}

/*
 * A recorder that ends in order removes its instance and probes; so those that are left name the
 * ones that were killed, and only their processes are ended.
 */
static bool was_killed(pid_t pid, const char *dynamic_events)
{
	char name[64], *path;
	bool left;

	if (!is_dead(pid))
		return false;
	snprintf(name, sizeof(name), "instances/" PREFIX "%d", (int)pid);
	path = tracefs_get_tracing_file(name);
	left = path && !access(path, F_OK);
	tracefs_put_tracing_file(path);
	snprintf(name, sizeof(name), ":" PREFIX "%d/", (int)pid);
	return left || (dynamic_events && strstr(dynamic_events, name));
}

static void kill_process(const char *pid, const char *env, size_t size, const char *dynamic_events)
{
	static const char key[] = WORKLOAD_ENV "=";

	for (size_t i = 0; i < size; i += strlen(env + i) + 1) {
		if (strncmp(env + i, key, strlen(key)) ||
		    !was_killed(atoi(env + i + strlen(key)), dynamic_events))
			continue;
		msg_note("ending process %s, left by a collect that was killed", pid);
		kill(atoi(pid), SIGKILL);
		return;
	}
}

static void kill_processes(void)
{
	char *events = tracefs_instance_file_read(NULL, "dynamic_events", NULL);
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[280], *env = NULL;
		size_t size = 0;

		if (!isdigit((unsigned char)e->d_name[0]) || atoi(e->d_name) == (int)getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%s/environ", e->d_name);
		if (file_read(path, &env, &size))
			continue;
		kill_process(e->d_name, env, size, events);
		free(env);
	}
	if (dir)
		closedir(dir);
	free(events);
}

static void remove_instance(const char *name)
{
	char *path = tracefs_get_tracing_file("instances"), full[512];

	snprintf(full, sizeof(full), "%s/%s", path ? path : "", name);
	tracefs_put_tracing_file(path);
	if (!rmdir(full))
		msg_note("removed the tracing instance %s of a collect that died", name);
	else
		msg_note("cannot remove the tracing instance %s of a collect that died: %s", name,
			 strerror(errno));
}

static void remove_instances(void)
{
	char *path = tracefs_get_tracing_file("instances");
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is_dead(reap_owner(e->d_name)))
			remove_instance(e->d_name);
	if (dir)
		closedir(dir);
	tracefs_put_tracing_file(path);
}

/* Lines of dynamic_events: "p:copychain_123/name target args". One removal takes all of a name. */
static void remove_probes(void)
{
	char *text = tracefs_instance_file_read(NULL, "dynamic_events", NULL), *save = NULL;
	size_t removed = 0;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *name = strchr(line, ':'), def[256];

		if (!name || !is_dead(reap_owner(name + 1)))
			continue;
		snprintf(def, sizeof(def), "-:%.*s", (int)strcspn(name + 1, " "), name + 1);
		if (tracefs_instance_file_append(NULL, "dynamic_events", def) >= 0)
			removed++;
	}
	free(text);
	if (removed)
		msg_note("removed %zu probe events of a collect that died", removed);
}

void reap_dead(void)
{
	kill_processes();
	remove_instances();
	remove_probes();
}
