/* SPDX-License-Identifier: GPL-2.0-only */
/* The analysis in progress: events go in, flows with their chains and counts come out. */
#ifndef ANALYZE_ENGINE_H
#define ANALYZE_ENGINE_H

#include <errno.h>

#include "analyze/hop.h"
#include "analyze/message.h"
#include "analyze/rundir.h"
#include "common/hashmap.h"
#include "common/rangemap.h"
#include "trace/events.h"

#define SPACE_KERNEL 0
#define ORIGIN_FRAME (1ULL << 63) /* of pieces whose message is not known yet */

/* Kernel addresses fill the upper half (Documentation/arch/x86/x86_64/mm.rst). */
static inline bool is_kernel_address(uint64_t a)
{
	return a >> 63;
}

struct span {
	uint32_t space;
	uint64_t addr, len;
};

#define SPANS_MAX 8

/* A receive call in progress and what it brought. */
struct delivery {
	struct message *msg;
	struct hop *hop;
	uint64_t bytes;
};

struct recv_op {
	bool open, tap, peek;
	uint64_t call;		   /* its place in the file */
	uint64_t sk, room, copied; /* room: bytes the caller has place for */
	struct delivery *items;
	size_t count, rooms;
	struct socket_view sock;
};

struct thread {
	int tid, tgid;
	uint32_t space;	 /* address space, shared with threads of the process */
	uint32_t buffers; /* its own: threads may send one buffer at the same time */
	struct message *sending;
	uint64_t sending_hdr, sending_ip; /* msghdr and function, by which a nested send is known */
	bool many;    /* in sendmmsg or recvmmsg */
	bool entered; /* a system call that has handed over no message yet */
	struct span spans[SPANS_MAX];
	size_t span_count;
	struct recv_op recv;
	int64_t fd;
	uint64_t file, file_priv;
	uint64_t fill_to, fill_len, fill_skb;
	struct rdma_copy *rdma_open; /* what the last rdma_copy of the thread announced */
	struct rdma_ring *ring;	     /* its last copy that may have been out of a work queue ring */
	uint64_t pinned;	     /* pages, by a registration that has not named its region yet */
	struct message *rdma_last;   /* the message that it delivered bytes of last */
	char comm[16];
};

struct extra {
	uint64_t addr, len, head; /* head: a head whose reference this skb holds, or 0 */
};

struct skb {
	uint64_t addr, head, end;
	uint64_t data, len; /* as at the last hand-off; 0: there was none */
	bool passed;	    /* has been handed on since it was filled */
	struct extra *extras;
	size_t extra_count;
};

struct tap {
	uint64_t sk, addr, len;
	struct hop *hop;
	bool read;
};

struct head {
	uint64_t addr, size;
	struct skb **owners; /* one entry a reference */
	size_t owner_count;
	struct tap *taps;
	size_t tap_count;
};

struct frame_piece {
	uint64_t at, len, origin, off; /* at: from the start of the frame */
	struct hop *hop;
};

#define IDENT_MAX 50

/* A frame on its way out of a device. */
struct frame {
	uint64_t skb, data, len;
	unsigned char ident[IDENT_MAX];
	unsigned int ident_len;
	char dev[16];
	bool mapped, unmapped;
	struct frame_piece *pieces;
	size_t count;
};

#define FRAMES_MAX 1024
#define NEST_MAX 8
#define CPUS_MAX 1024

struct pending_map {
	uint64_t va, size, dir;
};

struct cpu_maps {
	struct pending_map stack[NEST_MAX];
	unsigned int depth;
};

/* Copies that carried no payload we know, by site and length. */
struct other {
	const struct site *site;
	uint64_t ip, len, hits;
	int tid;
};

struct engine {
	const struct rundir *run;
	struct rangemap *map, *device; /* payload; buffers that devices own */
	struct hashmap threads, skbs, heads, txmaps, fresh;
	uint32_t next_space;
	uint64_t next_message, next_frame, next_flow;
	struct frame *frames[FRAMES_MAX]; /* oldest first */
	size_t frame_count;
	struct cpu_maps *maps; /* per CPU */
	struct flow *flows, **last_flow;
	uint64_t want_message; /* seq to show, or UINT64_MAX for the first one delivered */
	bool every_piece;      /* of it, one by one, also those that came the same way */
	struct hashmap others;	   /* struct other, by what tells them apart */
	struct hashmap flow_by_key; /* the newest flow of each key */
	uint64_t by_kind[EV_COUNT];
	uint64_t orphans, orphan_bytes; /* receives that no flow could be found for */
	uint64_t guards;
	struct rdma *rdma;
	struct trafficlog *log; /* what traffic said, or NULL */
	const struct event *now;
	int err; /* -ENOMEM sticks */
};

int engine_init(struct engine *e, const struct rundir *run);
int engine_event(struct engine *e, const struct event *ev);
void engine_finish(struct engine *e);
void engine_free(struct engine *e);

