/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows whose messages travel as datagrams; other flows take from here what they need. */
#ifndef TRAFFIC_UDP_H
#define TRAFFIC_UDP_H

#include "traffic/call.h"
#include "traffic/flow.h"
#include "traffic/offload.h"
#include "traffic/socket.h"
#include "traffic/vector.h"

#define TF_TICK_MS 100 /* how often an end that waits looks whether it is over */

/* What a flow has beside its testbed. */
struct tf_udp_flow {
	struct tf_offload offload;
	bool ipv6; /* was switched on */
	int ping;  /* a socket that both ends use, -1: none */
};

/* What an end has of its own. */
struct tf_udp_end {
	const struct tf_call *call;
	struct tf_vector vector;
	int fds[2]; /* of one socket, for calls with even and with odd numbers */
	unsigned int calls;
};

/* What the options come to: never 0. */
unsigned int tf_udp_datagrams(const struct tf_spec *spec); /* of a message */
unsigned int tf_udp_parts(const struct tf_spec *spec);
unsigned int tf_udp_batch(const struct tf_spec *spec, bool sender);
unsigned int tf_udp_segments(const struct tf_spec *spec, bool sender);
const struct tf_call *tf_udp_call(const struct tf_spec *spec, bool sender);

const char *tf_udp_call_name(const struct tf_record *r);

/* Bytes of a message's datagram, which are counted from 0. */
size_t tf_udp_datagram_len(const struct tf_spec *spec, unsigned int datagram);

/* The buffers of an end. */
void tf_udp_layout(const struct tf_spec *spec, bool sender, struct tf_layout *l);
size_t tf_udp_room(const struct tf_spec *spec, bool sender);

/* Socket, address, vectors. */
int tf_udp_open_send(struct tf_end *e);
int tf_udp_open_recv(struct tf_end *e);
int tf_udp_attach(struct tf_end *e);
void tf_udp_close(struct tf_end *e);

/* All messages. */
int tf_udp_loop_send(struct tf_end *e);
int tf_udp_loop_recv(struct tf_end *e);

/*
 * What came: len bytes of payload, of size; step: bytes of each datagram in it but the last, 0 if it
 * is one. Counts it, and fills in what the record says of it.
 */
void tf_udp_note(struct tf_end *e, struct tf_record *r, const void *data, size_t len, size_t size,
		 size_t step);

/* All messages came; or no more will. */
bool tf_udp_is_through(const struct tf_end *e);
bool tf_udp_is_over(const struct tf_end *e, unsigned int quiet_ms);

/* One call of a sender: its messages are written, sent and, in lock-step, awaited. */
int tf_udp_turn(struct tf_end *e, unsigned int call);

/* The next message is sent when this one was received. */
bool tf_udp_lock_step(const struct tf_spec *spec);

#endif
