// SPDX-License-Identifier: GPL-2.0-only
/* Writes what follows about devices: what they are given to read, what they wrote, and the wire. */
#include <string.h>

#include "analyze/core/sg.h"
#include "report/proof_parts.h"

#define ULL(x) ((unsigned long long)(x))

/* Memory that a device is given, and how far into the packet it begins. */
struct given {
	uint64_t at, size, off;
};

/* The one of a queue's buffers that has an address, and how far it is into all of them. */
static bool buffer_at(const struct rundir *run, const struct event *out, uint64_t addr, struct given *g)
{
	struct span b[SG_MAX];
	size_t n;

	*g = (struct given){0};
	sg_spans(run, out, b, &n);
	for (size_t i = 0; i < n; g->off += b[i].len, i++)
		if (addr >= b[i].addr && addr < b[i].addr + b[i].len) {
			g->at = b[i].addr;
			g->size = b[i].len;
			return true;
		}
	return false;
}

static uint64_t mapped_va(const struct rundir *run, const struct event *map)
{
	return map->kind == EV_DMA_MAPPED ? rundir_phys_va(run, map->v[F_phys]) :
					    rundir_page_va(run, map->v[F_page], map->v[F_off]);
}

/* The device may be given the bytes in several pieces. */
static int is_read(struct walk *w, const struct step *s, struct given g)
{
	struct state next = w->now;
	uint64_t first = s->src < g.at ? g.at - s->src : 0, end = g.at + g.size - s->src;

	next.dma++;
	next.since = s->ts;
	next.from = s->off + first;
	next.to = s->off + (s->len < end ? s->len : end);
	next.addr = s->src + first;
	snprintf(next.in, sizeof(next.in), "device:%s:%llu:%llu", s->dev, ULL(g.off + next.addr - g.at),
		 ULL(w->now.xmit));
	return state_line(w, next);
}

static int read_by_queue(struct walk *w, const struct step *s, const struct event *out, const struct event *sent)
{
	struct given begin, g;

	if (!buffer_at(&w->p->r.run, out, sent->v[F_data], &begin) || !buffer_at(&w->p->r.run, out, s->src, &g))
		return stuck(w, s, "where in the packet the bytes are is not recorded");
	LINE(w->p, "device-reads", w->now.line, proof_cite(w->p, w->now.xmit), proof_cite(w->p, s->file_off));
	g.off -= begin.off + sent->v[F_data] - begin.at;
	return is_read(w, s, g);
}

static uint64_t copied_bytes(const struct event *ev)
{
	return ev->kind == EV_MEM ? ev->v[F_len] : ev->v[F_n] * ev->v[F_width];
}

static int read_by_copy(struct walk *w, const struct step *s, const struct event *copied, const struct event *sent)
{
	const struct context *c = proof_context(w->p, s->file_off);
	unsigned int memory = proof_cite(w->p, c ? c->memory : 0);

	if (!memory)
		return stuck(w, s, "it is not recorded that the device reads this memory");
	LINE(w->p, "device-reads", w->now.line, proof_cite(w->p, w->now.xmit), proof_cite(w->p, s->file_off), memory);
	return is_read(w, s, (struct given){copied->v[F_dst], copied_bytes(copied), copied->v[F_src] - sent->v[F_data]});
}

static int read_by_mapping(struct walk *w, const struct step *s, const struct event *told, const struct event *sent)
{
	const struct rundir *run = &w->p->r.run;
	const struct context *c = proof_context(w->p, s->file_off);
	const struct fact *map = evidence_at(&w->p->evidence, c && told->kind == EV_DMA_MAP_RET ? c->map : s->file_off);
	unsigned int first, second;
	uint64_t va, bus;

	if (!map)
		return stuck(w, s, "how the device's driver got the bytes is not recorded");
	va = mapped_va(run, &map->ev);
	if (va + map->ev.v[F_size] <= sent->v[F_data] || va >= sent->v[F_data] + sent->v[F_len])
		return stuck(w, s, "what is mapped is not in the packet's head");
	bus = run->iommu ? va : rundir_phys_va(run, told->v[F_dma]);
	first = proof_cite(w->p, map->ev.file_off);
	second = proof_cite(w->p, s->file_off);
	LINE(w->p, "device-reads", w->now.line, proof_cite(w->p, w->now.xmit), first, second != first ? second : 0);
	return is_read(w, s, (struct given){bus, map->ev.v[F_size], va - sent->v[F_data]});
}

/* The device is given the bytes to read. */
static int device_reads(struct walk *w, const struct step *s)
{
	const struct fact *e = evidence_at(&w->p->evidence, s->file_off),
			  *sent = evidence_at(&w->p->evidence, w->now.xmit);

	if (!e || !sent)
		return stuck(w, s, "how the device's driver got the bytes is not recorded");
	switch (e->ev.kind) {
	case EV_DEV_OUT:
		return read_by_queue(w, s, &e->ev, &sent->ev);
	case EV_MEM:
	case EV_MEM_REP:
		return read_by_copy(w, s, &e->ev, &sent->ev);
	default:
		return read_by_mapping(w, s, &e->ev, &sent->ev);
	}
}

