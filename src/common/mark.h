/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mark: four bytes, over and over, that tell in every store of eight bytes or more that they are
 * payload, and of which flow, wherever the store begins. Who sends it: traffic, in place of the bytes
 * behind a message's head. Who looks for it: the audit.
 */
#ifndef COMMON_MARK_H
#define COMMON_MARK_H

#include <stdbool.h>
#include <stdint.h>

#define MARK_LEN 4
#define MARK_LEAST 32 /* bytes in a row: what the recorder keeps of packets and samples has fewer */
#define MARK_FLOWS 4096 /* flows are told apart below this number */

/* What a message begins with, in bytes, and where in it are four letters that are always the same. */
#define PAYLOAD_HEAD 24
#define PAYLOAD_MAGIC_AT 8
#define PAYLOAD_MAGIC "cchn"

/* The four bytes of a flow. */
static inline void mark_bytes(uint32_t flow, unsigned char mark[MARK_LEN])
{
	mark[0] = 0xd3;
	mark[1] = 0xb7;
	mark[2] = flow & 0xff;
	mark[3] = 0x40 | (flow >> 8 & 0xf);
}

/* Are four bytes a mark that begins with the first of them? */
static inline bool mark_is(const unsigned char *bytes)
{
	return bytes[0] == 0xd3 && bytes[1] == 0xb7 && (bytes[3] & 0xf0) == 0x40;
}

static inline uint32_t mark_flow(const unsigned char *bytes)
{
	return bytes[2] | (bytes[3] & 0xfu) << 8;
}

/* Are eight bytes, the first lowest, two marks in a row, at whatever phase? */
static inline bool mark_in(uint64_t bytes)
{
	uint32_t half = (uint32_t)bytes;

	if (half != (uint32_t)(bytes >> 32))
		return false;
	for (int i = 0; i < MARK_LEN; i++, half = half >> 8 | half << 24)
		if ((half & 0xf000ffff) == 0x4000b7d3)
			return true;
	return false;
}

#endif
