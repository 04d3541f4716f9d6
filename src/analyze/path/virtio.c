// SPDX-License-Identifier: GPL-2.0-only
/* Virtio network devices: their queues are told of buffers by page, without the DMA API. */
#include <stdlib.h>
#include <string.h>

#include "analyze/core/path.h"
#include "analyze/core/sg.h"
#include "analyze/core/skbs.h"
#include "analyze/path/dma.h"
#include "analyze/path/frame.h"
#include "analyze/paths.h"
#include "common/vec.h"

#define CPUS_MAX 1024
#define ETH_HEADER 14

/* Memory that a queue is told of. */
struct buffers {
	struct span list[SG_MAX];
	size_t count;
};

/* A buffer with a frame in it that the driver is making an skb of, on a CPU. */
struct found {
	uint64_t va, len, header;
	int tid;
};

struct virtio {
	struct hashmap given; /* struct buffers that a device may write, by the driver's pointer */
	struct found *found;  /* per CPU */
};

static struct virtio *virtio_of(const struct engine *e)
{
	return engine_state(e, &path_virtio);
}

static void read_extent(struct engine *e, struct span x)
{
	struct frame *f = frame_at(e, x.addr);

	if (!f)
		return; /* a header of the device's own */
	dma_read(e, f, x.addr, x.addr, x.len);
	f->queued = true;
}

static void on_out(struct engine *e, const struct event *ev)
{
	struct frame *f = frame_of_skb(e, ev->v[F_token]);
	struct buffers b;
	bool all = sg_spans(e->run, ev, b.list, &b.count);

	for (size_t i = 0; i < b.count; i++)
		read_extent(e, b.list[i]);
	if (f && !all)
		frame_mark(f, CAVEAT_LIMIT);
}

static void on_in(struct engine *e, const struct event *ev)
{
	struct virtio *v = virtio_of(e);
	struct buffers *b = malloc(sizeof(*b));

	free(hashmap_remove(&v->given, ev->v[F_token]));
	if (!b || hashmap_set(&v->given, ev->v[F_token], b)) {
		free(b);
		e->err = -ENOMEM;
		return;
	}
	sg_spans(e->run, ev, b->list, &b->count);
	for (size_t i = 0; i < b->count; i++)
		dma_give(e, b->list[i].addr, b->list[i].len);
}

static void on_done(struct engine *e, const struct event *ev)
{
	struct buffers *b = hashmap_remove(&virtio_of(e)->given, ev->v[F_token]);

	for (size_t i = 0; b && i < b->count; i++)
		dma_take_back(e, b->list[i].addr, b->list[i].len);
	free(b);
}

/*
 * The frame's headers as the driver finds them; the skb may get them only in the stack. Of a ring
 * that was filled before the recording, this is all that is known of a buffer.
 */
static void on_wrote(struct engine *e, const struct event *ev)
{
	struct found *f = ev->cpu < CPUS_MAX ? &virtio_of(e)->found[ev->cpu] : NULL;
	uint64_t header = ev->v[F_hlen], len = ev->v[F_len];
	struct arrived_at where = {ev->v[F_va] + header, len - header, header + ETH_HEADER};

	if (len < header + ETH_HEADER)
		return;
	frame_found(e, ev, &where);
	if (f)
		*f = (struct found){ev->v[F_va], len, header, ev->tid};
}

/*
 * The driver hands the skb up from within the function that on_wrote tells of, and nothing else on
 * that CPU does meanwhile: soft interrupts do not nest. What is not in its head is in the buffer.
 */
static void on_gro(struct engine *e, const struct event *ev)
{
	struct found *f = ev->cpu < CPUS_MAX ? &virtio_of(e)->found[ev->cpu] : NULL;
	struct holder *s;

	if (!f || !f->va)
		return;
	s = f->tid == ev->tid && ev->v[F_dlen] &&
			    ev->v[F_len] + ETH_HEADER >= f->len - f->header ?
		    skb_of(e, ev, false) :
		    NULL;
	if (s)
		skb_take(e, s, f->va, f->len);
	f->va = 0;
}

static int init(struct engine *e, void **state)
{
	struct virtio *v = *state = calloc(1, sizeof(*v));

	(void)e;
	if (!v)
		return -ENOMEM;
	v->found = calloc(CPUS_MAX, sizeof(*v->found));
	return v->found ? 0 : -ENOMEM;
}

static void free_value(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

static void free_state(struct engine *e)
{
	struct virtio *v = virtio_of(e);

	if (!v)
		return;
	hashmap_each(&v->given, free_value, NULL);
	hashmap_free(&v->given);
	free(v->found);
	free(v);
}

static const struct handler handlers[] = {
	{EV_DEV_OUT, on_out},	  {EV_DEV_IN, on_in},	     {EV_DEV_DONE, on_done},
	{EV_DEV_WROTE, on_wrote}, {EV_GRO_RECEIVE, on_gro}, {0, NULL},
};

const struct path path_virtio = {.name = "virtio", .handlers = handlers, .init = init,
				 .free = free_state};
