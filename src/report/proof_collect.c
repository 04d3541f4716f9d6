// SPDX-License-Identifier: GPL-2.0-only
/* Picks the events that a proof cites: those of the hops, and what each of them leans on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/vec.h"
#include "report/proof_parts.h"

#define NEST_MAX 8
#define CPUS_MAX 1024

struct pending {
	uint64_t map[NEST_MAX], size[NEST_MAX];
	unsigned int depth;
	uint64_t found; /* the frame that a driver is making a packet of */
};

struct caller {
	uint64_t syscall, fd_file, receive;
};

/* Memory of hops, and when it matters. */
struct window {
	uint64_t from, to, begin, end;
};

struct collect {
	struct proof *p;
	struct hashmap wanted, callers; /* places of hops; threads */
	struct window *windows;
	size_t window_count, window_cap;
	struct pending *maps; /* per CPU */
	struct hashmap given;	/* places of buffers that devices were given, by token */
	struct hashmap heads;	/* of packets made of frames that drivers found */
	struct hashmap kept;    /* places found in the first pass */
	int err;
};

static void keep_place(struct collect *c, uint64_t at)
{
	if (at && hashmap_set(&c->kept, at, c))
		c->err = -ENOMEM;
}

static struct caller *caller_of(struct collect *c, int tid)
{
	struct caller *k = hashmap_find(&c->callers, (uint64_t)tid);

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k || hashmap_set(&c->callers, (uint64_t)tid, k)) {
		free(k);
		c->err = -ENOMEM;
		return NULL;
	}
	return k;
}

/* A driver may copy out of a buffer that the device still owns: its mapping is the evidence. */
static void remember_map(struct collect *c, const struct event *ev, uint64_t map, uint64_t va, uint64_t size)
{
	for (size_t i = 0; i < c->p->context_count; i++) {
		struct context *x = &c->p->contexts[i];
		const struct step *s = hashmap_find(&c->wanted, x->at);

		if (!s || s->kind != HOP_DMA || s->holder != BY_FRAME || ev->ts > s->ts ||
		    s->dst < va || s->dst >= va + size)
			continue;
		x->map = map;
		x->map_ret = map == ev->file_off ? 0 : ev->file_off;
	}
}

static void see_map(struct collect *c, const struct event *ev)
{
	struct pending *m = ev->cpu < CPUS_MAX ? &c->maps[ev->cpu] : NULL;

	if (ev->kind == EV_DMA_MAP && m) {
		if (m->depth == NEST_MAX) {
			memmove(m->map, m->map + 1, sizeof(m->map) - sizeof(m->map[0]));
			memmove(m->size, m->size + 1, sizeof(m->size) - sizeof(m->size[0]));
			m->depth--;
		}
		m->map[m->depth] = ev->file_off;
		m->size[m->depth++] = ev->v[F_size];
	} else if (ev->kind == EV_DMA_MAPPED) {
		remember_map(c, ev, ev->file_off, rundir_phys_va(&c->p->r.run, ev->v[F_phys]),
			     ev->v[F_size]);
	}
}

/* A copy may be out of memory, or into it, that was a device's from the start. */
static void remember_memory(struct collect *c, const struct event *ev)
{
	uint64_t va = ev->v[F_va], size = ev->v[F_size];

	for (size_t i = 0; i < c->p->context_count; i++) {
		struct context *x = &c->p->contexts[i];
		const struct step *s = hashmap_find(&c->wanted, x->at);

		if (s && ev->ts <= s->ts && (s->dst - va < size || s->src - va < size))
			x->memory = ev->kind == EV_DMA_ALLOC ? ev->file_off : 0;
	}
}

static uint64_t *place_of(struct collect *c, uint64_t token)
{
	uint64_t *at = hashmap_find(&c->given, token);

	if (at)
		return at;
	at = calloc(1, sizeof(*at));
	if (!at || hashmap_set(&c->given, token, at)) {
		free(at);
		c->err = -ENOMEM;
		return NULL;
	}
	return at;
}

