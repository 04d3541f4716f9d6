// SPDX-License-Identifier: GPL-2.0-only
/* The end that the payload goes to; it posts the reads. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "common/msg.h"
#include "traffic/rdma.h"

#define QUIET_MS 200  /* a receiver's patience once the sender is through */
#define GRACE_MS 1000 /* and before: longer than the sender's, who knows better what is wrong */

static int64_t find_seq(const struct tf_end *e, const void *at, const struct ibv_wc *wc)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_rdma_end *r = e->private;

	if (!spec->has_fill)
		return tf_payload_seq(&e->flow->payload, e->me->messages, spec->count, at,
				      spec->size);
	if (!spec->rdma.ud)
		return e->me->messages; /* a connection keeps the order */
	if (r->verb->imm && ntohl(wc->imm_data) < spec->count)
		return ntohl(wc->imm_data);
	return spec->ends == ENDS_BOTH && spec->rdma.depth == 1 && !atomic_load(&e->share->lost)
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

/* What was there before must not pass for the next; the last ones stay for whoever holds. */
static void clear(const struct tf_end *e, void *at)
{
	const struct tf_spec *spec = e->flow->spec;

	if (!spec->hold || e->me->messages + spec->rdma.depth < spec->count)
		memset(at, 0, spec->size);
}

/* A message lies in its place: it is looked at and counted, and the place is free again. */
static int take(struct tf_end *e, void *at, const struct ibv_wc *wc, struct tf_record *record)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_rdma_end *r = e->private;
	int err = 0;

	record->seq = find_seq(e, at, wc);
	if (spec->verify) {
		record->verified = check(e, at, record->seq, r->verb->pulls ? NULL : wc);
		e->me->bad += !record->verified;
		clear(e, at);
	}
	if (r->verb->receives)
		err = tf_rdma_post_recv(e, wc->wr_id + spec->rdma.depth);
	if (err) {
		msg_errno(err, "ibv_post_recv");
		return tf_rdma_fail(e);
	}
	e->me->messages++;
	e->me->bytes += spec->size;
	tf_rdma_count(e, &e->share->received);
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
		tf_rdma_stop(e);
	}
	return tf_records_add(&e->records, &record);
}

/* The receiver's own READ is through. */
static int receive_read(struct tf_end *e, const struct ibv_wc *wc)
{
	struct tf_record *record = tf_rdma_record(e, wc->wr_id), unkept = {0};

	tf_rdma_note_done(e, wc);
	if (wc->status != IBV_WC_SUCCESS) {
		tf_rdma_stop(e);
		return 0;
	}
	return take(e, tf_rdma_slot(e, wc->wr_id), wc, record ? record : &unkept);
}

static int post_reads(struct tf_end *e)
{
	struct tf_rdma_end *r = e->private;

	while (r->posted < atomic_load(&r->share->offered)) {
		uint32_t seq = r->posted;
		int err = tf_rdma_note_post(e, seq, RECORD_RECV, CALL_POST_SEND);

		if (err)
			return err;
		err = tf_rdma_post(e, seq);
		if (err) {
			msg_errno(err, "message %u: ibv_post_send", (unsigned int)seq);
			return tf_rdma_fail(e);
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
		err = tf_rdma_poll(e, &wc);
	if (err <= 0)
		return err;
	err = r->verb->pulls ? receive_read(e, &wc) : receive(e, wc.wr_id, &wc);
	return err ? err : 1;
}

int tf_rdma_open_recv(struct tf_end *e)
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
	tf_rdma_up(e);
	return 0;
}

static bool is_over(struct tf_end *e, uint64_t last)
{
	const struct tf_spec *spec = e->flow->spec;
	uint64_t quiet = (tf_now() - last) / 1000000;

	if (tf_rdma_stopped(e))
		return true;
	if (atomic_load(&e->share->send.progress) >= END_DONE)
		return quiet > QUIET_MS;
	if (quiet <= spec->timeout + GRACE_MS)
		return false;
	msg_error("%s: nothing from the sender within %lu ms", spec->name,
		  spec->timeout + GRACE_MS);
	tf_rdma_fail(e);
	return true;
}

int tf_rdma_loop_recv(struct tf_end *e)
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
			tf_rdma_relax(&turns);
		}
	}
	tf_rdma_done(e);
	return err == -EIO ? 0 : err;
}
