// SPDX-License-Identifier: GPL-2.0-only
/* RDMA over a software device, from the beginning of an analysis to its end. */
#include "analyze/path/rxe.h"

#include <stdlib.h>

#include "analyze/paths.h"

struct rxe *rxe_of(const struct engine *e)
{
	return engine_state(e, &path_rxe);
}

struct rxe_thread *rxe_thread_of(struct engine *e, int tid)
{
	struct hashmap *threads = &rxe_of(e)->threads;
	struct rxe_thread *t = hashmap_find(threads, task_key(e, tid));

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || hashmap_set(threads, task_key(e, tid), t)) {
		free(t);
		e->err = -ENOMEM;
		return NULL;
	}
	t->tid = tid;
	return t;
}

static int init(struct engine *e, void **state)
{
	struct rxe *r = *state = calloc(1, sizeof(*r));

	(void)e;
	if (!r)
		return -ENOMEM;
	r->last_region = &r->regions;
	r->pinned = rangemap_new(NULL);
	return r->pinned ? 0 : -ENOMEM;
}

static void finish_thread(void *value, void *ctx)
{
	struct rxe_thread *t = value;

	(void)ctx;
	message_put(t->last);
	t->last = NULL;
}

static void finish(struct engine *e)
{
	regions_finish(e);
	rdma_queues_finish(e);
	rdma_bells_finish(e);
	hashmap_each(&rxe_of(e)->threads, finish_thread, NULL);
}

static void free_value(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

static void free_state(struct engine *e)
{
	struct rxe *r = rxe_of(e);

	if (!r)
		return;
	hashmap_each(&r->threads, finish_thread, NULL);
	regions_free(e);
	rdma_queues_free(e);
	hashmap_each(&r->copies, free_value, NULL);
	hashmap_free(&r->copies);
	hashmap_each(&r->bells, free_value, NULL);
	hashmap_free(&r->bells);
	hashmap_each(&r->threads, free_value, NULL);
	hashmap_free(&r->threads);
	free(r);
}

static void settle(struct engine *e, const struct event *ev)
{
	rxe_copy_settle(e, ev->tid);
}

static const struct handler handlers[] = {
	{EV_RDMA_QP, on_rdma_qp},	  {EV_RDMA_POST, on_rdma_post},
	{EV_RDMA_COPY, on_rdma_copy},	  {EV_RDMA_XMIT, on_rdma_xmit},
	{EV_RDMA_DONE, on_rdma_done},	  {EV_UMEM_PAGES, on_umem_pages},
	{EV_UMEM_PINNED, on_umem_pinned}, {EV_UMEM_RELEASE, on_umem_release},
	{EV_CONSUME_SKB, settle},	  {EV_DEFER_FREE, settle},
	{EV_DROP_SKB, settle},		  {EV_SYSCALL_EXIT, on_rdma_return},
	{0, NULL},
};

const struct path path_rxe = {.name = "rxe", .handlers = handlers, .init = init, .claim = rxe_claim,
			      .finish = finish, .free = free_state};
