// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/cost.h"
#include "common/vec.h"

void ledger_init(struct ledger *l)
{
	memset(l, 0, sizeof(*l));
	l->want_message = UINT64_MAX;
}

void ledger_free(struct ledger *l)
{
	ledger_settle(l);
	chain_free(&l->chain);
	routes_free(&l->routes);
}

struct message *ledger_open(struct ledger *l, struct flow *f, int tid, uint64_t len)
{
	struct message *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->refs = 1;
	m->id = ++l->next_message;
	m->seq = f->next_seq++;
	m->flow = f;
	m->len = len;
	m->tid = tid;
	m->ledger = l;
	if (!m->seq)
		f->first_ts = l->now;
	return m;
}

void ledger_close_later(struct ledger *l, struct message *m)
{
	m->next = l->closing;
	l->closing = m;
}

static bool has_arrived(const struct message *m)
{
	if (!m->rdma)
		return m->delivered_bytes > 0;
	return m->delivered_bytes >= m->len && (m->len || m->told);
}

static void close_arrived(struct message *m)
{
	struct flow *f = m->flow;

	f->delivered++;
	f->arrived_bytes += m->len;
	if (m->copied_bytes > m->counted_bytes)
		f->dead_bytes += m->copied_bytes - m->counted_bytes;
}

static void add_size(struct flow *f, uint64_t len)
{
	f->messages++;
	f->sent_bytes += len;
	if (!f->min_size || len < f->min_size)
		f->min_size = len;
	if (len > f->max_size)
		f->max_size = len;
}

static void check_returns(struct message *m)
{
	if (!m->returned)
		message_caveat(m, m->rdma ? CAVEAT_NO_COMPLETION : CAVEAT_NO_RETURN);
	if (m->rdma && m->delivered_bytes && m->receipt && !m->received)
		message_caveat(m, CAVEAT_NO_COMPLETION);
	/* Nobody is told of a WRITE that is not acknowledged. */
	if (m->rdma && !m->reliable && !m->receipt)
		m->flow->expected_bytes += m->delivered_bytes;
}

static void close_message(struct message *m)
{
	/* What limits that it was dropped; of its chain nothing is claimed. */
	static const enum caveat of_dropped[] = {CAVEAT_RECYCLED, CAVEAT_NO_ENTRY, CAVEAT_NO_RETURN, CAVEAT_LENGTH,
						 CAVEAT_UNREAD};
	struct flow *f = m->flow;

	if (m->failed) {
		f->failed++;
		return;
	}
	check_returns(m);
	add_size(f, m->len);
	if (has_arrived(m)) {
		close_arrived(m);
	} else if (m->dropped_bytes && !m->told) {
		f->dropped++;
		for (size_t i = 0; i < ARRAY_SIZE(of_dropped); i++)
			f->caveats[of_dropped[i]] += m->caveat[of_dropped[i]];
		f->reasons[m->drop_reason < 255 ? m->drop_reason : 255]++;
		return;
	} else {
		f->undelivered++;
	}
	for (unsigned int d = 0; d < CAVEATS; d++)
		f->caveats[d] += m->caveat[d];
}

/*
 * What has arrived as a whole had ended by then, although a program that passed it on may keep its
 * bytes for long.
 */
static uint64_t ended(const struct message *m)
{
	return m->delivered_bytes >= m->len ? m->arrived_ts : m->ledger->now;
}

void ledger_settle(struct ledger *l)
{
	while (l->closing) {
		struct message *m = l->closing;

		l->closing = m->next;
		if (ended(m) > m->flow->last_ts)
			m->flow->last_ts = ended(m);
		close_message(m);
		free(m);
	}
}

void ledger_finish(struct ledger *l)
{
	ledger_settle(l);
	routes_compare(&l->routes);
}

static bool is_copied(enum hop_kind kind)
{
	return kind == HOP_COPY || kind == HOP_COPY_UNKNOWN || kind == HOP_EMULATED_DMA ||
	       kind == HOP_TRANSFORM || kind == HOP_PIO;
}

static int book_site(struct flow *f, const struct link *k, uint64_t bytes, bool first)
{
	const struct content *c = k->c;

	/* What changes bytes in place is no copy site. */
	if (k->kind == HOP_TRANSFORM)
		return 0;
	return flow_add_site(f, &(struct site_stat){.site = c->site, .ip = c->site ? 0 : c->at.ip,
						    .kind = (int)k->kind, .bytes = bytes,
						    .last = c->at.file_off}, first);
}

/* What the CPU moved to a device by itself, for one receiver. */
static int book_pio(struct flow *f, const struct link *k, uint64_t bytes)
{
	return flow_add_site(f, &(struct site_stat){.site = k->k->site, .kind = (int)k->kind,
						    .bytes = bytes, .last = k->k->at.file_off}, true);
}

/* Bytes of one copy count once, however many receivers they reach. */
static int book_copy(struct message *m, const struct link *k, uint64_t len)
{
	/* Booking is the one thing about content that changes. */
	struct content *c = (struct content *)k->c;
	struct flow *f = m->flow;
	bool first = !c->booked.count;
	uint64_t added;

	if (spanset_add(&c->booked, k->at, k->at + len, &added))
		return -ENOMEM;
	if (!added)
		return 0;
	if (k->kind == HOP_EMULATED_DMA)
		f->chain_emulated_bytes += added;
	else if (k->kind == HOP_COPY || k->kind == HOP_COPY_UNKNOWN) {
		f->chain_copy_bytes += added;
		m->counted_bytes += added;
	}
	return book_site(f, k, added, first);
}

