// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/flow.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exitcode.h"
#include "common/mark.h"
#include "common/msg.h"
#include "common/vec.h"
#include "traffic/end.h"
#include "traffic/signals.h"
#include "traffic/socket.h"

#define PATIENCE 3000 /* ms that an end gets to stop when the user wants an end */

struct run {
	struct tf_flow flow;
	pid_t send, recv[TF_RECEIVERS]; /* 0: not there, or gone */
	unsigned int receivers;
	int status; /* the worst exit status so far */
};

static const struct tf_kind *const kinds[] = {&tf_udp, &tf_raw, &tf_ping, &tf_packet, &tf_pty,
					    &tf_rdma};

const struct tf_kind *tf_kind_find(const char *proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i]->proto, proto))
			return kinds[i];
	return NULL;
}

const char *tf_flow_testbed(const struct tf_spec *spec)
{
	if (spec->testbed)
		return spec->testbed;
	return strcmp(spec->path, "given") ? spec->path : "lo";
}

unsigned int tf_flow_receivers(const struct tf_spec *spec)
{
	return spec->udp.receivers ? spec->udp.receivers : 1;
}

unsigned int tf_flow_copies(const struct tf_spec *spec)
{
	bool every = spec->udp.multicast || spec->udp.broadcast || tf_socket_of(spec)->every;

	return every ? tf_flow_receivers(spec) : 1;
}

unsigned int tf_flow_observers(const struct tf_spec *spec)
{
	return spec->udp.observe ? 1 : 0;
}

struct tf_received tf_flow_received(const struct tf_flow *f)
{
	struct tf_received sum = {0};

	for (unsigned int i = 0; i < tf_flow_receivers(f->spec); i++) {
		const struct tf_side_state *s = tf_receiver(f->share, i);

		sum.messages += s->messages;
		sum.bytes += s->bytes;
		sum.bad += s->bad;
		sum.failed += s->failed;
	}
	return sum;
}

static void worse(struct run *r, int status)
{
	if (status > r->status)
		r->status = status;
}

static int reap(struct run *r, pid_t *pid, int flags)
{
	int status = 0;
	pid_t got;

	if (!*pid)
		return 0;
	do
		got = waitpid(*pid, &status, flags);
	while (got < 0 && errno == EINTR && !(flags & WNOHANG));
	if (got != *pid)
		return 0;
	*pid = 0;
	worse(r, WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_ENV);
	if (!WIFEXITED(status))
		msg_error("%s: an end was killed by signal %d", r->flow.spec->name,
			  WTERMSIG(status));
	return -ECHILD;
}

static bool reached(pid_t pid, const struct tf_side_state *side, enum tf_progress p)
{
	return !pid || atomic_load(&side->progress) >= p;
}

static bool all_reached(const struct run *r, bool send, bool recv, enum tf_progress p)
{
	struct tf_share *s = r->flow.share;

	if (send && !reached(r->send, &s->send, p))
		return false;
	for (unsigned int i = 0; recv && i < r->receivers; i++)
		if (!reached(r->recv[i], tf_receiver(s, i), p))
			return false;
	return true;
}

static bool is_gone(struct run *r)
{
	bool gone = reap(r, &r->send, WNOHANG);

	for (unsigned int i = 0; i < r->receivers; i++)
		gone |= reap(r, &r->recv[i], WNOHANG) != 0;
	return gone;
}

/* Waits for the ends asked for; an end that is gone before it got there is an error. */
static int wait_ends(struct run *r, bool send, bool recv, enum tf_progress p)
{
	struct tf_share *s = r->flow.share;
	uint64_t give_up = 0;

	for (;;) {
		uint32_t seen = atomic_load(&s->changed);

		if (all_reached(r, send, recv, p))
			return 0;
		if (is_gone(r))
			return -ECHILD;
		if (tf_interrupted || atomic_load(&s->stop)) {
			atomic_store(&s->stop, 1);
			tf_stage_set(s, STAGE_READ);
			if (!give_up)
				give_up = tf_now() + PATIENCE * 1000000ULL;
			if (tf_now() > give_up) {
				msg_error("%s: an end does not stop", r->flow.spec->name);
				return -EINTR;
			}
		}
		tf_wait(&s->changed, seen, 100);
	}
}

