// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/vec.h"

/* No real packet has a chain this long; stop following it. */
#define LINKS_MAX 1000

#define NO_DMA "no DMA out of the sender's buffer is recorded"

/* A link as it is found, from the newest to the oldest. */
struct found {
	struct chain *ch;
	const struct content *c;
	uint64_t at;
	int err;
};

static int add(struct found *f, const struct link *l)
{
	struct chain *ch = f->ch;

	if (ch->count == LINKS_MAX) {
		ch->cut = true;
		return 1;
	}
	f->err = vec_reserve(&ch->links, &ch->cap, ch->count + 1);
	if (f->err)
		return 1;
	ch->links[ch->count++] = *l;
	return 0;
}

static int add_handoff(void *ctx, const struct custody *k)
{
	struct found *f = ctx;

	return add(f, &(struct link){.kind = k->kind, .holder = k->holder, .c = f->c, .at = f->at,
				     .k = k, .when = &k->at});
}

static int add_content(struct found *f)
{
	const struct content *c = f->c;

	return add(f, &(struct link){.kind = c->kind, .holder = c->holder, .c = c, .at = f->at,
				     .when = &c->at});
}

static int add_wire(struct found *f, const struct late *wire)
{
	return add(f, &(struct link){.kind = HOP_WIRE, .holder = BY_FRAME, .wire = wire,
				     .when = &wire->at});
}

/* Content and custody, backwards. */
static void find_links(struct found *f)
{
	while (f->c && !add_content(f)) {
		const struct custody *held;
		const struct late *wire;
		const struct content *from = content_before(f->c, &f->at, &held, &wire);

		if (wire && add_wire(f, wire))
			return;
		f->c = from;
		if (from && custody_each(held, from->at.seq, add_handoff, f))
			return;
	}
}

static void turn_round(struct chain *ch)
{
	for (size_t i = 0, k = ch->count; i + 1 < k; i++) {
		struct link l = ch->links[i];

		ch->links[i] = ch->links[--k];
		ch->links[k] = l;
	}
}

/* Who has the bytes, on the way along a chain. */
struct along {
	enum hand holder;
	uint64_t skb, sk;
	const char *dev; /* of the newest hand-off that names one */
};

/* Did the holder of link i have the same frame already: just before on another device, or earlier on this one? */
static bool had_before(const struct chain *ch, size_t i)
{
	const struct custody *now = ch->links[i].k;

	for (size_t j = i; j-- > 0;) {
		const struct custody *k = ch->links[j].k;

		bool same_dev = k && !strcmp(k->dev, now->dev);

		if (k && k->holder == now->holder && k->frame_len == now->frame_len &&
		    same_dev != (j + 1 == i))
			return true;
	}
	return false;
}

/* Whose frames are one device's: it alone sends them, or they have come up from it. */
#define OF_DEVICE (HOLDER_BIT(BY_QUEUE) | HOLDER_BIT(BY_BACKLOG) | HOLDER_BIT(BY_GRO))

static bool may_follow(const struct along *a, const struct chain *ch, size_t i)
{
	const struct link *l = &ch->links[i];
	unsigned int had = HOLDER_BIT(a->holder);
	bool elsewhere;

	if (l->kind == HOP_WIRE)
		return a->holder == BY_DEVICE;
	if (!l->k)
		return !l->c->from_holders || l->c->from_holders & had;
	elsewhere = a->dev && *l->k->dev && strcmp(a->dev, l->k->dev) != 0;
	if (l->k->from & had)
		return !(elsewhere && OF_DEVICE & had);
	return (l->k->stacked & had && elsewhere) || (l->k->back & had && had_before(ch, i));
}

static int put_gap(struct chain *ch, size_t i, const struct along *a)
{
	struct link gap = ch->links[i];

	if (vec_reserve(&ch->links, &ch->cap, ch->count + 1))
		return -ENOMEM;
	gap.why = gap.kind == HOP_WIRE ? NO_DMA : gap.k ? gap.k->why : gap.c->why;
	gap.kind = HOP_GAP;
	gap.holder = a->holder;
	gap.skb = a->skb;
	gap.sk = a->sk;
	memmove(&ch->links[i + 1], &ch->links[i], (ch->count - i) * sizeof(gap));
	ch->links[i] = gap;
	ch->count++;
	return 0;
}

static void pass_along(struct along *a, struct link *l)
{
	if (l->k) {
		a->skb = l->k->skb ? l->k->skb : a->skb;
		a->sk = l->k->sk;
		a->dev = *l->k->dev ? l->k->dev : a->dev;
	} else if (l->c) {
		a->skb = l->c->skb ? l->c->skb : a->skb;
		a->sk = l->c->sk || l->c->late ? l->c->sk : a->sk;
	} else {
		a->sk = 0;
	}
	if (l->holder == BY_SAME)
		l->holder = a->holder;
	a->holder = l->holder;
	l->skb = a->skb;
	l->sk = a->sk;
}

