// SPDX-License-Identifier: GPL-2.0-only
/* UDP: plain sendto() and recvfrom(). */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/flow.h"
#include "traffic/udp.h"

static const struct sockaddr_in none; /* not given */

static int bind_end(struct tf_end *e, const struct sockaddr_in *given, const char *addr)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	struct timeval tick = {.tv_usec = TF_TICK_MS * 1000};

	if (given->sin_family)
		at = *given;
	else if (inet_pton(AF_INET, addr, &at.sin_addr) != 1)
		return msg_errno(-EINVAL, "address '%s'", addr);
	e->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (e->fd < 0)
		return msg_errno(-errno, "socket");
	if (bind(e->fd, (struct sockaddr *)&at, sizeof(at)) ||
	    getsockname(e->fd, (struct sockaddr *)&e->me->addr, &len)) {
		char text[INET_ADDRSTRLEN];

		return msg_errno(-errno, "bind to %s, port %d",
				 inet_ntop(AF_INET, &at.sin_addr, text, sizeof(text)),
				 ntohs(at.sin_port));
	}
	if (setsockopt(e->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick)))
		return msg_errno(-errno, "SO_RCVTIMEO");
	return 0;
}

/* The address that the kernel sends from, where the user left it open. */
static int find_source(const struct sockaddr_in *to, struct sockaddr_in *from)
{
	struct sockaddr_in found;
	socklen_t len = sizeof(found);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) ||
	    getsockname(fd, (struct sockaddr *)&found, &len))
		err = -errno;
	else
		from->sin_addr = found.sin_addr;
	close(fd);
	return err;
}

static int open_send(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	const char *from = spec->to.sin_family ? "0.0.0.0" : e->flow->bed->src.addr;
	int err;

	e->me->peer = spec->to.sin_family ? spec->to : e->share->recv.addr;
	err = bind_end(e, spec->ends == ENDS_BOTH ? &none : &spec->bind, from);
	if (err)
		return err;
	if (e->me->addr.sin_addr.s_addr == htonl(INADDR_ANY)) {
		err = find_source(&e->me->peer, &e->me->addr);
		if (err)
			return msg_errno(err, "no way to the receiver");
	}
	if (spec->connected && connect(e->fd, (struct sockaddr *)&e->me->peer, sizeof(e->me->peer)))
		return msg_errno(-errno, "connect");
	return 0;
}

int tf_udp_open_recv(struct tf_end *e)
{
	return bind_end(e, &e->flow->spec->bind, e->flow->bed->dst.addr);
}

int tf_udp_send(struct tf_end *e, uint32_t seq, size_t len)
{
	bool connected = e->flow->spec->connected;
	struct tf_record r = {.kind = RECORD_SEND,
			      .seq = seq,
			      .va = e->buf.va,
			      .len = len,
			      .fd = e->fd,
			      .verified = -1};
	ssize_t n;
	int err;

	atomic_store(&e->share->seq, seq);
	r.time = tf_now();
	n = sendto(e->fd, e->buf.va, len, 0,
		   connected ? NULL : (const struct sockaddr *)&e->me->peer,
		   connected ? 0 : sizeof(e->me->peer));
	r.result = n < 0 ? -errno : n;
	if (n >= 0) {
		e->me->messages++;
		e->me->bytes += n;
	} else if (!e->me->failed++) {
		msg_errno(r.result, "message %u: sendto", (unsigned int)seq);
	}
	err = tf_records_add(&e->records, &r);
	return err ? err : n < 0 ? 1 : 0;
}

