// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "traffic/testbed.h"

struct setting {
	const char *name, *value;
};

/* /proc/sys/net shows the namespace of who opens it. */
static int write_value(void *arg)
{
	const struct setting *s = arg;
	ssize_t len = (ssize_t)strlen(s->value);
	char path[128];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/sys/%s", s->name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, s->value, len) != len)
		err = -errno;
	close(fd);
	return err;
}

int tf_sysctl(const char *ns, const char *name, const char *value)
{
	struct setting s = {name, value};

	return tf_netns_call(ns, write_value, &s);
}
