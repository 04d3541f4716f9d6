// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMA messages. Whoever's buffer the payload starts from is the sender, also of a READ, which
 * the receiver posts. The ends tell each other through shared memory what the verbs do not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/rdma.h"

#define SPINS 100 /* looks at an empty completion queue before the processor is given up */
#define NAP_NS 20000
#define QUIET_MS 200 /* a receiver's patience once the sender is through */

const struct tf_rdma_verb tf_rdma_verbs[] = {
	[RDMA_SEND] = {"send", IBV_WR_SEND, .receives = true},
	[RDMA_SEND_IMM] = {"send-imm", IBV_WR_SEND_WITH_IMM, .receives = true, .imm = true},
	[RDMA_WRITE] = {"write", IBV_WR_RDMA_WRITE, .access = IBV_ACCESS_REMOTE_WRITE},
	[RDMA_WRITE_IMM] = {"write-imm", IBV_WR_RDMA_WRITE_WITH_IMM, .receives = true, .imm = true,
			    .access = IBV_ACCESS_REMOTE_WRITE},
	[RDMA_READ] = {"read", IBV_WR_RDMA_READ, .pulls = true, .access = IBV_ACCESS_REMOTE_READ},
};

static size_t room(const struct tf_spec *spec)
{
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

static int begin(struct tf_flow *f)
{
	struct tf_rdma_flow *r = calloc(1, sizeof(*r));
	struct tf_rdma_share *s;
	int err;

	f->private = r;
	if (!r)
		return -ENOMEM;
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (s == MAP_FAILED)
		return msg_errno(-errno, "shared memory");
	r->share = s;
	r->verb = &tf_rdma_verbs[f->spec->rdma.op];
	s->send.psn = f->share->seed & 0xffffff;
	s->recv.psn = f->share->seed >> 32 & 0xffffff;
	err = tf_rdma_look(f->spec, &f->bed->src, true, &s->send);
	if (!err)
		err = tf_rdma_look(f->spec, &f->bed->dst, false, &s->recv);
	if (!err)
		err = choose_mtu(f->spec, s);
	return err ? err : tf_rdma_counters(f);
}

static void finish(struct tf_flow *f)
{
	struct tf_rdma_flow *r = f->private;

	if (!r)
		return;
	if (r->before)
		json_object_put(r->before);
	if (r->share)
		munmap(r->share, sizeof(*r->share));
	free(r);
	f->private = NULL;
}

/* The flow is over: the cause is told once, and the other end need not wait. */
static int fail(struct tf_end *e)
{
	e->me->failed++;
	atomic_store(&e->share->stop, 1);
	return -EIO;
}

static bool stopped(const struct tf_end *e)
{
	return atomic_load(&e->share->stop);
}

static void relax(unsigned int *turns)
{
	struct timespec nap = {.tv_nsec = NAP_NS};

	if (++*turns > SPINS)
		nanosleep(&nap, NULL);
}

/* One work completion; 1, 0 if there is none, or -EIO once it is told why. */
static int poll_one(struct tf_end *e, struct ibv_wc *wc)
{
	struct tf_rdma_end *r = e->private;
	int n = ibv_poll_cq(r->cq, 1, wc);

	if (n < 0) {
		msg_error("completion queue of %s cannot be read", r->mine->dev);
		return fail(e);
	}
	if (n && wc->status != IBV_WC_SUCCESS && !stopped(e)) {
		msg_error("%s: work request %llu: %s", e->flow->spec->name,
			  (unsigned long long)wc->wr_id, ibv_wc_status_str(wc->status));
		e->me->failed++;
	}
	return n;
}

static struct tf_record *record_of(const struct tf_end *e, uint32_t seq)
{
	return seq < e->records.count ? &e->records.items[seq] : NULL;
}

static int note_post(struct tf_end *e, uint32_t seq, enum tf_record_kind kind,
		     enum tf_rdma_call call)
{
	struct tf_record record = {.kind = kind,
				   .seq = seq,
				   .wr_id = seq,
				   .va = tf_rdma_slot(e, seq),
				   .len = e->flow->spec->size,
				   .result = call == CALL_NONE ? (int)e->flow->spec->size
							       : -EINPROGRESS,
				   .fd = e->fd,
				   .call = call,
				   .verified = -1,
				   .time = tf_now()};

	return tf_records_add(&e->records, &record);
}

/* What a completion of a posted request says goes to the line of its message. */
static void note_done(struct tf_end *e, const struct ibv_wc *wc)
{
	struct tf_record *record = record_of(e, wc->wr_id);
	bool good = wc->status == IBV_WC_SUCCESS;

	if (record) {
		record->done = tf_now();
		record->status = wc->status;
		record->result = good ? (int)e->flow->spec->size : -EIO;
	}
}

/* ---- the sender ---- */

static void count_sent(struct tf_end *e)
{
	e->me->messages++;
	e->me->bytes += e->flow->spec->size;
}

/* Takes what is complete; gives how many, or -EIO. */
static int reap_sends(struct tf_end *e)
{
	struct tf_rdma_end *r = e->private;
	struct ibv_wc wc;
	int n, count = 0;

	while ((n = poll_one(e, &wc)) > 0) {
		count++;
		r->completed++;
		note_done(e, &wc);
		if (wc.status != IBV_WC_SUCCESS) {
			atomic_store(&e->share->stop, 1);
			continue;
		}
		count_sent(e);
		if (!r->verb->receives) {
			atomic_fetch_add(&r->share->offered, 1);
			tf_wake(&r->share->offered);
		}
	}
	return n < 0 ? n : count;
}

static uint32_t under_way(const struct tf_end *e, uint32_t sent)
{
	const struct tf_rdma_end *r = e->private;
	int32_t arriving = sent - atomic_load(&e->share->received) - atomic_load(&e->share->lost);
	int32_t posted = r->verb->pulls ? 0 : r->posted - r->completed;

	if (arriving < 0)
		arriving = 0;
	return posted > arriving ? posted : arriving;
}

static int too_late(struct tf_end *e, uint32_t sent)
{
	const struct tf_spec *spec = e->flow->spec;
	struct tf_rdma_end *r = e->private;
	uint32_t done = atomic_load(&e->share->received) + atomic_load(&e->share->lost);

	if (spec->rdma.ud && r->posted == r->completed) {
		atomic_fetch_add(&e->share->lost, sent - done);
		return 0;
	}
	msg_error("%s: message %u did not arrive within %lu ms", spec->name, (unsigned int)done,
		  spec->timeout);
	return fail(e);
}

/* Waits until no more than `most` messages are under way. */
static int settle(struct tf_end *e, uint32_t sent, uint32_t most)
{
	uint64_t patience = e->flow->spec->timeout * 1000000ULL, limit = tf_now() + patience;
	uint32_t received = atomic_load(&e->share->received);
	unsigned int turns = 0;

	for (;;) {
		int n = reap_sends(e);
		uint32_t now = atomic_load(&e->share->received);

		if (n < 0)
			return n;
		if (stopped(e) || under_way(e, sent) <= most)
			return 0;
		if (n || now != received) {
			limit = tf_now() + patience;
			received = now;
			turns = 0;
		} else if (tf_now() > limit) {
			n = too_late(e, sent);
			if (n)
				return n;
		}
		relax(&turns);
	}
}

static int offer(struct tf_end *e, uint32_t seq)
{
	struct tf_rdma_end *r = e->private;
	int err = note_post(e, seq, RECORD_SEND, CALL_NONE);

	count_sent(e);
	atomic_fetch_add(&r->share->offered, 1);
	tf_wake(&r->share->offered);
	return err;
}

static int send_one(struct tf_end *e, uint32_t seq)
{
	const struct tf_rdma_end *r = e->private;
	int err;

	tf_payload_write(&e->flow->payload, seq, tf_rdma_slot(e, seq), e->flow->spec->size);
	atomic_store(&e->share->seq, seq);
	if (r->verb->pulls)
		return offer(e, seq);
	err = note_post(e, seq, RECORD_SEND, CALL_POST_SEND);
	if (err)
		return err;
	err = tf_rdma_post(e, seq);
	if (err) {
		msg_errno(err, "message %u: ibv_post_send", (unsigned int)seq);
		return fail(e);
	}
	return 0;
}

static int await_receiver(struct tf_end *e)
{
	struct tf_rdma_end *r = e->private;
	uint64_t limit = tf_now() + e->flow->spec->timeout * 1000000ULL;

	while (!tf_wait(&r->other->up, 0, 100)) {
		if (stopped(e))
			return 0;
		if (tf_now() > limit) {
			msg_error("%s: the receiver's queue pair does not come up",
				  e->flow->spec->name);
			return fail(e);
		}
	}
	return 0;
}

static int open_send(struct tf_end *e)
{
	int err = tf_rdma_setup(e, true);

	e->me->peer = e->share->recv.addr;
	return err ? err : tf_rdma_connect(e);
}

/* An error that is told and logged ends the flow, not the log. */
static int loop_send(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	uint32_t seq = 0;
	int err = await_receiver(e);

	for (; seq < spec->count && !stopped(e) && !err; seq++) {
		err = send_one(e, seq);
		if (!err)
			err = settle(e, seq + 1, spec->rdma.depth - 1);
	}
	if (!err)
		err = settle(e, seq, 0);
	return err == -EIO ? 0 : err;
}

/* ---- the receiver ---- */

static int64_t find_seq(const struct tf_end *e, const void *at)
{
	const struct tf_spec *spec = e->flow->spec;

	if (!spec->has_fill)
		return tf_payload_seq(&e->flow->payload, e->me->messages, spec->count, at,
				      spec->size);
	if (!spec->rdma.ud)
		return e->me->messages; /* a connection keeps the order */
	return spec->rdma.depth == 1 && !atomic_load(&e->share->lost)
		       ? (int64_t)atomic_load(&e->share->seq)
		       : TF_SEQ_UNKNOWN;
}

static bool check(const struct tf_end *e, const void *at, int64_t seq, const struct ibv_wc *wc)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_rdma_end *r = e->private;

	if (!spec->rdma.ud && seq != (int64_t)e->me->messages)
		return false;
	if (wc && r->verb->imm && wc->imm_data != htonl(seq))
		return false;
	if (wc && wc->byte_len != spec->size + (spec->rdma.ud ? TF_RDMA_GRH : 0))
		return false;
	return tf_payload_check(&e->flow->payload, seq, at, spec->size);
}

