/* SPDX-License-Identifier: GPL-2.0-only */
/* What other flows over UDP take from it. */
#ifndef TRAFFIC_UDP_H
#define TRAFFIC_UDP_H

#include "traffic/flow.h"

#define TF_TICK_MS 100 /* how often an end that waits looks whether it is over */

/* Sends the first len bytes of e->buf; 0, 1 if the kernel refused (logged), or -errno. */
int tf_udp_send(struct tf_end *e, uint32_t seq, size_t len);

/* Waits until the receiver has counted past seen, or counts the message as lost. */
void tf_udp_await(struct tf_end *e, uint32_t seen);

/* A receiver of any flow whose messages come as datagrams. */
int tf_udp_open_recv(struct tf_end *e);
int tf_udp_loop_recv(struct tf_end *e);

#endif
