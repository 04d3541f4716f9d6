// SPDX-License-Identifier: GPL-2.0-only
/* Sends and receives of sockets: messages begin here and are delivered here. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "analyze/core/iter.h"
#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/core/task.h"
#include "analyze/paths.h"

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
	if (!ev->v[F_name] || s->fam == AF_PACKET)
		return;
	s->rport = ntohs((uint16_t)ev->v[F_nport]);
	if (s->fam == AF_INET6)
		s->raddr = read_address6(ev, A_naddr6, s->raddr6);
	else
		s->raddr = ntohl((uint32_t)ev->v[F_naddr]);
}

static const char *proto_name(const struct event *ev)
{
	static const struct {
		uint64_t proto;
		const char *name;
	} protos[] = {{IPPROTO_UDP, "udp"}, {IPPROTO_ICMP, "icmp"}, {IPPROTO_UDPLITE, "udplite"}};

	if (ev->v[F_fam] == AF_PACKET)
		return "packet";
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		if (protos[i].proto == ev->v[F_proto])
			return protos[i].name;
	return "raw";
}

static uint64_t flow_key(const struct socket_view *s)
{
	return mix(s->sk, (uint64_t)s->raddr << 16 | s->rport, s->lport);
}

/*
 * A socket is the same one while any process lives that has used it: another process that uses it
 * has inherited it or was given it.
 */
static bool shares_socket(const struct engine *e, const struct flow *f, int tgid)
{
	const struct thread *first = thread_find(e, f->tgid), *last = thread_find(e, f->last_tgid);

	return f->tgid == tgid || f->last_tgid == tgid || (first && !first->gone) ||
	       (last && !last->gone);
}

static struct flow *find_flow(struct engine *e, const struct thread *t,
			      const struct socket_view *s, const char *proto)
{
	struct flow *f = hashmap_find(&e->flow_by_key, flow_key(s));

	if (f && f->sk == s->sk && shares_socket(e, f, t->tgid) && f->sport == s->lport &&
	    f->dport == s->rport && f->daddr == s->raddr && !strcmp(f->proto, proto)) {
		f->last_tgid = t->tgid;
		return f;
	}
	f = flow_new(e, flow_key(s), proto);
	if (!f)
		return NULL;
	f->tgid = f->last_tgid = t->tgid;
	f->sk = s->sk;
	f->saddr = s->laddr;
	f->daddr = s->raddr;
	f->sport = s->lport;
	f->dport = s->rport;
	f->sender = *s;
	return f;
}

#define MAX_ERRNO 4095 /* include/linux/err.h: no error is larger */

/* Was every byte of the send copied? */
static bool is_all_read(const struct op *op)
{
	const struct spanset_range *r = op->read.ranges ? op->read.ranges : &op->read.one;

	return !op->count || (op->read.count == 1 && !r->from && r->to == op->count);
}

static void send_returned(struct engine *e, struct thread *t, int64_t ret, bool many)
{
	struct message *m = t->op->msg;

	if (!t->inside)
		message_caveat(m, CAVEAT_NO_ENTRY);
	if (ret < -MAX_ERRNO)
		m->flow->caveats[CAVEAT_LENGTH]++;
	if (ret >= 0 && !is_all_read(t->op))
		message_caveat(m, CAVEAT_UNREAD);
	m->returned = true;
	if (ret < 0)
		m->failed = true;
	else if (!many && m->len != (uint64_t)ret)
		message_caveat(m, CAVEAT_LENGTH);
	op_end(e, t);
}

/* Where the sender's buffer is, as far as the event shows. */
static void find_starts(struct engine *e, struct op *op, const struct event *ev)
{
	struct span spans[SPANS_MAX];
	uint64_t off = 0;
	size_t n;

	if (iter_spans(e->run, ev, ev->v[F_len], spans, &n)) {
		message_caveat(op->msg, CAVEAT_GAP);
		return;
	}
	for (size_t i = 0; i < n && spans[i].addr; off += spans[i].len, i++)
		op_start(e, op, off, spans[i].addr, spans[i].len);
}