/* A message lies in its place: it is looked at and counted, and the place is free again. */
static int take(struct tf_end *e, void *at, const struct ibv_wc *wc, struct tf_record *record)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_rdma_end *r = e->private;
	int err = 0;

	record->seq = find_seq(e, at);
	if (spec->verify) {
		record->verified = check(e, at, record->seq, r->verb->pulls ? NULL : wc);
		e->me->bad += !record->verified;
		memset(at, 0, spec->size); /* what was there before must not pass for the next */
	}
	if (r->verb->receives)
		err = tf_rdma_post_recv(e, wc->wr_id + spec->rdma.depth);
	if (err) {
		msg_errno(err, "ibv_post_recv");
		return fail(e);
	}
	e->me->messages++;
	e->me->bytes += spec->size;
	atomic_fetch_add(&e->share->received, 1);
	tf_wake(&e->share->received);
	return 0;
}

/* A message that came by a completion, or by the sender's word (no wc). */
static int receive(struct tf_end *e, uint32_t slot, const struct ibv_wc *wc)
{
	struct tf_record record = {.kind = RECORD_RECV,
				   .call = wc ? CALL_COMPLETION : CALL_NONE,
				   .seq = TF_SEQ_UNKNOWN,
				   .wr_id = slot,
				   .va = tf_rdma_slot(e, slot),
				   .len = e->flow->spec->size,
				   .result = e->flow->spec->size,
				   .fd = e->fd,
				   .verified = -1,
				   .time = tf_now(),
				   .status = wc ? wc->status : 0};
	bool good = !wc || wc->status == IBV_WC_SUCCESS;
	int err;

	record.done = wc ? record.time : 0;
	if (good) {
		err = take(e, tf_rdma_slot(e, slot), wc, &record);
		if (err)
			return err;
	} else {
		record.result = -EIO;
		atomic_store(&e->share->stop, 1);
	}
	return tf_records_add(&e->records, &record);
}

