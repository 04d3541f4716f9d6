/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames: what devices send. For the paths of the wire and of DMA, which are two sides of it. */
#ifndef ANALYZE_PATH_FRAME_H
#define ANALYZE_PATH_FRAME_H

#include "analyze/core/engine.h"

#define IDENT_MAX 50

/* A frame on its way out of a device. */
struct frame {
	uint64_t skb;	/* 0: it is freed */
	uint64_t data, linear; /* its linear part */
	uint64_t given; /* where in it the next of what is not linear goes */
	unsigned char ident[IDENT_MAX];
	unsigned int ident_len; /* 0: it has arrived, or cannot be told */
	char dev[16];
	bool read;   /* by the device, as far as is known: what is in it is what that read */
	bool queued; /* as a queue of the device was told, which knows nothing of bounce buffers */
	uint32_t mapped; /* parts that the driver has mapped for the device and not unmapped yet */
	uint64_t seq; /* when it was handed to the driver */
	struct late *sent; /* what is in it, by offset in the frame */
	struct frame *alike; /* the next of those with the same key */
};

/* The frame that an skb is sent as, or the one of an skb that holds this address; or NULL. */
struct frame *frame_of_skb(struct engine *e, uint64_t skb);
struct frame *frame_at(struct engine *e, uint64_t va);

/* The oldest frame under way with this identity, as far as both are known, or NULL. */
struct frame *frame_with(struct engine *e, const unsigned char *ident, unsigned int len);

/*
 * What is at addr is in the frame, at offset `at`. taken: the device took it from whoever had it
 * (NULL: it is only known to be on its way there).
 */
void frame_take(struct engine *e, struct frame *f, uint64_t at, uint64_t addr, uint64_t len,
		const struct custody *taken);

/* The offset in the frame of memory that the device is given: parts come in their order. */
uint64_t frame_offset(const struct frame *f, uint64_t va);
void frame_give(struct frame *f, uint64_t va, uint64_t size);
void frame_forget_pieces(struct engine *e, struct frame *f);

/* The messages in it get a caveat. */
void frame_mark(const struct frame *f, enum caveat d);

/* Where a frame is found that a device has written. */
struct arrived_at {
	uint64_t start, len; /* its bytes */
	uint64_t ip_at;	     /* its IP header, in the array of what was recorded of it */
};

/* A frame arrives, without an skb yet; it is the one that the event's array of headers tells. */
void frame_found(struct engine *e, const struct event *ev, const struct arrived_at *where);

/* Its skb is gone; on the wire it may still be. */
void frame_freed(struct engine *e, struct frame *f);

/* It has arrived; what is left of it is only whether it gets unmapped before it is freed. */
void frame_arrived(struct engine *e, struct frame *f);

/* The same skb was handed on by a software device: there is no wire. */
void frame_local(struct engine *e, uint64_t skb);

/*
 * The part of a packet that is the same on both sides of a wire: the IP header, at ip_at in what
 * was recorded of the packet, without what routers and offloads change, and what follows without
 * the checksum of UDP. Gives its length, 0: none. Beyond the linear part, a recorded array holds
 * what was in the memory before.
 */
unsigned int frame_ident(const struct event *ev, uint64_t ip_at, unsigned char *ident);

#endif
