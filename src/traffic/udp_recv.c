// SPDX-License-Identifier: GPL-2.0-only
/* Receivers of UDP flows. */
#include <errno.h>
#include <linux/udp.h>
#include <string.h>

#include "common/msg.h"
#include "traffic/packet.h"
#include "traffic/udp.h"

/* The number of the datagram in data, counted over all messages. */
static int64_t find_number(const struct tf_end *e, const void *data, size_t len)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_share *s = e->share;
	bool in_order = !spec->udp.reuseport && e->workers == 1 && !e->observer;
	bool steps = tf_udp_lock_step(spec) && tf_udp_batch(spec, true) == 1 && !spec->udp.gso &&
		     e->workers == 1;

	/* Messages that are all alike are told apart by order, as long as none was lost. */
	if (spec->has_fill || spec->text)
		return steps && !atomic_load(&s->lost) ? (int64_t)atomic_load(&s->seq) :
							 TF_SEQ_UNKNOWN;
	return tf_payload_seq(&e->flow->payload, in_order ? e->me->datagrams : 0,
			      spec->count * tf_udp_datagrams(spec), data, len);
}

/* len bytes of a datagram that the kernel says is size bytes long. */
static bool check(const struct tf_end *e, int64_t number, const void *data, size_t len, size_t size)
{
	const struct tf_spec *spec = e->flow->spec;

	if (spec->ends == ENDS_BOTH) {
		size_t want = tf_udp_datagram_len(
			spec, number < 0 ? 0 : number % tf_udp_datagrams(spec));

		if (size != want && !(spec->udp.recv_size && !spec->udp.trunc && size < want))
			return false;
		size = want;
	}
	return tf_payload_check_part(&e->flow->payload, number, data, len, size);
}

/* What came into a buffer. */
struct found {
	int64_t first; /* the number of the first datagram */
	unsigned int datagrams;
	bool good;
};

/* step: bytes of each datagram but the last. */
static void look(const struct tf_end *e, const char *data, size_t len, size_t size, size_t step,
		 struct found *f)
{
	bool verify = e->flow->spec->verify;
	size_t at = 0;

	*f = (struct found){.good = true};
	do {
		size_t whole = size - at < step ? size - at : step;
		size_t n = len - at < whole ? len - at : whole;
		int64_t number = find_number(e, data + at, n);

		if (!f->datagrams++)
			f->first = number;
		f->good &= !verify || check(e, number, data + at, n, whole);
		at += whole;
	} while (at < len);
}

