// SPDX-License-Identifier: GPL-2.0-only
/* Two ends of an RDMA flow that are commands of their own: frames, greeting, shared words. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/vec.h"
#include "traffic/rdma_hello.h"
#include "traffic/rdma_link.h"

#define HEAD_BYTES 16
#define VERSION_AT 4
#define COUNT_AT 12

/* fds[0] is ours, fds[1] the other end's. */
static int open_pair(void **state)
{
	static int fds[2];

	*state = fds;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static int close_pair(void **state)
{
	int *fds = *state;

	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return 0;
}

static void close_other(int *fds)
{
	close(fds[1]);
	fds[1] = -1;
}

static bool at_once(void *arg)
{
	(void)arg;
	return true;
}

static const struct tf_wire_patience none = {at_once, NULL};

/* Those may be many in a loaded machine, but it is no more than that. */
static bool in_ten_seconds(void *arg)
{
	return ++*(int *)arg > 100;
}

/* The bytes of a frame. */
static size_t bytes_of(const struct tf_wire *frame, unsigned char *bytes, size_t size)
{
	ssize_t n;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(tf_wire_send(fds[0], frame), 0);
	n = recv(fds[1], bytes, size, MSG_DONTWAIT);
	close(fds[0]);
	close(fds[1]);
	assert_true(n >= HEAD_BYTES);
	return n;
}

static void a_frame_arrives_as_it_was_sent(void **state)
{
	static const uint32_t counts[] = {0, 1, 7, TF_WIRE_WORDS};
	int *fds = *state;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct tf_wire out = {.kind = WIRE_STEP, .count = counts[i]}, in;

		for (uint32_t k = 0; k < counts[i]; k++)
			out.words[k] = 0x0123456789abcdefULL * (k + 1);
		assert_int_equal(tf_wire_send(fds[1], &out), 0);
		assert_int_equal(tf_wire_recv(fds[0], &in, &none), 0);
		assert_int_equal(in.version, TF_WIRE_VERSION);
		assert_int_equal(in.kind, out.kind);
		assert_int_equal(in.count, out.count);
		assert_memory_equal(in.words, out.words, sizeof(out.words));
	}
}

static void frames_are_little_endian(void **state)
{
	static const unsigned char want[] = {'c', 'c', 'h', 'n', 1, 0, 0, 0, 3, 0, 0, 0,
					     1,	  0,   0,   0,	 8, 7, 6, 5, 4, 3, 2, 1};
	struct tf_wire frame = {.kind = WIRE_STEP, .count = 1, .words = {0x0102030405060708ULL}};
	unsigned char bytes[64];

	(void)state;
	assert_int_equal(bytes_of(&frame, bytes, sizeof(bytes)), sizeof(want));
	assert_memory_equal(bytes, want, sizeof(want));
}

struct trickle {
	int fd;
	const unsigned char *bytes;
	size_t size;
};

static void *write_one_by_one(void *arg)
{
	const struct trickle *t = arg;

	for (size_t i = 0; i < t->size; i++) {
		if (write(t->fd, t->bytes + i, 1) != 1)
			break;
		usleep(100);
	}
	return NULL;
}

static void a_frame_may_come_in_pieces(void **state)
{
	int *fds = *state, ticks = 0;
	struct tf_wire out = {.kind = WIRE_QUEUE, .count = 3, .words = {1, 1ULL << 63, 3}}, in;
	struct tf_wire_patience patience = {in_ten_seconds, &ticks};
	unsigned char bytes[256];
	struct trickle t = {fds[1], bytes, bytes_of(&out, bytes, sizeof(bytes))};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, write_one_by_one, &t), 0);
	assert_int_equal(tf_wire_recv(fds[0], &in, &patience), 0);
	pthread_join(thread, NULL);
	assert_memory_equal(in.words, out.words, sizeof(out.words));
}

