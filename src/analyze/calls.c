// SPDX-License-Identifier: GPL-2.0-only
/* Send and receive calls: messages are born here and delivered here. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "analyze/cost.h"
#include "analyze/engine.h"

void message_caveat(struct message *msg, enum caveat d)
{
	if (msg)
		msg->caveat[d] = true;
}

static uint32_t read_address6(const struct event *ev, enum event_array which, unsigned char *addr)
{
	uint32_t words[4] = {0};

	if (ev->array[which] && ev->array_len[which] >= sizeof(words)) {
		memcpy(words, ev->array[which], sizeof(words));
		memcpy(addr, words, sizeof(words));
	}
	return words[0] ^ words[1] ^ words[2] ^ words[3];
}

static void read_socket(const struct thread *t, const struct event *ev, struct socket_view *s)
{
	*s = (struct socket_view){
		.fd = t->fd,
		.file = ev->v[F_file],
		.socket = ev->v[F_sock],
		.sk = ev->v[F_sk],
		.linked = t->file && t->file == ev->v[F_file] && t->file_priv == ev->v[F_sock],
		.fam = (uint16_t)ev->v[F_fam],
		.laddr = ntohl((uint32_t)ev->v[F_laddr]),
		.raddr = ntohl((uint32_t)ev->v[F_raddr]),
		.lport = (uint16_t)ev->v[F_lport],
		.rport = ntohs((uint16_t)ev->v[F_rport]),
	};
	if (s->fam == AF_INET6) {
		s->laddr = read_address6(ev, A_laddr6, s->laddr6);
		s->raddr = read_address6(ev, A_raddr6, s->raddr6);
	}
}

/* An unconnected socket is told the destination in msg_name (struct sockaddr_in, …_in6). */
static void read_destination(const struct event *ev, struct socket_view *s)
{
	if (!ev->v[F_name])
		return;
	s->rport = ntohs((uint16_t)ev->v[F_nport]);
	if (s->fam == AF_INET6)
		s->raddr = read_address6(ev, A_naddr6, s->raddr6);
	else
		s->raddr = ntohl((uint32_t)ev->v[F_naddr]);
}

static const char *proto_name(const struct event *ev)
{
	switch (ev->v[F_proto]) {
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_UDPLITE:
		return "udplite";
	default:
		return "raw";
	}
}

static uint64_t flow_key(const struct thread *t, const struct socket_view *s)
{
	return mix(s->sk, (uint64_t)s->raddr << 16 | s->rport,
		   (uint64_t)t->tgid << 16 | s->lport);
}

static struct flow *find_flow(struct engine *e, const struct thread *t,
			      const struct socket_view *s, const char *proto)
{
	struct flow *f = hashmap_find(&e->flow_by_key, flow_key(t, s));

	if (f && f->sk == s->sk && f->tgid == t->tgid && f->sport == s->lport &&
	    f->dport == s->rport && f->daddr == s->raddr && !strcmp(f->proto, proto))
		return f;
	return NULL;
}

struct flow *flow_new(struct engine *e, uint64_t key, const char *proto)
{
	struct flow *f = calloc(1, sizeof(*f));

	if (!f || hashmap_set(&e->flow_by_key, key, f)) {
		free(f);
		e->err = -ENOMEM;
		return NULL;
	}
	f->index = (unsigned int)++e->next_flow;
	f->proto = proto;
	f->sender.fd = f->receiver.fd = -1;
	*e->last_flow = f;
	e->last_flow = &f->next;
	return f;
}

static struct flow *new_flow(struct engine *e, const struct thread *t,
			     const struct socket_view *s, const char *proto)
{
	struct flow *f = flow_new(e, flow_key(t, s), proto);

	if (!f)
		return NULL;
	f->tgid = t->tgid;
	f->sk = s->sk;
	f->saddr = s->laddr;
	f->daddr = s->raddr;
	f->sport = s->lport;
	f->dport = s->rport;
	f->sender = *s;
	return f;
}

