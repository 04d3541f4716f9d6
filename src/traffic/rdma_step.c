// SPDX-License-Identifier: GPL-2.0-only
/* What both ends do between two messages: look for completions, keep records, wait, give up. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/msg.h"
#include "traffic/rdma.h"

#define SPINS 100 /* looks at an empty completion queue before the processor is given up */
#define NAP_NS 20000

/* To the other command, if there is one. */
static void tell(const struct tf_end *e, bool done)
{
	const struct tf_rdma_flow *flow = e->flow->private;
	const struct tf_rdma_end *r = e->private;
	bool sender = e->me == &e->share->send;

	tf_link_tell_step(&flow->link,
			  atomic_load(sender ? &r->share->offered : &e->share->received),
			  atomic_load(&r->mine->up), done);
}

void tf_rdma_stop(struct tf_end *e)
{
	atomic_store(&e->share->stop, 1);
	tell(e, false);
}

int tf_rdma_fail(struct tf_end *e)
{
	e->me->failed++;
	tf_rdma_stop(e);
	return -EIO;
}

void tf_rdma_count(struct tf_end *e, _Atomic uint32_t *messages)
{
	atomic_fetch_add(messages, 1);
	tf_wake(messages);
	tell(e, false);
}

void tf_rdma_done(struct tf_end *e)
{
	tell(e, true);
}

void tf_rdma_up(struct tf_end *e)
{
	struct tf_rdma_end *r = e->private;

	atomic_store(&r->mine->up, 1);
	tf_wake(&r->mine->up);
	tell(e, false);
}

int tf_rdma_await(struct tf_end *e, _Atomic uint32_t *word, const char *what)
{
	uint64_t limit = tf_now() + e->flow->spec->timeout * 1000000ULL;

	while (!tf_wait(word, 0, 100)) {
		if (tf_rdma_stopped(e))
			return -EIO;
		if (tf_now() > limit) {
			msg_error("%s: %s within %lu ms", e->flow->spec->name, what,
				  e->flow->spec->timeout);
			return tf_rdma_fail(e);
		}
	}
	return 0;
}

bool tf_rdma_stopped(const struct tf_end *e)
{
	return atomic_load(&e->share->stop);
}

void tf_rdma_relax(unsigned int *turns)
{
	struct timespec nap = {.tv_nsec = NAP_NS};

	if (++*turns > SPINS)
		nanosleep(&nap, NULL);
}

int tf_rdma_poll(struct tf_end *e, struct ibv_wc *wc)
{
	struct tf_rdma_end *r = e->private;
	int n = ibv_poll_cq(r->cq, 1, wc);

	if (n < 0) {
		msg_error("completion queue of %s cannot be read", r->mine->dev);
		return tf_rdma_fail(e);
	}
	if (n && wc->status != IBV_WC_SUCCESS && !tf_rdma_stopped(e)) {
		msg_error("%s: work request %llu: %s", e->flow->spec->name,
			  (unsigned long long)wc->wr_id, ibv_wc_status_str(wc->status));
		e->me->failed++;
	}
	return n;
}

struct tf_record *tf_rdma_record(const struct tf_end *e, uint32_t seq)
{
	return seq < e->records.count ? &e->records.items[seq] : NULL;
}

/* The library copies an inline payload where no probe sees it: this tells what is looked for. */
static void keep_head(struct tf_record *record)
{
	record->has_head = record->len >= sizeof(record->head);
	if (record->has_head)
		memcpy(&record->head, record->va, sizeof(record->head));
}

int tf_rdma_note_post(struct tf_end *e, uint32_t seq, enum tf_record_kind kind,
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

	if (kind == RECORD_SEND && e->flow->spec->rdma.inline_data)
		keep_head(&record);
	return tf_records_add(&e->records, &record);
}

void tf_rdma_note_done(struct tf_end *e, const struct ibv_wc *wc)
{
	struct tf_record *record = tf_rdma_record(e, wc->wr_id);
	bool good = wc->status == IBV_WC_SUCCESS;

	if (record) {
		record->done = tf_now();
		record->status = wc->status;
		record->result = good ? (int)e->flow->spec->size : -EIO;
	}
}
