// SPDX-License-Identifier: GPL-2.0-only
/* Queue pairs: who they belong to, the work requests under way, and the completions that end them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/path/rxe.h"


/* include/uapi/rdma/ib_user_verbs.h: enum ib_uverbs_wc_opcode; values of a receiver's have bit 7. */
#define WC_RECEIVER 0x80
#define WC_RDMA_READ 2 /* behind SEND and RDMA_WRITE */
#define GRH 40 /* of a datagram, before its payload (IBA 9.6: global route header) */

static struct rdma_qp *qp_new(struct engine *e, uint64_t ptr)
{
	struct rdma_qp *qp = calloc(1, sizeof(*qp));

	if (!qp || hashmap_set(&rxe_of(e)->qps, ptr, qp)) {
		free(qp);
		e->err = -ENOMEM;
		return NULL;
	}
	qp->ptr = ptr;
	return qp;
}

static void drop_works(struct rdma_qp *qp, size_t n)
{
	for (size_t i = 0; i < n; i++)
		message_put(qp->works[i].msg);
	qp->work_count -= n;
	if (n)
		memmove(qp->works, qp->works + n, qp->work_count * sizeof(*qp->works));
}

void rdma_qp_show(struct rdma_view *v, const struct rdma_qp *qp)
{
	v->known = true;
	v->qp = qp->ptr;
	v->qpn = qp->qpn;
	if (qp->tgid)
		v->tgid = qp->tgid;
	snprintf(v->dev, sizeof(v->dev), "%s", qp->dev);
}

static void count_packets(struct rdma_view *v, const struct rdma_qp *qp)
{
	if (v->qp == qp->ptr && v->qpn == qp->qpn)
		v->packets = qp->packets;
}

/* It will send no more. */
static void qp_close(struct engine *e, struct rdma_qp *qp)
{
	for (struct flow *f = qp->packets ? e->flows : NULL; f; f = f->next) {
		count_packets(&f->from, qp);
		count_packets(&f->to, qp);
	}
	if (qp->last_flow)
		qp->last_flow->calls += qp->bells;
	else if (qp->bells)
		rdma_bells_astray(e, qp);
	if (qp->last_flow)
		qp->last_flow->caveats[CAVEAT_NO_SEND] += qp->unsent;
	else
		e->unsent += qp->unsent;
	drop_works(qp, qp->work_count);
}

/* The memory of one that is gone serves another. */
static void qp_reuse(struct engine *e, struct rdma_qp *qp, uint32_t qpn)
{
	qp_close(e, qp);
	qp->qpn = qpn;
	qp->tgid = 0;
	qp->packets = qp->bells = qp->unsent = 0;
	qp->last_flow = qp->done.flow = NULL;
}

struct rdma_qp *rdma_qp_of(struct engine *e, uint64_t ptr, uint32_t qpn)
{
	struct rdma_qp *qp = hashmap_find(&rxe_of(e)->qps, ptr);

	if (!qp)
		qp = qp_new(e, ptr);
	if (qp && qp->qpn != qpn)
		qp_reuse(e, qp, qpn);
	return qp;
}

static uint64_t number_key(uint64_t where, uint32_t qpn)
{
	return mix(where, qpn, 0);
}

struct rdma_qp *rdma_qp_behind(struct engine *e, uint64_t ip, uint32_t qpn)
{
	struct rdma_qp *qp = hashmap_find(&rxe_of(e)->by_addr, number_key(ip, qpn));

	return qp && qp->qpn == qpn ? qp : NULL;
}

void rdma_qp_lives_at(struct engine *e, struct rdma_qp *qp, uint64_t ip)
{
	if (hashmap_set(&rxe_of(e)->by_addr, number_key(ip, qp->qpn), qp))
		e->err = -ENOMEM;
}

