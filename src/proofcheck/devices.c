// SPDX-License-Identifier: GPL-2.0-only
/* The rules about devices: what they read and wrote, and the wire between them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/vec.h"
#include "proofcheck/rules.h"

#define ULL(x) ((unsigned long long)(x))
#define ETH_HEADER 14
#define IP4_HEADER 20
#define IP6_HEADER 40
#define IDENTITY 50

enum { BOTH_WAYS = 0, TO_DEVICE = 1, FROM_DEVICE = 2 };

/* ---- what a device reads ---- */

/* A mapping among the premises: the CPU's address, the device's as kernel address, size, way, time. */
struct mapping {
	uint64_t va, bus, size, dir, ts;
	size_t facts;
};

static bool mapping_in(const struct check *c, const struct line *l, struct mapping *m)
{
	struct line *one = premise_record(c, l, R_DMA_MAPPED), *map = premise_record(c, l, R_DMA_MAP),
		    *ret = premise_record(c, l, R_DMA_MAP_RET), *size = one ? one : map, *told = one ? one : ret;

	if (!size || !told || (!one && ret->cited->answers != record_in(map)->raw.file_off))
		return false;
	*m = (struct mapping){record_mapped(&c->world, record_in(size)), record_bus(&c->world, record_in(told)),
			      get(size, N_size), get(size, N_dir), record_in(told)->raw.ts, one ? 1 : 2};
	if (c->world.iommu)
		m->bus = m->va;
	return true;
}

/* How a device is given a packet: by which memory, when, and how far into the packet that begins. */
struct given {
	uint64_t at, size, ts;
	int64_t off;
	size_t facts;
};

static int by_mapping(struct check *c, struct line *l, const struct line *sent, const struct mapping *m,
		      struct given *g)
{
	uint64_t data = get(sent, N_data);

	if (m->dir != TO_DEVICE && m->dir != BOTH_WAYS)
		return reject(c, l, "the device does not read what is mapped");
	/* Of the packet that was handed to the driver, not of another one. */
	if (m->va + m->size <= data || m->va >= data + get(sent, N_len))
		return reject(c, l, "what is mapped is not the packet sent");
	*g = (struct given){m->bus, m->size, m->ts, (int64_t)(m->va - data), m->facts};
	return 0;
}

/* A queue's buffers make up the packet in their order, behind what the device has of its own. */
static int by_queue(struct check *c, struct line *l, const struct line *sent, const struct claim *x,
		    struct given *g)
{
	const struct line *out = premise_record(c, l, R_DEV_OUT);
	uint64_t data = get(sent, N_data), at = 0, begin = 0;
	struct buffer b[MOVES_MAX];
	unsigned int n = record_buffers(&c->world, record_in(out), b), with = n;
	bool begun = false;

	if (get(out, N_token) != get(sent, N_skb))
		return reject(c, l, "the queue is given another packet than the one sent");
	for (unsigned int i = 0; i < n; at += b[i].n, i++) {
		if (!begun && data >= b[i].at && data < b[i].at + b[i].n) {
			begin = at + data - b[i].at;
			begun = true;
		}
		if (x->addr >= b[i].at && x->addr < b[i].at + b[i].n) {
			*g = (struct given){b[i].at, b[i].n, record_in(out)->raw.ts, (int64_t)at, 1};
			with = i;
		}
	}
	if (with == n || !begun)
		return reject(c, l, "the queue's buffers are others");
	g->off -= (int64_t)begin;
	return 0;
}

/* Is [at, at + n), which a copy reads or writes, in the memory that was allocated for a device then? */
static bool is_allocated(const struct check *c, const struct line *copy, const struct line *memory, uint64_t at,
			 uint64_t n)
{
	uint64_t from, to;

	return copy->cited->answers == record_in(memory)->raw.file_off &&
	       record_memory(&c->world, record_in(memory), &from, &to) && at >= from && at + n <= to;
}

