// SPDX-License-Identifier: GPL-2.0-only
/* Sockets of UDP flows. */
#include <errno.h>
#include <fcntl.h>
#include <linux/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/vec.h"
#include "traffic/group.h"
#include "traffic/packet.h"
#include "traffic/ping.h"
#include "traffic/udp.h"

static int make_vector(struct tf_end *e)
{
	struct tf_udp_end *u = calloc(1, sizeof(*u));
	struct tf_layout l;

	e->private = u;
	if (!u)
		return -ENOMEM;
	u->call = e->call ? tf_call_find(e->sender, e->call) : tf_udp_call(e->flow->spec, e->sender);
	if (!u->call)
		return -EINVAL;
	e->records.call = tf_udp_call_name;
	tf_udp_layout(e->flow->spec, e->sender, &l);
	return tf_vector_init(&u->vector, &l, &e->buf,
			      !e->sender && tf_call_has_control(u->call));
}

static int no_check(const struct tf_spec *spec)
{
	return spec->udp.no_check;
}

static int gso(const struct tf_spec *spec)
{
	return (int)spec->udp.gso;
}

static int gro(const struct tf_spec *spec)
{
	return spec->udp.gro;
}

static int mtu(const struct tf_spec *spec)
{
	return (int)spec->udp.mtu;
}

static int shared(const struct tf_spec *spec)
{
	return spec->udp.multicast || spec->udp.broadcast;
}

static int broadcast(const struct tf_spec *spec)
{
	return spec->udp.broadcast;
}

static int reuseport(const struct tf_spec *spec)
{
	return spec->udp.reuseport;
}

/* Options of a socket, set where they have a value; family 0: of both. */
static const struct {
	bool sender;
	int family, level, name;
	const char *what;
	int (*value)(const struct tf_spec *spec);
} options[] = {
	{true, AF_INET, SOL_SOCKET, SO_NO_CHECK, "SO_NO_CHECK", no_check},
	{true, AF_INET6, IPPROTO_UDP, UDP_NO_CHECK6_TX, "UDP_NO_CHECK6_TX", no_check},
	{false, AF_INET6, IPPROTO_UDP, UDP_NO_CHECK6_RX, "UDP_NO_CHECK6_RX", no_check},
	{true, AF_INET6, IPPROTO_IPV6, IPV6_MTU, "IPV6_MTU", mtu},
	{true, 0, SOL_SOCKET, SO_BROADCAST, "SO_BROADCAST", broadcast},
	{false, 0, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", shared},
	{false, 0, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT", reuseport},
	{true, 0, IPPROTO_UDP, UDP_SEGMENT, "UDP_SEGMENT", gso},
	{false, 0, IPPROTO_UDP, UDP_GRO, "UDP_GRO", gro},
};

static int set_options(const struct tf_end *e, int family)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int value = options[i].value(e->flow->spec);

		if (!value || options[i].sender != e->sender ||
		    (options[i].family && options[i].family != family))
			continue;
		if (setsockopt(e->fd, options[i].level, options[i].name, &value, sizeof(value)))
			return msg_errno(-errno, "%s", options[i].what);
	}
	return 0;
}

/* Of both ends, in their own processes. */
static int take_ping(struct tf_end *e, const union tf_addr *at)
{
	const struct tf_udp_flow *f = e->flow->private;
	socklen_t len = sizeof(*at);

	e->fd = fcntl(f->ping, F_DUPFD_CLOEXEC, 0);
	if (e->fd < 0)
		return msg_errno(-errno, "ping socket");
	e->me->addr = *at;
	if (e->sender && getsockname(e->fd, &e->me->addr.sa, &len))
		return msg_errno(-errno, "ping socket");
	return 0;
}

static int bind_end(struct tf_end *e, const union tf_addr *at)
{
	const struct tf_socket *kind = tf_socket_of(e->flow->spec);
	struct timeval tick = {.tv_usec = TF_TICK_MS * 1000};
	socklen_t len = sizeof(*at);
	char text[TF_ADDR_TEXT];
	int err;

	if (e->flow->kind == &tf_ping)
		return take_ping(e, at);
	e->fd = socket(at->sa.sa_family, kind->type | SOCK_CLOEXEC,
		       at->sa.sa_family == AF_INET6 ? kind->protocol6 : kind->protocol);
	if (e->fd < 0)
		return msg_errno(-errno, "socket");
	err = set_options(e, at->sa.sa_family);
	if (err)
		return err;
	if (bind(e->fd, &at->sa, tf_addr_len(at)) || getsockname(e->fd, &e->me->addr.sa, &len))
		return msg_errno(-errno, "bind to %s, port %d", tf_addr_text(at, text),
				 tf_addr_port(at));
	if (setsockopt(e->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick)))
		return msg_errno(-errno, "SO_RCVTIMEO");
	if (kind->type == SOCK_RAW)
		tf_addr_set_port(&e->me->addr, 0); /* it says the protocol */
	return 0;
}

/* Of an end that is on a testbed. */
static int testbed_addr(const struct tf_end *e, union tf_addr *at)
{
	const struct tf_testbed_end *end = e->sender ? &e->flow->testbed->src : &e->flow->testbed->dst;
	const char *text = e->flow->spec->udp.ipv6 ? end->addr6 : end->addr;

	return tf_addr_read(at, text, 0) ? msg_errno(-EINVAL, "address '%s'", text) : 0;
}