/* drivers/infiniband/sw/rxe/rxe_qp.c: rxe_qp_from_attr runs in the process that owns it. */
void on_rdma_qp(struct engine *e, const struct event *ev)
{
	struct rdma_qp *qp = rdma_qp_of(e, ev->v[F_qp], (uint32_t)ev->v[F_qpn]);
	struct thread *t = thread_of(e, ev->tid);
	size_t len = ev->array_len[A_dev];
	struct rxe_thread *owner;

	if (!qp || !t)
		return;
	qp->tgid = t->tgid;
	owner = rxe_thread_of(e, t->tgid);
	if (owner)
		owner->owns = true;
	qp->scq = ev->v[F_scq];
	qp->rcq = ev->v[F_rcq];
	if (len >= sizeof(qp->dev))
		len = sizeof(qp->dev) - 1;
	memset(qp->dev, 0, sizeof(qp->dev));
	if (ev->array[A_dev])
		memcpy(qp->dev, ev->array[A_dev], strnlen((const char *)ev->array[A_dev], len));
	if (hashmap_set(&rxe_of(e)->by_cq, number_key(qp->scq, qp->qpn), qp) ||
	    hashmap_set(&rxe_of(e)->by_cq, number_key(qp->rcq, qp->qpn), qp))
		e->err = -ENOMEM;
}

/* A doorbell: the system call that tells the device of new work requests. */
void on_rdma_post(struct engine *e, const struct event *ev)
{
	struct rdma_qp *qp = ev->v[F_user] ? hashmap_find(&rxe_of(e)->qps, ev->v[F_qp]) : NULL;
	const struct thread *t = thread_of(e, ev->tid);
	struct rxe_thread *r = rxe_thread_of(e, ev->tid);

	if (!ev->v[F_user])
		return;
	if (!qp)
		qp = qp_new(e, ev->v[F_qp]);
	if (!qp || !t || !r)
		return;
	r->rang = true;
	qp->tgid = t->tgid;
	if (qp->bells++)
		return;
	qp->bell_ts = ev->ts;
	qp->bell_off = ev->file_off;
	qp->bell_cpu = ev->cpu;
	qp->bell_tid = ev->tid;
}

/* Packet numbers go round. */
static bool is_between(uint32_t psn, uint32_t first, uint32_t last)
{
	return ((psn - first) & PSN_MASK) <= ((last - first) & PSN_MASK);
}

struct work *rdma_work_with(struct rdma_qp *qp, uint32_t psn)
{
	for (size_t i = qp->work_count; i-- > 0;) {
		struct work *w = &qp->works[i];

		if (is_between(psn, w->first_psn, w->last_psn))
			return w;
	}
	return NULL;
}

struct flow *rdma_done_with(const struct rdma_qp *qp, uint32_t psn, bool first)
{
	/* There is a doorbell that nothing has answered yet: after a reset numbers may begin anew. */
	if (!qp->done.flow || (first && qp->bells))
		return NULL;
	return is_between(psn, qp->done.first_psn, qp->done.last_psn) ? qp->done.flow : NULL;
}

struct work *rdma_work_add(struct engine *e, struct rdma_qp *qp, const struct work *w)
{
	if (qp->work_count == qp->work_room) {
		size_t want = qp->work_room ? qp->work_room * 2 : 8;
		struct work *more = realloc(qp->works, want * sizeof(*more));

		if (!more) {
			message_put(w->msg);
			e->err = -ENOMEM;
			return NULL;
		}
		qp->works = more;
		qp->work_room = want;
	}
	qp->works[qp->work_count] = *w;
	return &qp->works[qp->work_count++];
}

/* That a message has arrived is told to both ends, and counts once. */
static void arrived(struct message *m, uint64_t bytes)
{
	if (!m->told)
		m->flow->expected_bytes += bytes;
	m->told = true;
	if (m->delivered_bytes != bytes)
		message_caveat(m, CAVEAT_UNACCOUNTED);
}

static void complete(struct work *w, bool good)
{
	struct message *m = w->msg;

	m->returned = true;
	if (!good)
		m->flow->errors++;
	else if (m->reliable)
		arrived(m, m->len);
	if (good && m->reliable && !m->len)
		m->flow->chains++; /* of no byte, and unbroken */
}

static struct rdma_qp *qp_completing(struct engine *e, const struct event *ev)
{
	uint32_t qpn = (uint32_t)ev->v[F_qpn];
	struct rdma_qp *qp = hashmap_find(&rxe_of(e)->by_cq, number_key(ev->v[F_cq], qpn));

	return qp && qp->qpn == qpn ? qp : NULL;
}

static bool completes(const struct work *w, const struct event *ev)
{
	return w->wr_id == ev->v[F_wr_id] &&
	       (ev->v[F_status] || (w->signaled && w->wc_op == ev->v[F_wc_op]));
}