/* threads.c */
int threads_load(struct engine *e);
struct thread *thread_of(struct engine *e, int tid);
void on_newtask(struct engine *e, const struct event *ev);
void on_exec(struct engine *e, const struct event *ev);
void on_syscall(struct engine *e, const struct event *ev);
void on_fd_file(struct engine *e, const struct event *ev);
void threads_free(struct engine *e);

/* pieces.c: for rangemap_walk: stops at a piece of a known message; takes the first piece there is. */
int piece_has_message(void *ctx, const struct rm_piece *p);
int piece_take(void *ctx, const struct rm_piece *p);

/* iter.c: the spans of the first len bytes an iterator stands before; -EINVAL: cannot be told. */
int iter_spans(const struct engine *e, const struct thread *t, const struct event *ev,
	       uint64_t len, struct span *spans, size_t *count);
bool iter_sample(const struct engine *e, const struct event *ev, uint64_t *sample);

/* Mixes numbers into a key for a table; different numbers may share one. */
static inline uint64_t mix(uint64_t a, uint64_t b, uint64_t c)
{
	return (a * 0x9e3779b97f4a7c15ULL ^ b) * 0xbf58476d1ce4e5b9ULL ^ c;
}

/* An address range that wraps (a stale fetch) concerns nobody; no memory ends the analysis. */
static inline void engine_check(struct engine *e, int64_t err)
{
	if (err == -ENOMEM)
		e->err = -ENOMEM;
}

/* A way this long is no packet's: it is not made longer. */
#define DEPTH_MAX 1000

/* calls.c; count_piece: bytes that a receiver got; take_view: shows their way, if it is wanted. */
struct flow *flow_new(struct engine *e, uint64_t key, const char *proto);
struct message *message_new(struct engine *e, int tid, struct flow *f, uint64_t len);
void count_piece(struct engine *e, const struct delivery *d);
void take_view(struct engine *e, uint64_t call, const struct delivery *d);
void on_send_enter(struct engine *e, const struct event *ev);
void on_recv_enter(struct engine *e, const struct event *ev);
void on_syscall_exit(struct engine *e, const struct event *ev);
void deliver(struct engine *e, struct hop *h, uint64_t bytes);
void message_caveat(struct message *msg, enum caveat d);
void recv_op_abandon(struct engine *e, struct thread *t);
void send_abandon(struct engine *e, struct thread *t);

/*
 * copies.c; check_sample: compares the 8 bytes sampled at the source of a hop, if they were, with
 * what was sampled of the same bytes before. check_overwrite: kernel memory is written, with bytes
 * of the message `source`; what another message still has there was freed unseen.
 */
void on_copy(struct engine *e, const struct event *ev);
void check_sample(struct hop *h);
void check_overwrite(struct engine *e, const struct message *source, uint64_t dst, uint64_t len);

/* handoffs.c */
void on_handoff(struct engine *e, const struct event *ev);
void on_tap(struct engine *e, const struct event *ev);
struct hop *tap_hop(struct engine *e, uint64_t sk, uint64_t addr, bool peek);

/* skbs.c; skb_born: a sender made this skb just now: if it is known, its free went unseen. skb_of: the
 * skb of an event, which may share its head with others only if shared. */
struct skb *skb_of(struct engine *e, const struct event *ev, bool shared);
void skb_born(struct engine *e, uint64_t skb);
bool skb_within_head(const struct skb *s, uint64_t addr);
void on_skb_fill(struct engine *e, const struct event *ev);
void on_clone(struct engine *e, const struct event *ev);
void on_coalesce(struct engine *e, const struct event *ev);
void on_morph(struct engine *e, const struct event *ev);
void on_skb_free(struct engine *e, const struct event *ev);
void skbs_finish(struct engine *e);
void skbs_free(struct engine *e);

/* dma.c */
void on_dma_map(struct engine *e, const struct event *ev);
void on_dma_map_ret(struct engine *e, const struct event *ev);
void on_dma_mapped(struct engine *e, const struct event *ev);
void on_dma_unmap(struct engine *e, const struct event *ev);
void on_dma_sync(struct engine *e, const struct event *ev);
bool device_owns(struct engine *e, uint64_t addr, uint64_t len);
void device_source(struct engine *e, uint64_t src, uint64_t len);
void dma_free(struct engine *e);

/* wire.c; frame_take keeps what lies at addr as pieces of a frame whose first byte is at base. */
struct frame *frame_of_skb(struct engine *e, uint64_t skb);
struct frame *frame_at(struct engine *e, uint64_t va);
void frame_take(struct engine *e, struct frame *f, uint64_t base, uint64_t addr, uint64_t len);
void frame_drop_pieces(struct frame *f);
void frame_sent(struct engine *e, const struct event *ev);
void frame_local(struct engine *e, uint64_t skb);
void frame_received(struct engine *e, const struct event *ev);
void frame_skb_freed(struct engine *e, uint64_t skb);
void frames_free(struct engine *e);

/* Hops after h->prev: a plain gap first where `from` is not among the holders that may lead on. */
struct hop *hop_after(struct engine *e, enum hop_kind kind, enum holder holder, struct hop *prev,
		      unsigned int from_mask, const char *why);

#endif