/* Whatever is cut off, and wherever. */
static void a_frame_that_is_cut_off_is_none(void **state)
{
	struct tf_wire out = {.kind = WIRE_QUEUE, .count = 2, .words = {5, 6}}, in;
	unsigned char bytes[64];
	size_t size = bytes_of(&out, bytes, sizeof(bytes));

	(void)state;
	for (size_t n = 0; n < size; n++) {
		int fds[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		assert_int_equal(write(fds[1], bytes, n), n);
		assert_int_equal(tf_wire_recv(fds[0], &in, &none),
				 -ETIMEDOUT); /* more might come */
		close(fds[0]);
		close(fds[1]);

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		assert_int_equal(write(fds[1], bytes, n), n);
		close(fds[1]);
		assert_int_equal(tf_wire_recv(fds[0], &in, &none), -EPIPE);
		close(fds[0]);
	}
}

static void another_version_is_told(void **state)
{
	int *fds = *state;
	struct tf_wire out = {.kind = WIRE_HELLO, .count = 2}, in;
	unsigned char bytes[64];

	bytes_of(&out, bytes, sizeof(bytes));
	bytes[VERSION_AT] = 9;
	assert_int_equal(write(fds[1], bytes, HEAD_BYTES), HEAD_BYTES);
	assert_int_equal(tf_wire_recv(fds[0], &in, &none), -EPROTO);
	assert_int_equal(in.version, 9);
}

static void a_stranger_is_known_by_his_first_bytes(void **state)
{
	int *fds = *state;
	struct tf_wire in;

	assert_int_equal(write(fds[1], "SSH-", 4), 4);
	assert_int_equal(tf_wire_recv(fds[0], &in, &none), -EBADMSG);
}

static void more_words_than_there_is_room_for(void **state)
{
	int *fds = *state;
	struct tf_wire out = {.kind = WIRE_HELLO, .count = 0}, in;
	unsigned char bytes[64];

	bytes_of(&out, bytes, sizeof(bytes));
	bytes[COUNT_AT] = TF_WIRE_WORDS + 1;
	assert_int_equal(write(fds[1], bytes, HEAD_BYTES), HEAD_BYTES);
	assert_int_equal(tf_wire_recv(fds[0], &in, &none), -EBADMSG);
}

static struct tf_spec receiver = {.name = "rdma-test",
				  .ends = ENDS_RECV,
				  .size = 64,
				  .count = 100,
				  .timeout = 10000,
				  .rdma = {.op = RDMA_WRITE, .depth = 4}};

static struct tf_spec sender(void)
{
	struct tf_spec spec = receiver;

	spec.ends = ENDS_SEND;
	return spec;
}

static const struct tf_rdma_side far = {.dev = "mlx5_0",
					.gid_index = 3,
					.gid = {.raw = {[10] = 0xff, 0xff, 10, 0, 0, 1}},
					.lid = 7,
					.active_mtu = 1024};

static void a_hello_tells_where_the_other_end_is(void **state)
{
	struct tf_spec spec = sender();
	struct tf_rdma_side other = {0};
	struct tf_wire frame;
	uint64_t seed = 1;
	char why[160] = "";

	(void)state;
	tf_hello_pack(&spec, &far, 0xfeedfacecafef00dULL, &frame);
	assert_int_equal(tf_hello_take(&receiver, &frame, &other, &seed, why, sizeof(why)), 0);
	assert_memory_equal(&other, &far, sizeof(far));
	assert_int_equal(seed, 0xfeedfacecafef00dULL);
}

static void the_seed_is_the_senders(void **state)
{
	struct tf_spec spec = sender();
	struct tf_rdma_side other = {0};
	struct tf_wire frame;
	uint64_t seed = 1;
	char why[160];

	(void)state;
	tf_hello_pack(&receiver, &far, 2, &frame);
	assert_int_equal(tf_hello_take(&spec, &frame, &other, &seed, why, sizeof(why)), 0);
	assert_int_equal(seed, 1);
}

static void ends_that_were_asked_for_different_things(void **state)
{
	struct tf_spec others[10];
	static const char *const words[ARRAY_SIZE(others)] = {"both ends receive",
							"--op: write here, read at the other end",
							"--qp: rc here, ud",
							"--inline: not given here, given",
							"--size: 64 here, 65",
							"--count: 100 here, 1 ",
							"--depth: 4 here, 5",
							"--mtu: not given here, 512",
							"--fill: not given here, 00000000",
							"--fill: not given here, deadbeef"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = sender();
	others[0].ends = ENDS_RECV;
	others[1].rdma.op = RDMA_READ;
	others[2].rdma.ud = true;
	others[3].rdma.inline_data = true;
	others[4].size = 65;
	others[5].count = 1;
	others[6].rdma.depth = 5;
	others[7].rdma.mtu = 512;
	others[8].has_fill = others[9].has_fill = true;
	others[9].fill = 0xdeadbeef;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct tf_rdma_side other = {0};
		struct tf_wire frame;
		uint64_t seed = 0;
		char why[160] = "";

		tf_hello_pack(&others[i], &far, 0, &frame);
		assert_int_equal(tf_hello_take(&receiver, &frame, &other, &seed, why, sizeof(why)),
				 -EINVAL);
		if (!strstr(why, words[i]))
			fail_msg("'%s' does not say '%s'", why, words[i]);
	}
}

/* Any word that is not one of the options may be anything; what is no name or MTU is refused. */
static void a_damaged_hello(void **state)
{
	struct tf_spec spec = sender();
	struct tf_rdma_side sides[4] = {far, far, far, far}, other = {0};
	struct tf_wire frame;
	uint64_t seed = 0;
	char why[160];

	(void)state;
	sides[0].active_mtu = 0;
	sides[1].active_mtu = 1500;
	memset(sides[2].dev, 'x', sizeof(sides[2].dev));
	strcpy(sides[3].dev, "a\nb");
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		tf_hello_pack(&spec, &sides[i], 0, &frame);
		assert_int_equal(tf_hello_take(&receiver, &frame, &other, &seed, why, sizeof(why)),
				 -EBADMSG);
	}
	tf_hello_pack(&spec, &far, 0, &frame);
	frame.count--;
	assert_int_equal(tf_hello_take(&receiver, &frame, &other, &seed, why, sizeof(why)),
			 -EBADMSG);
	frame.count++;
	frame.kind = WIRE_STEP;
	assert_int_equal(tf_hello_take(&receiver, &frame, &other, &seed, why, sizeof(why)),
			 -EBADMSG);
}