/* Bytes of each datagram that the kernel has put together; 0: it has not. */
static size_t step_of(struct msghdr *h)
{
	struct cmsghdr *c = h->msg_control ? CMSG_FIRSTHDR(h) : NULL;
	int step;

	if (!c || c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
		return 0;
	memcpy(&step, CMSG_DATA(c), sizeof(step));
	return step > 0 ? (size_t)step : 0;
}

static void count(struct tf_end *e, const struct found *f, size_t len)
{
	unsigned int n = tf_udp_datagrams(e->flow->spec);
	uint64_t before = atomic_fetch_add(&e->me->datagrams, f->datagrams);

	e->me->messages += (before + f->datagrams) / n - before / n;
	e->me->bytes += len;
	if (!e->observer)
		atomic_fetch_add(&e->share->received, f->datagrams);
}

void tf_udp_note(struct tf_end *e, struct tf_record *r, const void *data, size_t len, size_t size,
		 size_t step)
{
	const struct tf_spec *spec = e->flow->spec;
	unsigned int n = tf_udp_datagrams(spec);
	struct found f;

	look(e, data, len, size, step && step < size ? step : size, &f);
	r->seq = f.first < 0 ? f.first : f.first / n;
	r->off = f.first < 0 ? 0 : f.first % n * spec->udp.gso;
	r->datagrams = f.datagrams;
	r->got = size > len ? len + r->skip : 0;
	if (spec->verify) {
		r->verified = f.good;
		e->me->bad += !f.good;
	}
	if (!(r->flags & MSG_PEEK))
		count(e, &f, len);
}

/* Headers of a kernel that shows them come before the payload. */
static void note_message(struct tf_end *e, struct tf_record *r, unsigned int entry)
{
	const struct tf_udp_end *u = e->private;
	size_t size = r->result, len = size < r->len ? size : r->len;
	size_t head = tf_socket_head(e->flow->spec, false);
	const char *data = tf_vector_gather(&u->vector, entry, len);

	if (head > len)
		head = len;
	r->skip = head;
	tf_udp_note(e, r, data + head, len - head, size - head,
		    step_of(&u->vector.msgs[entry].msg_hdr));
}

static int note(struct tf_end *e, unsigned int entry, int result, int flags, uint64_t time)
{
	const struct tf_udp_end *u = e->private;
	const struct tf_layout *l = &u->vector.layout;
	struct tf_record r = {.kind = RECORD_RECV,
			      .seq = TF_SEQ_UNKNOWN,
			      .va = u->vector.msgs[entry].msg_hdr.msg_iov->iov_base,
			      .len = l->size,
			      .fd = u->fds[u->calls % 2],
			      .tid = e->tid,
			      .call = tf_call_index(u->call),
			      .segments = l->segments,
			      .batch = u->call->batch ? l->messages : 0,
			      .entry = entry,
			      .flags = flags,
			      .result = result,
			      .time = time,
			      .verified = -1};

	if (result >= 0)
		note_message(e, &r, entry);
	return tf_records_add(&e->records, &r);
}

/* Who sends to a receiver on its own is seen when the first message comes. */
static void ask(struct tf_end *e)
{
	const struct tf_udp_end *u = e->private;
	bool sender = e->flow->spec->ends == ENDS_RECV && u->call->named &&
		      !e->me->peer.sa.sa_family;

	for (unsigned int i = 0; i < u->vector.layout.messages; i++) {
		struct msghdr *h = &u->vector.msgs[i].msg_hdr;

		h->msg_name = sender && !i ? &e->me->peer : NULL;
		h->msg_namelen = sender && !i ? sizeof(e->me->peer) : 0;
		h->msg_control = u->vector.control ? u->vector.control + i * TF_CONTROL : NULL;
		h->msg_controllen = u->vector.control ? TF_CONTROL : 0;
	}
}

/* One call; how many messages came, -EAGAIN if none did within a tick, or -errno. */
static int receive(struct tf_end *e, int flags)
{
	struct tf_udp_end *u = e->private;
	uint64_t time;
	int got, err = 0;

	if (e->flow->spec->udp.trunc)
		flags |= MSG_TRUNC;
	ask(e);
	got = u->call->run(u->fds[u->calls % 2], u->vector.msgs, u->vector.layout.messages, flags);
	time = tf_now();
	if (got == -EAGAIN || got == -EINTR)
		return -EAGAIN;
	if (got < 0)
		err = note(e, 0, got, flags, time);
	for (int i = 0; i < got && !err; i++)
		err = note(e, i, (int)u->vector.msgs[i].msg_len, flags, time);
	if (!(flags & MSG_PEEK))
		u->calls++;
	if (got > 0)
		tf_wake(&e->share->received);
	return err ? err : got;
}

bool tf_udp_is_over(const struct tf_end *e, unsigned int quiet_ms)
{
	const struct tf_spec *spec = e->flow->spec;

	if (atomic_load(&e->share->stop))
		return true;
	if (quiet_ms < spec->timeout)
		return false;
	if (spec->ends == ENDS_RECV)
		return e->me->datagrams;
	return atomic_load(&e->share->send.progress) >= END_DONE;
}

static int connect_to_sender(const struct tf_end *e)
{
	const union tf_addr *from = &e->share->send.addr;

	return connect(e->fd, &from->sa, tf_addr_len(from)) ? msg_errno(-errno, "connect") : 0;
}

/* All messages came, to this receiver or to the group of which one gets each. */
bool tf_udp_is_through(const struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	uint64_t want = (uint64_t)spec->count * tf_udp_datagrams(spec) * tf_spec_times(spec);

	return tf_flow_copies(spec) > 1 ? e->me->datagrams >= want :
					  atomic_load(&e->share->received) >= want;
}

int tf_udp_loop_recv(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	unsigned int quiet = 0;
	int err = spec->connected && spec->ends == ENDS_BOTH ? connect_to_sender(e) : 0;

	if (spec->udp.socket && !strcmp(spec->udp.socket, "ring"))
		return tf_packet_loop_tap(e);
	while (!err && !tf_udp_is_through(e)) {
		int n = spec->peek ? receive(e, MSG_PEEK) : 0;

		if (n >= 0)
			n = receive(e, 0);
		if (n == -EAGAIN) {
			quiet += TF_TICK_MS;
			if (tf_udp_is_over(e, quiet))
				break;
			continue;
		}
		if (n < 0)
			err = msg_errno(n, "%s", ((struct tf_udp_end *)e->private)->call->name);
		quiet = 0;
	}
	return err;
}
