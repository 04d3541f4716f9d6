// SPDX-License-Identifier: GPL-2.0-only
/* How two ends that are commands of their own find each other, and agree on what is to be done. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/vec.h"
#include "traffic/rdma_hello.h"
#include "traffic/rdma_link.h"
#include "traffic/signals.h"

static void show_addr(const struct sockaddr_in *addr, char *text, size_t size)
{
	char ip[INET_ADDRSTRLEN];

	snprintf(text, size, "%s:%d", inet_ntop(AF_INET, &addr->sin_addr, ip, sizeof(ip)),
		 ntohs(addr->sin_port));
}

/* The time is up, where there is one, or the user wants an end. */
static bool is_over(void *arg)
{
	const uint64_t *limit = arg;

	return tf_interrupted || (*limit && tf_now() > *limit);
}

static int listen_at(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) || listen(fd, 1)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* The first who comes is the sender. */
static int wait_for_sender(struct tf_link *link, const struct sockaddr_in *bind_to)
{
	struct sockaddr_in addr = *bind_to;
	socklen_t len = sizeof(addr);
	uint64_t forever = 0;
	struct tf_wire_patience patience = {is_over, &forever};
	int fd = listen_at(&addr), err;

	show_addr(&addr, link->at, sizeof(link->at));
	if (fd < 0)
		return msg_errno(fd, "cannot wait for a sender at %s", link->at);
	getsockname(fd, (struct sockaddr *)&addr, &len);
	show_addr(&addr, link->at, sizeof(link->at));
	printf("receiving on %s\n", link->at);
	fflush(stdout);
	err = tf_wire_wait(fd, POLLIN, &patience);
	if (!err) {
		len = sizeof(addr);
		link->fd = accept4(fd, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC);
		err = link->fd < 0 ? msg_errno(-errno, "connection at %s", link->at) : 0;
		show_addr(&addr, link->at, sizeof(link->at));
	}
	close(fd);
	return err;
}

static int connect_in_time(int fd, const struct sockaddr_in *to, unsigned long ms)
{
	uint64_t limit = tf_now() + ms * 1000000ULL;
	struct tf_wire_patience patience = {is_over, &limit};
	int err = 0;
	socklen_t len = sizeof(err);

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS)
		return -errno;
	err = tf_wire_wait(fd, POLLOUT, &patience);
	if (err)
		return err;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	if (!err && fcntl(fd, F_SETFL, 0)) /* it may block from here on */
		return -errno;
	return -err;
}

static int go_to_receiver(struct tf_link *link, const struct tf_spec *spec)
{
	int err;

	show_addr(&spec->to.in, link->at, sizeof(link->at));
	link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (link->fd < 0)
		return msg_errno(-errno, "socket");
	err = connect_in_time(link->fd, &spec->to.in, spec->timeout);
	if (err && !tf_interrupted)
		msg_errno(err, "no receiver at %s; start traffic rdma --recv there first",
			  link->at);
	return err;
}

int tf_link_open(struct tf_link *link, const struct tf_spec *spec)
{
	int one = 1, err;

	err = spec->ends == ENDS_RECV ? wait_for_sender(link, &spec->bind.in)
				      : go_to_receiver(link, spec);
	if (!err && setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		err = msg_errno(-errno, "TCP_NODELAY");
	return err;
}

static const struct {
	int err;
	const char *what;
} answers[] = {
	{-EBADMSG, "does not speak as traffic rdma does"},
	{-EPIPE, "closed the connection without a word"},
	{-ETIMEDOUT, "says nothing"},
};

static int no_answer(const struct tf_link *link, const struct tf_wire *frame, int err)
{
	if (err == -ETIMEDOUT && tf_interrupted)
		return -EINTR;
	if (err == -EPROTO) {
		msg_error("the %s at %s has version %u of the protocol, this end has %u; run the "
			  "same copychain on both",
			  link->who, link->at, (unsigned int)frame->version, TF_WIRE_VERSION);
		return err;
	}
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i].err == err) {
			msg_error("what is to be the %s, at %s, %s", link->who, link->at,
				  answers[i].what);
			return err;
		}
	return msg_errno(err, "the %s at %s", link->who, link->at);
}

int tf_link_greet(struct tf_link *link, const struct tf_spec *spec, const struct tf_rdma_side *mine,
		  uint64_t *seed)
{
	uint64_t limit = tf_now() + spec->timeout * 1000000ULL;
	struct tf_wire_patience patience = {is_over, &limit};
	struct tf_wire frame;
	char why[160];
	int err;

	tf_hello_pack(spec, mine, *seed, &frame);
	err = tf_wire_send(link->fd, &frame);
	if (!err)
		err = tf_wire_recv(link->fd, &frame, &patience);
	if (err)
		return no_answer(link, &frame, err);
	err = tf_hello_take(spec, &frame, link->other, seed, why, sizeof(why));
	if (err == -EBADMSG)
		return no_answer(link, &frame, -EBADMSG);
	if (err)
		msg_error("the %s at %s does not match: %s", link->who, link->at, why);
	return err;
}
