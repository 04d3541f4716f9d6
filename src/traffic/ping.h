/* SPDX-License-Identifier: GPL-2.0-only */
/* Ping sockets: what is sent comes back to the same socket, through the other host's kernel. */
#ifndef TRAFFIC_PING_H
#define TRAFFIC_PING_H

#include "traffic/flow.h"

/* Opens the socket that both ends use; prints why it cannot, and gives -errno. */
int tf_ping_open(const struct tf_flow *f);

/* The header that its messages begin with. */
void tf_ping_header(void *to, int family);

#endif
