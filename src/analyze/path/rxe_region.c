// SPDX-License-Identifier: GPL-2.0-only
/* Memory regions: which pages a process pinned for a device, and at which of its addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/path/rxe.h"

/* drivers/infiniband/core/umem.c: one page of pointers is filled and handed on at a time. */
#define BATCH 512

static int take_piece(void *ctx, const struct rm_piece *p)
{
	*(struct rm_piece *)ctx = *p;
	return 1;
}

static uint64_t pages_between(const struct engine *e, uint64_t va, uint64_t len)
{
	uint64_t size = e->run->page_size;

	return len ? (va % size + len - 1) / size + 1 : 0;
}

static struct rdma_region *region_new(struct engine *e, uint64_t umem, const struct event *ev)
{
	const struct thread *t = thread_of(e, ev->tid);
	struct rdma_region *r = calloc(1, sizeof(*r));

	if (!r || !t || hashmap_set(&rxe_of(e)->by_umem, umem, r)) {
		free(r);
		e->err = -ENOMEM;
		return NULL;
	}
	r->umem = umem;
	r->va = ev->v[F_va];
	r->len = ev->v[F_size];
	r->spans = pages_between(e, r->va, r->len);
	r->tgid = t->tgid;
	r->time = ev->ts;
	r->live = true;
	r->link = rxe_of(e)->last_region;
	*r->link = r;
	rxe_of(e)->last_region = &r->next;
	return r;
}

static int keep_page(struct rdma_region *r, uint64_t index, uint64_t kva)
{
	if (r->page_count == r->page_room) {
		size_t want = r->page_room ? r->page_room * 2 : 16;
		struct region_page *more = realloc(r->pages, want * sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->pages = more;
		r->page_room = want;
	}
	r->pages[r->page_count++] = (struct region_page){index, kva};
	return 0;
}

/* The part of the region that lies in its page, by the page's own addresses; len 0: none. */
static struct rm_piece part_in(const struct engine *e, const struct rdma_region *r, uint64_t index,
			       uint64_t kva)
{
	uint64_t size = e->run->page_size, lead = r->va % size;
	uint64_t from = index ? 0 : lead, off = index ? index * size - lead : 0;
	uint64_t len = size - from;

	if (off >= r->len)
		len = 0;
	else if (len > r->len - off)
		len = r->len - off;
	return (struct rm_piece){SPACE_KERNEL, kva + from, len, (uint64_t)(uintptr_t)r, off, NULL};
}

static void add_page(struct engine *e, struct rdma_region *r, uint64_t index, uint64_t kva)
{
	struct rm_piece p = part_in(e, r, index, kva);

	if (!p.len)
		return;
	if (keep_page(r, index, kva))
		e->err = -ENOMEM;
	engine_check(e, rangemap_insert(rxe_of(e)->pinned, &p));
}

static int find_own(void *ctx, const struct rm_piece *p)
{
	struct rm_piece *own = ctx;

	if (p->origin != own->origin)
		return 0;
	*own = *p;
	return 1;
}

/* What another region has taken of its memory since stays that one's. */
static void unpin(struct engine *e, struct rdma_region *r)
{
	for (size_t i = 0; i < r->page_count; i++) {
		struct rm_piece p = part_in(e, r, r->pages[i].index, r->pages[i].kva), own = p;

		while (!e->err &&
		       rangemap_walk(rxe_of(e)->pinned, p.space, p.addr, p.len, find_own, &own) == 1)
			engine_check(e, rangemap_clear(rxe_of(e)->pinned, p.space, own.addr, own.len));
	}
}

/* Nothing will point to a region that no flow shows. */
static void forget(struct engine *e, struct rdma_region *r)
{
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	else
		rxe_of(e)->last_region = r->link;
	free(r->pages);
	free(r);
}

static void release(struct engine *e, uint64_t umem)
{
	struct rdma_region *r = hashmap_remove(&rxe_of(e)->by_umem, umem);

	if (!r)
		return;
	unpin(e, r);
	r->live = false;
	if (!r->shown)
		forget(e, r);
}

/* Batches of a registration follow each other; several events, in any order, tell of each. */
void on_umem_pages(struct engine *e, const struct event *ev)
{
	uint64_t umem = ev->v[F_sgt] - e->run->umem_sgt, n = ev->v[F_n], left = ev->v[F_left];
	struct rdma_region *r = hashmap_find(&rxe_of(e)->by_umem, umem);
	struct rxe_thread *t = rxe_thread_of(e, ev->tid);
	uint64_t done;

	/* ib_umem_get frees that of a registration which fails by itself, and it is given out again. */
	if (r && (r->va != ev->v[F_va] || r->len != ev->v[F_size])) {
		release(e, umem);
		r = NULL;
	}
	if (!r)
		r = region_new(e, umem, ev);
	if (!r || !t || n + left > r->spans || n > BATCH)
		return;
	done = r->spans - left - n;
	for (uint64_t i = 0; i < ev->array_len[A_pages] / 8 && ev->v[F_first] + i < n; i++) {
		uint64_t page;

		memcpy(&page, ev->array[A_pages] + i * 8, 8);
		add_page(e, r, done + ev->v[F_first] + i, rundir_page_va(e->run, page, 0));
	}
	if (!ev->v[F_first]) {
		r->pinned += t->pinned;
		t->pinned = 0;
	}
}

/* Its pages are named next, by the same thread. */
void on_umem_pinned(struct engine *e, const struct event *ev)
{
	struct rxe_thread *t = rxe_thread_of(e, ev->tid);

	if (t)
		t->pinned = (int32_t)ev->v[F_ret] > 0 ? ev->v[F_ret] : 0;
}

void on_umem_release(struct engine *e, const struct event *ev)
{
	release(e, ev->v[F_umem]);
}

struct rdma_region *region_of_umem(struct engine *e, uint64_t umem)
{
	return hashmap_find(&rxe_of(e)->by_umem, umem);
}

struct rdma_region *region_at(struct engine *e, uint64_t kva, uint64_t *off)
{
	struct rm_piece p;

	if (!rangemap_walk(rxe_of(e)->pinned, SPACE_KERNEL, kva, 1, take_piece, &p))
		return NULL;
	*off = p.off;
	return (struct rdma_region *)(uintptr_t)p.origin;
}

void region_show(struct rdma_view *v, struct rdma_region *r)
{
	if (!r || v->region)
		return;
	v->region = r;
	v->tgid = r->tgid;
	v->known = true;
	r->shown = true;
}

static int cmp_page(const void *a, const void *b)
{
	const struct region_page *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

void regions_finish(struct engine *e)
{
	for (struct rdma_region *r = rxe_of(e)->regions; r; r = r->next)
		if (r->page_count)
			qsort(r->pages, r->page_count, sizeof(*r->pages), cmp_page);
}

void regions_free(struct engine *e)
{
	while (rxe_of(e)->regions) {
		struct rdma_region *r = rxe_of(e)->regions;

		rxe_of(e)->regions = r->next;
		free(r->pages);
		free(r);
	}
	hashmap_free(&rxe_of(e)->by_umem);
	rangemap_free(rxe_of(e)->pinned);
}