static void begin_send(struct engine *e, struct thread *t, struct flow *f, const struct event *ev)
{
	struct message *m = ledger_open(&e->ledger, f, t->tid, ev->v[F_len]);
	struct op *op = m ? op_begin(e, t, true) : NULL;

	if (!op) {
		message_put(m);
		e->err = -ENOMEM;
		return;
	}
	op->msg = m;
	op->sk = f->sk;
	op->hdr = ev->v[F_msg];
	op->ip = ev->ip;
	op->count = ev->v[F_icnt];
	find_starts(e, op, ev);
}

static void on_send_enter(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	struct socket_view s;
	struct flow *f;

	if (!t)
		return;
	/* udpv6_sendmsg hands IPv4 destinations on to udp_sendmsg with the same msghdr. */
	if (t->op && t->op->send && !t->op->file && t->op->hdr == ev->v[F_msg] && t->op->ip != ev->ip)
		return;
	/* The next message of a sendmmsg: the one before was sent. */
	if (t->op && t->op->send && !t->op->file && t->many)
		send_returned(e, t, 0, true);
	thread_abandon(e, t);
	read_socket(t, ev, &s);
	read_destination(ev, &s);
	f = find_flow(e, t, &s, proto_name(ev));
	if (!f)
		return;
	f->sender.linked |= s.linked;
	if (f->sender.fd < 0)
		f->sender.fd = s.fd;
	f->calls += t->entered;
	t->entered = false;
	begin_send(e, t, f, ev);
}

/* A peek or a packet socket is not whom the message is sent to. */
static void time_message(struct engine *e, const struct op *op, size_t first)
{
	const struct delivery *last = &op->items[first];

	if (op->tap || op->peek)
		return;
	for (size_t i = first; i < op->item_count; i++)
		if (op->items[i].msg == last->msg)
			last = &op->items[i];
	engine_check(e, ledger_time(&e->ledger, last));
}

static bool is_first_of_message(const struct op *op, size_t i)
{
	/* Bytes of one message stand together, so the last item tells. */
	return !i || op->items[i - 1].msg != op->items[i].msg;
}

