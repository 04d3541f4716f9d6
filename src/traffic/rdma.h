/* SPDX-License-Identifier: GPL-2.0-only */
/* RDMA flows: what their files share; for src/traffic/rdma*.c only. */
#ifndef TRAFFIC_RDMA_H
#define TRAFFIC_RDMA_H

#include <infiniband/verbs.h>

#include "traffic/counters.h"
#include "traffic/flow.h"
#include "traffic/rdma_link.h"

#define TF_RDMA_GRH 40	      /* bytes that a datagram brings before its payload */
#define TF_RDMA_UDP_PORT 4791 /* of RoCE v2 */

/* What an operation is made of. */
struct tf_rdma_verb {
	const char *name;
	enum ibv_wr_opcode opcode;
	bool receives; /* takes a receive work request, whose completion tells of the message */
	bool imm;      /* carries the sequence number as immediate data */
	bool pulls;    /* posted by the receiver */
	int access;    /* of the other side's memory */
};

extern const struct tf_rdma_verb tf_rdma_verbs[]; /* by enum tf_rdma_op */

/* What this side did for a message. */
enum tf_rdma_call { CALL_POST_SEND, CALL_COMPLETION, CALL_NONE };

/* What one end tells the other and the log. */
struct tf_rdma_side {
	_Atomic uint32_t known; /* has a queue pair and a memory region */
	_Atomic uint32_t up;	/* its queue pair can receive */
	char dev[IBV_SYSFS_NAME_MAX];
	unsigned int gid_index;
	union ibv_gid gid;
	unsigned int lid, active_mtu; /* the latter in bytes */
	pid_t pid;
	uint32_t qpn, psn;
	uint32_t lkey, rkey;
	int access;
	uint64_t va, len;
};

/* Shared by all processes of the flow. */
struct tf_rdma_share {
	struct tf_rdma_side send, recv;
	_Atomic uint32_t offered; /* messages written, or ready to be read */
	unsigned int mtu;
};

/* In the parent; an end has a copy. */
struct tf_rdma_flow {
	struct tf_rdma_share *share; /* one side is the other command's, if that has an end */
	const struct tf_rdma_verb *verb;
	struct tf_counters counters;
	struct tf_link link; /* to the other command, where that has the other end */
};

/* In an end. */
struct tf_rdma_end {
	const struct tf_rdma_verb *verb;
	struct tf_rdma_share *share;
	struct tf_rdma_side *mine, *other;
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_mr *mr;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_ah *ah; /* datagrams only */
	uint32_t posted, completed;
};

/* Whether the GID is an IPv4 address, in its last four bytes. */
bool tf_rdma_is_ipv4(const union ibv_gid *gid);

/* Bytes from one message's place in a buffer to the next one's, and the payload in it. */
size_t tf_rdma_stride(const struct tf_spec *spec);
void *tf_rdma_slot(const struct tf_end *e, uint32_t seq);

/* Opens a device by name; prints why it cannot, and what to do. */
int tf_rdma_open(const char *name, struct ibv_context **context);

/* Looks device, port and GID up and fills in side; prints why it cannot. */
int tf_rdma_look(const struct tf_spec *spec, const struct tf_testbed_end *end, bool sender,
		 struct tf_rdma_side *side);

/* Device, memory region and queue pair of an end; then the way to the other end. */
int tf_rdma_setup(struct tf_end *e, bool sender);
int tf_rdma_connect(struct tf_end *e);
void tf_rdma_teardown(struct tf_end *e);

/* Posts the work request of message seq; 0 or -errno. */
int tf_rdma_post(struct tf_end *e, uint32_t seq);
int tf_rdma_post_recv(struct tf_end *e, uint32_t seq);

/* The two ends. */
int tf_rdma_open_send(struct tf_end *e);
int tf_rdma_loop_send(struct tf_end *e);
int tf_rdma_open_recv(struct tf_end *e);
int tf_rdma_loop_recv(struct tf_end *e);

/* The flow is over: the cause is told once, and the other end need not wait. Gives -EIO. */
int tf_rdma_fail(struct tf_end *e);
void tf_rdma_stop(struct tf_end *e);
bool tf_rdma_stopped(const struct tf_end *e);

/* One message more, of those that the other end waits for; or the end is through. */
void tf_rdma_count(struct tf_end *e, _Atomic uint32_t *messages);
void tf_rdma_done(struct tf_end *e);

/* This end can receive. */
void tf_rdma_up(struct tf_end *e);

/* Waits until the other end has said so; -EIO if the flow is over before. */
int tf_rdma_await(struct tf_end *e, _Atomic uint32_t *word, const char *what);

/* Between two looks that found nothing. */
void tf_rdma_relax(unsigned int *turns);

/* One work completion; 1, 0 if there is none, or -EIO. An error in it is told and counted. */
int tf_rdma_poll(struct tf_end *e, struct ibv_wc *wc);

/* The record of what was posted as message seq, before the post; NULL where none are kept. */
int tf_rdma_note_post(struct tf_end *e, uint32_t seq, enum tf_record_kind kind,
		      enum tf_rdma_call call);
struct tf_record *tf_rdma_record(const struct tf_end *e, uint32_t seq);

/* What a completion says goes to the record of its message. */
void tf_rdma_note_done(struct tf_end *e, const struct ibv_wc *wc);

/* Lines and members of the log, and a line on the terminal. */
int tf_rdma_log(struct tf_flow *f);
void tf_rdma_describe(const struct tf_flow *f, struct json_object *line);
void tf_rdma_say_regions(const struct tf_flow *f);
const char *tf_rdma_call_name(const struct tf_record *r);
void tf_rdma_more(const struct tf_record *r, struct json_object *line);

#endif
