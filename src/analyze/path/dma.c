// SPDX-License-Identifier: GPL-2.0-only
/* DMA: which memory devices read and write, and when it is theirs. */
#include "analyze/path/dma.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/core/copying.h"
#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/path/frame.h"
#include "analyze/paths.h"

/* enum dma_data_direction, include/linux/dma-direction.h */
enum { DIR_BOTH = 0, DIR_TO_DEVICE = 1, DIR_FROM_DEVICE = 2 };

#define NEST_MAX 8
#define CPUS_MAX 1024

/* Memory that a device reads. */
struct reading {
	uint64_t va, size, skb;
	bool bounced;
};

struct pending_map {
	uint64_t va, size, dir;
};

struct cpu_maps {
	struct pending_map stack[NEST_MAX];
	unsigned int depth;
};

struct dma {
	struct rangemap *owned;	 /* buffers that devices own */
	struct rangemap *coherent; /* memory that they read and write whenever they like */
	struct hashmap readings; /* struct reading by the device's address */
	struct hashmap synced;	 /* buffers that the driver was given back to look at */
	struct cpu_maps *maps;	 /* per CPU */
};

static struct dma *dma_of(const struct engine *e)
{
	return engine_state(e, &path_dma);
}

/* Behind an IOMMU the device's address tells nothing; then the CPU's is taken. */
static uint64_t device_va(const struct engine *e, uint64_t dma, uint64_t va)
{
	return e->run->iommu && va ? va : rundir_phys_va(e->run, dma);
}

static void add_reading(struct engine *e, uint64_t dma, struct reading m)
{
	struct dma *d = dma_of(e);
	struct reading *kept = malloc(sizeof(*kept));

	free(hashmap_remove(&d->readings, dma));
	if (!kept || hashmap_set(&d->readings, dma, kept)) {
		free(kept);
		e->err = -ENOMEM;
		return;
	}
	*kept = m;
}

/* The bounce buffer has what the driver gave, if no probe saw the copy. */
static void fill_bounce(struct engine *e, uint64_t va, uint64_t at, uint64_t size)
{
	struct content like = {.kind = HOP_COPY_UNKNOWN, .holder = BY_SAME, .src = va};

	if (at == va || content_has_payload(e->content, SPACE_KERNEL, at, size))
		return;
	like.at = engine_stamp(e);
	like.at.ip = 0;
	copy_within(e, &like, (struct place){SPACE_KERNEL, va}, (struct place){SPACE_KERNEL, at}, size);
}

void device_gets(struct engine *e, struct frame *f, const struct site *site, uint64_t va, uint64_t at,
		 uint64_t size)
{
	struct custody read = {.kind = site ? HOP_PIO : HOP_DMA, .holder = BY_DEVICE, .site = site, .from = HOLDER_BIT(BY_DRIVER),
			       .why = "not recorded how the device's driver got the bytes"};
	struct holder *skb = skb_find(e, f->skb);
	/* A header of the device's own may be in the room before the frame. */
	uint64_t before = va < f->data && f->data - va < size ? f->data - va : 0;

	va += before;
	at += before;
	size -= before;
	if (!f->read)
		frame_forget_pieces(e, f);
	read.at = engine_stamp(e);
	memcpy(read.dev, f->dev, sizeof(read.dev));
	frame_take(e, f, frame_offset(f, va), at, size, &read);
	frame_give(f, va, size);
	f->read = true;
	if (skb)
		skb->sent = true;
}

void dma_read(struct engine *e, struct frame *f, uint64_t va, uint64_t at, uint64_t size)
{
	device_gets(e, f, NULL, va, at, size);
}

static void map_to_device(struct engine *e, uint64_t va, uint64_t dma, uint64_t size)
{
	uint64_t at = device_va(e, dma, va);
	struct frame *f = frame_at(e, va);

	if (!f)
		return; /* another device's business */
	fill_bounce(e, va, at, size);
	/* Where a queue's buffers are mapped, too, they are read where the map says. */
	f->read &= !f->queued;
	f->queued = false;
	dma_read(e, f, va, at, size);
	f->mapped++;
	add_reading(e, dma, (struct reading){at, size, f->skb, at != va});
}

static void own(struct engine *e, uint64_t va, uint64_t at, uint64_t size)
{
	struct dma *d = dma_of(e);
	struct rm_piece p = {.space = SPACE_KERNEL, .addr = at, .len = size, .origin = va};

	engine_check(e, rangemap_insert(d->owned, &p));
	engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, at, size));
	hashmap_remove(&d->synced, at);
}

void dma_give(struct engine *e, uint64_t va, uint64_t size)
{
	own(e, va, va, size);
}

static void map_from_device(struct engine *e, uint64_t va, uint64_t dma, uint64_t size)
{
	uint64_t at = device_va(e, dma, va);

	/* A buffer of a queue is written elsewhere, and copied from there. */
	if (at != va)
		engine_check(e, rangemap_clear(dma_of(e)->owned, SPACE_KERNEL, va, size));
	own(e, va, at, size);
}

