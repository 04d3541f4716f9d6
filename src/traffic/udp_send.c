// SPDX-License-Identifier: GPL-2.0-only
/* Senders of UDP flows. */
#include <errno.h>
#include <linux/udp.h>
#include <time.h>

#include "common/msg.h"
#include "traffic/udp.h"

/* Messages before a call; what is past the end is cut off. */
static unsigned int before_call(const struct tf_spec *spec, unsigned int call)
{
	uint64_t n = (uint64_t)call * tf_udp_batch(spec, true);

	return n < spec->count ? n : spec->count;
}

static uint32_t settled(const struct tf_share *s)
{
	return atomic_load(&s->received) + atomic_load(&s->lost);
}

/* What is not there by now counts as lost, once. */
static void give_up(struct tf_share *s, uint32_t want)
{
	uint32_t lost = atomic_load(&s->lost), got;

	do {
		got = atomic_load(&s->received);
		if (got + lost >= want)
			return;
	} while (!atomic_compare_exchange_weak(&s->lost, &lost, want - got));
}

/* Lock-step: until that many datagrams were received; what takes too long is lost. */
static void await(struct tf_end *e, uint32_t want)
{
	struct tf_share *s = e->share;
	uint64_t limit = tf_now() + e->flow->spec->timeout * 1000000ULL;

	while (settled(s) < want && !atomic_load(&s->stop)) {
		uint32_t seen = atomic_load(&s->received);

		if (settled(s) >= want)
			return;
		if (!tf_wait(&s->received, seen, TF_TICK_MS) && tf_now() > limit)
			give_up(s, want);
	}
}

/* Free running: each message has its time, and a late one does not delay the rest. */
static void pace(uint64_t start, uint64_t rate, uint64_t seq)
{
	uint64_t at = start + seq / rate * 1000000000ULL + seq % rate * 1000000000ULL / rate;
	struct timespec ts = {.tv_sec = at / 1000000000ULL, .tv_nsec = at % 1000000000ULL};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* What one call did of a message. */
struct sent {
	uint32_t seq;
	unsigned int entry; /* in the vector */
	const struct msghdr *msg;
	size_t off;
	int flags, result;
	uint64_t time;
};

static size_t length(const struct msghdr *h)
{
	size_t len = 0;

	for (size_t i = 0; i < h->msg_iovlen; i++)
		len += h->msg_iov[i].iov_len;
	return len;
}

static void refused(struct tf_end *e, const struct sent *s)
{
	const struct tf_udp_end *u = e->private;

	atomic_fetch_add(&e->share->lost,
			 tf_udp_datagrams(e->flow->spec) * tf_flow_copies(e->flow->spec));
	if (!e->me->failed++)
		msg_errno(s->result, "message %u: %s", (unsigned int)s->seq, u->call->name);
}

static int fd_of(const struct tf_end *e)
{
	const struct tf_udp_end *u = e->private;

	return u->fds[u->calls % 2];
}

static int note(struct tf_end *e, const struct sent *s)
{
	const struct tf_udp_end *u = e->private;
	struct tf_record r = {.kind = RECORD_SEND,
			      .seq = s->seq,
			      .va = s->msg->msg_iov->iov_base,
			      .len = length(s->msg),
			      .off = s->off,
			      .fd = fd_of(e),
			      .tid = e->tid,
			      .flags = s->flags,
			      .call = tf_call_index(u->call),
			      .segments = s->msg->msg_iovlen,
			      .batch = u->call->batch ? u->vector.layout.messages : 0,
			      .entry = s->entry,
			      .skip = tf_socket_head(e->flow->spec, true),
			      .result = s->result,
			      .time = s->time,
			      .verified = -1};

	if (s->result >= 0)
		e->me->bytes += s->result - r.skip;
	return tf_records_add(&e->records, &r);
}

/* What the kernel refuses is logged and passed over. */
static int send_messages(struct tf_end *e, uint32_t first, unsigned int n)
{
	const struct tf_udp_end *u = e->private;
	unsigned int done = 0;
	int err = 0;

	while (done < n && !err) {
		struct mmsghdr *msgs = u->vector.msgs + done;
		struct sent s = {.time = tf_now()};
		int got = u->call->run(fd_of(e), msgs, n - done, 0);

		for (int i = 0; i < (got < 1 ? 1 : got) && !err; i++, done++) {
			s.seq = first + done;
			s.entry = done;
			s.msg = &msgs[i].msg_hdr;
			s.result = got < 1 ? got : (int)msgs[i].msg_len;
			if (got < 1)
				refused(e, &s);
			else
				e->me->messages++;
			err = note(e, &s);
		}
	}
	return err;
}

static int set_cork(const struct tf_end *e, int on)
{
	if (!e->flow->spec->udp.cork)
		return 0;
	return setsockopt(e->fd, IPPROTO_UDP, UDP_CORK, &on, sizeof(on)) ? -errno : 0;
}

/* Several calls make one datagram, which leaves with the last of them or when the cork does. */
static int send_parts(struct tf_end *e, uint32_t seq)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_udp_end *u = e->private;
	unsigned int parts = tf_udp_parts(spec), n = u->vector.layout.segments, at = 0;
	struct sent s = {.seq = seq};
	int err = set_cork(e, 1), cork;

	for (unsigned int i = 0; i < parts && !err && s.result >= 0; i++) {
		struct mmsghdr part = u->vector.msgs[0];

		part.msg_hdr.msg_iov += at;
		part.msg_hdr.msg_iovlen = n * (i + 1) / parts - at;
		at += part.msg_hdr.msg_iovlen;
		s.msg = &part.msg_hdr;
		s.flags = spec->udp.more && i + 1 < parts ? MSG_MORE : 0;
		s.time = tf_now();
		s.result = u->call->run(fd_of(e), &part, 1, s.flags);
		if (s.result > 0)
			s.result = (int)part.msg_len;
		err = note(e, &s);
		s.off += length(s.msg);
	}
	cork = set_cork(e, 0);
	if (cork && s.result >= 0)
		s.result = cork;
	if (s.result < 0)
		refused(e, &s);
	else
		e->me->messages++;
	return err;
}

