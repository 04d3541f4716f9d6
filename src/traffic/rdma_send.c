// SPDX-License-Identifier: GPL-2.0-only
/* The end whose buffer the payload starts from. */
#include <errno.h>

#include "common/msg.h"
#include "traffic/rdma.h"

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

	while ((n = tf_rdma_poll(e, &wc)) > 0) {
		count++;
		r->completed++;
		tf_rdma_note_done(e, &wc);
		if (wc.status != IBV_WC_SUCCESS) {
			tf_rdma_stop(e);
			continue;
		}
		count_sent(e);
		if (!r->verb->receives)
			tf_rdma_count(e, &r->share->offered);
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
	return tf_rdma_fail(e);
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
		if (tf_rdma_stopped(e) || under_way(e, sent) <= most)
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
		tf_rdma_relax(&turns);
	}
}

static int offer(struct tf_end *e, uint32_t seq)
{
	struct tf_rdma_end *r = e->private;
	int err = tf_rdma_note_post(e, seq, RECORD_SEND, CALL_NONE);

	count_sent(e);
	tf_rdma_count(e, &r->share->offered);
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
	err = tf_rdma_note_post(e, seq, RECORD_SEND, CALL_POST_SEND);
	if (err)
		return err;
	err = tf_rdma_post(e, seq);
	if (err) {
		msg_errno(err, "message %u: ibv_post_send", (unsigned int)seq);
		return tf_rdma_fail(e);
	}
	return 0;
}

/* As many as there are places for. */
static void write_first(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;

	for (uint32_t seq = 0; seq < spec->rdma.depth && seq < spec->count; seq++)
		tf_payload_write(&e->flow->payload, seq, tf_rdma_slot(e, seq), spec->size);
}

int tf_rdma_open_send(struct tf_end *e)
{
	int err = tf_rdma_setup(e, true);

	if (!err && e->flow->spec->hold)
		write_first(e);
	return err ? err : tf_rdma_connect(e);
}

/* An error that is told and logged ends the flow, not the log. */
int tf_rdma_loop_send(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_rdma_end *r = e->private;
	uint32_t seq = 0;
	int err = tf_rdma_await(e, &r->other->up, "the receiver's queue pair does not come up");

	for (; seq < spec->count && !tf_rdma_stopped(e) && !err; seq++) {
		err = send_one(e, seq);
		if (!err)
			err = settle(e, seq + 1, spec->rdma.depth - 1);
	}
	if (!err)
		err = settle(e, seq, 0);
	tf_rdma_done(e);
	return err == -EIO ? 0 : err;
}