static bool has_arrived(const struct message *m)
{
	if (!m->rdma)
		return m->delivered_bytes > 0;
	return m->delivered_bytes >= m->len && (m->len || m->told);
}

/* Nothing refers to the message any more: what became of it is final. */
static void account_message(struct message *m, void *ctx)
{
	struct flow *f = m->flow;

	(void)ctx;
	if (m->failed) {
		f->failed++;
		return;
	}
	if (!m->returned)
		message_caveat(m, m->rdma ? CAVEAT_NO_COMPLETION : CAVEAT_NO_RETURN);
	if (m->rdma && m->delivered_bytes && m->receipt && !m->received)
		message_caveat(m, CAVEAT_NO_COMPLETION);
	/* Of a WRITE that is not acknowledged nobody is told. */
	if (m->rdma && !m->reliable && !m->receipt)
		f->expected_bytes += m->delivered_bytes;
	f->messages++;
	f->sent_bytes += m->len;
	if (!f->min_size || m->len < f->min_size)
		f->min_size = m->len;
	if (m->len > f->max_size)
		f->max_size = m->len;
	if (has_arrived(m)) {
		f->delivered++;
		f->arrived_bytes += m->len;
		f->dead_bytes += m->copied_bytes > m->counted_bytes ?
					 m->copied_bytes - m->counted_bytes : 0;
	} else if (m->dropped_bytes && !m->told) {
		f->dropped++;
		f->caveats[CAVEAT_RECYCLED] += m->caveat[CAVEAT_RECYCLED];
		f->reasons[m->drop_reason < 255 ? m->drop_reason : 255]++;
		return;
	} else {
		f->undelivered++;
	}
	for (unsigned int d = 0; d < CAVEATS; d++)
		f->caveats[d] += m->caveat[d];
}

struct message *message_new(struct engine *e, int tid, struct flow *f, uint64_t len)
{
	struct message *m = calloc(1, sizeof(*m));

	if (!m) {
		e->err = -ENOMEM;
		return NULL;
	}
	m->refs = 1;
	m->id = ++e->next_message;
	m->seq = f->next_seq++;
	m->flow = f;
	m->len = len;
	m->tid = tid;
	m->on_last = account_message;
	return m;
}

static void map_sender(struct engine *e, struct thread *t, struct message *m)
{
	uint64_t off = 0;

	for (size_t i = 0; i < t->span_count; i++) {
		struct span *s = &t->spans[i];
		struct hop *h = hop_new(HOP_START, BY_SENDER, NULL, m, e->now);
		struct rm_piece p = {s->space, s->addr, s->len, m->id, off, h};

		if (!h) {
			e->err = -ENOMEM;
			return;
		}
		h->src = h->dst = s->addr;
		h->src_user = h->dst_user = true;
		h->src_len = s->len;
		h->off = off;
		h->sk = m->flow->sk;
		engine_check(e, rangemap_insert(e->map, &p));
		hop_put(h);
		off += s->len;
	}
}

static void end_send(struct engine *e, struct thread *t)
{
	struct message *m = t->sending;

	for (size_t i = 0; i < t->span_count; i++)
		engine_check(e, rangemap_clear(e->map, t->spans[i].space, t->spans[i].addr,
					      t->spans[i].len));
	t->span_count = 0;
	t->sending = NULL;
	message_put(m);
}

/* The send came back, but not by a return that was recorded. */
void send_abandon(struct engine *e, struct thread *t)
{
	if (t->sending)
		end_send(e, t);
}

static void send_returned(struct engine *e, struct thread *t, int64_t ret, bool many)
{
	t->sending->returned = true;
	if (ret < 0)
		t->sending->failed = true;
	else if (!many)
		t->sending->len = (uint64_t)ret;
	end_send(e, t);
}

