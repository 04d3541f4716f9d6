// SPDX-License-Identifier: GPL-2.0-only
/* Copy events: bytes carried from one address to another, or into the receiver's buffer. */
#include <stdlib.h>

#include "analyze/core/copying.h"
#include "analyze/core/iter.h"
#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/core/task.h"
#include "analyze/paths.h"

struct carry {
	struct engine *e;
	struct thread *t;
	const struct site *site;
	uint64_t ip, sample;
	bool sampled;
};

static struct content like(const struct carry *c, uint64_t src)
{
	struct content l = {.kind = c->site && c->site->emulates ? HOP_EMULATED_DMA : HOP_COPY,
			    .holder = BY_SAME, .site = c->site, .src = src,
			    .sample = c->sample, .sampled = c->sampled, .unknown = !c->site};

	l.at = engine_stamp(c->e);
	l.at.ip = c->ip;
	return l;
}

/* Who may have had the bytes that a receiver reads, and why it is a gap where somebody else had. */
static const struct owner *find_reader(struct engine *e, struct op *op, uint64_t addr)
{
	const struct block *b = block_at(&e->holders, addr);
	const struct owner *o;

	if (!b)
		return NULL;
	o = op && op->reader ? block_owner(b, op->reader) : NULL;
	if (!o && op)
		o = block_queued(b, op->sk, op->tap ? BY_TAP : BY_SOCKET);
	if (!o) {
		o = block_newest(b);
		return o && o->by->taken ? NULL : o;
	}
	op->reader = o->by;
	/* What is queued is received once, unless a receive only peeks. */
	o->by->taken = !op->peek;
	return o;
}

struct arrival {
	struct carry *c;
	uint64_t src, dst, bytes;
};

static void set_receiver(struct content *new, const struct op *op)
{
	const struct custody *last = custody_last(new->held, 0);
	bool elsewhere = op && op->sk && last && last->sk && last->sk != op->sk;

	new->from_holders = op && op->tap ? HOLDER_BIT(BY_TAP) : HOLDER_BIT(BY_SOCKET);
	new->why = "not recorded how the receiver's socket got the bytes";
	if (elsewhere) {
		new->from_holders = HOLDER_BIT(BY_RECEIVER);
		new->why = "queued to another socket";
	}
	new->sk = op ? op->sk : 0;
}

/* A copy to the receiver outside any recorded call. */
static void deliver_outside(struct engine *e, const struct delivery *d)
{
	message_caveat(d->msg, CAVEAT_OUTSIDE);
	d->msg->flow->chains++;
	d->msg->flow->expected_bytes += d->len;
	engine_check(e, ledger_book(&e->ledger, d));
}

static int arrive(void *ctx, const struct payload *p)
{
	struct arrival *a = ctx;
	struct engine *e = a->c->e;
	struct op *op = a->c->t->op && !a->c->t->op->send ? a->c->t->op : NULL;
	const struct owner *o = find_reader(e, op, p->addr);
	uint64_t before = op ? op->copied + (p->addr - a->src) : 0;
	struct content new = like(a->c, a->src), *c;
	struct delivery d = {p->msg, NULL, p->off, p->off, p->len};

	new.kind = HOP_COPY;
	new.holder = BY_RECEIVER;
	new.msg = p->msg;
	new.from = p->c;
	new.from_off = p->at;
	new.held = o ? owner_custody(o, &e->err) : NULL;
	new.off = p->off;
	new.len = p->len;
	new.src = p->addr;
	new.dst = a->dst ? a->dst + (p->addr - a->src) : 0;
	new.dst_user = true;
	new.sampled &= p->addr == a->src;
	set_receiver(&new, op);
	c = content_make(e, &new);
	custody_put(new.held);
	if (!c)
		return 1;
	p->msg->copied_bytes += p->len;
	check_sample(c);
	d.c = c;
	a->bytes += p->len;
	if (op && !op->item_count)
		op->lead = before;
	if (!op)
		deliver_outside(e, &d);
	else
		engine_check(e, op_deliver(op, &d));
	content_put(c);
	return 0;
}

static void tell_reading(struct engine *e, uint64_t src, uint64_t len)
{
	for (size_t i = 0; e->paths[i]; i++)
		if (e->paths[i]->reading)
			e->paths[i]->reading(e, src, len);
}

static struct place kernel(uint64_t addr)
{
	return (struct place){SPACE_KERNEL, addr};
}

static struct place user(const struct carry *c, uint64_t addr)
{
	return (struct place){c->t->space, addr};
}