/* How devices come by memory, and how drivers find what they put there. */
static void see_device(struct collect *c, const struct event *ev)
{
	struct pending *m = ev->cpu < CPUS_MAX ? &c->maps[ev->cpu] : NULL;
	uint64_t *given;

	switch (ev->kind) {
	case EV_DMA_ALLOC:
	case EV_DMA_FREE:
		remember_memory(c, ev);
		break;
	case EV_DEV_IN:
	case EV_DEV_DONE:
		given = place_of(c, ev->v[F_token]);
		if (given)
			*given = ev->kind == EV_DEV_IN ? ev->file_off : 0;
		break;
	case EV_DEV_WROTE:
	case EV_GRO_RECEIVE:
		if (m)
			m->found = ev->kind == EV_DEV_WROTE ? ev->file_off : 0;
		break;
	default:
		break;
	}
}

static void see_caller(struct caller *k, const struct event *ev)
{
	switch (ev->kind) {
	case EV_SYSCALL:
	case EV_MMSG:
		k->syscall = ev->file_off;
		k->fd_file = 0;
		break;
	case EV_FD_FILE:
		k->fd_file = k->fd_file ? k->fd_file : ev->file_off;
		break;
	case EV_RECV_ENTER:
		k->receive = ev->file_off;
		break;
	default:
		break;
	}
}

static struct context *context_at(struct proof *p, uint64_t at)
{
	for (size_t i = 0; i < p->context_count; i++)
		if (p->contexts[i].at == at)
			return &p->contexts[i];
	return NULL;
}

const struct context *proof_context(const struct proof *p, uint64_t at)
{
	return context_at((struct proof *)p, at);
}

static void see_wanted(struct collect *c, struct caller *k, const struct event *ev)
{
	struct context *x = context_at(c->p, ev->file_off);
	struct pending *m = ev->cpu < CPUS_MAX ? &c->maps[ev->cpu] : NULL;

	if (!x)
		return;
	x->syscall = k->syscall;
	x->fd_file = k->fd_file;
	x->receive = k->receive;
	x->tid = ev->tid;
	if (ev->kind == EV_DMA_MAP_RET && m && m->depth)
		x->map = m->map[m->depth - 1];
	if (ev->kind == EV_GRO_RECEIVE && m) {
		x->found = m->found;
		if (x->found && hashmap_set(&c->heads, ev->v[F_head], c))
			c->err = -ENOMEM;
	}
	if (ev->kind == EV_DEV_DONE) {
		const uint64_t *given = hashmap_find(&c->given, ev->v[F_token]);

		x->given = given ? *given : 0;
	}
}

/* Buffers that pass no hand-off by their head: what was filled, joined, cloned. */
static bool links_memory(const struct collect *c, const struct event *ev)
{
	struct touch t[TOUCHES_MAX];
	size_t n;

	if (ev->kind != EV_SKB_FILL && ev->kind != EV_COALESCE)
		return false;
	if (ev->kind == EV_COALESCE && hashmap_find(&c->heads, ev->v[F_head]))
		return true;
	n = event_touches(&c->p->r, ev, t);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < c->window_count; i++) {
			const struct window *w = &c->windows[i];

			if (ev->ts >= w->begin && ev->ts <= w->end && t[k].from < w->to && w->from < t[k].to)
				return true;
		}
	return false;
}

/* A call's return belongs to all that the thread did in it. */
static void see_exit(struct proof *p, const struct event *ev)
{
	if (event_info(ev->kind)->category != CATEGORY_RETURN)
		return;
	for (size_t i = 0; i < p->context_count; i++)
		if (p->contexts[i].tid == ev->tid && !p->contexts[i].exit)
			p->contexts[i].exit = ev->file_off;
}

