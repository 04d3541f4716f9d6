/* SPDX-License-Identifier: GPL-2.0-only */
/* One flow: a sender and a receiver, each a process, and what they were told. */
#ifndef TRAFFIC_FLOW_H
#define TRAFFIC_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "traffic/addr.h"
#include "traffic/testbed.h"
#include "traffic/buffer.h"
#include "traffic/log.h"
#include "traffic/payload.h"
#include "traffic/sync.h"

enum tf_ends { ENDS_BOTH, ENDS_SEND, ENDS_RECV };

#define TF_RDMA_RETRIES 7 /* the most that a queue pair takes */

enum tf_rdma_op { RDMA_SEND, RDMA_SEND_IMM, RDMA_WRITE, RDMA_WRITE_IMM, RDMA_READ };

struct tf_rdma_spec {
	enum tf_rdma_op op;
	bool ud;		   /* datagrams; else a reliable connection */
	bool inline_data;	   /* the payload goes into the work request */
	unsigned long depth;	   /* messages under way; 1: lock-step */
	unsigned long mtu;	   /* 0: the port's */
	unsigned long ack_timeout; /* exponent of a retransmission's time-out */
	unsigned long retries;	   /* after which it is an error */
	const char *dev;	   /* NULL: those of the testbed; NAME or SENDER,RECEIVER */
	bool has_gid;
	unsigned long gid; /* index */
};

/* How datagrams are sent and received. What is 0 or NULL is as plain as can be. */
struct tf_udp_spec {
	const char *send_call, *recv_call;	    /* words of TF_SEND_CALLS, TF_RECV_CALLS */
	unsigned long send_segments, recv_segments; /* that a message is cut into */
	unsigned long batch, recv_batch;	    /* messages of a call */
	unsigned long recv_size;		    /* bytes that the receiver has room for */
	bool trunc;				    /* it asks for the true length */
	unsigned long parts;			    /* calls that make a datagram together, ... */
	bool cork, more;			    /* ... by UDP_CORK or by MSG_MORE */
	unsigned long gso;			    /* bytes of a datagram; a message is several */
	bool gro;				    /* the receiver takes several at once */
	bool no_check;				    /* no UDP checksum */
	bool ipv6;
	unsigned long mtu;			    /* of the sender's socket, where IPv6 */
	const char *ethtool;			    /* what the devices do meanwhile; NULL: as ever */
	unsigned long receivers;		    /* processes; 0: 1 */
	bool multicast, broadcast;		    /* to all of them */
	bool reuseport;				    /* to one of them */
	unsigned long threads;			    /* that use a socket at once */
	const char *dup;			    /* a word of TF_DUPS: how two come by a socket */
	const char *socket;			    /* a word of TF_SOCKETS */
	const char *observe;			    /* of TF_OBSERVERS: somebody listens, ... */
	bool observe_src;			    /* ... to the sender's device */
};

struct tf_spec {
	const char *name;
	const char *proto; /* its row in the table of flow kinds */
	const char *path;
	unsigned long size, count;
	unsigned long rate;    /* messages a second; 0: lock-step */
	unsigned long times;   /* how often the network delivers each; 0: once */
	unsigned long timeout; /* ms after which a message counts as lost */
	enum tf_ends ends;
	bool has_fill, verify, peek, connected, hold;
	uint32_t fill;
	const char *text;	     /* the message, where it is always the same */
	const char *testbed;	     /* NULL: the one of the path */
	struct tf_udp_spec udp;
	struct tf_rdma_spec rdma; /* proto rdma only */
	const char *netns;	  /* of an end that is not on a testbed */
	union tf_addr bind, to;
};

static inline unsigned long tf_spec_times(const struct tf_spec *spec)
{
	return spec->times ? spec->times : 1;
}

struct tf_flow {
	const struct tf_spec *spec;
	const struct tf_kind *kind;
	unsigned int index;  /* in its command, from 1 */
	unsigned int number; /* in the log */
	const struct tf_testbed *testbed;
	struct tf_log *log;
	struct tf_share *share;
	int share_fd; /* struct tf_shared, for another program */
	struct tf_payload payload;
	void *private; /* of the kind */
};

/* What the processes of a flow have in common; also one that is another program. */
struct tf_shared {
	struct tf_share share;
	struct tf_spec spec; /* without its pointers */
	unsigned int index, number;
};

/* What an end has while it runs, in its own process. */
struct tf_end {
	struct tf_flow *flow;
	struct tf_share *share;
	struct tf_side_state *me;
	bool sender;
	bool observer;		      /* behind the receivers */
	unsigned int index;	      /* of a receiver */
	unsigned int worker, workers; /* of those that share its socket: which, of how many */
	int fd;
	int tid, err;	  /* of a thread */
	const char *call; /* NULL: the one that its options ask for */
	struct tf_buffer buf;
	struct tf_records records;
	struct tf_pages before, after;
	void *private; /* of the kind */
};

struct tf_end_ops {
	int (*open)(struct tf_end *e);	 /* socket and address */
	int (*loop)(struct tf_end *e);	 /* all messages */
	int (*attach)(struct tf_end *e); /* takes part with a socket that is open; may be NULL */
};

/* A row of the table of flow kinds: one per file. */
struct tf_kind {
	const char *proto;
	bool announced; /* a receiver of its own has told where it is before it is an end */
	struct tf_end_ops send, recv, observe;
	int (*can)(char *why, size_t size);			   /* NULL: everywhere */
	int (*begin)(struct tf_flow *f);			   /* NULL or before the ends */
	void (*finish)(struct tf_flow *f);			   /* NULL or after them */
	void (*describe)(const struct tf_flow *f, struct json_object *); /* NULL or more members */
	int (*log)(struct tf_flow *f);		    /* NULL or more lines, the ends still there */
	void (*hold)(const struct tf_flow *f);	    /* NULL or says what stands still, unsent */
	size_t (*room)(const struct tf_spec *spec, bool sender); /* NULL or bytes of a buffer */
	void (*close)(struct tf_end *e);	    /* NULL: the fd */
};

extern const struct tf_kind tf_udp, tf_raw, tf_ping, tf_packet, tf_pty, tf_rdma;

const struct tf_kind *tf_kind_find(const char *proto);

/* How many receivers the flow has, if they are ours, and how many of them get a message. */
unsigned int tf_flow_receivers(const struct tf_spec *spec);
unsigned int tf_flow_copies(const struct tf_spec *spec);

/* 1 if somebody listens, whose index follows those of the receivers. */
unsigned int tf_flow_observers(const struct tf_spec *spec);

/* What all receivers together have counted. */
struct tf_received {
	uint64_t messages, bytes, bad, failed;
};

struct tf_received tf_flow_received(const struct tf_flow *f);

/* What its messages hold. */
void tf_flow_payload(struct tf_flow *f);

/* Does its payload bear a mark? COPYCHAIN_MARK asks for it, and the payload must be free to. */
bool tf_flow_marked(const struct tf_flow *f);

/* The lines of the log that the parent writes. */
int tf_flow_log_begin(const struct tf_flow *f, uint64_t time);
int tf_flow_log_end(const struct tf_flow *f);

/* The name of the testbed that the flow needs. */
const char *tf_flow_testbed(const struct tf_spec *spec);

/* Runs the flow on the testbed and gives the exit status; *said is the line about its outcome. */
int tf_flow_run(const struct tf_spec *spec, unsigned int index, const struct tf_testbed *testbed,
		struct tf_log *log, char *said, size_t size);

#endif
