// SPDX-License-Identifier: GPL-2.0-only
/* RDMA devices: which are there, and what their port is like. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/rdma.h"

#define IB_DIR "/sys/class/infiniband"

static void names(struct ibv_device **list, int n, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < n && len < size; i++)
		len += snprintf(text + len, size - len, "%s%s", i ? ", " : "",
				ibv_get_device_name(list[i]));
}

static int not_there(const char *name, struct ibv_device **list, int n)
{
	char path[128], have[256];

	snprintf(path, sizeof(path), IB_DIR "/%s", name);
	names(list, n, have, sizeof(have));
	if (!access(path, F_OK))
		msg_error("libibverbs cannot use RDMA device %s: install ibverbs-providers, "
			  "modprobe ib_uverbs",
			  name);
	else if (n)
		msg_error("no RDMA device '%s'; there are: %s", name, have);
	else
		msg_error("no RDMA device '%s', nor any other; without --rdma-dev soft-RoCE "
			  "devices are made",
			  name);
	return -ENODEV;
}

int tf_rdma_open(const char *name, struct ibv_context **context)
{
	int n = 0, err = 0;
	struct ibv_device **list = ibv_get_device_list(&n), *found = NULL;

	if (!list && errno == ENOSYS) {
		msg_error("no RDMA device '%s': this kernel has none, nor ib_uverbs loaded; "
			  "./collect.sh doctor says how to get them",
			  name);
		return -ENODEV;
	}
	if (!list)
		return msg_errno(-errno, "RDMA devices");
	for (int i = 0; i < n; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			found = list[i];
	if (!found) {
		err = not_there(name, list, n);
	} else {
		*context = ibv_open_device(found);
		if (!*context)
			err = msg_errno(errno ? -errno : -EIO, "RDMA device %s", name);
	}
	ibv_free_device_list(list);
	return err;
}

bool tf_rdma_is_ipv4(const union ibv_gid *gid)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(gid->raw, mapped, sizeof(mapped));
}

/* RoCE v2 over IPv4 if there is such an entry, else the first one. */
static unsigned int best_gid(struct ibv_context *context)
{
	struct ibv_gid_entry table[64];
	ssize_t n = ibv_query_gid_table(context, table, 64, 0);

	for (ssize_t i = 0; i < n; i++)
		if (table[i].gid_type == IBV_GID_TYPE_ROCE_V2 && tf_rdma_is_ipv4(&table[i].gid))
			return table[i].gid_index;
	return n > 0 ? table[0].gid_index : 0;
}

static int look_gid(const struct tf_spec *spec, const struct tf_testbed_end *end,
		    struct ibv_context *context, struct tf_rdma_side *side)
{
	struct ibv_gid_entry entry;
	int err;

	if (spec->rdma.has_gid)
		side->gid_index = spec->rdma.gid;
	else
		side->gid_index = end->rdma[0] ? end->gid : best_gid(context);
	err = ibv_query_gid_ex(context, TF_RDMA_PORT, side->gid_index, &entry, 0);
	if (err) {
		msg_error("%s has no GID with index %u; " IB_DIR
			  "/%s/ports/%d/gids has those there are",
			  side->dev, side->gid_index, side->dev, TF_RDMA_PORT);
		return -ENOENT;
	}
	side->gid = entry.gid;
	return 0;
}

static int look_port(struct ibv_context *context, struct tf_rdma_side *side)
{
	struct ibv_port_attr port;
	int err = ibv_query_port(context, TF_RDMA_PORT, &port);

	if (err)
		return msg_errno(-err, "%s: port %d", side->dev, TF_RDMA_PORT);
	if (port.state != IBV_PORT_ACTIVE) {
		msg_error("%s: port %d is %s; set its link up", side->dev, TF_RDMA_PORT,
			  ibv_port_state_str(port.state));
		return -ENETDOWN;
	}
	side->lid = port.lid;
	side->active_mtu = 128u << port.active_mtu;
	return 0;
}

/* NAME, or SENDER,RECEIVER. */
static void choose(const char *given, bool sender, char *name, size_t size)
{
	size_t first = strcspn(given, ",");

	if (sender || !given[first])
		snprintf(name, size, "%.*s", (int)first, given);
	else
		snprintf(name, size, "%s", given + first + 1);
}

int tf_rdma_look(const struct tf_spec *spec, const struct tf_testbed_end *end, bool sender,
		 struct tf_rdma_side *side)
{
	struct ibv_context *context;
	int err;

	choose(spec->rdma.dev ? spec->rdma.dev : end->rdma, sender, side->dev, sizeof(side->dev));
	err = tf_rdma_open(side->dev, &context);
	if (err)
		return err;
	err = look_port(context, side);
	if (!err)
		err = look_gid(spec, end, context, side);
	ibv_close_device(context);
	return err;
}