void on_send_enter(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	const char *proto = proto_name(ev);
	struct socket_view s;
	struct flow *f;

	if (!t)
		return;
	/* udpv6_sendmsg hands IPv4 destinations on to udp_sendmsg with the same msghdr. */
	if (t->sending && t->sending_hdr == ev->v[F_msg] && t->sending_ip != ev->ip)
		return;
	/* The next message of a sendmmsg: the one before was sent. */
	if (t->sending && t->many)
		send_returned(e, t, 0, true);
	else if (t->sending)
		end_send(e, t);
	read_socket(t, ev, &s);
	read_destination(ev, &s);
	f = find_flow(e, t, &s, proto);
	if (!f)
		f = new_flow(e, t, &s, proto);
	if (!f)
		return;
	f->sender.linked |= s.linked;
	if (f->sender.fd < 0)
		f->sender.fd = s.fd;
	f->calls += t->entered;
	t->entered = false;
	t->sending = message_new(e, t->tid, f, ev->v[F_len]);
	if (!t->sending)
		return;
	t->sending_hdr = ev->v[F_msg];
	t->sending_ip = ev->ip;
	if (iter_spans(e, t, ev, ev->v[F_len], t->spans, &t->span_count))
		message_caveat(t->sending, CAVEAT_GAP);
	map_sender(e, t, t->sending);
}

static void clear_op(struct recv_op *op)
{
	for (size_t i = 0; i < op->count; i++) {
		hop_put(op->items[i].hop);
		message_put(op->items[i].msg);
	}
	op->count = 0;
	op->open = false;
	op->copied = 0;
}

#define ITEMS_MAX 65536

static int keep_item(struct recv_op *op, struct hop *h, uint64_t bytes)
{
	if (op->count >= ITEMS_MAX)
		return 0; /* the audit misses them: no call brings as many */
	if (op->count == op->rooms) {
		size_t want = op->rooms ? op->rooms * 2 : 16;
		struct delivery *more = realloc(op->items, want * sizeof(*more));

		if (!more)
			return -ENOMEM;
		op->items = more;
		op->rooms = want;
	}
	op->items[op->count++] = (struct delivery){message_get(h->msg), hop_get(h), bytes};
	return 0;
}

/* How much of [from, to) no receiver's way through this hop has covered yet; covers it. */
static uint64_t cover(struct hop *h, uint64_t from, uint64_t to)
{
	uint64_t fresh = to - from;

	if (!h->counted) {
		h->counted_from = from;
		h->counted_to = to;
	} else if (to <= h->counted_from || from >= h->counted_to) {
		h->counted_from = from < h->counted_from ? from : h->counted_from;
		h->counted_to = to > h->counted_to ? to : h->counted_to;
	} else {
		fresh = from < h->counted_from ? h->counted_from - from : 0;
		fresh += to > h->counted_to ? to - h->counted_to : 0;
		h->counted_from -= from < h->counted_from ? h->counted_from - from : 0;
		h->counted_to += to > h->counted_to ? to - h->counted_to : 0;
	}
	h->counted += fresh;
	return fresh;
}

/* Counts the copies on the way to a receiver, each byte of each copy once. */
static void count_way(struct engine *e, struct flow *f, struct hop *end, uint64_t bytes)
{
	for (struct hop *h = end; h; h = h->prev) {
		bool first = !h->counted;
		uint64_t fresh;

		if (h->kind == HOP_COPY || h->kind == HOP_EMULATED_DMA)
			f->copy_hops++, f->checked_hops += h->checked;
		if (h->kind != HOP_COPY && h->kind != HOP_COPY_UNKNOWN &&
		    h->kind != HOP_EMULATED_DMA)
			continue;
		fresh = cover(h, end->off, end->off + bytes);
		if (!fresh)
			continue;
		if (h->kind == HOP_EMULATED_DMA)
			f->chain_emulated_bytes += fresh;
		else
			f->chain_copy_bytes += fresh;
		if (h->msg && h->kind != HOP_EMULATED_DMA)
			h->msg->counted_bytes += fresh;
		if (flow_add_site(f, h, fresh, first))
			e->err = -ENOMEM;
	}
}

