/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts the stores of one CPU together into streams, each a range of addresses that was written without
 * a break, and finds marked payload in them. No I/O.
 */
#ifndef AUDIT_STREAMS_H
#define AUDIT_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mark.h"

#define STREAM_ROOM 65536u /* bytes that a stream may grow to either side */
#define PIECES 64u	   /* of payload, that are remembered for what may be next to them */
#define ENDINGS 1024u	   /* of pieces that are told, which an interrupt may have cut short */
#define BEGINNINGS 16384u  /* of streams without payload, that an interrupt may have cut off from it */
#define LIKELY 256u	   /* of these, such as hold a mark: a whole slice of other programs may come between */
#define STREAMS_FRESH 4u   /* streams of a store or two: pushes, fields */
#define STREAMS 8u	   /* with those that look like copies, which an interrupt must not end */

struct store {
	uint64_t addr, pc;
	uint64_t calls; /* that the CPU has made until now */
	unsigned int size;
	bool stack; /* onto the one in use */
	unsigned char bytes[16];
};

struct stream {
	uint64_t first_pc, pc, calls, used;
	unsigned int size; /* of its last store */
	bool is_copy; /* by its looks: upwards by instructions near each other, or by one */
	unsigned char *bytes; /* 2 * STREAM_ROOM */
	size_t from;	      /* where start is in them */
	bool marked;
	void *context; /* of who was told, room for it is the owner's */
};

struct streams_user {
	/* Eight bytes of a mark have come together: where is the CPU? */
	void (*found)(void *ctx, struct stream *s, const struct store *st);
	/* Does a store behind calls in between, which goes on where s ended, belong to what s began? */
	bool (*same)(void *ctx, const struct stream *s);
	/* bytes of payload of a flow, found with this context */
	void (*payload)(void *ctx, const void *context, uint32_t flow, uint64_t bytes);
	void *ctx;
	size_t context_size;
};

/* Payload of a flow at [start, end); too little of it to be told from chance, unless told. */
struct piece {
	uint64_t start, end;
	uint32_t flow;
	bool told;
	void *context;
};

/* Where a piece that is told ends, and how its mark goes on. */
struct ending {
	uint64_t end;
	uint32_t flow;
	unsigned char next[MARK_LEN];
	void *context;
};

/* The last bytes of a stream without payload, up to `end`. */
struct beginning {
	uint64_t end;
	size_t len;
	unsigned char bytes[PAYLOAD_HEAD + 2 * MARK_LEN];
};

/* The addresses of stream i are [start[i], end[i]), apart for the sake of those who look for one; 1, 0: none. */
struct streams {
	uint64_t start[STREAMS], end[STREAMS];
	struct stream stream[STREAMS];
	unsigned int next; /* of the fresh ones, to be given up */
	struct piece pieces[PIECES];
	struct ending endings[ENDINGS]; /* each in the place that its end gives */
	struct beginning likely[LIKELY], beginnings[BEGINNINGS]; /* so, too */
	unsigned int next_piece;
	uint64_t clock;
	const struct streams_user *user;
};

/* 0 or -ENOMEM; free either way. */
int streams_init(struct streams *ss, const struct streams_user *user);
void streams_free(struct streams *ss);

void streams_store(struct streams *ss, const struct store *st);

/* Ends all that is open. */
void streams_flush(struct streams *ss);

#endif
