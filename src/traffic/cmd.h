/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of traffic; each gives the exit status. */
#ifndef TRAFFIC_CMD_H
#define TRAFFIC_CMD_H

#include "common/opt.h"
#include "traffic/flow.h"

int tf_cmd_udp(int argc, char **argv);
int tf_cmd_rdma(int argc, char **argv);
int tf_cmd_pty(int argc, char **argv);
int tf_cmd_set(int argc, char **argv);
int tf_cmd_testbed(int argc, char **argv);

/* What the options of `traffic udp` fill in. */
struct tf_udp_args {
	unsigned long size, count, rate, timeout;
	const char *fill, *bind, *to, *netns, *path, *log;
	bool send, recv, hold, verify, aligned, peek, connected;
	struct tf_udp_spec udp;
};

/* What the options of `traffic rdma` fill in. */
struct tf_rdma_args {
	unsigned long size, count, depth, ack_timeout, retries, timeout, gid;
	const char *op, *qp, *mtu, *dev, *fill, *path, *bind, *to, *log;
	bool inline_data, send, recv, verify, hold;
};

extern const struct tf_rdma_args tf_rdma_defaults;

extern const struct opt_command tf_udp_command, tf_rdma_command, tf_pty_command, tf_set_command,
	tf_testbed_command;

/* Makes the flow of the options, or prints what is wrong with them and gives -EINVAL. */
int tf_udp_spec(const struct tf_udp_args *args, struct tf_spec *spec, char *name, size_t size);

/* What of its ways to send and receive does not go together: prints it and gives -EINVAL. */
int tf_udp_check(const struct tf_spec *spec);

int tf_rdma_spec(const struct tf_rdma_args *args, struct tf_spec *spec, char *name, size_t size);

/* An option that takes an address. */
struct tf_addr_option {
	const char *name;
	uint16_t port;	 /* where none is given; 0: any */
	bool goes_there; /* not any */
	bool ipv6;	 /* may be one */
};

/* Both print what is wrong and give -EINVAL. */
int tf_parse_addr(const struct tf_addr_option *option, const char *text, union tf_addr *to);
int tf_check_ends(bool send, bool recv, bool has_to, bool hold, enum tf_ends *ends);

/* A named row of flows. */
struct tf_set {
	const char *name;
	const struct tf_spec *flows;
	size_t count;
};

const struct tf_set *tf_set_find(const char *name);

/* Bed, log, one flow, a line about it on stdout; gives the exit status. */
int tf_run_one(const struct tf_spec *spec, const char *log_path);

#endif
