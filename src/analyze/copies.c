// SPDX-License-Identifier: GPL-2.0-only
/* Copy events: bytes carried from one address to another, or into the receiver's buffer. */
#include <errno.h>
#include <stdlib.h>

#include "analyze/engine.h"
#include "analyze/rdma.h"

struct carry {
	struct engine *e;
	struct thread *t;
	const struct site *site;
	uint64_t ip, src, dst, sample;
	bool sampled, src_user, dst_user;
};

/* The same bytes, as sampled at an earlier hop. */
static const struct hop *sampled_before(const struct hop *h)
{
	const struct hop *p = h->prev;

	while (p && !(p->sampled && p->off == h->off))
		p = p->prev;
	return p;
}

/* Bytes 0 to 7 of a message are what tells it from others: they are kept for all its chains. */
void check_sample(struct hop *h)
{
	struct message *m = h->msg;
	const struct hop *before;

	if (!m || !h->sampled)
		return;
	if (h->src_len < 8) {
		h->sampled = false;
		return;
	}
	before = sampled_before(h);
	if (!before && !h->off && m->has_sample)
		h->checked = m->first_sample == h->sample;
	else
		h->checked = !before || before->sample == h->sample;
	if (!h->off && !m->has_sample) {
		m->first_sample = h->sample;
		m->has_sample = true;
	}
	if (!h->checked) {
		m->flow->mismatches++;
		message_caveat(m, CAVEAT_CONTENT);
	}
}

static void check_content(struct hop *h, const struct rm_piece *src, const struct carry *c)
{
	h->sample = c->sample;
	h->sampled = c->sampled && src->addr == c->src;
	check_sample(h);
}

static void *copied_tag(void *ctx, const struct rm_piece *src, uint64_t daddr)
{
	struct carry *c = ctx;
	struct hop *from = src->tag, *h;
	bool fills = c->t->fill_skb && daddr >= c->t->fill_to &&
		     daddr < c->t->fill_to + c->t->fill_len;
	enum holder holder = from->holder != BY_SENDER ? from->holder :
			     fills ? BY_SKB : BY_BUFFER;

	if (from->depth > DEPTH_MAX) {
		message_caveat(from->msg, CAVEAT_GAP);
		return from;
	}
	h = hop_new(c->site && c->site->emulates ? HOP_EMULATED_DMA : HOP_COPY, holder, from,
		    from->msg, c->e->now);
	if (!h) {
		c->e->err = -ENOMEM;
		return from;
	}
	h->refs = 0; /* the map's is the first */
	h->site = c->site;
	h->ip = c->ip;
	h->src = src->addr;
	h->dst = daddr;
	h->src_user = c->src_user;
	h->src_len = src->len;
	h->off = src->off;
	h->sk = from->sk;
	if (from->holder == BY_SENDER && fills)
		h->skb = c->t->fill_skb;
	if (h->msg && h->kind == HOP_COPY)
		h->msg->copied_bytes += src->len;
	check_content(h, src, c);
	return h;
}

static int first_message(void *ctx, const struct rm_piece *p)
{
	*(struct message **)ctx = ((struct hop *)p->tag)->msg;
	return 1;
}

static int mark_recycled(void *ctx, const struct rm_piece *p)
{
	struct hop *h = p->tag;

	if (h->msg != ctx)
		message_caveat(h->msg, CAVEAT_RECYCLED);
	return 0;
}

void check_overwrite(struct engine *e, const struct message *source, uint64_t dst, uint64_t len)
{
	if (is_kernel_address(dst))
		rangemap_walk(e->map, SPACE_KERNEL, dst, len, mark_recycled, (void *)source);
}

struct arrival {
	struct carry *c;
	uint64_t src, dst, bytes;
};

static int arrive(void *ctx, const struct rm_piece *p)
{
	struct arrival *a = ctx;
	struct engine *e = a->c->e;
	struct hop *from = p->tag, *h, *tap = NULL;
	const struct recv_op *op = &a->c->t->recv;
	unsigned int want = 1u << BY_SOCKET;

	if (op->open && op->tap) {
		tap = tap_hop(e, op->sk, p->addr, op->peek);
		from = tap ? tap : from;
		want = 1u << BY_TAP;
	}
	if (!from->msg)
		return 0;
	/* Queued to one socket and read from another: something in between is not recorded. */
	if (op->open && from->sk && op->sk && from->sk != op->sk)
		want = 0;
	h = hop_after(e, HOP_COPY, BY_RECEIVER, from, want,
		      from->sk && op->open && from->sk != op->sk ? "queued to another socket" :
		      "not recorded how the receiver's socket got the bytes");
	if (!h)
		return 0;
	h->site = a->c->site;
	h->ip = a->c->ip;
	h->src = p->addr;
	h->dst = a->dst + (p->addr - a->src);
	h->dst_user = true;
	h->src_len = p->len;
	h->off = p->off;
	h->sk = op->open ? op->sk : 0;
	h->msg->copied_bytes += p->len;
	check_content(h, p, a->c);
	a->bytes += p->len;
	deliver(e, h, p->len);
	hop_put(h);
	return 0;
}

