/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of sockets that datagrams go through. */
#ifndef TRAFFIC_SOCKET_H
#define TRAFFIC_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

struct tf_spec;
struct tf_end;

#define TF_SOCKETS "udp raw ping packet ring frame"
#define TF_OBSERVERS "packet ring"

#define TF_RAW_PROTOCOL 253 /* RFC 3692: for experiments, as is the next */
#define TF_ETHERTYPE 0x88b5 /* IEEE 802 */

struct tf_socket {
	const char *word;  /* of TF_SOCKETS */
	const char *proto; /* its row in the table of flow kinds */
	int type, protocol, protocol6;
	size_t sent_head;	      /* bytes of headers before the payload that a sender writes, ... */
	size_t recv_head, recv_head6; /* ... and that a receiver gets */
	bool every;		      /* each receiver gets each message */
	bool frames;		      /* the sender makes whole frames, for a device */
	bool inet;		      /* a receiver is bound to an address, else to a device, too */
};

/* That of a flow; udp where nothing is said. */
const struct tf_socket *tf_socket_of(const struct tf_spec *spec);

/* Bytes before the payload in what an end sends or receives. */
size_t tf_socket_head(const struct tf_spec *spec, bool sender);

#endif