/*
 * Many requests may have the same wr_id: it is the oldest that asked for a completion; one that
 * failed completes also without having asked.
 */
static size_t work_completing(const struct rdma_qp *qp, const struct event *ev)
{
	size_t i = 0;

	while (i < qp->work_count && !completes(&qp->works[i], ev))
		i++;
	return i;
}

/* Requests complete in order; those before it that asked for no completion are through, too. */
static void requester_done(struct engine *e, const struct event *ev)
{
	struct rdma_qp *qp = qp_completing(e, ev);
	size_t i;

	if (!qp)
		return;
	i = work_completing(qp, ev);
	if (i == qp->work_count) {
		/* One that failed may never have been sent, and others than these are no messages. */
		qp->unsent += !ev->v[F_status] && ev->v[F_wc_op] <= WC_RDMA_READ;
		return;
	}
	for (size_t k = 0; k <= i; k++) {
		if (k < i && qp->works[k].signaled)
			message_caveat(qp->works[k].msg, CAVEAT_NO_COMPLETION);
		complete(&qp->works[k], k < i || !ev->v[F_status]);
	}
	qp->done.first_psn = qp->works[0].first_psn;
	qp->done.last_psn = qp->works[i].last_psn;
	qp->done.flow = qp->works[i].msg->flow;
	drop_works(qp, i + 1);
}

/* The receiver was told of bytes that no chain brought: whoever sends there misses them. */
static void told_without_chain(struct engine *e, const struct rdma_qp *qp, const struct event *ev)
{
	struct flow *found = NULL;

	for (struct flow *f = e->flows; f; f = f->next)
		if (f->op && f->to.qpn == ev->v[F_qpn] &&
		    (!f->to.qp || !qp || f->to.qp == qp->ptr))
			found = f;
	if (found) {
		found->expected_bytes += ev->v[F_len];
		found->caveats[CAVEAT_UNACCOUNTED]++;
		return;
	}
	e->ledger.orphans++;
	e->ledger.orphan_bytes += ev->v[F_len];
}

/*
 * Its receiver is told of a message right behind the copy of its last bytes, by the same thread
 * (drivers/infiniband/sw/rxe/rxe_resp.c: execute, do_complete).
 */
static void receiver_done(struct engine *e, const struct event *ev)
{
	struct rxe_thread *t = rxe_thread_of(e, ev->tid);
	struct message *m = t ? t->last : NULL;
	const struct rdma_qp *qp = qp_completing(e, ev);
	uint64_t told = ev->v[F_len];
	struct flow *f;

	if (ev->v[F_status])
		return;
	if (!m || m->flow->to.qpn != ev->v[F_qpn]) {
		if (told)
			told_without_chain(e, qp, ev);
		return;
	}
	f = m->flow;
	if (told == m->len + GRH) {
		told -= GRH;
		f->header_bytes += GRH;
	}
	if (!f->to.qp && qp)
		rdma_qp_show(&f->to, qp);
	m->received = true;
	arrived(m, told);
	t->last = NULL;
	message_put(m);
}

void on_rdma_done(struct engine *e, const struct event *ev)
{
	rxe_copy_settle(e, ev->tid);
	if (!ev->v[F_user])
		return; /* the completion of kernel code is of another form (struct ib_wc) */
	if (ev->v[F_wc_op] & WC_RECEIVER)
		receiver_done(e, ev);
	else
		requester_done(e, ev);
}

static void finish_qp(void *value, void *ctx)
{
	qp_close(ctx, value);
}

void rdma_queues_finish(struct engine *e)
{
	hashmap_each(&rxe_of(e)->qps, finish_qp, e);
}

static void free_qp(void *value, void *ctx)
{
	struct rdma_qp *qp = value;

	(void)ctx;
	drop_works(qp, qp->work_count);
	free(qp->works);
	free(qp);
}

void rdma_queues_free(struct engine *e)
{
	hashmap_each(&rxe_of(e)->qps, free_qp, NULL);
	hashmap_free(&rxe_of(e)->qps);
	hashmap_free(&rxe_of(e)->by_cq);
	hashmap_free(&rxe_of(e)->by_addr);
}
