// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMA messages. Whoever's buffer the payload starts from is the sender, also of a READ, which
 * the receiver posts. The ends tell each other through shared memory what the verbs do not; ends
 * that are commands of their own, through a connection that stands for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/msg.h"
#include "traffic/rdma.h"

const struct tf_rdma_verb tf_rdma_verbs[] = {
	[RDMA_SEND] = {"send", IBV_WR_SEND, .receives = true},
	[RDMA_SEND_IMM] = {"send-imm", IBV_WR_SEND_WITH_IMM, .receives = true, .imm = true},
	[RDMA_WRITE] = {"write", IBV_WR_RDMA_WRITE, .access = IBV_ACCESS_REMOTE_WRITE},
	[RDMA_WRITE_IMM] = {"write-imm", IBV_WR_RDMA_WRITE_WITH_IMM, .receives = true, .imm = true,
			    .access = IBV_ACCESS_REMOTE_WRITE},
	[RDMA_READ] = {"read", IBV_WR_RDMA_READ, .pulls = true, .access = IBV_ACCESS_REMOTE_READ},
};

static size_t room(const struct tf_spec *spec, bool sender)
{
	(void)sender;
	return tf_rdma_stride(spec) * spec->rdma.depth;
}

/* The path's MTU is the smaller port's, or what the user wants below that. */
static int choose_mtu(const struct tf_spec *spec, struct tf_rdma_share *s)
{
	const struct tf_rdma_side *side =
		s->send.active_mtu < s->recv.active_mtu ? &s->send : &s->recv;

	s->mtu = spec->rdma.mtu ? spec->rdma.mtu : side->active_mtu;
	if (s->mtu > side->active_mtu) {
		msg_error("--mtu %u is above the active MTU of %s, which is %u", s->mtu, side->dev,
			  side->active_mtu);
		return -EINVAL;
	}
	if (spec->rdma.ud && spec->size > s->mtu) {
		msg_error("a datagram takes no more than the MTU of %s, which is %u, not %lu bytes",
			  side->dev, s->mtu, spec->size);
		return -EINVAL;
	}
	return 0;
}

static int share(struct tf_flow *f, struct tf_rdma_flow *r)
{
	struct tf_rdma_share *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (s == MAP_FAILED)
		return msg_errno(-errno, "shared memory");
	r->share = s;
	r->verb = &tf_rdma_verbs[f->spec->rdma.op];
	return 0;
}

/* The other end is a command of its own: what it does not tell cannot be known here. */
static int meet(struct tf_flow *f, struct tf_rdma_flow *r)
{
	bool sender = f->spec->ends == ENDS_SEND;
	struct tf_share *s = f->share;
	struct tf_link *link = &r->link;
	int err;

	link->name = f->spec->name;
	link->who = sender ? "receiver" : "sender";
	link->count = f->spec->count;
	link->share = s;
	link->state = sender ? &s->send : &s->recv;
	link->other_state = sender ? &s->recv : &s->send;
	link->other = sender ? &r->share->recv : &r->share->send;
	link->other_count = sender ? &s->received : &r->share->offered;
	err = tf_link_open(link, f->spec);
	if (err)
		return err;
	err = tf_link_greet(link, f->spec, sender ? &r->share->send : &r->share->recv, &s->seed);
	f->payload.seed = s->seed;
	f->payload.has_seed = true;
	return err;
}

static int begin(struct tf_flow *f)
{
	struct tf_rdma_flow *r = calloc(1, sizeof(*r));
	bool send = f->spec->ends != ENDS_RECV, recv = f->spec->ends != ENDS_SEND;
	int err;

	f->private = r;
	if (!r)
		return -ENOMEM;
	r->link.fd = -1;
	err = share(f, r);
	if (!err && send)
		err = tf_rdma_look(f->spec, &f->testbed->src, true, &r->share->send);
	if (!err && recv)
		err = tf_rdma_look(f->spec, &f->testbed->dst, false, &r->share->recv);
	if (!err && !(send && recv))
		err = meet(f, r);
	if (!err)
		err = choose_mtu(f->spec, r->share);
	if (err)
		return err;
	r->share->send.psn = f->share->seed & 0xffffff;
	r->share->recv.psn = f->share->seed >> 32 & 0xffffff;
	r->counters = (struct tf_counters){
		f->number,
		{send ? r->share->send.dev : NULL, recv ? r->share->recv.dev : NULL},
		NULL,
		0};
	err = tf_counters_begin(&r->counters);
	return err || (send && recv) ? err : tf_link_start(&r->link);
}

static void finish(struct tf_flow *f)
{
	struct tf_rdma_flow *r = f->private;

	if (!r)
		return;
	tf_link_close(&r->link);
	tf_counters_free(&r->counters);
	if (r->share)
		munmap(r->share, sizeof(*r->share));
	free(r);
	f->private = NULL;
}

const struct tf_kind tf_rdma = {
	.proto = "rdma",
	.announced = true,
	.send = {tf_rdma_open_send, tf_rdma_loop_send, NULL},
	.recv = {tf_rdma_open_recv, tf_rdma_loop_recv, NULL},
	.begin = begin,
	.finish = finish,
	.describe = tf_rdma_describe,
	.log = tf_rdma_log,
	.hold = tf_rdma_say_regions,
	.room = room,
	.close = tf_rdma_teardown,
};