/* A gap before each hop whose bytes someone else had than those it takes them from. */
static int follow(struct chain *ch)
{
	struct along a = {.holder = BY_SENDER};

	for (size_t i = 0; i < ch->count; i++) {
		if (i && !may_follow(&a, ch, i)) {
			if (put_gap(ch, i, &a))
				return -ENOMEM;
			i++;
		}
		pass_along(&a, &ch->links[i]);
	}
	for (size_t i = 0; i < ch->count; i++) {
		const struct link *l = &ch->links[i];

		ch->kinds[l->kind]++;
		if (l->c && !l->k && (l->kind == HOP_GAP || l->kind == HOP_GAP_USER) && !l->why)
			ch->links[i].why = l->c->why;
		ch->unknown |= l->c && !l->k && (l->kind == HOP_COPY_UNKNOWN || l->c->unknown);
	}
	return 0;
}

int chain_make(struct chain *ch, const struct delivery *d)
{
	struct found f = {.ch = ch, .c = d->c, .at = d->at};

	ch->count = 0;
	ch->cut = ch->unknown = false;
	memset(ch->kinds, 0, sizeof(ch->kinds));
	ch->of = *d;
	find_links(&f);
	if (f.err)
		return f.err;
	turn_round(ch);
	return follow(ch);
}

void chain_free(struct chain *ch)
{
	free(ch->links);
	memset(ch, 0, sizeof(*ch));
}

static void fill_stamp(struct step *s, const struct stamp *when)
{
	s->event = (int)when->event;
	s->ts = when->ts;
	s->file_off = when->file_off;
	s->cpu = when->cpu;
	s->tid = when->tid;
	s->ip = when->ip;
}

/* Content whose message was known late is a frame's: of it the bytes of the delivery are shown. */
static void fill_place(struct step *s, const struct chain *ch, const struct link *l)
{
	const struct content *c = l->c;
	uint64_t shift = c->msg ? 0 : l->at - c->off;

	s->len = c->msg ? c->len : ch->of.len;
	s->off = c->msg ? c->off : ch->of.off;
	s->src = c->src ? c->src + shift : 0;
	s->dst = c->dst ? c->dst + shift : 0;
	s->via = c->via ? c->via + shift : 0;
	s->src_user = c->src_user;
	s->dst_user = c->dst_user;
	s->sampled = c->sampled && !shift;
	s->checked = c->checked;
	s->site = c->site;
	memcpy(s->dev, c->dev, sizeof(s->dev));
}

static void fill_handoff(struct step *s, const struct link *l)
{
	s->src = s->dst;
	s->via = 0;
	s->src_user = s->dst_user = s->sampled = s->checked = false;
	s->site = l->k->site;
	memcpy(s->dev, l->k->dev, sizeof(s->dev));
}

/* Of a gap it is known between which hops it is, and nothing else. */
static void fill_gap(struct step *s)
{
	s->src = s->dst = s->via = 0;
	s->src_user = s->dst_user = s->sampled = s->checked = false;
	s->site = NULL;
	*s->dev = '\0';
}

/* The send is where a chain begins in time, if it is recorded. */
static void start_at_post(struct step *s, const struct message *m)
{
	if (!m->posted || m->post_ts > s->ts)
		return;
	s->event = EV_RDMA_POST;
	s->ts = m->post_ts;
	s->file_off = m->post_off;
	s->cpu = m->post_cpu;
	s->tid = m->post_tid;
}

void chain_step(const struct chain *ch, size_t i, struct step *s)
{
	const struct link *l = &ch->links[i];

	*s = (struct step){.kind = (int)l->kind, .holder = (int)l->holder, .skb = l->skb, .sk = l->sk};
	if (l->c)
		fill_place(s, ch, l);
	if (l->k)
		fill_handoff(s, l);
	fill_stamp(s, l->when);
	if (l->kind == HOP_WIRE) {
		s->len = ch->of.len;
		s->off = ch->of.off;
		memcpy(s->dev, l->wire->dev, sizeof(s->dev));
	}
	if (l->kind == HOP_GAP)
		fill_gap(s);
	s->why = l->why;
	if (l->kind == HOP_START)
		start_at_post(s, ch->of.msg);
}

int chain_view_take(struct chain_view *v, const struct chain *ch)
{
	memset(v, 0, sizeof(*v));
	v->steps = calloc(ch->count, sizeof(*v->steps));
	if (!v->steps)
		return -ENOMEM;
	v->count = ch->count;
	for (size_t i = 0; i < ch->count; i++)
		chain_step(ch, i, &v->steps[i]);
	v->bytes = ch->of.len;
	v->pieces = 1;
	return 0;
}
