// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/testbed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/ip.h"
#include "traffic/testbed_ops.h"

#define NETNS_DIR "/run/netns"

int tf_netns_enter(const char *name)
{
	char path[280];
	int fd, err = 0;

	if (!name || !*name)
		return 0;
	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET))
		err = -errno;
	close(fd);
	return err;
}

int tf_netns_call(const char *name, int (*fn)(void *), void *arg)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int err;

	if (home < 0)
		return -errno;
	err = tf_netns_enter(name);
	if (err)
		goto out;
	err = fn(arg);
	if (setns(home, CLONE_NEWNET))
		err = -errno;
out:
	close(home);
	return err;
}

pid_t tf_testbed_owner(const char *name)
{
	int pid, end = 0;
	char side;

	if (sscanf(name, "cc%d-%c%n", &pid, &side, &end) != 2 || name[end] || pid <= 0)
		return 0;
	return side && strchr(TF_TESTBED_SPACES, side) ? pid : 0;
}

int tf_testbed_reaped;

void tf_testbed_reap(void)
{
	DIR *dir = opendir(NETNS_DIR);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t owner = tf_testbed_owner(entry->d_name);
		char why[256];

		if (!owner || !kill(owner, 0) || errno != ESRCH)
			continue;
		if (tf_ip(why, sizeof(why), "netns del %s", entry->d_name)) {
			msg_note("namespace of a dead traffic stays: %s", why);
			continue;
		}
		msg_note("removed namespace %s, left by a killed traffic", entry->d_name);
		tf_testbed_reaped++;
	}
	if (dir)
		closedir(dir);
	tf_testbed_reaped += tf_rxe_reap();
}
