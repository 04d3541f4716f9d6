// SPDX-License-Identifier: GPL-2.0-only
#include "collect/devices.h"

#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/rdmacounters.h"

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void add_ports(struct json_object *list, const char *dev)
{
	struct dirent **ports;
	char path[320];
	int n;

	snprintf(path, sizeof(path), RDMA_SYSFS "/%s/ports", dev);
	n = scandir(path, &ports, is_visible, alphasort);
	for (int i = 0; i < n; i++) {
		int port = atoi(ports[i]->d_name);
		struct json_object *o = json_object_new_object();

		json_add_str(o, "dev", dev);
		json_add_int(o, "port", port);
		json_object_object_add(o, "counters", rdmacounters_read(dev, port, "counters"));
		json_object_object_add(o, "hw_counters", rdmacounters_read(dev, port, "hw_counters"));
		json_object_array_add(list, o);
		free(ports[i]);
	}
	if (n >= 0)
		free(ports);
}

struct json_object *devices_read(void)
{
	struct json_object *list = json_object_new_array();
	struct dirent **devs;
	int n = list ? scandir(RDMA_SYSFS, &devs, is_visible, alphasort) : -1;

	for (int i = 0; i < n; i++) {
		add_ports(list, devs[i]->d_name);
		free(devs[i]);
	}
	if (n >= 0)
		free(devs);
	return list;
}
