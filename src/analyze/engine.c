// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/rdma.h"

static void tag_get(void *tag)
{
	hop_get(tag);
}

static void tag_put(void *tag)
{
	hop_put(tag);
}

static void on_guard(struct engine *e, const struct event *ev)
{
	(void)ev;
	e->guards++;
}

typedef void (*handler)(struct engine *e, const struct event *ev);

static const handler handlers[EV_COUNT] = {
	[EV_FROM_ITER] = on_copy,
	[EV_TO_ITER] = on_copy,
	[EV_PAGE_FROM_ITER] = on_copy,
	[EV_PAGE_TO_ITER] = on_copy,
	[EV_MEM] = on_copy,
	[EV_CSUM] = on_copy,
	[EV_SEND_ENTER] = on_send_enter,
	[EV_RECV_ENTER] = on_recv_enter,
	[EV_FD_FILE] = on_fd_file,
	[EV_SKB_FILL] = on_skb_fill,
	[EV_DEV_QUEUE] = on_handoff,
	[EV_DEV_XMIT] = on_handoff,
	[EV_NETIF_RX] = on_handoff,
	[EV_GRO_RECEIVE] = on_handoff,
	[EV_NETIF_RECEIVE] = on_handoff,
	[EV_SK_QUEUE] = on_handoff,
	[EV_TAP_RCV] = on_tap,
	[EV_SKB_CLONE] = on_clone,
	[EV_COALESCE] = on_coalesce,
	[EV_SKB_MORPH] = on_morph,
	[EV_CONSUME_SKB] = on_skb_free,
	[EV_DEFER_FREE] = on_skb_free,
	[EV_DROP_SKB] = on_skb_free,
	[EV_DMA_MAP] = on_dma_map,
	[EV_DMA_MAP_RET] = on_dma_map_ret,
	[EV_DMA_MAPPED] = on_dma_mapped,
	[EV_DMA_UNMAP] = on_dma_unmap,
	[EV_DMA_SYNC] = on_dma_sync,
	[EV_RDMA_QP] = on_rdma_qp,
	[EV_RDMA_POST] = on_rdma_post,
	[EV_RDMA_COPY] = on_rdma_copy,
	[EV_RDMA_XMIT] = on_rdma_xmit,
	[EV_RDMA_RCV] = on_handoff,
	[EV_RDMA_DONE] = on_rdma_done,
	[EV_UMEM_PAGES] = on_umem_pages,
	[EV_UMEM_PINNED] = on_umem_pinned,
	[EV_UMEM_RELEASE] = on_umem_release,
	[EV_GUARD] = on_guard,
	[EV_NEWTASK] = on_newtask,
	[EV_EXEC] = on_exec,
	[EV_SYSCALL] = on_syscall,
	[EV_MMSG] = on_syscall,
	[EV_SYSCALL_EXIT] = on_syscall_exit,
	[EV_MMSG_EXIT] = on_syscall_exit,
};

int engine_init(struct engine *e, const struct rundir *run)
{
	static const struct rangemap_ops ops = {.get = tag_get, .put = tag_put};

	memset(e, 0, sizeof(*e));
	e->run = run;
	e->want_message = UINT64_MAX;
	e->last_flow = &e->flows;
	e->map = rangemap_new(&ops);
	e->device = rangemap_new(NULL);
	e->maps = calloc(CPUS_MAX, sizeof(*e->maps));
	if (!e->map || !e->device || !e->maps || rdma_init(e))
		return -ENOMEM;
	return threads_load(e);
}

int engine_event(struct engine *e, const struct event *ev)
{
	e->now = ev;
	e->by_kind[ev->kind]++;
	if (handlers[ev->kind])
		handlers[ev->kind](e, ev);
	return e->err;
}

static void close_thread(void *value, void *ctx)
{
	struct thread *t = value;

	recv_op_abandon(ctx, t);
	message_put(t->sending);
	t->sending = NULL;
	message_put(t->rdma_last);
	t->rdma_last = NULL;
}

/* Lets go of everything that holds a message, so that all are accounted for. */
void engine_finish(struct engine *e)
{
	skbs_finish(e);
	hashmap_each(&e->threads, close_thread, e);
	rdma_finish(e);
	frames_free(e);
	dma_free(e);
	skbs_free(e);
	rangemap_free(e->map);
	e->map = NULL;
}

static void free_other(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

void engine_free(struct engine *e)
{
	if (e->map)
		engine_finish(e);
	rangemap_free(e->device);
	rdma_free(e);
	threads_free(e);
	while (e->flows) {
		struct flow *f = e->flows;

		e->flows = f->next;
		flow_free(f);
	}
	hashmap_each(&e->others, free_other, NULL);
	hashmap_free(&e->others);
	hashmap_free(&e->flow_by_key);
	free(e->maps);
	memset(e, 0, sizeof(*e));
}