/* Pieces that came the same way into the same call are shown once. */
static bool same_way(const struct chain_view *v, uint64_t call, const struct hop *h)
{
	size_t n = v->count;

	if (v->call != call || n != (size_t)h->depth + 1)
		return false;
	for (; h && n; h = h->prev) {
		n--;
		if (v->steps[n].kind != (int)h->kind || v->steps[n].site != h->site ||
		    v->steps[n].sk != h->sk)
			return false;
	}
	return true;
}

#define VIEWS_MAX 16    /* different ways of one message that are shown */
#define PIECES_MAX 4096 /* of one message, where every one is wanted */

static int show_piece(struct flow *f, bool every, uint64_t call, const struct hop *h, uint64_t bytes)
{
	struct chain_view *more;
	int err;

	for (size_t i = 0; i < f->view_count && !every; i++)
		if (same_way(&f->views[i], call, h)) {
			f->views[i].bytes += bytes;
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
	err = chain_view_take(&more[f->view_count], h);
	if (err)
		return err;
	more[f->view_count].call = call;
	more[f->view_count++].bytes = bytes;
	return 0;
}

static bool is_wanted(const struct engine *e, const struct message *m)
{
	struct flow *f = m->flow;

	if (e->want_message != UINT64_MAX)
		return m->seq == e->want_message;
	return !f->shown || f->shown == m->id;
}

void count_piece(struct engine *e, const struct delivery *d)
{
	struct flow *f = d->msg->flow;
	struct hop *h = d->hop;

	range_add(&f->copies, h->copies, d->bytes);
	range_add(&f->emulated, h->emulated, d->bytes);
	range_add(&f->dmas, h->dmas, d->bytes);
	range_add(&f->wires, h->wires, d->bytes);
	range_add(&f->gaps, h->gaps + h->user_gaps, d->bytes);
	range_add(&f->hops, h->depth, d->bytes);
	if (h->gaps)
		message_caveat(d->msg, CAVEAT_GAP);
	if (h->user_gaps)
		message_caveat(d->msg, CAVEAT_USER_SPACE);
	if (h->unknown)
		message_caveat(d->msg, CAVEAT_UNKNOWN);
	d->msg->delivered_bytes += d->bytes;
	f->payload_bytes += d->bytes;
	f->accounted_bytes += d->bytes;
	count_way(e, f, h, d->bytes);
}

/* A peek or a packet socket is not whom the message is sent to. */
static void time_message(struct engine *e, const struct recv_op *op, size_t first)
{
	struct delivery *last = &op->items[first];

	if (op->tap || op->peek)
		return;
	for (size_t i = first; i < op->count; i++)
		if (op->items[i].msg == last->msg)
			last = &op->items[i];
	if (cost_add(last->msg->flow, last->hop))
		e->err = -ENOMEM;
}

static void count_chains(struct engine *e, struct recv_op *op)
{
	for (size_t i = 0; i < op->count; i++) {
		struct message *m = op->items[i].msg;
		size_t before = 0;

		while (before < i && op->items[before].msg != m)
			before++;
		if (before == i) {
			m->flow->chains++;
			time_message(e, op, i);
			/* A packet socket that listens is a receiver too, not the one meant. */
			if (!m->flow->receiver.sk ||
			    (!op->tap && m->flow->receiver.fam == AF_PACKET))
				m->flow->receiver = op->sock;
		}
		count_piece(e, &op->items[i]);
	}
}

/* Which flow do bytes belong to that no chain explains? The one sent to that port, if any. */
static struct flow *flow_to(struct engine *e, const struct socket_view *s)
{
	struct flow *found = NULL;

	for (struct flow *f = e->flows; f; f = f->next)
		if (f->dport == s->lport && (!s->laddr || f->daddr == s->laddr))
			found = f;
	return found;
}

static void audit(struct engine *e, struct recv_op *op, int64_t ret)
{
	uint64_t told = (uint64_t)ret < op->room ? (uint64_t)ret : op->room, payload = 0;
	struct flow *f = op->count ? op->items[0].msg->flow : NULL;

	for (size_t i = 0; i < op->count; i++)
		payload += op->items[i].bytes;
	if (!f)
		f = op->tap ? NULL : flow_to(e, &op->sock);
	if (!f) {
		e->orphans += !op->tap;
		e->orphan_bytes += op->tap ? 0 : told;
		return;
	}
	if (op->tap) {
		/* A packet socket hands over whole frames: what is no payload is header. */
		f->expected_bytes += payload;
		f->header_bytes += told - (payload < told ? payload : told);
		return;
	}
	f->expected_bytes += told;
	if (payload == told)
		return;
	if (op->count)
		message_caveat(op->items[0].msg, CAVEAT_UNACCOUNTED);
	else
		f->caveats[CAVEAT_UNACCOUNTED]++;
}

void take_view(struct engine *e, uint64_t call, const struct delivery *d)
{
	if (!is_wanted(e, d->msg))
		return;
	if (show_piece(d->msg->flow, e->every_piece, call, d->hop, d->bytes))
		e->err = -ENOMEM;
	d->msg->flow->shown = d->msg->id;
	d->msg->flow->shown_seq = d->msg->seq;
}

/* Of one message in recvmmsg no length is told but what was copied. */
static void recv_returned(struct engine *e, struct thread *t, int64_t ret, bool many)
{
	struct recv_op *op = &t->recv;

	if (ret > 0) {
		count_chains(e, op);
		for (size_t i = 0; i < op->count; i++)
			take_view(e, op->call, &op->items[i]);
		if (op->count) {
			op->items[0].msg->flow->calls += t->entered;
			t->entered = false;
		}
		audit(e, op, many ? (int64_t)op->copied : ret);
	}
	clear_op(op);
}

/* The call's return was not recorded: what it brought counts, with a caveat. */
void recv_op_abandon(struct engine *e, struct thread *t)
{
	if (t->recv.open && t->recv.count) {
		for (size_t i = 0; i < t->recv.count; i++)
			message_caveat(t->recv.items[i].msg, CAVEAT_NO_RETURN);
		count_chains(e, &t->recv);
	}
	clear_op(&t->recv);
}

void on_recv_enter(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);

	if (!t)
		return;
	if (t->recv.open && t->many)
		recv_returned(e, t, 1, true);
	recv_op_abandon(e, t);
	t->recv.open = true;
	t->recv.call = ev->file_off;
	t->recv.tap = ev->v[F_fam] == AF_PACKET;
	t->recv.peek = ev->v[F_flags] & MSG_PEEK;
	t->recv.sk = ev->v[F_sk];
	t->recv.room = ev->v[F_icnt];
	read_socket(t, ev, &t->recv.sock);
}

void on_syscall_exit(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	int64_t ret = (int64_t)ev->v[F_ret];
	bool many = ev->kind == EV_MMSG_EXIT;

	if (!t)
		return;
	if (t->sending)
		send_returned(e, t, ret, many);
	if (t->recv.open)
		recv_returned(e, t, ret, many);
	t->many = false;
}

void deliver(struct engine *e, struct hop *h, uint64_t bytes)
{
	struct thread *t = thread_of(e, e->now->tid);
	struct delivery d = {h->msg, h, bytes};

	if (!t || !h->msg)
		return;
	if (t->recv.open) {
		if (keep_item(&t->recv, h, bytes))
			e->err = -ENOMEM;
		return;
	}
	message_caveat(h->msg, CAVEAT_OUTSIDE);
	h->msg->flow->chains++;
	h->msg->flow->expected_bytes += bytes;
	count_piece(e, &d);
}