/* A driver copies the packet's head to where its device reads at any time. */
static int by_copy(struct check *c, struct line *l, const struct line *sent, struct given *g)
{
	const struct line *memory = premise_record(c, l, R_DMA_ALLOC), *fact = copy_in(c, l);
	uint64_t data = get(sent, N_data);
	struct move m[MOVES_MAX];

	if (!fact || record_moves(&c->world, record_in(fact), m) != 1 || m[0].from_tid || m[0].to_tid ||
	    !is_allocated(c, fact, memory, m[0].to, m[0].n))
		return reject(c, l, "the copy is not to memory that the device reads");
	if (m[0].from < data || m[0].from + m[0].n > data + get(sent, N_len) - get(sent, N_dlen))
		return reject(c, l, "what is copied is not the packet sent");
	*g = (struct given){m[0].to, m[0].n, record_in(fact)->raw.ts, (int64_t)(m[0].from - data), 2};
	return 0;
}

static int is_given(struct check *c, struct line *l, const struct line *sent, const struct claim *x,
		    struct given *g)
{
	struct mapping m;

	if (premise_record(c, l, R_DEV_OUT))
		return by_queue(c, l, sent, x, g);
	if (premise_record(c, l, R_DMA_ALLOC))
		return by_copy(c, l, sent, g);
	if (!mapping_in(c, l, &m))
		return reject(c, l, "it takes how the device is given the bytes");
	return by_mapping(c, l, sent, &m, g);
}

int device_reads(struct check *c, struct line *l)
{
	struct line *lies = premise(c, l, MEANS_LIES, 0), *sent = premise_record(c, l, R_DEV_XMIT);
	struct given g = {0};
	struct claim x;
	char dev[32];

	if (!lies || !sent)
		return reject(c, l, "it takes where the bytes lie, the transmit, and how the device is given them");
	if (part_of(c, l, &lies->claim, &x) || is_given(c, l, sent, &x, &g))
		return -EINVAL;
	if (l->from_count != 2 + g.facts)
		return reject(c, l, "it takes nothing else");
	if (x.tid || g.ts < x.since || record_in(sent)->raw.ts > g.ts || x.addr < g.at ||
	    x.addr + (x.to - x.from) > g.at + g.size)
		return reject(c, l, "the device is given other memory to read");
	/* Either they lie in that packet, or a copy took them from it into a buffer for the device. */
	if (x.xmit != record_in(sent)->raw.file_off)
		return reject(c, l, "the bytes were not in the packet sent");
	device_name(record_in(sent), dev, sizeof(dev));
	x.dma++;
	x.since = g.ts;
	snprintf(x.in, sizeof(x.in), "device:%s:%llu:%llu", dev, ULL((int64_t)(x.addr - g.at) + g.off),
		 ULL(record_in(sent)->raw.file_off));
	return conclude_lies(c, l, &x, "");
}

/* ---- what a device wrote ---- */

static int conclude_frame(struct check *c, struct line *l, uint64_t at, uint64_t length, uint64_t since)
{
	struct claim x = {.addr = at, .length = length, .since = since};
	char text[256];

	frame_text(&x, "", text, sizeof(text));
	l->meaning = MEANS_FRAME;
	l->claim = x;
	return same_text(c, l, text);
}

/* Of a queue's buffers, which the driver gets back at once, the line speaks of one. */
static int got_back(struct check *c, struct line *l, const struct line *done)
{
	const struct line *in = premise_record(c, l, R_DEV_IN);
	struct buffer b[MOVES_MAX];
	unsigned int n, i = 0;

	if (!in || l->from_count != 2 || done->cited->answers != record_in(in)->raw.file_off)
		return reject(c, l, "it takes how the buffer was given to the device, and how it came back");
	n = record_buffers(&c->world, record_in(in), b);
	for (; i < n; i++) {
		struct claim x = {.addr = b[i].at, .length = b[i].n, .since = record_in(done)->raw.ts};
		char text[256];

		frame_text(&x, "", text, sizeof(text));
		if (!strcmp(text, l->text))
			break;
	}
	if (i == n)
		return reject(c, l, "the device was given no such buffer");
	return conclude_frame(c, l, b[i].at, b[i].n, record_in(done)->raw.ts);
}

