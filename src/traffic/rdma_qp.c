// SPDX-License-Identifier: GPL-2.0-only
/* Memory regions, queue pairs and work requests. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/rdma.h"

#define QKEY 0x6363686e
#define RNR_RETRIES 7 /* without end */
#define RNR_TIMER 12  /* 0.64 ms */
#define READS 16      /* under way at once, if the device can */
#define HOPS 64

size_t tf_rdma_stride(const struct tf_spec *spec)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (spec->size + (spec->rdma.ud ? TF_RDMA_GRH : 0) + page - 1) / page * page;
}

void *tf_rdma_slot(const struct tf_end *e, uint32_t seq)
{
	const struct tf_spec *spec = e->flow->spec;
	bool grh = spec->rdma.ud && e->me == &e->share->recv;

	return (char *)e->buf.va + seq % spec->rdma.depth * tf_rdma_stride(spec) +
	       (grh ? TF_RDMA_GRH : 0);
}

static int register_buffer(struct tf_end *e, struct tf_rdma_end *r, bool sender)
{
	bool posts = sender != r->verb->pulls;

	r->mine->access = sender ? 0 : IBV_ACCESS_LOCAL_WRITE;
	if (!posts)
		r->mine->access |= r->verb->access;
	r->mr = ibv_reg_mr(r->pd, e->buf.va, e->buf.len, r->mine->access);
	if (!r->mr)
		return msg_errno(-errno, "%s: registering %zu bytes of memory", r->mine->dev,
				 e->buf.len);
	r->mine->lkey = r->mr->lkey;
	r->mine->rkey = r->mr->rkey;
	r->mine->va = (uintptr_t)e->buf.va;
	r->mine->len = e->buf.len;
	return 0;
}

static int create_qp(struct tf_end *e, struct tf_rdma_end *r)
{
	const struct tf_spec *spec = e->flow->spec;
	unsigned long depth = spec->rdma.depth;
	struct ibv_qp_init_attr init = {
		.cap = {.max_send_wr = depth,
			.max_recv_wr = depth,
			.max_send_sge = 1,
			.max_recv_sge = 1,
			.max_inline_data = spec->rdma.inline_data ? spec->size : 0},
		.qp_type = spec->rdma.ud ? IBV_QPT_UD : IBV_QPT_RC,
		.sq_sig_all = 1,
	};

	r->cq = ibv_create_cq(r->context, 2 * depth, NULL, NULL, 0);
	if (!r->cq)
		return msg_errno(-errno, "%s: completion queue", r->mine->dev);
	init.send_cq = init.recv_cq = r->cq;
	r->qp = ibv_create_qp(r->pd, &init);
	if (!r->qp && spec->rdma.inline_data)
		return msg_errno(-errno, "%s: queue pair that takes %lu bytes inline; fewer may do",
				 r->mine->dev, spec->size);
	if (!r->qp)
		return msg_errno(-errno, "%s: queue pair", r->mine->dev);
	r->mine->qpn = r->qp->qp_num;
	r->mine->pid = getpid();
	return 0;
}

static int to_init(struct tf_end *e, struct tf_rdma_end *r)
{
	bool ud = e->flow->spec->rdma.ud;
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_INIT,
				   .port_num = TF_RDMA_PORT,
				   .qkey = QKEY,
				   .qp_access_flags = r->mine->access & ~IBV_ACCESS_LOCAL_WRITE};
	int err = ibv_modify_qp(r->qp, &attr,
				IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
					(ud ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS));

	return err ? msg_errno(-err, "%s: queue pair to INIT", r->mine->dev) : 0;
}

/* What a socket address would say, where the GID is an IPv4 address. */
static void tell_addr(const struct tf_rdma_side *side, bool sender, struct sockaddr_in *addr)
{
	if (!tf_rdma_is_ipv4(&side->gid))
		return;
	addr->sin_family = AF_INET;
	addr->sin_port = sender ? 0 : htons(TF_RDMA_UDP_PORT);
	memcpy(&addr->sin_addr, side->gid.raw + 12, sizeof(addr->sin_addr));
}

int tf_rdma_setup(struct tf_end *e, bool sender)
{
	const struct tf_rdma_flow *flow = e->flow->private;
	struct tf_rdma_end *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	e->private = r;
	r->share = flow->share;
	r->verb = flow->verb;
	r->mine = sender ? &r->share->send : &r->share->recv;
	r->other = sender ? &r->share->recv : &r->share->send;
	e->records.call = tf_rdma_call_name;
	e->records.more = tf_rdma_more;
	err = tf_rdma_open(r->mine->dev, &r->context);
	if (err)
		return err;
	e->fd = r->context->cmd_fd;
	r->pd = ibv_alloc_pd(r->context);
	if (!r->pd)
		return msg_errno(-errno, "%s: protection domain", r->mine->dev);
	err = register_buffer(e, r, sender);
	if (!err)
		err = create_qp(e, r);
	if (!err)
		err = to_init(e, r);
	if (err)
		return err;
	tell_addr(r->mine, sender, &e->me->addr.in);
	tell_addr(r->other, !sender, &e->me->peer.in);
	atomic_store(&r->mine->known, 1);
	tf_wake(&r->mine->known);
	tf_link_tell_queue(&flow->link, r->mine);
	return 0;
}

static struct ibv_ah_attr way(const struct tf_rdma_end *r)
{
	return (struct ibv_ah_attr){.is_global = 1,
				    .port_num = TF_RDMA_PORT,
				    .dlid = r->other->lid,
				    .grh = {.dgid = r->other->gid,
					    .sgid_index = r->mine->gid_index,
					    .hop_limit = HOPS}};
}