static void see_map_ret(struct collect *c, const struct event *ev)
{
	struct pending *m = ev->cpu < CPUS_MAX ? &c->maps[ev->cpu] : NULL;

	if (ev->kind != EV_DMA_MAP_RET || !m || !m->depth)
		return;
	m->depth--;
	/* Where it lies is told by the address that the device was given. */
	remember_map(c, ev, m->map[m->depth], rundir_phys_va(&c->p->r.run, ev->v[F_dma]),
		     m->size[m->depth]);
}

static bool see(void *ctx, const struct event *ev)
{
	struct collect *c = ctx;
	struct caller *k = caller_of(c, ev->tid);

	if (!k)
		return false;
	see_map(c, ev);
	if (hashmap_find(&c->wanted, ev->file_off))
		see_wanted(c, k, ev);
	see_device(c, ev);
	see_caller(k, ev);
	see_exit(c->p, ev);
	see_map_ret(c, ev);
	if (links_memory(c, ev))
		keep_place(c, ev->file_off);
	return false;
}

static bool is_kept(void *ctx, const struct event *ev)
{
	const struct collect *c = ctx;

	return hashmap_find(&c->kept, ev->file_off) != NULL;
}

static int want_step(struct collect *c, const struct step *s)
{
	if (!s->event || hashmap_find(&c->wanted, s->file_off))
		return 0;
	if (vec_reserve(&c->p->contexts, &c->p->context_cap, c->p->context_count + 1))
		return -ENOMEM;
	c->p->contexts[c->p->context_count++] = (struct context){.at = s->file_off};
	keep_place(c, s->file_off);
	return hashmap_set(&c->wanted, s->file_off, (void *)s);
}

static int want_view(struct collect *c, const struct chain_view *v)
{
	int err = vec_reserve(&c->windows, &c->window_cap, c->window_count + v->count);

	for (size_t i = 0; i < v->count && !err; i++) {
		const struct step *s = &v->steps[i];

		err = want_step(c, s);
		if (s->dst && !s->dst_user)
			c->windows[c->window_count++] = (struct window){
				s->dst, s->dst + s->len, v->steps[0].ts, v->steps[v->count - 1].ts};
	}
	return err;
}

static void free_value(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

/* The first pass finds what the hops lean on, the second takes all of it. */
int proof_collect(struct proof *p, const char *flow)
{
	struct collect c = {.p = p, .maps = calloc(CPUS_MAX, sizeof(*c.maps))};
	int err = c.maps ? 0 : -ENOMEM;

	/* The proof has no rules for how an RDMA request begins. */
	for (const struct flow *f = p->r.engine.flows; f && !err; f = f->next)
		for (size_t i = 0; i < f->view_count && !f->op && !err && flow_selected(f, flow); i++)
			err = want_view(&c, &f->views[i]);
	if (!err)
		err = evidence_pass(&p->evidence, 0, UINT64_MAX, see, &c);
	for (size_t i = 0; i < p->context_count; i++) {
		const struct context *x = &p->contexts[i];

		keep_place(&c, x->syscall);
		keep_place(&c, x->fd_file);
		keep_place(&c, x->receive);
		keep_place(&c, x->exit);
		keep_place(&c, x->map);
		keep_place(&c, x->map_ret);
		keep_place(&c, x->given);
		keep_place(&c, x->found);
		keep_place(&c, x->memory);
	}
	if (!err)
		err = c.err ? c.err : evidence_pass(&p->evidence, 0, UINT64_MAX, is_kept, &c);
	hashmap_each(&c.callers, free_value, NULL);
	hashmap_each(&c.given, free_value, NULL);
	hashmap_free(&c.callers);
	hashmap_free(&c.given);
	hashmap_free(&c.heads);
	hashmap_free(&c.wanted);
	hashmap_free(&c.kept);
	free(c.windows);
	free(c.maps);
	return err;
}

void proof_free(struct proof *p)
{
	free(p->contexts);
	free(p->regions);
	free(p->derived.items);
	free(p->delivered.items);
}
