/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages and the flows they belong to: what was sent, what arrived, and how sure that is. */
#ifndef ANALYZE_CORE_MESSAGE_H
#define ANALYZE_CORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/core/hop.h"
#include "analyze/rundir.h"
#include "trace/events.h"

/* Why a figure is a lower bound only. */
enum caveat {
#define CAVEAT(id, text) CAVEAT_##id,
#include "analyze/caveats.def"
#undef CAVEAT
	CAVEATS,
};

struct ledger;

const char *caveat_text(enum caveat d);

/* Least, most and sum of a per-byte count over payload bytes. */
struct range_stat {
	uint64_t min, max, sum, bytes;
};

void range_add(struct range_stat *r, uint64_t value, uint64_t bytes);
double range_mean(const struct range_stat *r);

struct site_stat {
	const struct site *site; /* NULL: an event at `ip` that is no site */
	uint64_t ip;
	int kind; /* enum hop_kind */
	uint64_t bytes, hits;
	uint64_t last; /* event counted last: several pieces may come of one */
};

/* One step of a worked chain, free of the objects that the analysis throws away. */
struct step {
	int kind, holder, event;
	uint64_t ts, file_off, src, dst, via, len, off, ip, skb, sk;
	bool src_user, dst_user, sampled, checked;
	uint32_t cpu;
	int tid;
	const struct site *site;
	char dev[16];
	const char *why;
};

struct chain_view {
	struct step *steps;
	size_t count;
	uint64_t bytes, pieces; /* of the message, and how many pieces make them up */
	uint64_t call;		/* the receive call, by its place in the file */
};

/* fd → struct file → struct socket → struct sock → addresses; 0: not recorded. */
struct socket_view {
	int64_t fd; /* -1: not recorded */
	uint64_t file, socket, sk;
	bool linked; /* each pointer was recorded twice, and the two agree */
	uint16_t fam;	       /* AF_INET, AF_INET6, AF_PACKET; addresses of others stay empty */
	uint32_t laddr, raddr; /* host byte order; of IPv6 a digest, to tell flows apart */
	unsigned char laddr6[16], raddr6[16];
	uint16_t lport, rport; /* host byte order */
};

/* "10.0.0.1:53" or "[::1]:53". */
void socket_text(const struct socket_view *s, bool remote, char *buf, size_t size);

struct rdma_region;

/* One end of an RDMA flow: its queue pair and the memory region that the payload lies in. */
struct rdma_view {
	bool known;
	uint64_t qp;	/* struct rxe_qp */
	uint32_t qpn;
	int tgid;
	char dev[32];
	uint64_t packets; /* that the queue pair sent, those without payload included */
	struct rdma_region *region;
};

struct flow {
	unsigned int index;
	char name[64], path[48];
	const char *proto;
	const char *op; /* of RDMA flows: send, write, read; else NULL */
	uint32_t saddr, daddr;
	uint16_t sport, dport;
	int tgid; /* the sender's */
	int last_tgid; /* of those that use its socket */
	uint64_t sk;
	uint64_t min_size, max_size;
	uint64_t first_ts, last_ts; /* when the first message was sent, and the last one had ended */
	uint64_t messages, delivered, dropped, undelivered;
	uint64_t failed; /* sends that gave an error; they are no messages */
	uint64_t sent_bytes, arrived_bytes; /* of all messages; of those that were delivered */
	uint64_t payload_bytes;		    /* delivered, over all receivers */
	uint64_t taken_bytes; /* of these, by those who take messages out of a queue for good */
	uint64_t chains;
	struct range_stat figures[FIGURES], hops;
	uint64_t calls;		      /* system calls that handed over messages, doorbells included */
	uint64_t resent_packets, resent_bytes; /* with payload that had been sent before */
	uint64_t errors;	      /* RDMA work requests that completed with an error */
	uint64_t chain_copy_bytes, chain_emulated_bytes, dead_bytes;
	uint64_t expected_bytes, accounted_bytes; /* what receivers were told, what chains explain */
	uint64_t header_bytes;
	uint64_t copy_hops, checked_hops, mismatches;
	uint64_t caveats[CAVEATS]; /* messages with each */
	bool weak; /* contents cannot tell messages apart */
	struct site_stat *sites;
	size_t site_count;
	struct site_stat *stored; /* every copy that is recorded, also of what reached nobody */
	size_t stored_count;
	uint64_t reasons[256]; /* of drops; the last for larger values */
	struct socket_view sender, receiver;
	struct rdma_view from, to;
	struct chain_view *views; /* of the message picked for showing */
	size_t view_count;
	uint64_t more_views; /* pieces whose ways are not shown */
	uint64_t next_seq;
	uint64_t shown, shown_seq; /* id of the message in views, 0: none yet; its number */
	struct logged *log; /* what traffic said of it, or NULL */
	struct cost *cost;  /* NULL: nothing arrived */
	struct flow *next;
};

struct message {
	uint32_t refs;
	uint64_t id, seq; /* over the run, within the flow */
	struct flow *flow;
	uint64_t len, copied_bytes;
	int tid;
	bool returned, failed;
	bool rdma;	  /* delivered when all of it has arrived; returned by a completion */
	bool told;	  /* a completion said that it has arrived */
	bool reliable;	  /* the requester's completion says so, too */
	bool receipt;	  /* the receiver must be told */
	bool received;	  /* and was */
	bool posted;	  /* RDMA: by a doorbell that is recorded: */
	uint64_t post_ts, post_off;
	uint32_t post_cpu;
	int post_tid;
	uint64_t sent_to; /* RDMA: what comes again from before this byte is sent again */
	uint64_t delivered_bytes, dropped_bytes, counted_bytes;
	uint64_t arrived_ts; /* of the last bytes that have */
	uint64_t drop_reason;
	bool caveat[CAVEATS];
	uint64_t first_sample;
	bool has_sample;
	struct ledger *ledger; /* that closes it */
	struct message *next; /* of those that wait to be closed */
};

struct message *message_get(struct message *msg);

/* Without a reference nothing more can happen to it: the ledger closes it. */
void message_put(struct message *msg);

/* Why a message's figures are lower bounds; msg may be NULL. */
void message_caveat(struct message *msg, enum caveat d);

/*
 * Adds payload bytes that were copied at a site, by the event at file_off, to the flow's site
 * table; first: the first bytes of that copy. 0 or -ENOMEM.
 */
int flow_add_site(struct flow *f, const struct site_stat *like, bool first);

/* A site has stored payload bytes of a flow, whatever will become of them. 0 or -ENOMEM. */
int flow_add_stored(struct flow *f, const struct site *site, uint64_t bytes);
void flow_free(struct flow *f);

#endif
