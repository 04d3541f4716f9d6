// SPDX-License-Identifier: GPL-2.0-only
/* Receivers of UDP flows. */
#include <errno.h>

#include "common/msg.h"
#include "traffic/udp.h"

static int64_t find_seq(const struct tf_end *e, const void *data, size_t len)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_share *s = e->share;

	/* Messages that are all alike are told apart by order, as long as none was lost. */
	if (spec->has_fill || spec->text)
		return tf_udp_lock_step(spec) && tf_udp_batch(spec, true) == 1 &&
				       !atomic_load(&s->lost) ?
			       (int64_t)atomic_load(&s->seq) :
			       TF_SEQ_UNKNOWN;
	return tf_payload_seq(&e->flow->payload, e->me->datagrams, spec->count, data, len);
}

/* len bytes of a message that the kernel says is size bytes long. */
static bool check(const struct tf_end *e, int64_t seq, const void *data, size_t len, size_t size)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_udp_end *u = e->private;

	if (spec->ends == ENDS_BOTH) {
		bool full = len == u->vector.layout.size;

		if (size != spec->size && !(full && !spec->udp.trunc && size < spec->size))
			return false;
		size = spec->size;
	}
	return tf_payload_check_part(&e->flow->payload, seq, data, len, size);
}

static int note(struct tf_end *e, unsigned int entry, int result, int flags, uint64_t time)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_udp_end *u = e->private;
	const struct tf_layout *l = &u->vector.layout;
	size_t len = result < 0 ? 0 : (size_t)result < l->size ? (size_t)result : l->size;
	const void *data = tf_vector_gather(&u->vector, entry, len);
	struct tf_record r = {.kind = RECORD_RECV,
			      .seq = result < 0 ? TF_SEQ_UNKNOWN : find_seq(e, data, len),
			      .va = u->vector.msgs[entry].msg_hdr.msg_iov->iov_base,
			      .len = l->size,
			      .fd = e->fd,
			      .call = tf_call_index(u->call),
			      .segments = l->segments,
			      .batch = u->call->batch ? l->messages : 0,
			      .entry = entry,
			      .flags = flags,
			      .result = result,
			      .got = result > (int)l->size ? l->size : 0,
			      .time = time,
			      .verified = -1};

	if (result >= 0 && spec->verify) {
		r.verified = check(e, r.seq, data, len, result);
		e->me->bad += !r.verified;
	}
	if (result >= 0 && !(flags & MSG_PEEK)) {
		e->me->messages++;
		e->me->datagrams++;
		e->me->bytes += len;
		atomic_fetch_add(&e->share->received, 1);
	}
	return tf_records_add(&e->records, &r);
}

/* Who sends to a receiver on its own is seen when the first message comes. */
static void ask_sender(struct tf_end *e)
{
	const struct tf_udp_end *u = e->private;
	bool ask = e->flow->spec->ends == ENDS_RECV && u->call->named && !e->me->peer.sa.sa_family;

	for (unsigned int i = 0; i < u->vector.layout.messages; i++) {
		u->vector.msgs[i].msg_hdr.msg_name = ask && !i ? &e->me->peer : NULL;
		u->vector.msgs[i].msg_hdr.msg_namelen = ask && !i ? sizeof(e->me->peer) : 0;
	}
}

/* One call; how many messages came, -EAGAIN if none did within a tick, or -errno. */
static int receive(struct tf_end *e, int flags)
{
	const struct tf_udp_end *u = e->private;
	uint64_t time;
	int got, err = 0;

	if (e->flow->spec->udp.trunc)
		flags |= MSG_TRUNC;
	ask_sender(e);
	got = u->call->run(e->fd, u->vector.msgs, u->vector.layout.messages, flags);
	time = tf_now();
	if (got == -EAGAIN || got == -EINTR)
		return -EAGAIN;
	if (got < 0)
		err = note(e, 0, got, flags, time);
	for (int i = 0; i < got && !err; i++)
		err = note(e, i, (int)u->vector.msgs[i].msg_len, flags, time);
	if (got > 0)
		tf_wake(&e->share->received);
	return err ? err : got;
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

static int connect_to_sender(const struct tf_end *e)
{
	const union tf_addr *from = &e->share->send.addr;

	return connect(e->fd, &from->sa, tf_addr_len(from)) ? msg_errno(-errno, "connect") : 0;
}

int tf_udp_loop_recv(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	unsigned int quiet = 0;
	int err = spec->connected && spec->ends == ENDS_BOTH ? connect_to_sender(e) : 0;

	while (!err && e->me->messages < spec->count) {
		int n = spec->peek ? receive(e, MSG_PEEK) : 0;

		if (n >= 0)
			n = receive(e, 0);
		if (n == -EAGAIN) {
			quiet += TF_TICK_MS;
			if (is_over(e, quiet))
				break;
			continue;
		}
		if (n < 0)
			err = msg_errno(n, "%s", ((struct tf_udp_end *)e->private)->call->name);
		quiet = 0;
	}
	return err;
}