/* The receiver's own READ is through. */
static int receive_read(struct tf_end *e, const struct ibv_wc *wc)
{
	struct tf_record *record = record_of(e, wc->wr_id), unkept = {0};

	note_done(e, wc);
	if (wc->status != IBV_WC_SUCCESS) {
		atomic_store(&e->share->stop, 1);
		return 0;
	}
	return take(e, tf_rdma_slot(e, wc->wr_id), wc, record ? record : &unkept);
}

static int post_reads(struct tf_end *e)
{
	struct tf_rdma_end *r = e->private;

	while (r->posted < atomic_load(&r->share->offered)) {
		uint32_t seq = r->posted;
		int err = note_post(e, seq, RECORD_RECV, CALL_POST_SEND);

		if (err)
			return err;
		err = tf_rdma_post(e, seq);
		if (err) {
			msg_errno(err, "message %u: ibv_post_send", (unsigned int)seq);
			return fail(e);
		}
	}
	return 0;
}

/* Whatever has come; 1, 0 if nothing has, or -errno. */
static int receive_some(struct tf_end *e)
{
	struct tf_rdma_end *r = e->private;
	struct ibv_wc wc;
	int err;

	if (!r->verb->receives && !r->verb->pulls) {
		if (atomic_load(&r->share->offered) == (uint32_t)e->me->messages)
			return 0;
		err = receive(e, e->me->messages, NULL);
		return err ? err : 1;
	}
	err = r->verb->pulls ? post_reads(e) : 0;
	if (!err)
		err = poll_one(e, &wc);
	if (err <= 0)
		return err;
	err = r->verb->pulls ? receive_read(e, &wc) : receive(e, wc.wr_id, &wc);
	return err ? err : 1;
}

