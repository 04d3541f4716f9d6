// SPDX-License-Identifier: GPL-2.0-only
/* DMA: which memory devices read and write, and when it is theirs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/engine.h"

/* enum dma_data_direction, include/linux/dma-direction.h */
enum { DIR_BOTH = 0, DIR_TO_DEVICE = 1, DIR_FROM_DEVICE = 2 };

struct txmap {
	uint64_t va, size, skb; /* va: where the device reads */
	bool bounced;
};

/* Behind an IOMMU the device's address tells nothing; then the CPU's is taken. */
static uint64_t device_va(const struct engine *e, uint64_t dma, uint64_t va)
{
	return e->run->iommu && va ? va : rundir_phys_va(e->run, dma);
}

struct reading {
	struct engine *e;
	const char *dev;
};

static void *read_by_device(void *ctx, const struct rm_piece *p)
{
	struct reading *r = ctx;
	struct hop *from = p->tag, *h;

	if (!from->msg || from->holder == BY_DEVICE || from->depth > DEPTH_MAX)
		return from;
	h = hop_after(r->e, HOP_DMA, BY_DEVICE, from, 1u << BY_DRIVER,
		      "not recorded how the device's driver got the bytes");
	if (!h)
		return from;
	h->refs = 0;
	h->src = h->dst = p->addr;
	h->src_len = p->len;
	h->off = p->off;
	memcpy(h->dev, r->dev, sizeof(h->dev));
	return h;
}

static void *unknown_copy(void *ctx, const struct rm_piece *src, uint64_t daddr)
{
	struct engine *e = ctx;
	struct hop *from = src->tag;
	struct hop *h = hop_new(HOP_COPY_UNKNOWN, from->holder, from, from->msg, e->now);

	if (!h) {
		e->err = -ENOMEM;
		return from;
	}
	h->refs = 0;
	h->ip = 0;
	h->src = src->addr;
	h->dst = daddr;
	h->src_len = src->len;
	h->off = src->off;
	if (h->msg)
		h->msg->copied_bytes += src->len;
	return h;
}

static void add_txmap(struct engine *e, uint64_t dma, struct txmap m)
{
	struct txmap *old = hashmap_remove(&e->txmaps, dma + 1), *kept = malloc(sizeof(*kept));

	free(old);
	if (!kept || hashmap_set(&e->txmaps, dma + 1, kept)) {
		free(kept);
		e->err = -ENOMEM;
		return;
	}
	*kept = m;
}

static void map_to_device(struct engine *e, uint64_t va, uint64_t dma, uint64_t size)
{
	uint64_t at = device_va(e, dma, va);
	struct frame *f = frame_at(e, va);
	struct reading r = {e, f ? f->dev : NULL};

	if (!f)
		return; /* another device's business */
	if (at != va && !rangemap_walk(e->map, SPACE_KERNEL, at, size, piece_has_message, NULL))
		rangemap_copy(e->map, SPACE_KERNEL, va, SPACE_KERNEL, at, size, unknown_copy, e);
	engine_check(e, rangemap_retag(e->map, SPACE_KERNEL, at, size, read_by_device, &r));
	if (!f->mapped)
		frame_drop_pieces(f);
	frame_take(e, f, at - (va - f->data), at, size);
	f->mapped = true;
	f->unmapped = false;
	add_txmap(e, dma, (struct txmap){at, size, f->skb, at != va});
}

static void map_from_device(struct engine *e, uint64_t va, uint64_t dma, uint64_t size)
{
	uint64_t at = device_va(e, dma, va);
	struct rm_piece p = {SPACE_KERNEL, at, size, va, 0, NULL};

	engine_check(e, rangemap_insert(e->device, &p));
	engine_check(e, rangemap_clear(e->map, SPACE_KERNEL, at, size));
	hashmap_remove(&e->fresh, at);
}

static void mapped(struct engine *e, uint64_t va, uint64_t dma, uint64_t size, uint64_t dir)
{
	if (dir == DIR_TO_DEVICE || dir == DIR_BOTH)
		map_to_device(e, va, dma, size);
	if (dir == DIR_FROM_DEVICE || dir == DIR_BOTH)
		map_from_device(e, va, dma, size);
}