/* A sender's command, without the sender, and what it shares with it. */
struct command {
	struct tf_share share;
	struct tf_rdma_side other;
	struct tf_link link;
};

static void init(struct command *c, int fd)
{
	memset(c, 0, sizeof(*c));
	c->link = (struct tf_link){.fd = fd,
				   .name = "rdma-test",
				   .who = "receiver",
				   .at = "here",
				   .count = 100,
				   .share = &c->share,
				   .state = &c->share.send,
				   .other_state = &c->share.recv,
				   .other = &c->other,
				   .other_count = &c->share.received};
}

static int greet(struct command *c, const void *bytes, size_t size, int *fds)
{
	struct tf_spec spec = sender();
	struct tf_rdma_side mine = far;
	uint64_t seed = 5;

	init(c, fds[0]);
	spec.timeout = 1;
	assert_int_equal(write(fds[1], bytes, size), size);
	return tf_link_greet(&c->link, &spec, &mine, &seed);
}

static void greeting(void **state)
{
	int *fds = *state;
	struct tf_wire frame;
	unsigned char bytes[512];
	struct command c;
	size_t size;

	tf_hello_pack(&receiver, &far, 0, &frame);
	size = bytes_of(&frame, bytes, sizeof(bytes));
	assert_int_equal(greet(&c, bytes, size, fds), 0);
	assert_string_equal(c.other.dev, "mlx5_0");
	assert_int_equal(tf_wire_recv(fds[1], &frame, &none), 0);
	assert_int_equal(frame.kind, WIRE_HELLO);

	assert_int_equal(greet(&c, bytes, size - 1, fds), -ETIMEDOUT);
}

static void greeting_who_is_no_end_of_ours(void **state)
{
	int *fds = *state;
	struct tf_wire frame;
	unsigned char bytes[512];
	struct command c;

	assert_int_equal(greet(&c, "HTTP", 4, fds), -EBADMSG);
	tf_hello_pack(&receiver, &far, 0, &frame);
	bytes_of(&frame, bytes, sizeof(bytes));
	bytes[VERSION_AT]++;
	assert_int_equal(greet(&c, bytes, HEAD_BYTES, fds), -EPROTO);
	close_other(fds);
	init(&c, fds[0]);
	assert_int_not_equal(tf_link_greet(&c.link, &receiver, &far, &(uint64_t){0}), 0);
}

/* Both commands in one, back to back. */
static void what_one_end_tells_the_other_finds(void **state)
{
	int *fds = *state;
	struct tf_rdma_side queue = {.qpn = 0xffffff,
				     .psn = 1,
				     .pid = 9,
				     .lkey = 2,
				     .rkey = 3,
				     .va = 1ULL << 40,
				     .len = 4096};
	struct command ours, theirs;

	init(&ours, fds[0]);
	init(&theirs, fds[1]);
	assert_int_equal(tf_link_start(&ours.link), 0);
	tf_link_tell_queue(&theirs.link, &queue);
	tf_link_tell_step(&theirs.link, 0, true, false);
	tf_link_tell_step(&theirs.link, 99, true, false);
	tf_link_tell_step(&theirs.link, 100, true, true);
	tf_link_close(&theirs.link);
	fds[1] = -1;
	pthread_join(ours.link.thread, NULL);
	ours.link.has_thread = false;
	assert_int_equal(ours.other.known, 1);
	assert_int_equal(ours.other.up, 1);
	assert_int_equal(ours.other.qpn, queue.qpn);
	assert_int_equal(ours.other.rkey, queue.rkey);
	assert_int_equal(ours.other.va, queue.va);
	assert_int_equal(ours.other.len, queue.len);
	assert_int_equal(ours.share.received, 100);
	assert_int_equal(ours.share.recv.progress, END_DONE);
	assert_int_equal(ours.share.stop, 0);
	assert_int_equal(ours.share.recv.failed, 0);
}