static int open_recv(struct tf_end *e)
{
	return tf_rdma_setup(e, false);
}

static int come_up(struct tf_end *e)
{
	struct tf_rdma_end *r = e->private;
	int err = tf_rdma_connect(e);

	for (uint32_t i = 0; r->verb->receives && i < e->flow->spec->rdma.depth && !err; i++) {
		err = tf_rdma_post_recv(e, i);
		if (err)
			msg_errno(err, "ibv_post_recv");
	}
	if (err)
		return err;
	atomic_store(&r->mine->up, 1);
	tf_wake(&r->mine->up);
	return 0;
}

static bool is_over(const struct tf_end *e, uint64_t last)
{
	if (stopped(e))
		return true;
	return atomic_load(&e->share->send.progress) >= END_DONE &&
	       tf_now() > last + QUIET_MS * 1000000ULL;
}

static int loop_recv(struct tf_end *e)
{
	uint64_t last = tf_now();
	unsigned int turns = 0;
	int err = come_up(e);

	while (!err && e->me->messages < e->flow->spec->count) {
		int n = receive_some(e);

		if (n > 0) {
			last = tf_now();
			turns = 0;
		} else if (n < 0) {
			err = n;
		} else if (is_over(e, last)) {
			break;
		} else {
			relax(&turns);
		}
	}
	return err == -EIO ? 0 : err;
}

const struct tf_kind tf_rdma = {
	.proto = "rdma",
	.send = {open_send, loop_send},
	.recv = {open_recv, loop_recv},
	.begin = begin,
	.finish = finish,
	.describe = tf_rdma_describe,
	.log = tf_rdma_log,
	.room = room,
	.close = tf_rdma_teardown,
};
