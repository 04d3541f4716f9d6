// SPDX-License-Identifier: GPL-2.0-only
/* Writes the seeds of fuzz_engine into the folder given. */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/vec.h"
#include "trace/events.h"

static const char *dir;

static FILE *begin(const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		err(1, "%s", path);
	return f;
}

static void files(const char *name, const char *run, const char *sites, const char *traffic)
{
	FILE *f = begin(name);

	fprintf(f, "\x01%s%c%s%c%s", run, 0, sites, 0, traffic);
	fclose(f);
}

/* Events that agree about their buffers: skb 0, head 0, payload at its start. */
static void event(FILE *f, enum event_kind kind, uint8_t tid, uint8_t dst, uint8_t src)
{
	uint8_t b[16] = {(uint8_t)kind, tid, dst, src, 64, 6, 2 << 5, 0, 0, 0, 0x40, 16, 0, 0, 5, 0};

	fwrite(b, sizeof(b), 1, f);
}

static void flow(const char *name, uint8_t mode, const enum event_kind *way, size_t n)
{
	FILE *f = begin(name);

	fwrite((uint8_t[]){0, mode, 0}, 3, 1, f);
	for (int i = 0; i < 3; i++) {
		event(f, EV_SEND_ENTER, 0, 0, 0);
		event(f, EV_SKB_FILL, 0, 0, 0);
		event(f, EV_FROM_ITER, 0, 0, 0);
		for (size_t k = 0; k < n; k++)
			event(f, way[k], 0, 0, 0);
		event(f, EV_SYSCALL_EXIT, 0, 0, 0);
		event(f, EV_RECV_ENTER, 1, 0, 0);
		event(f, EV_TO_ITER, 1, 0x80, 0);
		event(f, EV_CONSUME_SKB, 1, 0, 0);
		event(f, EV_SYSCALL_EXIT, 1, 0, 0);
	}
	fclose(f);
}

/* Registration, one message from region to region, its completions. */
static void rdma(const char *name, uint8_t opcode)
{
	static const enum event_kind way[] = {EV_DEV_QUEUE, EV_DEV_XMIT, EV_NETIF_RX, EV_NETIF_RECEIVE, EV_RDMA_RCV};
	FILE *f = begin(name);

	fwrite((uint8_t[]){0, 0, 0}, 3, 1, f);
	event(f, EV_RDMA_QP, 0, 0, 0);
	event(f, EV_UMEM_PINNED, 0, 0, 0);
	event(f, EV_UMEM_PAGES, 0, 0, 0);
	for (int i = 0; i < 3; i++) {
		event(f, EV_RDMA_POST, 0, 0, 0);
		event(f, EV_RDMA_COPY, 0, 0, 1);
		event(f, EV_MEM, 0, 0, 1);
		event(f, EV_RDMA_XMIT, 0, opcode, (uint8_t)i);
		for (size_t k = 0; k < ARRAY_SIZE(way); k++)
			event(f, way[k], 0, 0, 0);
		event(f, EV_RDMA_COPY, 0, 0, 1);
		event(f, EV_MEM, 0, 1, 0);
		event(f, EV_RDMA_DONE, 0, 0, 0);
		event(f, EV_DROP_SKB, 0, 0, 0);
	}
	event(f, EV_UMEM_RELEASE, 0, 0, 0);
	fclose(f);
}

int main(int argc, char **argv)
{
	static const enum event_kind lo[] = {EV_DEV_QUEUE, EV_DEV_XMIT, EV_NETIF_RX, EV_NETIF_RECEIVE, EV_SK_QUEUE};
	static const enum event_kind wire[] = {EV_DEV_QUEUE, EV_DEV_XMIT, EV_DMA_MAPPED, EV_DMA_UNMAP, EV_DMA_SYNC,
					       EV_MEM, EV_GRO_RECEIVE, EV_NETIF_RECEIVE, EV_SK_QUEUE};
	static const enum event_kind odd[] = {EV_DMA_MAP, EV_DMA_MAP_RET, EV_TAP_RCV, EV_SKB_CLONE, EV_SKB_MORPH,
					      EV_COALESCE, EV_DROP_SKB, EV_CSUM, EV_NEWTASK, EV_EXEC, EV_SYSCALL,
					      EV_FD_FILE, EV_PAGE_FROM_ITER, EV_PAGE_TO_ITER};

	dir = argc > 1 ? argv[1] : ".";
	flow("lo", 0, lo, ARRAY_SIZE(lo));
	flow("wire", 4, wire, ARRAY_SIZE(wire));
	rdma("rdma-send", 3);
	rdma("rdma-write", 5);
	rdma("rdma-read", 6);
	flow("odd", 8, odd, ARRAY_SIZE(odd));
	files("files", "{\"schema\":1,\"kernel\":\"k\",\"memory\":{\"page_offset_base\":\"0xffff888000000000\","
	      "\"vmemmap_base\":\"0xffffea0000000000\",\"page_size\":4096,\"iommu\":false},\"btf\":{\"ITER_UBUF\":6,"
	      "\"SKB_DROP_REASON_X\":3,\"sizeof.page\":64},\"probes\":{\"placed\":{\"dma_sync\":"
	      "[\"dma_sync_single_for_cpu\"]},\"refused\":[]},\"loss\":{\"lost\":0},\"tasks\":[[1,1,\"a\"],[2,1,\"b\"]]}",
	      "{\"schema\":1,\"sites\":[{\"addr\":\"0x10\",\"ret\":\"0x15\",\"function\":\"f\",\"offset\":1,"
	      "\"kind\":\"call\",\"status\":\"probed\"}],\"primitives\":[{\"name\":\"p\",\"cover\":\"none\"}]}",
	      "{\"kind\":\"flow\",\"flow\":1,\"name\":\"n\",\"send_pid\":1,\"dport\":5}\n"
	      "{\"kind\":\"pages\",\"flow\":1,\"side\":\"send\",\"va\":\"0x1000\",\"len\":1,\"pfns\":[\"0x1\"]}\n"
	      "{\"kind\":\"end\",\"flow\":1,\"sent\":1}\n");
	files("empty", "{\"schema\":1}", "{\"schema\":1}", "");
	return 0;
}