/* Starts a command's thread and ends the other side in one of many ways; is it an error? */
static void end_as(struct command *c, int *fds, const void *bytes, size_t size, bool through)
{
	init(c, fds[0]);
	c->share.send.progress = through ? END_DONE : END_READY;
	assert_int_equal(tf_link_start(&c->link), 0);
	assert_int_equal(write(fds[1], bytes, size), size);
	close_other(fds);
	pthread_join(c->link.thread, NULL);
	c->link.has_thread = false;
	tf_link_close(&c->link);
	fds[0] = -1;
}

static size_t step(unsigned char *bytes, size_t room, uint64_t count, uint64_t stop)
{
	struct tf_wire frame = {.kind = WIRE_STEP, .count = 4, .words = {count, 1, 0, stop}};

	return bytes_of(&frame, bytes, room);
}

static void other_ends_that_fail(void **state)
{
	unsigned char over[128], gave_up[128], odd[128], queue[256];
	struct tf_wire frame = {.kind = 77, .count = 1};
	struct tf_wire wide = {.kind = WIRE_QUEUE, .count = 7, .words = {1 << 24}};
	const struct {
		const void *bytes;
		size_t size;
		bool through; /* our own end */
		bool fails;
	} rows[] = {
		{"", 0, false, true},
		{"", 0, true, false},
		{"cc", 2, false, true},
		{"garbage", 7, false, true},
		{over, step(over, sizeof(over), 101, 0), false, true},
		{gave_up, step(gave_up, sizeof(gave_up), 3, 1), false, true},
		{odd, bytes_of(&frame, odd, sizeof(odd)), false, true},
		{queue, bytes_of(&wide, queue, sizeof(queue)), false, true},
	};
	struct command c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fds[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		end_as(&c, fds, rows[i].bytes, rows[i].size, rows[i].through);
		if (c.share.stop != rows[i].fails || c.share.recv.failed != rows[i].fails)
			fail_msg("row %zu: stop %u, failed %u", i, (unsigned int)c.share.stop,
				 (unsigned int)c.share.recv.failed);
		assert_true(c.share.received <= 100);
		assert_int_equal(c.other.known, 0);
	}
}

/* Whoever fails by himself has told it; what the other makes of it is no second error. */
static void closing_before_the_end(void **state)
{
	int *fds = *state;
	struct tf_wire frame;
	struct command c;

	init(&c, fds[0]);
	c.share.send.progress = END_READY;
	assert_int_equal(tf_link_start(&c.link), 0);
	tf_link_close(&c.link);
	fds[0] = -1;
	assert_int_equal(c.share.recv.failed, 0);
	assert_int_equal(c.share.stop, 1);
	assert_int_equal(tf_wire_recv(fds[1], &frame, &none), -EPIPE);
}

#define ON_A_PAIR(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_PAIR(a_frame_arrives_as_it_was_sent),
		cmocka_unit_test(frames_are_little_endian),
		ON_A_PAIR(a_frame_may_come_in_pieces),
		cmocka_unit_test(a_frame_that_is_cut_off_is_none),
		ON_A_PAIR(another_version_is_told),
		ON_A_PAIR(a_stranger_is_known_by_his_first_bytes),
		ON_A_PAIR(more_words_than_there_is_room_for),
		cmocka_unit_test(a_hello_tells_where_the_other_end_is),
		cmocka_unit_test(the_seed_is_the_senders),
		cmocka_unit_test(ends_that_were_asked_for_different_things),
		cmocka_unit_test(a_damaged_hello),
		ON_A_PAIR(greeting),
		ON_A_PAIR(greeting_who_is_no_end_of_ours),
		ON_A_PAIR(what_one_end_tells_the_other_finds),
		cmocka_unit_test(other_ends_that_fail),
		ON_A_PAIR(closing_before_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
