/* SPDX-License-Identifier: GPL-2.0-only */
/* Packet sockets: frames as a device sends and receives them, read by calls or from a ring. */
#ifndef TRAFFIC_PACKET_H
#define TRAFFIC_PACKET_H

#include "traffic/flow.h"

/* Opens the socket of a sender, and writes the headers that its messages begin with. */
int tf_packet_open_send(struct tf_end *e);
int tf_packet_open_recv(struct tf_end *e);

/* Reads a ring, or what the messages look like on their way. */
int tf_packet_open_tap(struct tf_end *e);
int tf_packet_loop_tap(struct tf_end *e);

/* The headers of a UDP datagram in a frame of its own; both addresses are of IPv4. */
void tf_packet_headers(unsigned char *to, const unsigned char dst_mac[6],
		       const unsigned char src_mac[6], const union tf_addr *src,
		       const union tf_addr *dst, size_t len);

/* Where the payload of a frame starts that goes to this port or has our type; -1: it is not ours. */
int tf_packet_payload(const void *frame, size_t len, uint16_t port);

#endif