/* The driver finds a frame behind a header that the device puts before it. */
static int found_by_driver(struct check *c, struct line *l, const struct line *found)
{
	uint64_t header = get(found, N_hlen), len = get(found, N_len);

	if (l->from_count != 1 || len <= header)
		return reject(c, l, "it takes the frame that the driver found");
	return conclude_frame(c, l, get(found, N_va) + header, len - header, record_in(found)->raw.ts);
}

int device_wrote(struct check *c, struct line *l)
{
	struct line *done = premise_record(c, l, R_DMA_UNMAP), *queue = premise_record(c, l, R_DEV_DONE),
		    *found = premise_record(c, l, R_DEV_WROTE);

	if (queue)
		return got_back(c, l, queue);
	if (found)
		return found_by_driver(c, l, found);
	done = done ? done : premise_record(c, l, R_DMA_SYNC);
	if (!done || l->from_count != 1 || c->world.iommu)
		return reject(c, l, "it takes the unmapping or the sync of a buffer");
	if (get(done, N_dir) != FROM_DEVICE && get(done, N_dir) != BOTH_WAYS)
		return reject(c, l, "the device did not write that buffer");
	return conclude_frame(c, l, record_bus(&c->world, record_in(done)), get(done, N_size),
			      record_in(done)->raw.ts);
}

/*
 * A driver that need not sync copies out of a buffer which is still the device's, or out of memory
 * that is the device's at any time.
 */
int device_owns(struct check *c, struct line *l)
{
	struct line *fact = copy_in(c, l), *memory = premise_record(c, l, R_DMA_ALLOC);
	struct move m[MOVES_MAX];
	struct mapping map;

	if (!fact || record_moves(&c->world, record_in(fact), m) != 1 || m[0].from_tid)
		return reject(c, l, "it takes a copy out of a device's memory");
	if (memory) {
		if (l->from_count != 2 || !is_allocated(c, fact, memory, m[0].from, m[0].n))
			return reject(c, l, "the copy is not out of memory that a device may write");
		return conclude_frame(c, l, m[0].from, m[0].n, record_in(fact)->raw.ts);
	}
	if (!mapping_in(c, l, &map) || l->from_count != 1 + map.facts)
		return reject(c, l, "it takes a buffer's mapping and a copy out of it");
	if ((map.dir != FROM_DEVICE && map.dir != BOTH_WAYS) || m[0].from < map.va ||
	    m[0].from >= map.va + map.size || map.ts > record_in(fact)->raw.ts)
		return reject(c, l, "the copy is not out of a buffer that a device may write");
	return conclude_frame(c, l, map.va, map.size, record_in(fact)->raw.ts);
}

/* ---- the wire ---- */

/* What of a packet an event tells: of a frame that a driver found all, of an skb its linear part. */
static uint64_t known(const struct record *r)
{
	uint64_t len = record_get(r, N_len);

	return r->format->kind == R_DEV_WROTE ? len : len - record_get(r, N_dlen);
}

/* The part of a packet that is the same at both ends: no time to live, no checksums. */
static size_t identity(const struct record *r, size_t skip, unsigned char *out)
{
	uint32_t have;
	const unsigned char *at = field_bytes(&r->raw, &r->format->fields[N_hdr], &have);
	size_t n, udp = 0, least = IP4_HEADER;

	if (at && have > known(r))
		have = (uint32_t)known(r);
	if (!at || have < skip + IP4_HEADER)
		return 0;
	n = have - skip < IDENTITY ? have - skip : IDENTITY;
	memcpy(out, at + skip, n);
	if (out[0] >> 4 == 4) {
		size_t total = (size_t)out[2] << 8 | out[3];

		n = total && total < n ? total : n;
		udp = (out[6] & 0x1f) || out[7] ? 0 : (size_t)(out[0] & 15) * 4;
		out[8] = out[10] = out[11] = 0;
	} else if (out[0] >> 4 == 6) {
		udp = least = IP6_HEADER;
		out[7] = 0;
	} else {
		return 0;
	}
	for (size_t i = udp + 6; udp && i < udp + 8 && i < n; i++)
		out[i] = 0;
	return n < least ? 0 : n;
}

