// SPDX-License-Identifier: GPL-2.0-only
/* Senders of UDP flows. */
#include <errno.h>
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

static int note(struct tf_end *e, uint32_t seq, unsigned int entry, int result, uint64_t time)
{
	const struct tf_udp_end *u = e->private;
	const struct msghdr *h = &u->vector.msgs[entry].msg_hdr;
	struct tf_record r = {.kind = RECORD_SEND,
			      .seq = seq,
			      .va = h->msg_iov->iov_base,
			      .len = u->vector.layout.size,
			      .fd = e->fd,
			      .call = tf_call_index(u->call),
			      .segments = u->vector.layout.segments,
			      .batch = u->call->batch ? u->vector.layout.messages : 0,
			      .entry = entry,
			      .result = result,
			      .time = time,
			      .verified = -1};

	if (result >= 0) {
		e->me->messages++;
		e->me->bytes += result;
	} else {
		atomic_fetch_add(&e->share->lost, 1);
		if (!e->me->failed++)
			msg_errno(result, "message %u: %s", (unsigned int)seq, u->call->name);
	}
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
		uint64_t time = tf_now();
		int got = u->call->run(e->fd, msgs, n - done, 0);

		if (got <= 0) {
			err = note(e, first + done, done, got, time);
			done++;
			continue;
		}
		for (int i = 0; i < got && !err; i++, done++)
			err = note(e, first + done, done, (int)msgs[i].msg_len, time);
	}
	return err;
}

int tf_udp_turn(struct tf_end *e, unsigned int call)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_udp_end *u = e->private;
	uint32_t first = before_call(spec, call), next = before_call(spec, call + 1);
	int err;

	for (uint32_t seq = first; seq < next; seq++) {
		tf_payload_write(&e->flow->payload, seq, tf_vector_whole(&u->vector, seq - first),
				 spec->size);
		tf_vector_scatter(&u->vector, seq - first);
	}
	if (spec->rate)
		pace(e->share->start, spec->rate, first);
	atomic_store(&e->share->seq, first);
	err = send_messages(e, first, next - first);
	if (!err && tf_udp_lock_step(spec))
		await(e, next);
	return err;
}

int tf_udp_loop_send(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	int err = 0;

	e->share->start = tf_now();
	for (unsigned int call = 0; before_call(spec, call) < spec->count && !err; call++) {
		if (atomic_load(&e->share->stop))
			break;
		err = tf_udp_turn(e, call);
	}
	return err;
}