static void book(struct engine *e, struct op *op)
{
	for (size_t i = 0; i < op->item_count; i++) {
		struct flow *f = op->items[i].msg->flow;

		if (is_first_of_message(op, i)) {
			f->chains++;
			time_message(e, op, i);
			/* A packet socket that listens is a receiver too, not the one meant. */
			if (!f->receiver.sk || (!op->tap && f->receiver.fam == AF_PACKET))
				f->receiver = op->sock;
		}
		f->taken_bytes += op->tap || op->peek ? 0 : op->items[i].len;
		engine_check(e, ledger_book(&e->ledger, &op->items[i]));
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

/* A packet socket hands over whole frames: what is no payload is header. */
static void audit_tap(const struct op *op, struct flow *f, uint64_t told, uint64_t payload)
{
	if (op->copied != told)
		message_caveat(op->items[0].msg, CAVEAT_OBSERVER);
	f->expected_bytes += payload;
	f->header_bytes += told - (payload < told ? payload : told);
}

#define ICMP_HEADER 8

/*
 * Bytes of headers that a socket hands over before the payload: raw ones of IPv4 the IP header, whose
 * first byte says how long it is (net/ipv4/raw.c: raw_rcv), ping sockets that of ICMP.
 */
static uint64_t header_of(const struct op *op)
{
	unsigned int byte = op->first & 0xff;

	if (op->proto == IPPROTO_UDP || op->proto == IPPROTO_UDPLITE)
		return 0;
	if (op->sock.fam == AF_INET && byte >> 4 == 4 && (byte & 15) >= 5)
		return (byte & 15) * 4;
	return op->proto == IPPROTO_ICMP || op->proto == IPPROTO_ICMPV6 ? ICMP_HEADER : 0;
}

/* What the receiver was told that it got, against the bytes whose chains were found. */
static void audit(struct engine *e, struct op *op, int64_t ret)
{
	uint64_t told = (uint64_t)ret < op->count ? (uint64_t)ret : op->count, payload = 0;
	struct flow *f = op->item_count ? op->items[0].msg->flow : NULL;

	for (size_t i = 0; i < op->item_count; i++)
		payload += op->items[i].len;
	if (op->tap) {
		if (f)
			audit_tap(op, f, told, payload);
		return;
	}
	if (!f)
		f = flow_to(e, &op->sock);
	if (!f) {
		e->ledger.orphans++;
		e->ledger.orphan_bytes += told;
		return;
	}
	if (payload < told && op->lead == header_of(op) && payload + op->lead == told) {
		f->header_bytes += op->lead;
		told = payload;
	}
	f->expected_bytes += told;
	if (payload == told)
		return;
	if (op->item_count)
		message_caveat(op->items[0].msg, CAVEAT_UNACCOUNTED);
	else
		f->caveats[CAVEAT_UNACCOUNTED]++;
}

/* Of one message in recvmmsg no length is told but what was copied. */
static void recv_returned(struct engine *e, struct thread *t, int64_t ret, bool many)
{
	struct op *op = t->op;

	for (size_t i = 0; i < op->item_count; i++) {
		if (!t->inside)
			message_caveat(op->items[i].msg, CAVEAT_NO_ENTRY);
		if (ret < -MAX_ERRNO || op->uneven)
			message_caveat(op->items[i].msg, CAVEAT_LENGTH);
	}
	if (ret > 0) {
		book(e, op);
		for (size_t i = 0; i < op->item_count; i++)
			engine_check(e, ledger_show(&e->ledger, op->call, &op->items[i]));
		if (op->item_count) {
			op->items[0].msg->flow->calls += t->entered;
			t->entered = false;
		}
		audit(e, op, many ? (int64_t)op->copied : ret);
	}
	op_end(e, t);
}

/* The call's return was not recorded: what it brought counts, with a caveat. */
static void thread_end(struct engine *e, struct thread *t)
{
	struct op *op = t->op;

	if (!op || op->send || op->file)
		return;
	for (size_t i = 0; i < op->item_count; i++)
		message_caveat(op->items[i].msg, CAVEAT_NO_RETURN);
	book(e, op);
	if (op->copied && !op->item_count)
		audit(e, op, (int64_t)op->copied);
}

static void on_recv_enter(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	struct op *op;

	if (!t)
		return;
	if (t->op && !t->op->send && !t->op->file && t->many)
		recv_returned(e, t, 1, true);
	thread_abandon(e, t);
	op = op_begin(e, t, false);
	if (!op)
		return;
	op->tap = ev->v[F_fam] == AF_PACKET;
	op->peek = ev->v[F_flags] & MSG_PEEK;
	op->proto = ev->v[F_proto];
	op->sk = ev->v[F_sk];
	op->hdr = ev->v[F_msg];
	op->count = ev->v[F_icnt];
	read_socket(t, ev, &op->sock);
}

static void on_syscall_exit(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	int64_t ret = (int64_t)ev->v[F_ret];
	bool many = ev->kind == EV_MMSG_EXIT;

	if (!t)
		return;
	if (t->op && t->op->file)
		op_end(e, t);
	else if (t->op && t->op->send)
		send_returned(e, t, ret, many);
	else if (t->op)
		recv_returned(e, t, ret, many);
	t->many = t->inside = t->unheard = false;
}

static const struct handler handlers[] = {
	{EV_SEND_ENTER, on_send_enter},	    {EV_RECV_ENTER, on_recv_enter},
	{EV_SYSCALL_EXIT, on_syscall_exit}, {EV_MMSG_EXIT, on_syscall_exit},
	{0, NULL},
};

const struct path path_sock = {.name = "sock", .handlers = handlers, .thread_end = thread_end};