static enum ibv_mtu mtu_code(unsigned int mtu)
{
	enum ibv_mtu code = IBV_MTU_256;

	while (128u << code < mtu)
		code++;
	return code;
}

static int connect_rc(struct tf_end *e, struct tf_rdma_end *r)
{
	const struct tf_rdma_spec *spec = &e->flow->spec->rdma;
	struct ibv_device_attr device;
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_RTR,
				   .path_mtu = mtu_code(r->share->mtu),
				   .dest_qp_num = r->other->qpn,
				   .rq_psn = r->other->psn,
				   .min_rnr_timer = RNR_TIMER,
				   .ah_attr = way(r)};
	int err = ibv_query_device(r->context, &device);

	if (err)
		return msg_errno(-err, "%s: what the device can", r->mine->dev);
	attr.max_dest_rd_atomic = device.max_qp_rd_atom < READS ? device.max_qp_rd_atom : READS;
	err = ibv_modify_qp(r->qp, &attr,
			    IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
				    IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
				    IBV_QP_MIN_RNR_TIMER);
	if (err)
		return msg_errno(-err, "%s: no way to the queue pair on %s with GID index %u",
				 r->mine->dev, r->other->dev, r->mine->gid_index);
	attr.qp_state = IBV_QPS_RTS;
	attr.timeout = spec->ack_timeout;
	attr.retry_cnt = spec->retries;
	attr.rnr_retry = RNR_RETRIES;
	attr.sq_psn = r->mine->psn;
	attr.max_rd_atomic = attr.max_dest_rd_atomic;
	err = ibv_modify_qp(r->qp, &attr,
			    IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
				    IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
	return err ? msg_errno(-err, "%s: queue pair to RTS", r->mine->dev) : 0;
}

static int connect_ud(struct tf_rdma_end *r)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_RTR};
	struct ibv_ah_attr ah = way(r);
	int err = ibv_modify_qp(r->qp, &attr, IBV_QP_STATE);

	attr.qp_state = IBV_QPS_RTS;
	attr.sq_psn = r->mine->psn;
	if (!err)
		err = ibv_modify_qp(r->qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN);
	if (err)
		return msg_errno(-err, "%s: queue pair to RTS", r->mine->dev);
	r->ah = ibv_create_ah(r->pd, &ah);
	if (!r->ah)
		return msg_errno(-errno, "%s: no way to %s with GID index %u", r->mine->dev,
				 r->other->dev, r->mine->gid_index);
	return 0;
}

int tf_rdma_connect(struct tf_end *e)
{
	struct tf_rdma_end *r = e->private;
	int err = tf_rdma_await(e, &r->other->known, "the other end makes no queue pair");

	if (err)
		return err;
	if (r->other->len != r->mine->len) {
		msg_error("%s: %llu bytes are registered here, %llu at the other end: its pages "
			  "are of another size",
			  e->flow->spec->name, (unsigned long long)r->mine->len,
			  (unsigned long long)r->other->len);
		return tf_rdma_fail(e);
	}
	return e->flow->spec->rdma.ud ? connect_ud(r) : connect_rc(e, r);
}

int tf_rdma_post(struct tf_end *e, uint32_t seq)
{
	const struct tf_spec *spec = e->flow->spec;
	struct tf_rdma_end *r = e->private;
	struct ibv_sge sge = {
		.addr = (uintptr_t)tf_rdma_slot(e, seq), .length = spec->size, .lkey = r->mr->lkey};
	struct ibv_send_wr *bad, wr = {.wr_id = seq,
				       .sg_list = &sge,
				       .num_sge = 1,
				       .opcode = r->verb->opcode,
				       .send_flags = spec->rdma.inline_data ? IBV_SEND_INLINE : 0,
				       .imm_data = htonl(seq)};
	int err;

	if (spec->rdma.ud) {
		wr.wr.ud.ah = r->ah;
		wr.wr.ud.remote_qpn = r->other->qpn;
		wr.wr.ud.remote_qkey = QKEY;
	} else if (r->verb->access) {
		wr.wr.rdma.remote_addr = r->other->va + (sge.addr - r->mine->va);
		wr.wr.rdma.rkey = r->other->rkey;
	}
	err = ibv_post_send(r->qp, &wr, &bad);
	if (!err)
		r->posted++;
	return -err;
}

int tf_rdma_post_recv(struct tf_end *e, uint32_t seq)
{
	const struct tf_spec *spec = e->flow->spec;
	struct tf_rdma_end *r = e->private;
	size_t grh = spec->rdma.ud ? TF_RDMA_GRH : 0;
	struct ibv_sge sge = {.addr = (uintptr_t)tf_rdma_slot(e, seq) - grh,
			      .length = spec->size + grh,
			      .lkey = r->mr->lkey};
	struct ibv_recv_wr *bad,
		wr = {.wr_id = seq,
		      .sg_list = &sge,
		      .num_sge = r->verb->access ? 0 : 1 /* a write knows where to by itself */};

	return -ibv_post_recv(r->qp, &wr, &bad);
}

void tf_rdma_teardown(struct tf_end *e)
{
	struct tf_rdma_end *r = e->private;

	if (!r)
		return;
	if (r->ah)
		ibv_destroy_ah(r->ah);
	if (r->qp)
		ibv_destroy_qp(r->qp);
	if (r->cq)
		ibv_destroy_cq(r->cq);
	if (r->mr)
		ibv_dereg_mr(r->mr);
	if (r->pd)
		ibv_dealloc_pd(r->pd);
	if (r->context)
		ibv_close_device(r->context);
	e->fd = -1;
	free(r);
	e->private = NULL;
}