static uint64_t within(struct carry *c, struct place src, struct place dst, uint64_t len)
{
	struct content l = like(c, src.addr);

	l.src_user = src.space != SPACE_KERNEL;
	l.dst_user = dst.space != SPACE_KERNEL;
	l.holder = l.dst_user ? BY_PROGRAM : l.src_user ? BY_FRAME : BY_SAME;
	/* A program reads a device's file: what the device's driver was given to send. */
	l.from_holders = l.dst_user ? HOLDER_BIT(BY_DRIVER) : 0;
	l.why = "not recorded how the frame came to the device's file";
	if (!l.src_user)
		tell_reading(c->e, src.addr, len);
	return copy_within(c->e, &l, src, dst, len);
}

static uint64_t to_user(struct carry *c, uint64_t src, uint64_t dst, uint64_t len)
{
	struct arrival a = {.c = c, .src = src, .dst = dst};

	/* A program that is given frames, as by a tap, has them in its hands. */
	if (c->t->op && c->t->op->file)
		return dst ? within(c, kernel(src), user(c, dst), len) : 0;
	engine_check(c->e, rangemap_clear(c->e->content, c->t->space, dst, len));
	tell_reading(c->e, src, len);
	if (c->t->op && !c->t->op->copied) {
		c->t->op->from = src;
		c->t->op->first = c->sampled ? c->sample : 0;
	}
	content_each(c->e->content, SPACE_KERNEL, src, len, arrive, &a);
	if (c->t->op)
		c->t->op->copied += len;
	return a.bytes;
}

/* Nothing that is known comes to be at dst. */
static uint64_t overwrite(struct engine *e, uint64_t dst, uint64_t len)
{
	check_overwrite(e, NULL, kernel(dst), len);
	engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, dst, len));
	return 0;
}

/* Does a copy to this address fill the skb that the thread is filling? */
static bool is_fill(const struct thread *t, uint64_t dst)
{
	return t->fill_skb && (!t->fill_to || (dst >= t->fill_to && dst < t->fill_to + t->fill_len));
}

static void fill_from(struct carry *c, struct content *start, uint64_t at, uint64_t dst, uint64_t len)
{
	struct content l = like(c, 0);
	bool fills = is_fill(c->t, dst);
	struct holder *skb = fills && !c->t->fill_to ? skb_find(c->e, c->t->fill_skb) : NULL;

	if (skb)
		skb_take(c->e, skb, dst, len);

	l.holder = fills ? BY_SKB : BY_BUFFER;
	l.skb = fills ? c->t->fill_skb : 0;
	copy_from(c->e, &l, start, at, dst, len);
	c->sampled = false;
}

/* len bytes of a send, from offset off on; `user`: where they are, or 0. */
static uint64_t from_op(struct carry *c, struct op *op, uint64_t off, uint64_t user, uint64_t dst,
			uint64_t len)
{
	uint64_t done = 0, added = 0;

	if (spanset_add(&op->read, off, off + len, &added))
		c->e->err = -ENOMEM;
	/* Of a send each byte is copied once, and none behind its end. */
	if (added < len || off > op->count || len > op->count - off)
		message_caveat(op->msg, CAVEAT_LENGTH);
	while (done < len) {
		struct content *start = op_start_at(op, off + done);
		uint64_t n;

		if (!start)
			start = op_start(c->e, op, off + done, user ? user + done : 0, len - done);
		if (!start)
			break;
		n = start->len - (off + done - start->off);
		n = n < len - done ? n : len - done;
		fill_from(c, start, off + done, dst + done, n);
		op_scratch(c->e, op, dst + done, n);
		done += n;
	}
	return done;
}

