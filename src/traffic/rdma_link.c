// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/rdma_link.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/vec.h"
#include "traffic/rdma.h"

#define LINGER_NS 1000000000ULL /* how long a command that is through waits for the other's end */
#define BITS_24 0xffffff

enum { QUEUE_QPN, QUEUE_PSN, QUEUE_PID, QUEUE_LKEY, QUEUE_RKEY, QUEUE_VA, QUEUE_LEN, QUEUE_WORDS };

enum { STEP_COUNT, STEP_UP, STEP_DONE, STEP_STOP, STEP_WORDS };

void tf_link_tell_queue(const struct tf_link *link, const struct tf_rdma_side *mine)
{
	struct tf_wire frame = {.kind = WIRE_QUEUE,
				.count = QUEUE_WORDS,
				.words = {[QUEUE_QPN] = mine->qpn,
					  [QUEUE_PSN] = mine->psn,
					  [QUEUE_PID] = mine->pid,
					  [QUEUE_LKEY] = mine->lkey,
					  [QUEUE_RKEY] = mine->rkey,
					  [QUEUE_VA] = mine->va,
					  [QUEUE_LEN] = mine->len}};

	if (link->fd >= 0)
		tf_wire_send(link->fd, &frame); /* the thread learns what is wrong, if it is */
}

void tf_link_tell_step(const struct tf_link *link, uint32_t count, bool up, bool done)
{
	struct tf_wire frame = {
		.kind = WIRE_STEP,
		.count = STEP_WORDS,
		.words = {[STEP_COUNT] = count, [STEP_UP] = up, [STEP_DONE] = done}};

	if (link->fd < 0)
		return;
	frame.words[STEP_STOP] = atomic_load(&link->share->stop);
	tf_wire_send(link->fd, &frame);
}

static int take_queue(struct tf_link *link, const uint64_t *words)
{
	struct tf_rdma_side *other = link->other;

	if (words[QUEUE_QPN] > BITS_24 || words[QUEUE_PSN] > BITS_24)
		return -EBADMSG;
	other->qpn = words[QUEUE_QPN];
	other->psn = words[QUEUE_PSN];
	other->pid = words[QUEUE_PID];
	other->lkey = words[QUEUE_LKEY];
	other->rkey = words[QUEUE_RKEY];
	other->va = words[QUEUE_VA];
	other->len = words[QUEUE_LEN];
	atomic_store(&other->known, 1);
	tf_wake(&other->known);
	return 0;
}

static void stop(struct tf_link *link)
{
	link->other_state->failed++;
	atomic_store(&link->share->stop, 1);
}

static int take_step(struct tf_link *link, const uint64_t *words)
{
	if (words[STEP_COUNT] > link->count)
		return -EBADMSG;
	atomic_store(link->other_count, words[STEP_COUNT]);
	tf_wake(link->other_count);
	if (words[STEP_UP]) {
		atomic_store(&link->other->up, 1);
		tf_wake(&link->other->up);
	}
	if (words[STEP_STOP] && !atomic_load(&link->share->stop)) {
		msg_error("%s: the %s at %s stopped before the last message", link->name, link->who,
			  link->at);
		stop(link);
	}
	if (words[STEP_DONE])
		tf_progress_set(link->share, link->other_state, END_DONE);
	return 0;
}

static const struct {
	uint32_t count;
	int (*take)(struct tf_link *link, const uint64_t *words);
} kinds[] = {
	[WIRE_QUEUE] = {QUEUE_WORDS, take_queue},
	[WIRE_STEP] = {STEP_WORDS, take_step},
};

static int take(struct tf_link *link, const struct tf_wire *frame)
{
	if (frame->kind >= ARRAY_SIZE(kinds) || !kinds[frame->kind].take ||
	    frame->count != kinds[frame->kind].count)
		return -EBADMSG;
	return kinds[frame->kind].take(link, frame->words);
}

/* Where either end is through, or the flow is over anyhow, nobody misses the connection. */
static void lost(struct tf_link *link, int err)
{
	if (atomic_load(&link->share->stop) || atomic_load(&link->state->progress) >= END_DONE ||
	    atomic_load(&link->other_state->progress) >= END_DONE)
		return;
	if (err == -EBADMSG || err == -EPROTO)
		msg_error("%s: the %s at %s sent what makes no sense", link->name, link->who,
			  link->at);
	else
		msg_error("%s: the %s at %s is gone before the last message", link->name, link->who,
			  link->at);
	stop(link);
}

static bool is_over(void *arg)
{
	const struct tf_link *link = arg;
	uint64_t limit = atomic_load(&link->limit);

	return limit && tf_now() > limit;
}

static void *listen_on(void *arg)
{
	struct tf_link *link = arg;
	struct tf_wire_patience patience = {is_over, link};
	struct tf_wire frame;
	int err = 0;

	while (!err) {
		err = tf_wire_recv(link->fd, &frame, &patience);
		if (!err)
			err = take(link, &frame);
	}
	lost(link, err);
	return NULL;
}

/* Signals are for the thread that waits for the ends. */
int tf_link_start(struct tf_link *link)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	err = -pthread_create(&link->thread, NULL, listen_on, link);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return msg_errno(err, "thread for the %s's words", link->who);
	link->has_thread = true;
	return 0;
}

/*
 * Bytes that are not read would, on closing, take those away that the other has not read yet. Where
 * this end is not through, the cause is told, and what the other makes of it is no other one.
 */
void tf_link_close(struct tf_link *link)
{
	bool through;

	if (link->fd < 0)
		return;
	through =
		!atomic_load(&link->share->stop) && atomic_load(&link->state->progress) >= END_DONE;
	if (!through)
		atomic_store(&link->share->stop, 1);
	shutdown(link->fd, SHUT_WR);
	atomic_store(&link->limit, tf_now() + (through ? LINGER_NS : 0));
	if (link->has_thread)
		pthread_join(link->thread, NULL);
	close(link->fd);
	link->fd = -1;
}