/* Lock-step: until the receiver has it; what takes too long is lost. */
void tf_udp_await(struct tf_end *e, uint32_t seen)
{
	struct tf_share *s = e->share;
	uint64_t limit = tf_now() + e->flow->spec->timeout * 1000000ULL;

	while (!tf_wait(&s->received, seen, TF_TICK_MS)) {
		if (atomic_load(&s->stop))
			return;
		if (tf_now() > limit) {
			atomic_fetch_add(&s->lost, 1);
			return;
		}
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

static bool lock_step(const struct tf_spec *spec)
{
	return !spec->rate && !spec->hold && spec->ends == ENDS_BOTH;
}

static int loop_send(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	bool steps = lock_step(spec);
	uint64_t start = tf_now();

	for (uint32_t seq = 0; seq < spec->count && !atomic_load(&e->share->stop); seq++) {
		uint32_t seen = atomic_load(&e->share->received);
		int err;

		tf_payload_write(&e->flow->payload, seq, e->buf.va, spec->size);
		if (spec->rate)
			pace(start, spec->rate, seq);
		err = tf_udp_send(e, seq, spec->size);
		if (err < 0)
			return err;
		if (!err && steps)
			tf_udp_await(e, seen);
	}
	return 0;
}

static int64_t find_seq(const struct tf_end *e, size_t len)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_share *s = e->share;

	/* Messages that are all alike are told apart by order, as long as none was lost. */
	if (spec->has_fill || spec->text)
		return lock_step(spec) && !atomic_load(&s->lost) ? (int64_t)atomic_load(&s->seq)
								 : TF_SEQ_UNKNOWN;
	return tf_payload_seq(&e->flow->payload, e->me->messages, spec->count, e->buf.va, len);
}

static bool check(const struct tf_end *e, int64_t seq, size_t len)
{
	const struct tf_spec *spec = e->flow->spec;

	if (spec->ends == ENDS_BOTH && len != spec->size)
		return false;
	return tf_payload_check(&e->flow->payload, seq, e->buf.va, len);
}

/* One recvfrom(); bytes, -EAGAIN if nothing came within a tick, or -errno. */
static ssize_t receive(struct tf_end *e, int flags)
{
	const struct tf_spec *spec = e->flow->spec;
	struct tf_record r = {.kind = RECORD_RECV,
			      .seq = TF_SEQ_UNKNOWN,
			      .va = e->buf.va,
			      .len = e->buf.len,
			      .fd = e->fd,
			      .flags = flags,
			      .verified = -1};
	bool ask = spec->ends == ENDS_RECV && !e->me->peer.sin_family;
	socklen_t alen = sizeof(e->me->peer);
	ssize_t n = recvfrom(e->fd, e->buf.va, e->buf.len, flags,
			     ask ? (struct sockaddr *)&e->me->peer : NULL, ask ? &alen : NULL);
	int err;

	r.result = n < 0 ? -errno : n;
	r.time = tf_now();
	if (r.result == -EAGAIN || r.result == -EINTR)
		return -EAGAIN;
	if (n >= 0)
		r.seq = find_seq(e, n);
	if (n >= 0 && spec->verify) {
		r.verified = check(e, r.seq, n);
		e->me->bad += !r.verified;
	}
	err = tf_records_add(&e->records, &r);
	return err ? err : r.result;
}

static bool is_over(const struct tf_end *e, unsigned int quiet_ms)
{
	const struct tf_spec *spec = e->flow->spec;

	if (atomic_load(&e->share->stop))
		return true;
	if (quiet_ms < spec->timeout)
		return false;
	if (spec->ends == ENDS_RECV)
		return e->me->messages;
	return atomic_load(&e->share->send.progress) >= END_DONE;
}

int tf_udp_loop_recv(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct sockaddr *from = (const struct sockaddr *)&e->share->send.addr;
	unsigned int quiet = 0;

	if (spec->connected && spec->ends == ENDS_BOTH &&
	    connect(e->fd, from, sizeof(e->share->send.addr)))
		return msg_errno(-errno, "connect");
	while (e->me->messages < spec->count) {
		ssize_t n = spec->peek ? receive(e, MSG_PEEK) : 0;

		if (n >= 0)
			n = receive(e, 0);
		if (n == -EAGAIN) {
			quiet += TF_TICK_MS;
			if (is_over(e, quiet))
				break;
			continue;
		}
		if (n < 0)
			return msg_errno(n, "recvfrom");
		quiet = 0;
		e->me->messages++;
		e->me->bytes += n;
		atomic_fetch_add(&e->share->received, 1);
		tf_wake(&e->share->received);
	}
	return 0;
}

const struct tf_kind tf_udp = {
	.proto = "udp",
	.send = {open_send, loop_send},
	.recv = {tf_udp_open_recv, tf_udp_loop_recv},
};