void on_dma_map(struct engine *e, const struct event *ev)
{
	struct cpu_maps *m = ev->cpu < CPUS_MAX ? &e->maps[ev->cpu] : NULL;

	if (!m)
		return;
	if (m->depth == NEST_MAX) {
		memmove(m->stack, m->stack + 1, sizeof(m->stack) - sizeof(m->stack[0]));
		m->depth--;
	}
	m->stack[m->depth++] = (struct pending_map){
		rundir_page_va(e->run, ev->v[F_page], ev->v[F_off]), ev->v[F_size], ev->v[F_dir]};
}

void on_dma_map_ret(struct engine *e, const struct event *ev)
{
	struct cpu_maps *m = ev->cpu < CPUS_MAX ? &e->maps[ev->cpu] : NULL;
	struct pending_map *p;

	if (!m || !m->depth)
		return;
	p = &m->stack[--m->depth];
	mapped(e, p->va, ev->v[F_dma], p->size, p->dir);
}

void on_dma_mapped(struct engine *e, const struct event *ev)
{
	mapped(e, rundir_phys_va(e->run, ev->v[F_phys]), ev->v[F_dma], ev->v[F_size],
	       ev->v[F_dir]);
}

/* What a device wrote there is a frame; whose payload it holds is found when it goes up. */
static void new_frame_at(struct engine *e, uint64_t at, uint64_t size)
{
	struct hop *h = hop_new(HOP_DMA, BY_FRAME, NULL, NULL, e->now);
	struct rm_piece p = {SPACE_KERNEL, at, size, ORIGIN_FRAME | ++e->next_frame, 0, h};

	if (!h) {
		e->err = -ENOMEM;
		return;
	}
	h->src = h->dst = at;
	h->src_len = size;
	engine_check(e, rangemap_insert(e->map, &p));
	hop_put(h);
}

static void unmap_to_device(struct engine *e, uint64_t dma)
{
	struct txmap *m = hashmap_remove(&e->txmaps, dma + 1);
	struct frame *f = m ? frame_of_skb(e, m->skb) : NULL;

	if (f)
		f->unmapped = true;
	if (m && m->bounced)
		engine_check(e, rangemap_clear(e->map, SPACE_KERNEL, m->va, m->size));
	free(m);
}

void on_dma_unmap(struct engine *e, const struct event *ev)
{
	uint64_t dma = ev->v[F_dma], size = ev->v[F_size], dir = ev->v[F_dir];
	uint64_t at = device_va(e, dma, 0);

	if (dir == DIR_TO_DEVICE || dir == DIR_BOTH)
		unmap_to_device(e, dma);
	if ((dir != DIR_FROM_DEVICE && dir != DIR_BOTH) || e->run->iommu)
		return;
	new_frame_at(e, at, size);
	rangemap_clear(e->device, SPACE_KERNEL, at, size);
	hashmap_remove(&e->fresh, at);
}

void on_dma_sync(struct engine *e, const struct event *ev)
{
	uint64_t at = device_va(e, ev->v[F_dma], 0);

	if (ev->v[F_dir] == DIR_TO_DEVICE || e->run->iommu)
		return;
	new_frame_at(e, at, ev->v[F_size]);
	if (hashmap_set(&e->fresh, at, e))
		e->err = -ENOMEM;
}

bool device_owns(struct engine *e, uint64_t addr, uint64_t len)
{
	struct rm_piece owned;

	return rangemap_walk(e->device, SPACE_KERNEL, addr, len, piece_take, &owned) == 1;
}

/*
 * Something is copied out of a buffer that the device still owns (a driver's copybreak): it holds
 * a frame. Where the driver must say so first by a sync, only one it said so of.
 */
void device_source(struct engine *e, uint64_t src, uint64_t len)
{
	struct rm_piece owned = {0};

	if (!rangemap_walk(e->device, SPACE_KERNEL, src, len, piece_take, &owned))
		return;
	/* From a bounce buffer the bytes come by a sync or an unmap only. */
	if (hashmap_remove(&e->fresh, src) || e->run->sync_always ||
	    owned.origin != owned.addr - owned.off)
		return;
	new_frame_at(e, owned.addr, owned.len);
}

static void free_value(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

void dma_free(struct engine *e)
{
	hashmap_each(&e->txmaps, free_value, NULL);
	hashmap_free(&e->txmaps);
	hashmap_free(&e->fresh);
}
