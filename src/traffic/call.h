/* SPDX-License-Identifier: GPL-2.0-only */
/* The system calls that move datagrams. */
#ifndef TRAFFIC_CALL_H
#define TRAFFIC_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "traffic/vector.h"

struct tf_call {
	const char *name;
	bool sends;
	bool named;    /* may say where to, or where from */
	bool flags;    /* takes flags */
	bool segments; /* takes a message in segments */
	bool batch;    /* moves several messages */
	/*
	 * Moves the first n messages, whose lengths then are in msg_len. Gives how many it moved,
	 * or -errno.
	 */
	int (*run)(int fd, struct mmsghdr *msgs, unsigned int n, int flags);
};

/* Words for options. */
#define TF_SEND_CALLS "sendto send sendmsg sendmmsg write writev"
#define TF_RECV_CALLS "recvfrom recv recvmsg recvmmsg read readv"

/* Whether it is given a struct msghdr. */
bool tf_call_has_control(const struct tf_call *c);

/* NULL: no call of that name on that side. */
const struct tf_call *tf_call_find(bool sends, const char *name);

/* The plainest one that takes so many messages and segments, and control messages if need be. */
const struct tf_call *tf_call_for(bool sends, unsigned long messages, unsigned long segments,
				  bool control);

/* A call by its place in the table, for the log. */
const char *tf_call_name(int index);
int tf_call_index(const struct tf_call *c);

#endif