/* One stretch from one address to one other; gives the payload bytes in it. */
static uint64_t carry(struct carry *c, struct span from, struct span to, uint64_t len)
{
	struct message *source = NULL;
	struct engine *e = c->e;
	int64_t n;

	c->src = from.addr;
	c->dst = to.addr;
	c->src_user = from.space != SPACE_KERNEL;
	if (from.space == SPACE_KERNEL)
		device_source(e, from.addr, len);
	if (to.space != SPACE_KERNEL && from.space == SPACE_KERNEL) {
		struct arrival a = {.c = c, .src = from.addr, .dst = to.addr};

		rangemap_walk(e->map, SPACE_KERNEL, from.addr, len, arrive, &a);
		c->t->recv.copied += len;
		return a.bytes;
	}
	if (is_kernel_address(to.addr))
		rangemap_walk(e->map, from.space, from.addr, len, first_message, &source);
	check_overwrite(e, source, to.addr, len);
	n = rangemap_copy(e->map, from.space, from.addr, to.space, to.addr, len, copied_tag, c);
	engine_check(e, n);
	return n > 0 ? (uint64_t)n : 0;
}

static void count_other(struct engine *e, const struct carry *c, uint64_t len)
{
	uint64_t key = mix(c->ip, len, (uint64_t)c->t->tid);
	struct other *o = hashmap_find(&e->others, key);

	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o || hashmap_set(&e->others, key, o)) {
			free(o);
			e->err = -ENOMEM;
			return;
		}
		*o = (struct other){c->site, c->ip, len, 0, c->t->tid};
	}
	o->hits++;
}

static struct span plain_span(const struct thread *t, uint64_t addr, uint64_t len)
{
	return (struct span){is_kernel_address(addr) ? SPACE_KERNEL : t->buffers, addr, len};
}

/* The kernel side of a copy between an iterator and a buffer or page. */
static uint64_t kernel_side(const struct engine *e, const struct event *ev)
{
	switch (ev->kind) {
	case EV_FROM_ITER:
		return ev->v[F_dst];
	case EV_TO_ITER:
		return ev->v[F_src];
	default:
		return rundir_page_va(e->run, ev->v[F_page], ev->v[F_off]);
	}
}

/* Where its bytes went, or what took their place, cannot be told. */
static int mark_gap(void *ctx, const struct rm_piece *p)
{
	(void)ctx;
	message_caveat(((struct hop *)p->tag)->msg, CAVEAT_GAP);
	return 0;
}

static uint64_t copy_iter(struct carry *c, const struct event *ev, bool from_iter)
{
	struct engine *e = c->e;
	uint64_t at = kernel_side(e, ev), payload = 0;
	struct span spans[SPANS_MAX];
	size_t n;

	if (iter_spans(e, c->t, ev, ev->v[F_len], spans, &n)) {
		c->t->recv.copied += from_iter ? 0 : ev->v[F_len];
		rangemap_walk(e->map, SPACE_KERNEL, at, ev->v[F_len], mark_gap, NULL);
		if (from_iter)
			engine_check(e, rangemap_clear(e->map, SPACE_KERNEL, at, ev->v[F_len]));
		return 0;
	}
	for (size_t i = 0; i < n; at += spans[i].len, i++) {
		struct span k = plain_span(c->t, at, spans[i].len);

		if (i)
			c->sampled = false;
		payload += from_iter ? carry(c, spans[i], k, spans[i].len) :
				       carry(c, k, spans[i], spans[i].len);
	}
	return payload;
}

/* An entry probe tells its caller by the return address; a caller that is itself probed, or is
 * part of a probed primitive, has been counted already. */
static bool find_site(struct carry *c, const struct event *ev)
{
	const struct engine *e = c->e;

	c->ip = ev->ip;
	c->site = rundir_site(e->run, ev->ip);
	if (c->site && c->site->entry && ev->v[F_caller]) {
		const struct site *caller = rundir_site_returning(e->run, ev->v[F_caller]);

		if (caller && !caller->counted)
			return false;
		if (caller) {
			c->site = caller;
			c->ip = caller->addr;
		}
	}
	return true;
}

/* A fill is told before its copies, and says nothing of any after them. */
static void use_fill(struct thread *t, uint64_t dst, uint64_t len)
{
	if (dst != t->fill_to || len >= t->fill_len) {
		t->fill_skb = 0;
		return;
	}
	t->fill_to += len;
	t->fill_len -= len;
}

void on_copy(struct engine *e, const struct event *ev)
{
	struct carry c = {.e = e, .t = thread_of(e, ev->tid)};
	uint64_t len = ev->v[F_len], payload = 0;

	if (!c.t || !len || !find_site(&c, ev))
		return;
	switch (ev->kind) {
	case EV_FROM_ITER:
	case EV_PAGE_FROM_ITER:
		c.sampled = iter_sample(e, ev, &c.sample);
		payload = copy_iter(&c, ev, true);
		break;
	case EV_TO_ITER:
		c.sampled = true;
		c.sample = ev->v[F_s];
		payload = copy_iter(&c, ev, false);
		break;
	case EV_PAGE_TO_ITER:
		payload = copy_iter(&c, ev, false);
		break;
	default:
		if (c.site && c.site->emulates && rdma_moved(e, ev, c.site))
			return;
		c.sampled = true;
		c.sample = ev->v[F_s];
		payload = carry(&c, plain_span(c.t, ev->v[F_src], len),
				plain_span(c.t, ev->v[F_dst], len), len);
	}
	if (ev->kind == EV_FROM_ITER)
		use_fill(c.t, ev->v[F_dst], len);
	if (!payload)
		count_other(e, &c, len);
}
