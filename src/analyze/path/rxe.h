/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Soft-RoCE: memory regions, queue pairs, and the copies by which a software device stands in for
 * DMA. For src/analyze/path/rxe*.c; reports read the regions.
 */
#ifndef ANALYZE_PATH_RXE_H
#define ANALYZE_PATH_RXE_H

#include "analyze/core/engine.h"
#include "analyze/core/path.h"
#include "analyze/core/task.h"

#define PSN_MASK 0xffffffu /* packet sequence numbers have 24 bits */

/* A page of a region: its place in the range, and its direct-map address. */
struct region_page {
	uint64_t index, kva;
};

/* Memory that a process registered. Kept after its release while a flow refers to it. */
struct rdma_region {
	uint64_t umem; /* struct ib_umem */
	uint64_t va, len;
	int tgid;
	uint32_t lkey, rkey;
	struct region_page *pages; /* as recorded */
	size_t page_count, page_room;
	uint64_t spans; /* pages that the range touches */
	uint64_t pinned; /* as pin_user_pages_fast told */
	uint64_t time;
	bool live, shown;
	struct rdma_region *next, **link; /* what points to it */
};

/* A call of the device's copy function: len bytes between a region, at iova, and a packet. */
struct rdma_copy {
	uint64_t addr, len; /* in the packet; what is left of it */
	uint64_t iova, base, umem;
	uint32_t lkey, rkey;
	bool to_region;
	struct rxe_thread *by;
	struct stamp at;
};

/* A copy in the device that touched no region: out of a work queue ring, if a packet says so. */
struct rdma_ring {
	uint64_t src, dst, len, sample;
	const struct site *site;
	struct stamp at;
};

/* What a thread is at. */
struct rxe_thread {
	int tid;
	struct rdma_copy *open; /* what its last rdma_copy announced */
	struct rdma_ring ring;	/* its last copy that may have been out of a work queue ring */
	uint64_t pinned;	/* pages, by a registration that has not named its region yet */
	struct message *last;	/* the message that it delivered bytes of last */
	bool owns;		/* the process of that number has queue pairs */
	bool rang;		/* a doorbell, in the system call that it is in */
};

/* A work request under way, with the message it stands for. */
struct work {
	struct message *msg;
	uint64_t wr_id;
	uint32_t first_psn, last_psn; /* of its packets, or of the response to a READ */
	bool read;
	bool signaled; /* it has a completion of its own */
	unsigned char wc_op; /* as its completion will say */
};

struct rdma_qp {
	uint64_t ptr, scq, rcq;
	uint32_t qpn;
	int tgid; /* who made or uses it, 0: unknown */
	char dev[32];
	uint64_t packets, bells; /* doorbells that no message has been counted for yet */
	uint64_t unsent; /* requests that completed well, and no packet of theirs is recorded */
	uint64_t bell_ts, bell_off; /* the first of these */
	uint32_t bell_cpu;
	int bell_tid;
	struct work *works;	 /* oldest first */
	struct {
		uint32_t first_psn, last_psn;
		struct flow *flow; /* NULL: none has */
	} done; /* the works that completed last */
	size_t work_count, work_room;
	struct flow *last_flow;
};

/* System calls of one process on a device's file that gave the same length. */
struct bell_calls {
	int tgid;
	bool rang, silent; /* some rang a doorbell, some did not */
};

struct rxe {
	struct rdma_region *regions, **last_region;
	struct hashmap by_umem;	 /* live regions */
	struct rangemap *pinned; /* page of a region → origin: the region, off: in it */
	struct hashmap copies;	 /* struct rdma_copy by the next address in the packet */
	struct hashmap qps;	 /* by struct rxe_qp */
	struct hashmap by_cq;	 /* the same by completion queue and number */
	struct hashmap by_addr;	 /* the same by IP address and number */
	struct hashmap threads;	 /* struct rxe_thread */
	struct hashmap bells;	 /* struct bell_calls */
};

struct rxe *rxe_of(const struct engine *e);

/* NULL: no memory (in e->err). */
struct rxe_thread *rxe_thread_of(struct engine *e, int tid);

/* rxe_region.c */
void on_umem_pages(struct engine *e, const struct event *ev);
void on_umem_pinned(struct engine *e, const struct event *ev);
void on_umem_release(struct engine *e, const struct event *ev);
struct rdma_region *region_of_umem(struct engine *e, uint64_t umem);
/* The region that a direct-map address is pinned for, and how far into it; or NULL. */
struct rdma_region *region_at(struct engine *e, uint64_t kva, uint64_t *off);
/* The region that an end of a flow shows is its first; it is kept for that. NULL: none. */
void region_show(struct rdma_view *v, struct rdma_region *r);
void regions_finish(struct engine *e); /* puts the pages of each in order */
void regions_free(struct engine *e);

/*
 * rxe_copy.c. rxe_claim: a copy inside the software device; false if it is none between a region
 * and a packet. rxe_copy_settle: what a thread's last rdma_copy announced happened, though no
 * probe saw the copy itself; only in runs that lack a probe.
 */
void on_rdma_copy(struct engine *e, const struct event *ev);
bool rxe_claim(struct engine *e, const struct copying *c);
void rxe_copy_settle(struct engine *e, int tid);
/* The first content of bytes that are in a packet and in no map yet: from a region. */
struct content *rxe_out(struct engine *e, const struct rdma_copy *c, struct message *msg, uint64_t off,
			uint64_t len);

/* rxe_packet.c */
void on_rdma_xmit(struct engine *e, const struct event *ev);

/* rxe_bell.c */
void on_rdma_return(struct engine *e, const struct event *ev);
void rdma_bells_finish(struct engine *e);
/* Doorbells of a queue pair that never sent anything. */
void rdma_bells_astray(struct engine *e, const struct rdma_qp *qp);

/* rxe_queue.c */
void on_rdma_qp(struct engine *e, const struct event *ev);
void on_rdma_post(struct engine *e, const struct event *ev);
void on_rdma_done(struct engine *e, const struct event *ev);
struct rdma_qp *rdma_qp_of(struct engine *e, uint64_t ptr, uint32_t qpn);
/* The queue pair of this number behind an IP address (a digest of it), if one sent from there. */
struct rdma_qp *rdma_qp_behind(struct engine *e, uint64_t ip, uint32_t qpn);
void rdma_qp_lives_at(struct engine *e, struct rdma_qp *qp, uint64_t ip);
/* Names an end of a flow. */
void rdma_qp_show(struct rdma_view *v, const struct rdma_qp *qp);
/* Its work request that has a packet of this number, or NULL; a new one, whose message it takes. */
struct work *rdma_work_with(struct rdma_qp *qp, uint32_t psn);

/*
 * The flow whose works, completed last, had the packet with this number, or NULL; first: it is the
 * first of a message.
 */
struct flow *rdma_done_with(const struct rdma_qp *qp, uint32_t psn, bool first);
struct work *rdma_work_add(struct engine *e, struct rdma_qp *qp, const struct work *w);
void rdma_queues_finish(struct engine *e);
void rdma_queues_free(struct engine *e);

#endif