static void mapped(struct engine *e, uint64_t va, uint64_t dma, uint64_t size, uint64_t dir)
{
	if (dir == DIR_TO_DEVICE || dir == DIR_BOTH)
		map_to_device(e, va, dma, size);
	if (dir == DIR_FROM_DEVICE || dir == DIR_BOTH)
		map_from_device(e, va, dma, size);
}

static void on_map(struct engine *e, const struct event *ev)
{
	struct cpu_maps *m = ev->cpu < CPUS_MAX ? &dma_of(e)->maps[ev->cpu] : NULL;

	if (!m)
		return;
	if (m->depth == NEST_MAX) {
		memmove(m->stack, m->stack + 1, sizeof(m->stack) - sizeof(m->stack[0]));
		m->depth--;
	}
	m->stack[m->depth++] = (struct pending_map){
		rundir_page_va(e->run, ev->v[F_page], ev->v[F_off]), ev->v[F_size], ev->v[F_dir]};
}

static void on_map_ret(struct engine *e, const struct event *ev)
{
	struct cpu_maps *m = ev->cpu < CPUS_MAX ? &dma_of(e)->maps[ev->cpu] : NULL;
	struct pending_map *p;

	if (!m || !m->depth)
		return;
	p = &m->stack[--m->depth];
	mapped(e, p->va, ev->v[F_dma], p->size, p->dir);
}

static void on_mapped(struct engine *e, const struct event *ev)
{
	mapped(e, rundir_phys_va(e->run, ev->v[F_phys]), ev->v[F_dma], ev->v[F_size],
	       ev->v[F_dir]);
}

void device_gave(struct engine *e, const struct site *site, uint64_t addr, uint64_t len)
{
	struct content new = {.kind = site ? HOP_PIO : HOP_DMA, .holder = BY_FRAME, .site = site, .late = late_new(), .len = len,
			      .src = addr, .dst = addr};
	struct content *c;

	if (!new.late) {
		e->err = -ENOMEM;
		return;
	}
	c = content_make(e, &new);
	late_put(new.late);
	if (c)
		content_place(e, addr, c, 0, len);
	content_put(c);
}

void dma_written(struct engine *e, uint64_t addr, uint64_t len)
{
	device_gave(e, NULL, addr, len);
}

static void unmap_to_device(struct engine *e, uint64_t dma)
{
	struct reading *m = hashmap_remove(&dma_of(e)->readings, dma);
	struct frame *f = m ? frame_of_skb(e, m->skb) : NULL;

	if (f && f->mapped)
		f->mapped--;
	if (m && m->bounced)
		engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, m->va, m->size));
	free(m);
}

static int find_known(void *ctx, const struct rm_piece *p)
{
	const struct content *c = p->tag;

	return c->late && c->late->known && c->dst == *(uint64_t *)ctx;
}

static int take_piece(void *ctx, const struct rm_piece *p)
{
	*(struct rm_piece *)ctx = *p;
	return 1;
}

/*
 * A bounce buffer keeps what it was read for by a sync; when it is unmapped, its bytes are copied
 * once more (kernel/dma/swiotlb.c: swiotlb_tbl_unmap_single).
 */
static bool is_read_already(struct engine *e, uint64_t at, uint64_t size)
{
	struct rm_piece owned = {0};

	return rangemap_walk(dma_of(e)->owned, SPACE_KERNEL, at, size, take_piece, &owned) == 1 &&
	       owned.origin != at && rangemap_walk(e->content, SPACE_KERNEL, at, 1, find_known, &at) == 1;
}

static void on_unmap(struct engine *e, const struct event *ev)
{
	uint64_t dma = ev->v[F_dma], size = ev->v[F_size], dir = ev->v[F_dir];
	uint64_t at = device_va(e, dma, 0);

	if (dir == DIR_TO_DEVICE || dir == DIR_BOTH)
		unmap_to_device(e, dma);
	if ((dir != DIR_FROM_DEVICE && dir != DIR_BOTH) || e->run->iommu)
		return;
	if (!is_read_already(e, at, size))
		dma_written(e, at, size);
	rangemap_clear(dma_of(e)->owned, SPACE_KERNEL, at, size);
	hashmap_remove(&dma_of(e)->synced, at);
}

static void on_sync(struct engine *e, const struct event *ev)
{
	uint64_t at = device_va(e, ev->v[F_dma], 0);

	if (ev->v[F_dir] == DIR_TO_DEVICE || e->run->iommu)
		return;
	dma_written(e, at, ev->v[F_size]);
	if (hashmap_set(&dma_of(e)->synced, at, e))
		e->err = -ENOMEM;
}