/* The address that the kernel sends from, where the user left it open. */
static int find_source(const union tf_addr *to, union tf_addr *from)
{
	union tf_addr found;
	socklen_t len = sizeof(found);
	int fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, &to->sa, tf_addr_len(to)) || getsockname(fd, &found.sa, &len))
		err = -errno;
	else
		tf_addr_move(from, &found);
	close(fd);
	return err;
}

/* The device that the end is on, NULL where only the kernel knows. */
static const char *device_of(const struct tf_end *e)
{
	const struct tf_testbed *testbed = e->flow->testbed;

	if (!strcmp(e->flow->spec->path, "given"))
		return NULL;
	return e->sender ? testbed->src.dev : testbed->dst.dev;
}

static int connect_to(const struct tf_end *e, const union tf_addr *to)
{
	return connect(e->fd, &to->sa, tf_addr_len(to)) ? msg_errno(-errno, "connect") : 0;
}

/* Where the messages go, for calls that say so. */
static void name_receiver(struct tf_end *e)
{
	struct tf_udp_end *u = e->private;

	for (unsigned int i = 0; i < u->vector.layout.messages; i++) {
		u->vector.msgs[i].msg_hdr.msg_name = &e->me->peer;
		u->vector.msgs[i].msg_hdr.msg_namelen = tf_addr_len(&e->me->peer);
	}
}

static void write_pings(struct tf_end *e)
{
	const struct tf_udp_end *u = e->private;

	for (unsigned int i = 0; i < u->vector.layout.messages; i++)
		tf_ping_header(tf_vector_whole(&u->vector, i), e->me->peer.sa.sa_family);
}

/* Where a sender is: as the user says, or on the testbed, or wherever the way to the receiver starts. */
static int source(const struct tf_end *e, union tf_addr *at)
{
	const struct tf_spec *spec = e->flow->spec;

	if (spec->ends != ENDS_BOTH && spec->bind.sa.sa_family) {
		*at = spec->bind;
		return 0;
	}
	if (!spec->to.sa.sa_family)
		return testbed_addr(e, at);
	*at = (union tf_addr){.sa.sa_family = spec->to.sa.sa_family};
	return 0;
}

/* Where an end has a second name for its socket, it takes turns. */
static int own_socket(struct tf_end *e)
{
	struct tf_udp_end *u = e->private;
	const char *word = e->flow->spec->udp.dup;

	u->fds[0] = u->fds[1] = e->fd;
	if (!word || strcmp(word, "dup"))
		return 0;
	u->fds[1] = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
	return u->fds[1] < 0 ? msg_errno(-errno, "dup") : 0;
}

int tf_udp_open_send(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	union tf_addr at;
	int err;

	err = make_vector(e);
	if (!err && tf_socket_of(spec)->frames) {
		err = tf_packet_open_send(e);
		return err ? err : own_socket(e);
	}
	e->me->peer = spec->to.sa.sa_family ? spec->to : e->share->recv.addr;
	if (!err && spec->ends == ENDS_BOTH && e->flow->testbed->to[0] && e->me->peer.sa.sa_family == AF_INET)
		tf_addr_read(&e->me->peer, e->flow->testbed->to, tf_addr_port(&e->me->peer));
	if (!err)
		err = source(e, &at);
	if (!err)
		err = bind_end(e, &at);
	if (!err)
		err = own_socket(e);
	if (!err && spec->udp.multicast)
		err = tf_group_send(e->fd, at.sa.sa_family, device_of(e));
	if (err)
		return err;
	if (tf_addr_is_any(&e->me->addr)) {
		err = find_source(&e->me->peer, &e->me->addr);
		if (err)
			return msg_errno(err, "no way to the receiver");
	}
	if (spec->connected)
		return connect_to(e, &e->me->peer);
	name_receiver(e);
	if (e->flow->kind == &tf_ping)
		write_pings(e);
	return 0;
}

/* All receivers of a flow are at one address, and those behind the first at its port, too. */
static int destination(const struct tf_end *e, union tf_addr *at)
{
	const struct tf_spec *spec = e->flow->spec;
	int err = 0;

	if (e->index)
		*at = e->share->recv.addr;
	else if (spec->bind.sa.sa_family)
		*at = spec->bind;
	else
		err = testbed_addr(e, at);
	if (err || e->index || spec->bind.sa.sa_family)
		return err;
	if (spec->udp.multicast)
		tf_group_of(at);
	if (spec->udp.broadcast)
		tf_broadcast_of(at);
	return 0;
}

int tf_udp_open_recv(struct tf_end *e)
{
	const struct tf_socket *kind = tf_socket_of(e->flow->spec);
	union tf_addr at;
	int err = make_vector(e);

	if (!err && !kind->inet) {
		err = strcmp(kind->word, "ring") ? tf_packet_open_recv(e) : tf_packet_open_tap(e);
		return err ? err : own_socket(e);
	}
	if (!err)
		err = destination(e, &at);
	if (!err)
		err = bind_end(e, &at);
	if (!err)
		err = own_socket(e);
	if (!err && e->flow->spec->udp.multicast)
		err = tf_group_join(e->fd, &at, device_of(e));
	return err;
}

int tf_udp_attach(struct tf_end *e)
{
	int err = make_vector(e);

	if (!err && e->sender && !e->flow->spec->connected && !tf_socket_of(e->flow->spec)->frames)
		name_receiver(e);
	return err ? err : own_socket(e);
}

void tf_udp_close(struct tf_end *e)
{
	struct tf_udp_end *u = e->private;

	if (u && u->fds[1] != u->fds[0])
		close(u->fds[1]);
	if (u)
		tf_vector_free(&u->vector);
	free(u);
	e->private = NULL;
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
}