static uint64_t from_user(struct carry *c, uint64_t src, uint64_t dst, uint64_t len)
{
	struct op *op = c->t->op && c->t->op->send && !c->t->op->file ? c->t->op : NULL;
	struct content *start = op ? op_start_of(op, src) : NULL;

	if (start)
		return from_op(c, op, start->off + (src - start->dst), src, dst, len);
	return src ? within(c, user(c, src), kernel(dst), len) : overwrite(c->e, dst, len);
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

static uint64_t from_iter(struct carry *c, const struct event *ev)
{
	uint64_t at = kernel_side(c->e, ev), len = ev->v[F_len], payload = 0;
	struct op *op = op_of_iter(c->t, true, ev->v[F_iter], ev->v[F_icnt]);
	struct span spans[SPANS_MAX];
	size_t n;

	c->sampled = ev->kind != EV_PAGE_FROM_ITER || ev->v[F_s] ? iter_sample(c->e->run, ev, &c->sample) : false;
	if (iter_spans(c->e->run, ev, len, spans, &n))
		return overwrite(c->e, at, len);
	if (op && iter_is_user(c->e->run, ev))
		return from_op(c, op, op->count - ev->v[F_icnt], spans[0].addr, at, len);
	c->e->unsent += !op && !c->t->unheard && iter_is_user(c->e->run, ev) && is_fill(c->t, at);
	for (size_t i = 0; i < n; at += spans[i].len, i++)
		payload += spans[i].user ? from_user(c, spans[i].addr, at, spans[i].len) :
			   spans[i].addr ? within(c, kernel(spans[i].addr), kernel(at), spans[i].len) :
					   overwrite(c->e, at, spans[i].len);
	return payload;
}

static uint64_t to_iter(struct carry *c, const struct event *ev)
{
	uint64_t at = kernel_side(c->e, ev), payload = 0;
	struct span spans[SPANS_MAX];
	size_t n;

	if (c->t->op && !c->t->op->file && iter_is_user(c->e->run, ev))
		c->t->op->uneven |= ev->v[F_icnt] != c->t->op->count - c->t->op->copied;
	/* Into a pipe or nowhere: pages are referred to, or passed over. */
	if (!iter_is_memory(c->e->run, ev) ||
	    iter_spans(c->e->run, ev, ev->v[F_len], spans, &n))
		return 0;
	for (size_t i = 0; i < n; at += spans[i].len, i++) {
		payload += spans[i].user ? to_user(c, at, spans[i].addr, spans[i].len) :
			   spans[i].addr ? within(c, kernel(at), kernel(spans[i].addr), spans[i].len) : 0;
		c->sampled = false;
	}
	return payload;
}

static uint64_t plain(struct carry *c, uint64_t src, uint64_t dst, uint64_t len)
{
	if (!is_kernel_address(src))
		return is_kernel_address(dst) ? from_user(c, src, dst, len) : 0;
	return is_kernel_address(dst) ? within(c, kernel(src), kernel(dst), len) :
					to_user(c, src, dst, len);
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
	if ((t->fill_to && dst != t->fill_to) || len >= t->fill_len) {
		t->fill_skb = 0;
		return;
	}
	t->fill_to += t->fill_to ? len : 0;
	t->fill_len -= len;
}

static bool is_claimed(const struct carry *c, uint64_t src, uint64_t dst, uint64_t len)
{
	struct copying cp = {c->t, c->site, c->ip, src, dst, len, c->sample};

	if (!is_kernel_address(src) || !is_kernel_address(dst))
		return false;
	for (size_t i = 0; c->e->paths[i]; i++)
		if (c->e->paths[i]->claim && c->e->paths[i]->claim(c->e, &cp))
			return true;
	return false;
}

static void on_iter(struct engine *e, const struct event *ev)
{
	struct carry c = {.e = e, .t = thread_of(e, ev->tid), .sample = ev->v[F_s]};
	bool from = ev->kind == EV_FROM_ITER || ev->kind == EV_PAGE_FROM_ITER;
	uint64_t payload;

	c.sampled = ev->kind == EV_TO_ITER;
	if (!c.t || !ev->v[F_len] || !find_site(&c, ev))
		return;
	payload = from ? from_iter(&c, ev) : to_iter(&c, ev);
	if (from)
		use_fill(c.t, kernel_side(e, ev), ev->v[F_len]);
	if (!payload)
		count_other(e, &c, ev->v[F_len]);
}

static void on_mem(struct engine *e, const struct event *ev)
{
	struct carry c = {.e = e, .t = thread_of(e, ev->tid), .sample = ev->v[F_s], .sampled = true};
	uint64_t len = ev->kind == EV_MEM_REP ? ev->v[F_n] * ev->v[F_width] : ev->v[F_len];
	uint64_t src = ev->v[F_src], dst = ev->v[F_dst];

	if (!c.t || !len || !find_site(&c, ev) || is_claimed(&c, src, dst, len))
		return;
	if (!plain(&c, src, dst, len))
		count_other(e, &c, len);
}

static const struct handler handlers[] = {
	{EV_FROM_ITER, on_iter},      {EV_TO_ITER, on_iter}, {EV_PAGE_FROM_ITER, on_iter},
	{EV_PAGE_TO_ITER, on_iter},   {EV_MEM, on_mem},	     {EV_CSUM, on_mem},
	{EV_MEM_REP, on_mem},
	{0, NULL},
};

const struct path path_copy = {.name = "copy", .handlers = handlers};
