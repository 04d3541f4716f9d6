/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What two ends of an RDMA flow that are commands of their own tell each other: frames on a byte
 * stream. A frame is "cchn", its version, kind and number of words, 4 bytes each, and then the
 * words, 8 bytes each; all little endian.
 */
#ifndef TRAFFIC_RDMA_WIRE_H
#define TRAFFIC_RDMA_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#define TF_WIRE_VERSION 1
#define TF_WIRE_WORDS 32 /* the most in a frame */

enum tf_wire_kind { WIRE_HELLO = 1, WIRE_QUEUE, WIRE_STEP };

struct tf_wire {
	uint32_t version; /* of who sent it */
	uint32_t kind;
	uint32_t count;
	uint64_t words[TF_WIRE_WORDS];
};

/* Asked ten times a second whether to wait on; NULL waits for ever. */
struct tf_wire_patience {
	bool (*is_over)(void *arg);
	void *arg;
};

/* Sends the frame, as of this version. 0 or -errno. */
int tf_wire_send(int fd, const struct tf_wire *frame);

/*
 * Receives a whole frame. 0; -EPIPE: the other end has closed; -EBADMSG: no frame of ours;
 * -EPROTO: of another version, which is in the frame; -ETIMEDOUT: patience is over; or -errno.
 */
int tf_wire_recv(int fd, struct tf_wire *frame, const struct tf_wire_patience *patience);

/* Waits until fd is ready for the events of poll(). 0, -ETIMEDOUT or -errno. */
int tf_wire_wait(int fd, short events, const struct tf_wire_patience *patience);

#endif