static int start(struct run *r, pid_t *pid, struct tf_side_state *state,
		 int (*run)(struct tf_flow *f, unsigned int index), unsigned int index)
{
	fflush(NULL);
	*pid = fork();
	if (*pid < 0) {
		*pid = 0;
		return msg_errno(-errno, "fork");
	}
	if (!*pid) {
		tf_signals_child();
		_exit(run(&r->flow, index));
	}
	state->pid = *pid;
	return 0;
}

/* The receivers first, so that the sender knows where to, and the later ones where the first is. */
static int start_ends(struct run *r)
{
	const struct tf_spec *spec = r->flow.spec;
	struct tf_share *s = r->flow.share;
	unsigned int receivers = 0;
	int err;

	if (spec->ends != ENDS_SEND)
		receivers = tf_flow_receivers(spec) + tf_flow_observers(spec);
	for (unsigned int i = 0; i < receivers; i++) {
		err = start(r, &r->recv[i], tf_receiver(s, i), tf_end_recv, i);
		if (err)
			return err;
		r->receivers++;
		err = wait_ends(r, false, true, END_READY);
		if (err)
			return err;
	}
	if (spec->ends != ENDS_RECV) {
		err = start(r, &r->send, &s->send, tf_end_send, 0);
		if (err)
			return err;
	}
	return wait_ends(r, true, true, END_READY);
}

/* For whoever starts the sender. */
static void tell_address(const union tf_addr *addr)
{
	char text[TF_ADDR_TEXT];

	printf("receiving on %s:%d\n", tf_addr_text(addr, text), tf_addr_port(addr));
	fflush(stdout);
}

static void wait_told(void)
{
	printf(", waiting for a newline on standard input or SIGUSR1 to %d\n", (int)getpid());
	fflush(stdout);
	tf_wait_user();
}

/* What no queue keeps stands still before it is sent, the rest in the queue. */
static int hold(struct run *r)
{
	struct tf_share *s = r->flow.share;
	int err;

	if (r->flow.kind->hold) {
		r->flow.kind->hold(&r->flow);
		wait_told();
		return 0;
	}
	tf_stage_set(s, STAGE_SEND);
	err = wait_ends(r, true, false, END_DONE);
	if (err)
		return err;
	printf("held: %" PRIu64 " messages sent", s->send.messages);
	wait_told();
	return 0;
}

static void hold_after(struct run *r)
{
	printf("received: %" PRIu64 " messages; waiting\n", r->flow.share->recv.messages);
	fflush(stdout);
	tf_wait_user();
}

/* One after the other, so that the log reads in the order flow, sends, receives, end. */
static int write_log(struct run *r, uint64_t time)
{
	struct tf_share *s = r->flow.share;
	int err = tf_flow_log_begin(&r->flow, time);

	if (!err && r->flow.kind->log)
		err = r->flow.kind->log(&r->flow);
	if (!err)
		err = tf_log_flush(r->flow.log);
	if (err)
		return err;
	tf_stage_set(s, STAGE_LOG_SEND);
	reap(r, &r->send, 0);
	for (unsigned int i = 0; i < r->receivers; i++) {
		tf_stage_set(s, STAGE_LOG_RECV + i);
		reap(r, &r->recv[i], 0);
	}
	err = tf_flow_log_end(&r->flow);
	return err ? err : tf_log_flush(r->flow.log);
}

static int run_ends(struct run *r)
{
	struct tf_share *s = r->flow.share;
	bool held = r->flow.spec->hold;
	uint64_t time;
	int err = start_ends(r);

	if (err)
		return err;
	if (!r->send && !r->flow.kind->announced)
		tell_address(&s->recv.addr);
	time = tf_now();
	err = held ? hold(r) : 0;
	if (err)
		return err;
	tf_stage_set(s, STAGE_READ);
	err = wait_ends(r, true, true, END_DONE);
	if (err)
		return err;
	if (held)
		hold_after(r);
	return write_log(r, time);
}