bool dma_device_owns(struct engine *e, uint64_t addr, uint64_t len)
{
	struct rm_piece owned;

	return rangemap_walk(dma_of(e)->owned, SPACE_KERNEL, addr, len, take_piece, &owned) == 1;
}

/* What was mapped besides, and is unmapped by now, has been written by that. */
void dma_take_back(struct engine *e, uint64_t va, uint64_t size)
{
	if (!dma_device_owns(e, va, size))
		return;
	dma_written(e, va, size);
	engine_check(e, rangemap_clear(dma_of(e)->owned, SPACE_KERNEL, va, size));
}

static bool is_coherent(struct engine *e, uint64_t addr, uint64_t len)
{
	struct rm_piece p;

	return rangemap_walk(dma_of(e)->coherent, SPACE_KERNEL, addr, len, take_piece, &p) == 1;
}

static void on_alloc(struct engine *e, const struct event *ev)
{
	struct rm_piece p = {.space = SPACE_KERNEL, .addr = ev->v[F_va], .len = ev->v[F_size]};

	if (!p.addr)
		return; /* there was none to be had */
	engine_check(e, rangemap_insert(dma_of(e)->coherent, &p));
	engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, p.addr, p.len));
}

static void on_free(struct engine *e, const struct event *ev)
{
	engine_check(e, rangemap_clear(dma_of(e)->coherent, SPACE_KERNEL, ev->v[F_va],
				       ev->v[F_size]));
	engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, ev->v[F_va], ev->v[F_size]));
}

/*
 * A driver copies out of a frame into memory that its device reads by itself, and that nobody maps or
 * frees for it (drivers/net/vmxnet3/vmxnet3_drv.c: vmxnet3_copy_hdr). It is done with by the time that
 * the driver copies there again.
 */
static bool claim(struct engine *e, const struct copying *c)
{
	struct content like = {.kind = HOP_COPY, .holder = BY_SAME, .site = c->site, .src = c->src,
			       .sample = c->sample, .sampled = true};
	struct frame *f = is_coherent(e, c->dst, c->len) ? frame_at(e, c->src) : NULL;

	if (!f || !content_has_payload(e->content, SPACE_KERNEL, c->src, c->len))
		return false;
	like.at = engine_stamp(e);
	like.at.ip = c->ip;
	engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, c->dst, c->len));
	copy_within(e, &like, (struct place){SPACE_KERNEL, c->src},
		    (struct place){SPACE_KERNEL, c->dst}, c->len);
	e->seq++; /* the device comes after the copy */
	dma_read(e, f, c->src, c->dst, c->len);
	engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, c->dst, c->len));
	return true;
}

/*
 * Something is read from a buffer that the device still owns (a driver's copybreak): it holds a
 * frame. Where the driver must say so first by a sync, only one it said so of. Out of coherent
 * memory comes what the device has put there by then.
 */
static void reading(struct engine *e, uint64_t src, uint64_t len)
{
	struct dma *d = dma_of(e);
	struct rm_piece owned = {0};
	uint64_t start;

	if (is_coherent(e, src, len)) {
		dma_written(e, src, len);
		return;
	}
	if (!rangemap_walk(d->owned, SPACE_KERNEL, src, len, take_piece, &owned))
		return;
	/* From a bounce buffer, to where it stands for another, the bytes come by a sync or an unmap only. */
	start = owned.addr - owned.off;
	if (owned.origin != start)
		engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, owned.origin + (src - start), len));
	if (hashmap_remove(&d->synced, src) || e->run->sync_always || owned.origin != start)
		return;
	dma_written(e, owned.addr, owned.len);
}

static int init(struct engine *e, void **state)
{
	struct dma *d = *state = calloc(1, sizeof(*d));

	(void)e;
	if (!d)
		return -ENOMEM;
	d->owned = rangemap_new(NULL);
	d->coherent = rangemap_new(NULL);
	d->maps = calloc(CPUS_MAX, sizeof(*d->maps));
	return d->owned && d->coherent && d->maps ? 0 : -ENOMEM;
}

static void free_value(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

static void free_state(struct engine *e)
{
	struct dma *d = dma_of(e);

	if (!d)
		return;
	rangemap_free(d->owned);
	rangemap_free(d->coherent);
	hashmap_each(&d->readings, free_value, NULL);
	hashmap_free(&d->readings);
	hashmap_free(&d->synced);
	free(d->maps);
	free(d);
}

static const struct handler handlers[] = {
	{EV_DMA_MAP, on_map},	  {EV_DMA_MAP_RET, on_map_ret}, {EV_DMA_MAPPED, on_mapped},
	{EV_DMA_UNMAP, on_unmap}, {EV_DMA_SYNC, on_sync},	{EV_DMA_ALLOC, on_alloc},
	{EV_DMA_FREE, on_free},	  {0, NULL},
};

const struct path path_dma = {.name = "dma", .handlers = handlers, .init = init, .claim = claim,
			      .reading = reading, .free = free_state};
