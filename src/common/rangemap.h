/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The range map: which bytes of what (payload, a device's buffer, pinned pages) are at which
 * address.
 *
 * It holds half-open address ranges in address spaces, each with the piece of payload that
 * lies there. It does no I/O and knows no protocol: splits, merges, partial reads and
 * fragments are nothing but ranges. Memory grows with the pieces alive (its high-water mark;
 * it is given back by rangemap_free).
 *
 * Every function that may fail gives 0 or -errno: -EINVAL for a range that leaves the 64-bit
 * address space, -ENOMEM. A call that fails has changed nothing, and has kept no reference.
 * A length of zero is a no-op.
 */
#ifndef COMMON_RANGEMAP_H
#define COMMON_RANGEMAP_H

#include <stddef.h>
#include <stdint.h>

struct rangemap;

/* len bytes at addr in an address space are the bytes from off on of the payload `origin`. */
struct rm_piece {
	uint32_t space;	 /* 0: kernel; others: user address spaces */
	uint64_t addr;	 /* bytes */
	uint64_t len;	 /* bytes */
	uint64_t origin; /* message or frame id */
	uint64_t off;	 /* of the first byte within the origin, bytes */
	void *tag;	 /* the caller's, counted by reference; may be NULL */
};

/*
 * What the map needs of its owner; any member may be NULL. get and put count the references
 * the map holds on a tag: one per piece, never on NULL; they must not call the map. A
 * tag may be born with no reference: the map's first get is then its first. alloc and
 * release stand in for malloc and free.
 */
struct rangemap_ops {
	void (*get)(void *tag);
	void (*put)(void *tag);
	void *(*alloc)(size_t size);
	void (*release)(void *mem);
};

/* An empty map, to be freed with rangemap_free; ops (may be NULL) is copied. NULL: no memory. */
struct rangemap *rangemap_new(const struct rangemap_ops *ops);

/* Drops all pieces with their references, and the map; NULL is fine. */
void rangemap_free(struct rangemap *map);

/* Puts a piece in place of whatever was there, and takes a reference on its tag. */
int rangemap_insert(struct rangemap *map, const struct rm_piece *p);

/* Forgets what lies in the range; pieces that stick out keep the rest. */
int rangemap_clear(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len);

/* Forgets a whole address space: the process is gone, or runs another program. Never fails. */
int rangemap_clear_space(struct rangemap *map, uint32_t space);

/*
 * The tag of the piece that a copy makes: src is the source piece, clipped to the range
 * copied, daddr where its first byte comes to lie. Must not call the map.
 */
typedef void *(*rangemap_copy_fn)(void *ctx, const struct rm_piece *src, uint64_t daddr);

/*
 * len bytes were copied: what lies in the source now lies in the destination too, and the
 * rest of the destination is forgotten, since bytes that are no payload have overwritten it.
 * Source and destination may overlap, as with memmove. retag may be NULL: same tags.
 * Gives the payload bytes carried or -errno; no more than INT64_MAX bytes in a call.
 */
int64_t rangemap_copy(struct rangemap *map, uint32_t sspace, uint64_t saddr, uint32_t dspace,
		      uint64_t daddr, uint64_t len, rangemap_copy_fn retag, void *ctx);

/* Sees a piece; nonzero ends the walk. Must not change the map. */
typedef int (*rangemap_walk_fn)(void *ctx, const struct rm_piece *p);

/*
 * Shows fn every piece that overlaps the range, clipped to it, by rising address.
 * Gives what fn gave where that was not 0, else 0; -EINVAL for a bad range.
 */
int rangemap_walk(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len,
		  rangemap_walk_fn fn, void *ctx);

/* The new tag of a piece clipped to the range; the map takes a reference. Must not call the map. */
typedef void *(*rangemap_retag_fn)(void *ctx, const struct rm_piece *p);

/* Gives every piece in the range a new tag; pieces that stick out are split at the border. */
int rangemap_retag(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len,
		   rangemap_retag_fn fn, void *ctx);

/* How many pieces are held; neighbours that continue each other are one. */
size_t rangemap_pieces(const struct rangemap *map);

/* Bytes of memory the map has taken for its pieces, free nodes included. */
size_t rangemap_memory(const struct rangemap *map);

#endif