static int is_written(struct walk *w, const struct step *s, uint64_t at, uint64_t len)
{
	return frame_line(w, (struct frame_state){.at = at, .len = len, .since = s->ts}, "");
}

/* Of a queue's buffers, the one that has the bytes. */
static int got_back(struct walk *w, const struct step *s)
{
	const struct context *c = proof_context(w->p, s->file_off);
	const struct fact *in = evidence_at(&w->p->evidence, c ? c->given : 0);
	struct span b[SG_MAX];
	size_t n = 0, i = 0;
	unsigned int first;

	if (in)
		sg_spans(&w->p->r.run, &in->ev, b, &n);
	while (i < n && (s->dst < b[i].addr || s->dst >= b[i].addr + b[i].len))
		i++;
	if (i == n)
		return stuck(w, s, "it is not recorded how the device got the buffer");
	first = proof_cite(w->p, c->given);
	LINE(w->p, "device-wrote", first, proof_cite(w->p, s->file_off));
	return is_written(w, s, b[i].addr, b[i].len);
}

static int taken_from(struct walk *w, const struct step *s, const struct event *copied)
{
	const struct context *c = proof_context(w->p, s->file_off);
	const struct fact *map = evidence_at(&w->p->evidence, c ? c->map : 0);
	unsigned int first = proof_cite(w->p, c ? c->memory : 0), second = 0;

	if (first) {
		LINE(w->p, "device-owns", first, proof_cite(w->p, s->file_off));
		return is_written(w, s, copied->v[F_src], copied_bytes(copied));
	}
	if (!map)
		return stuck(w, s, "the buffer's mapping for the device is not recorded");
	first = proof_cite(w->p, c->map);
	second = proof_cite(w->p, c->map_ret);
	LINE(w->p, "device-owns", first, second, proof_cite(w->p, s->file_off));
	return is_written(w, s, mapped_va(&w->p->r.run, &map->ev), map->ev.v[F_size]);
}

static int device_wrote(struct walk *w, const struct step *s)
{
	const struct fact *e = evidence_at(&w->p->evidence, s->file_off);

	if (!w->wire || !e)
		return stuck(w, s, "no event tells which buffer the device wrote");
	switch (e->ev.kind) {
	case EV_DMA_UNMAP:
	case EV_DMA_SYNC:
		LINE(w->p, "device-wrote", proof_cite(w->p, s->file_off));
		return is_written(w, s, rundir_phys_va(&w->p->r.run, e->ev.v[F_dma]), e->ev.v[F_size]);
	case EV_DEV_DONE:
		return got_back(w, s);
	case EV_DEV_WROTE:
		LINE(w->p, "device-wrote", proof_cite(w->p, s->file_off));
		return is_written(w, s, e->ev.v[F_va] + e->ev.v[F_hlen], e->ev.v[F_len] - e->ev.v[F_hlen]);
	case EV_MEM:
	case EV_MEM_REP:
		return taken_from(w, s, &e->ev);
	default:
		return stuck(w, s, "no event tells which buffer the device wrote");
	}
}

int prove_dma(struct walk *w, const struct step *s)
{
	return s->holder == BY_DEVICE ? device_reads(w, s) : device_wrote(w, s);
}

/*
 * The frame is handed up: what it holds by then, and at which place of it, tells whose it is. Where
 * it is not in the head of the packet handed up, the driver has found it before.
 */
int prove_arrival(struct walk *w, const struct step *s)
{
	const struct fact *up = evidence_at(&w->p->evidence, s->file_off);
	const struct context *c = proof_context(w->p, s->file_off);
	struct state next = w->now;
	unsigned int sent, got;
	bool in_head;

	if (!up || !w->frame.line || !w->now.xmit)
		return stuck(w, s, "the frame on the other side of the wire is not recorded");
	in_head = s->src >= up->ev.v[F_head] && s->src < up->ev.v[F_head] + up->ev.v[F_end];
	sent = proof_cite(w->p, w->now.xmit);
	got = proof_cite(w->p, in_head ? s->file_off : c ? c->found : 0);
	if (!got)
		return stuck(w, s, "it is not recorded of which memory the packet was made");
	LINE(w->p, "wire", w->now.line, sent, got, w->frame.line);
	next.wire++;
	next.dma++;
	next.copies += w->frame.copies;
	next.emulated += w->frame.emulated;
	next.from = s->off;
	next.to = s->off + s->len;
	next.addr = s->src;
	next.since = in_head ? s->ts : evidence_at(&w->p->evidence, c->found)->ev.ts;
	snprintf(next.in, sizeof(next.in), "frame");
	used_until(w->p, w->frame.line, next.since);
	w->wire = NULL;
	w->frame = (struct frame_state){0};
	return state_line(w, next);
}