/* As much as both ends tell. */
static bool is_same_packet(const struct record *sent, const struct record *got, size_t skip)
{
	unsigned char a[IDENTITY], b[IDENTITY];
	size_t n = identity(sent, ETH_HEADER, a), m = identity(got, skip, b);

	return n && m && !memcmp(a, b, n < m ? n : m);
}

/* Where a frame begins that came from a wire, by the event that tells of it. */
static uint64_t frame_begin(const struct line *got)
{
	if (record_in(got)->format->kind == R_DEV_WROTE)
		return get(got, N_va) + get(got, N_hlen);
	return get(got, N_head) + get(got, N_mac);
}

static struct line *arrival_in(const struct check *c, const struct line *l)
{
	static const enum record_kind kinds[] = {R_DEV_WROTE, R_GRO, R_NETIF_RX, R_NETIF_RECEIVE};
	struct line *got = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !got; i++)
		got = premise_record(c, l, kinds[i]);
	return got;
}

int wire(struct check *c, struct line *l)
{
	struct line *lies = premise(c, l, MEANS_LIES, 0), *frame = premise(c, l, MEANS_FRAME, 0),
		    *sent = premise_record(c, l, R_DEV_XMIT), *got = arrival_in(c, l);
	unsigned long long off, place;
	struct claim x;
	size_t skip;

	if (!lies || !frame || !sent || !got || l->from_count != 4)
		return reject(c, l, "it takes the bytes a device reads, both ends' packets, and the frame");
	if (part_of(c, l, &lies->claim, &x))
		return -EINVAL;
	if (sscanf(x.in, "device:%*15[^:]:%llu:%llu", &off, &place) != 2 || place != record_in(sent)->raw.file_off)
		return reject(c, l, "the device does not read that packet");
	skip = record_in(got)->format->kind == R_DEV_WROTE ? get(got, N_hlen) + ETH_HEADER : 0;
	if (!is_same_packet(record_in(sent), record_in(got), skip))
		return reject(c, l, "the packet received is not the packet sent");
	off += x.from - lies->claim.from;
	x.addr = frame_begin(got) + off;
	x.since = record_in(got)->raw.ts;
	if (x.addr < frame->claim.addr || x.addr + (x.to - x.from) > frame->claim.addr + frame->claim.length ||
	    frame->claim.since > x.since || x.since < lies->claim.since)
		return reject(c, l, "the packet received does not lie where the device wrote");
	x.copies += frame->claim.copies;
	x.emulated += frame->claim.emulated;
	x.dma++;
	x.wire++;
	snprintf(x.in, sizeof(x.in), "frame");
	return conclude_lies(c, l, &x, "");
}

/* Did the driver make that packet of the frame it found, and hand it up? */
static bool is_made_of(const struct line *up, const struct line *found)
{
	return record_in(up)->format->kind == R_GRO && up->cited->answers == record_in(found)->raw.file_off &&
	       record_tid(record_in(up)) == record_tid(record_in(found)) && get(up, N_dlen) &&
	       get(up, N_len) + ETH_HEADER >= get(found, N_len) - get(found, N_hlen);
}

/* What lies beyond a head belongs to it; it may be joined to another packet's. */
static bool has_head(const struct check *c, const struct line *l, const struct line *to, uint64_t head)
{
	struct line *p;

	if (get(to, N_head) == head)
		return true;
	for (size_t i = 0; (p = premise(c, l, MEANS_FACT, i)); i++)
		if (record_in(p)->format->kind == R_COALESCE && get(p, N_head) == head &&
		    get(p, N_to) == get(to, N_skb) && record_in(p)->raw.ts <= record_in(to)->raw.ts)
			return true;
	return false;
}

bool is_found(const struct check *c, const struct line *l, const struct line *to, const struct claim *x)
{
	struct line *found = premise_record(c, l, R_DEV_WROTE), *up;

	if (!found || x->addr < frame_begin(found) ||
	    x->addr + (x->to - x->from) > get(found, N_va) + get(found, N_len))
		return false;
	for (size_t i = 0; (up = premise(c, l, MEANS_FACT, i)); i++)
		if (is_made_of(up, found) && record_in(up)->raw.ts <= record_in(to)->raw.ts &&
		    has_head(c, l, to, get(up, N_head)))
			return true;
	return false;
}