static void stop(pid_t pid)
{
	if (!pid)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void say(const struct run *r, char *said, size_t size)
{
	const struct tf_spec *spec = r->flow.spec;
	uint64_t sent = r->flow.share->send.messages, want = sent * tf_flow_copies(spec);
	struct tf_received got = tf_flow_received(&r->flow);

	if (!r->receivers)
		snprintf(said, size, "%s: %" PRIu64 " sent", spec->name, sent);
	else if (spec->ends == ENDS_RECV)
		snprintf(said, size, "%s: %" PRIu64 " received, %" PRIu64 " bad", spec->name,
			 got.messages, got.bad);
	else
		snprintf(said, size,
			 "%s: %" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " lost, %" PRIu64
			 " bad",
			 spec->name, sent, got.messages,
			 want > got.messages ? want - got.messages : 0, got.bad);
}

/* Pointers mean nothing to another program. */
static void strip(struct tf_spec *s)
{
	s->name = s->proto = s->path = s->text = s->testbed = s->netns = s->rdma.dev = NULL;
	s->udp.send_call = s->udp.recv_call = s->udp.ethtool = s->udp.dup = NULL;
	s->udp.socket = s->udp.observe = NULL;
}

bool tf_flow_marked(const struct tf_flow *f)
{
	return getenv("COPYCHAIN_MARK") && !f->spec->has_fill && !f->spec->text && f->index < MARK_FLOWS - 1;
}

void tf_flow_payload(struct tf_flow *f)
{
	f->payload = (struct tf_payload){.seed = f->share->seed,
					 .has_seed = f->spec->ends == ENDS_BOTH,
					 .has_fill = f->spec->has_fill,
					 .fill = f->spec->fill,
					 .text = f->spec->text,
					 .marked = tf_flow_marked(f),
					 .flow = f->index};
}

static int share(struct tf_flow *f)
{
	struct tf_shared *s;

	f->share_fd = memfd_create("traffic", MFD_CLOEXEC);
	if (f->share_fd < 0 || ftruncate(f->share_fd, sizeof(*s)))
		return msg_errno(-errno, "shared memory");
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, f->share_fd,
		 0);
	if (s == MAP_FAILED)
		return msg_errno(-errno, "shared memory");
	f->share = &s->share;
	s->index = f->index;
	s->number = f->number;
	s->spec = *f->spec;
	strip(&s->spec);
	if (getrandom(&f->share->seed, sizeof(f->share->seed), 0) != sizeof(f->share->seed))
		return msg_errno(-errno, "getrandom");
	return 0;
}

static int prepare(struct run *r)
{
	struct tf_flow *f = &r->flow;
	int err = share(f);

	if (err)
		return err;
	tf_flow_payload(f);
	return f->kind->begin ? f->kind->begin(f) : 0;
}

int tf_flow_run(const struct tf_spec *spec, unsigned int index, const struct tf_testbed *testbed,
		struct tf_log *log, char *said, size_t size)
{
	struct run r = {.flow = {.spec = spec,
				 .kind = tf_kind_find(spec->proto),
				 .index = index,
				 .number = tf_log_number(index),
				 .share_fd = -1,
				 .testbed = testbed,
				 .log = log}};
	struct tf_received got;
	int err;

	snprintf(said, size, "%s: did not run", spec->name);
	err = prepare(&r);
	if (err == -EINVAL)
		r.status = EXIT_USAGE;
	else if (err)
		r.status = EXIT_ENV;
	else if (run_ends(&r))
		worse(&r, EXIT_ENV);
	stop(r.send);
	for (unsigned int i = 0; i < r.receivers; i++)
		stop(r.recv[i]);
	if (r.flow.kind->finish)
		r.flow.kind->finish(&r.flow);
	if (r.flow.share_fd >= 0)
		close(r.flow.share_fd);
	if (!r.flow.share)
		return r.status;
	got = tf_flow_received(&r.flow);
	if (got.bad)
		worse(&r, EXIT_ASSERT);
	if (r.flow.share->send.failed || got.failed)
		worse(&r, EXIT_ENV);
	if (r.receivers || r.flow.share->send.pid)
		say(&r, said, size);
	munmap(r.flow.share, sizeof(struct tf_shared));
	return r.status;
}
