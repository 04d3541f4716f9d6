/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hops: the steps of payload bytes, each pointing back to the one before, so that the tag of a
 * piece in the range map is the whole way that its bytes have come.
 */
#ifndef ANALYZE_HOP_H
#define ANALYZE_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/rundir.h"
#include "trace/events.h"

enum hop_kind {
	HOP_START, /* the bytes lie in the sender's buffer */
	HOP_COPY,
	HOP_COPY_UNKNOWN, /* copy, site unknown */
	HOP_HANDOFF,
	HOP_DMA,
	HOP_EMULATED_DMA,
	HOP_WIRE,
	HOP_DROP,
	HOP_GAP,
	HOP_GAP_USER, /* the program's own library copied */
	HOP_KINDS,
};

/* Who holds the bytes after a hop; handoff.def says which may follow which. */
enum holder {
	BY_SENDER,   /* the sender's buffer */
	BY_BUFFER,   /* a kernel buffer of no known skb */
	BY_SKB,	     /* an skb under construction */
	BY_QUEUE,    /* a device's queue */
	BY_DRIVER,   /* the driver's transmit */
	BY_DEVICE,   /* the device reads them */
	BY_FRAME,    /* a frame that a device wrote */
	BY_GRO,	     /* the driver handed it up */
	BY_BACKLOG,  /* a CPU's receive backlog */
	BY_STACK,    /* the receiving protocol stack */
	BY_SOCKET,   /* a socket's receive queue */
	BY_TAP,	     /* a packet socket */
	BY_RING,     /* a work queue ring that a program and its device share */
	BY_RDMA_OUT, /* a software RDMA device, on its way out */
	BY_RDMA_IN,  /* the same, received */
	BY_RECEIVER, /* the receiver's buffer */
	HOLDERS,
};

struct message;

struct hop {
	uint32_t refs;
	enum hop_kind kind;
	enum holder holder;
	struct hop *prev;
	struct message *msg; /* NULL while a frame's message is unknown */
	uint64_t ts, file_off;
	uint32_t cpu;
	int tid;
	enum event_kind event;
	uint64_t src, dst; /* addresses, 0: none of its own */
	bool src_user, dst_user;
	uint64_t src_len;   /* bytes moved or handed on */
	uint64_t off;	    /* of its first byte in the message or frame */
	uint64_t via;	    /* direct-map address by which the user's side was accessed, or 0 */
	uint64_t umem; /* of a start in a region that is known: its struct ib_umem */
	uint64_t ip;	    /* probe address, or the call's return address */
	const struct site *site;
	uint64_t skb, sk;
	char dev[16];
	const char *why; /* of a gap */
	uint64_t sample; /* the first 8 bytes at src */
	bool sampled, checked;
	uint64_t counted; /* payload bytes that reached a receiver through it */
	uint64_t counted_from, counted_to; /* the part of the message they are */
	/* Of this hop and all before it: */
	uint32_t copies, unknown, emulated, dmas, wires, gaps, user_gaps, depth;
};

/*
 * A hop after prev (NULL: the first), with one reference that the caller drops; the event fills
 * time, place and thread. NULL: no memory. Takes references on prev and the message.
 */
struct hop *hop_new(enum hop_kind kind, enum holder holder, struct hop *prev, struct message *msg,
		    const struct event *ev);

/*
 * A hop like `own`, which was made before its message was known: after prev, of len bytes of the
 * message from off on, which lie `shift` bytes behind those that own begins with.
 */
struct hop *hop_adopt(struct hop *prev, const struct hop *own, struct message *msg,
		      uint64_t shift, uint64_t len, uint64_t off);
struct hop *hop_get(struct hop *h);
void hop_put(struct hop *h);

const char *hop_kind_name(enum hop_kind kind);
const char *holder_name(enum holder holder);

#endif
