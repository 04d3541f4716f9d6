/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops: requests under way. A user's end of a copy is an op and an offset in it, which the
 * iterator's count tells whatever the number of segments; user addresses are annotation.
 */
#ifndef ANALYZE_CORE_OP_H
#define ANALYZE_CORE_OP_H

#include "analyze/core/chain.h"

struct engine;
struct holder;

/* Contiguous memory at one end of a copy. */
struct span {
	bool user;
	uint64_t addr, len; /* addr 0: not recorded where */
};

#define SPANS_MAX 8
#define SCRATCH_MAX 4

struct op {
	bool send;
	uint64_t call; /* its place in the file */
	uint64_t sk;
	uint64_t hdr, ip; /* msghdr and function, by which a nested call is known */
	uint64_t count;	  /* bytes that the iterator had left at the beginning */
	/* Of a send: */
	struct message *msg;
	struct content **starts; /* by offset */
	size_t start_count, start_cap;
	uint64_t first_skb; /* that it filled */
	struct spanset read; /* what the kernel has copied of it */
	bool file; /* of a file that hands frames over: its bytes stay in the program's buffer */
	struct span scratch[SCRATCH_MAX]; /* on the caller's stack, where bytes do not outlive it */
	size_t scratch_count;
	/* Of a receive: */
	bool tap, peek;
	bool consumed; /* what it received was freed */
	struct flow *freed; /* whose bytes were in a packet that was freed before any was copied */
	bool uneven;   /* a copy did not go on where the one before ended */
	uint64_t copied; /* bytes of anything */
	uint64_t from;	 /* where the first of them were */
	uint64_t lead;	 /* of these, in front of the first payload */
	uint64_t first;	 /* the first 8 of them; 0: not sampled */
	uint64_t proto;
	struct delivery *items;
	size_t item_count, item_cap;
	struct holder *reader; /* whose bytes it gets */
	struct socket_view sock;
};

struct thread {
	int tid, tgid;
	uint32_t space; /* address space, shared with threads of the process */
	struct op *op;	/* in progress, or NULL */
	bool many;	/* in sendmmsg or recvmmsg */
	bool unheard;	/* older than the recording, maybe in the middle of a call when that began */
	bool inside;	/* a system call whose beginning is recorded */
	bool entered;	/* one that has handed over no message yet */
	bool gone;	/* its exit was recorded */
	int64_t fd;
	uint64_t file, file_priv;
	uint64_t fill_to, fill_len, fill_skb; /* what the next copies fill in; to 0: wherever */
	uint64_t tap;		   /* the packet socket that was given a frame last */
	uint64_t tap_skb, tap_frame; /* and the frame's skb and first byte; 0: it has gone on */
	uint64_t ring_to, ring_len, ring_skb; /* where the next copies fill a ring that a program reads */
	uint64_t ring_message;	    /* that came there last, by its id */
	const struct holder *ring_entry; /* whose bytes they are; only to be compared */
	uint64_t cloning; /* the skb that it is about to clone */
	char comm[16];
};

/* Begins an op of a thread that has none in progress. NULL: no memory (in e->err). */
struct op *op_begin(struct engine *e, struct thread *t, bool send);

/* The end of whatever is in progress; the op's deliveries are forgotten. */
void op_end(struct engine *e, struct thread *t);

/*
 * A thread's op in progress, if it is a send (or a receive) and an iterator is its own: at address
 * iter (0: not recorded), with count bytes left. NULL otherwise.
 */
struct op *op_of_iter(const struct thread *t, bool send, uint64_t iter, uint64_t count);

/*
 * The bytes that a send hands over from offset off on: where its buffer is in the sender's memory
 * (addr 0: not recorded), len bytes. The node is the op's. NULL: no memory (in e->err).
 */
struct content *op_start(struct engine *e, struct op *op, uint64_t off, uint64_t addr, uint64_t len);

/* The start that holds the byte at an offset, or at an address of the sender's; or NULL. */
struct content *op_start_at(const struct op *op, uint64_t off);
struct content *op_start_of(const struct op *op, uint64_t user);

/* len bytes of a send were copied to addr: on the stack they end with the op. */
void op_scratch(const struct engine *e, struct op *op, uint64_t addr, uint64_t len);

/* Bytes that a receive has brought, as far as it succeeds. */
int op_deliver(struct op *op, const struct delivery *d);

#endif