/* Each datagram is a message of its own to whoever gets it alone. */
static void write_message(const struct tf_end *e, uint32_t seq, unsigned int entry)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_udp_end *u = e->private;
	unsigned int n = tf_udp_datagrams(spec);
	char *at = (char *)tf_vector_whole(&u->vector, entry) + tf_socket_head(spec, true);

	for (unsigned int i = 0; i < n; i++)
		tf_payload_write(&e->flow->payload, seq * n + i, at + i * spec->udp.gso,
				 tf_udp_datagram_len(spec, i));
	tf_vector_scatter(&u->vector, entry);
}

/* In lock-step: until all but so many of the calls before this one are settled. */
static void await_calls(struct tf_end *e, unsigned int call, unsigned int but)
{
	const struct tf_spec *spec = e->flow->spec;

	if (tf_udp_lock_step(spec) && call > but)
		await(e, before_call(spec, call - but) * tf_udp_datagrams(spec) *
				 tf_flow_copies(spec));
}

int tf_udp_turn(struct tf_end *e, unsigned int call)
{
	const struct tf_spec *spec = e->flow->spec;
	struct tf_udp_end *u = e->private;
	uint32_t first = before_call(spec, call), next = before_call(spec, call + 1);
	unsigned int beside = spec->udp.threads ? e->workers - 1 : 0;
	int err;

	for (uint32_t seq = first; seq < next; seq++)
		write_message(e, seq, seq - first);
	if (spec->rate)
		pace(e->share->start, spec->rate, first);
	await_calls(e, call, beside);
	atomic_store(&e->share->seq, first);
	if (tf_udp_parts(spec) > 1)
		err = send_parts(e, first);
	else
		err = send_messages(e, first, next - first);
	if (!err)
		await_calls(e, call + 1, beside);
	u->calls++;
	return err;
}

int tf_udp_loop_send(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	int err = 0;

	if (!e->worker)
		e->share->start = tf_now();
	for (unsigned int call = e->worker; before_call(spec, call) < spec->count && !err;
	     call += e->workers) {
		if (atomic_load(&e->share->stop))
			break;
		err = tf_udp_turn(e, call);
	}
	return err;
}