static int book_links(const struct chain *ch, struct message *m)
{
	for (size_t i = ch->count; i-- > 0;) {
		const struct link *k = &ch->links[i];
		int err = 0;

		if (k->k && k->kind == HOP_PIO)
			err = book_pio(m->flow, k, ch->of.len);
		if (err)
			return err;
		if (!is_copied(k->kind) || k->k)
			continue;
		if (k->kind == HOP_COPY || k->kind == HOP_EMULATED_DMA) {
			m->flow->copy_hops++;
			m->flow->checked_hops += k->c->checked;
		}
		err = book_copy(m, k, ch->of.len);
		if (err)
			return err;
	}
	return 0;
}

static void count_chain(const struct chain *ch, struct flow *f)
{
	uint64_t times[FIGURES + 1] = {0}; /* the last: what no figure counts */

	for (int kind = 0; kind < HOP_KINDS; kind++)
		times[hop_kind_figure((enum hop_kind)kind)] += ch->kinds[kind];
	for (int i = 0; i < FIGURES; i++)
		range_add(&f->figures[i], times[i], ch->of.len);
	range_add(&f->hops, chain_hops(ch), ch->of.len);
}

/* What was encrypted on the way has been decrypted, and nothing else has. */
static bool is_plain(const struct chain *ch)
{
	int turns = 0;

	for (size_t i = 0; i < ch->count; i++)
		if (ch->links[i].kind == HOP_TRANSFORM && ch->links[i].c && !ch->links[i].k)
			turns += ch->links[i].c->turn;
	return !turns;
}

static void find_caveats(const struct chain *ch, struct message *m)
{
	if (ch->kinds[HOP_TRANSFORM] && !is_plain(ch))
		message_caveat(m, CAVEAT_TRANSFORM);
	if (ch->kinds[HOP_GAP])
		message_caveat(m, CAVEAT_GAP);
	if (ch->kinds[HOP_GAP_USER])
		message_caveat(m, CAVEAT_USER_SPACE);
	if (ch->unknown)
		message_caveat(m, CAVEAT_UNKNOWN);
	if (ch->cut || ch->links[0].kind != HOP_START)
		message_caveat(m, CAVEAT_LIMIT);
}

int ledger_book(struct ledger *l, const struct delivery *d)
{
	struct flow *f = d->msg->flow;
	int err = chain_make(&l->chain, d);

	if (err)
		return err;
	count_chain(&l->chain, f);
	find_caveats(&l->chain, d->msg);
	d->msg->delivered_bytes += d->len;
	d->msg->arrived_ts = d->msg->ledger->now;
	f->payload_bytes += d->len;
	f->accounted_bytes += d->len;
	err = routes_add(&l->routes, &l->chain, f);
	return err ? err : book_links(&l->chain, d->msg);
}

int ledger_time(struct ledger *l, const struct delivery *d)
{
	int err = chain_make(&l->chain, d);

	return err ? err : cost_add(d->msg->flow, &l->chain);
}

/* Pieces that came the same way into the same call are shown once. */
static bool same_chain(const struct chain_view *v, uint64_t call, const struct chain *ch)
{
	if (v->call != call || v->count != ch->count)
		return false;
	for (size_t i = 0; i < v->count; i++) {
		const struct link *k = &ch->links[i];
		const struct site *site = k->kind == HOP_GAP ? NULL :
					  k->k ? k->k->site : k->c ? k->c->site : NULL;

		if (v->steps[i].kind != (int)k->kind || v->steps[i].site != site ||
		    v->steps[i].sk != k->sk)
			return false;
	}
	return true;
}

#define VIEWS_MAX 16    /* different chains of one message that are shown */
#define PIECES_MAX 4096 /* of one message, where every one is wanted */

static int keep_view(struct flow *f, bool every, uint64_t call, const struct chain *ch)
{
	struct chain_view *more;
	int err;

	for (size_t i = 0; i < f->view_count && !every; i++)
		if (same_chain(&f->views[i], call, ch)) {
			f->views[i].bytes += ch->of.len;
			f->views[i].pieces++;
			return 0;
		}
	if (f->view_count >= (every ? PIECES_MAX : VIEWS_MAX)) {
		f->more_views++;
		return 0;
	}
	more = realloc(f->views, (f->view_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->views = more;
	err = chain_view_take(&more[f->view_count], ch);
	if (err)
		return err;
	more[f->view_count++].call = call;
	return 0;
}

static bool is_wanted(const struct ledger *l, const struct message *m)
{
	if (l->want_message != UINT64_MAX)
		return m->seq == l->want_message;
	return !m->flow->shown || m->flow->shown == m->id;
}

int ledger_show(struct ledger *l, uint64_t call, const struct delivery *d)
{
	int err;

	if (!is_wanted(l, d->msg))
		return 0;
	err = chain_make(&l->chain, d);
	if (!err)
		err = keep_view(d->msg->flow, l->every_piece, call, &l->chain);
	d->msg->flow->shown = d->msg->id;
	d->msg->flow->shown_seq = d->msg->seq;
	return err;
}
