/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Content: what is in memory. A node stands for bytes that one event put where they are (a send's
 * start, a copy, a device's write), and never changes. It points to the node that its bytes were
 * made from and to who had held those until then. A range map leads from addresses to nodes.
 *
 * Bytes have coordinates, which a copy keeps: offsets in a message, or, where the message is not
 * known yet, offsets in a frame. Of a frame it is known later, when it arrives somewhere, whose
 * bytes it holds: `late` says so to all content that was made from it meanwhile.
 */
#ifndef ANALYZE_CORE_CONTENT_H
#define ANALYZE_CORE_CONTENT_H

#include <stdbool.h>

#include "analyze/core/custody.h"
#include "analyze/core/message.h"
#include "analyze/core/spanset.h"
#include "common/rangemap.h"

#define SPACE_KERNEL 0

/* Kernel addresses fill the upper half (Documentation/arch/x86/x86_64/mm.rst). */
static inline bool is_kernel_address(uint64_t a)
{
	return a >> 63;
}

struct content;

/* len bytes of a frame, from `at` on, are those of a message from off on. */
struct late_piece {
	uint64_t at, len;
	struct message *msg;
	uint64_t off;
	struct content *from; /* what was sent at the far end of a wire; NULL: no wire */
	uint64_t from_at;     /* coordinate in it */
	struct custody *held; /* by whom */
};

/* Bytes [from, to) of a frame that were copied, by a site or NULL. */
struct late_copy {
	uint64_t from, to;
	const struct site *site;
	bool counts; /* in the account of dead copies */
};

struct late {
	uint32_t refs;
	bool known;
	bool crossed; /* a wire */
	struct stamp at; /* when it became known */
	char dev[16]; /* it was sent from */
	struct late_piece *pieces;
	size_t count, cap;
	struct late_copy *copied; /* before it was known */
	size_t copied_count, copied_cap;
};

struct content {
	uint32_t refs;
	enum hop_kind kind;
	enum hand holder; /* who has the bytes now; BY_SAME: who had them before */
	unsigned int from_holders; /* who may have had them before, as HOLDER_BIT()s */
	const char *why;    /* of the gap before it, where someone else had them */
	struct message *msg; /* NULL: late says whose bytes they are */
	struct late *late;
	struct content *from;
	uint64_t from_off; /* coordinate in it of the first byte */
	struct custody *held;
	struct stamp at;
	uint64_t off; /* coordinate of the first byte */
	uint64_t len;
	uint64_t src, dst; /* addresses; 0: none of its own */
	bool src_user, dst_user;
	uint64_t via;  /* direct-map address by which the user's side was accessed, or 0 */
	uint64_t umem; /* of a start in a registered region: its struct ib_umem */
	uint64_t skb, sk;
	char dev[16];
	const struct site *site;
	uint64_t sample; /* the first 8 bytes */
	bool sampled, checked;
	bool unknown; /* which instruction moved the bytes is not recorded */
	int8_t turn;  /* of a transform: +1 into other bytes, -1 back into those before */
	struct spanset booked; /* coordinates that reached a receiver */
};

/*
 * The node that the byte at coordinate *at of c was made from, or NULL; *at becomes its coordinate
 * there. *held: who had it then; *wire: what joined the two, where they are ends of a wire.
 */
struct content *content_before(const struct content *c, uint64_t *at, const struct custody **held,
			       const struct late **wire);

/* A node with one reference; takes references on what `like` points to. NULL: no memory. */
struct content *content_new(const struct content *like);
struct content *content_get(struct content *c);
void content_put(struct content *c);

/* late_add takes references, and is for late objects that are not known yet. 0 or -ENOMEM. */
struct late *late_new(void);
int late_add(struct late *l, const struct late_piece *p);
struct late *late_get(struct late *l);
void late_put(struct late *l);
/* The piece of a frame whose message is known that has this coordinate, or NULL. */
const struct late_piece *late_at(const struct late *l, uint64_t at);

/* A copy of what the frame holds, for the accounts of its messages, as soon as these are known. 0 or -ENOMEM. */
int late_copied(struct late *l, const struct late_copy *copy);

/* From now on it is known what the frame holds: what was added. 0 or -ENOMEM. */
int late_settle(struct late *l, const struct stamp *at);

/* len bytes at an address that are a message's, from off on, and in c, from coordinate `at` on. */
struct payload {
	uint64_t addr, len;
	struct message *msg;
	uint64_t off;
	struct content *c;
	uint64_t at;
};

typedef int (*payload_fn)(void *ctx, const struct payload *p);

/*
 * Shows fn the payload in a range by rising address, as far as its messages are known; nonzero
 * ends the walk and is given back. fn must not change the map.
 */
int content_each(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len, payload_fn fn,
		 void *ctx);

bool content_has_payload(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len);

/* Puts a node's bytes where its dst says, or, at another address, len of them from `at` on. */
int content_put_at(struct rangemap *map, uint32_t space, uint64_t addr, struct content *c,
		   uint64_t at, uint64_t len);

/* A map of content, whose pieces hold references on their nodes. */
struct rangemap *content_map_new(void);

#endif
