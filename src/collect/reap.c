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
	return *end && *end != '/' ? 0 : (pid_t)pid;
}

static bool is_dead(pid_t pid)
{
	return pid > 0 && kill(pid, 0) && errno == ESRCH;
}

/* Only a dead recorder's children carry its PID and outlive it. */
static void kill_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[280], *env = NULL;
		size_t size = 0;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/environ", e->d_name);
		if (file_read(path, &env, &size))
			continue;
		for (size_t i = 0; i < size; i += strlen(env + i) + 1) {
			static const char key[] = WORKLOAD_ENV "=";

			if (strncmp(env + i, key, strlen(key)) ||
			    !is_dead(atoi(env + i + strlen(key))))
				continue;
			msg_note("ending process %s, left by a collect that died", e->d_name);
			kill(atoi(e->d_name), SIGKILL);
		}
		free(env);
	}
	if (dir)
		closedir(dir);
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
