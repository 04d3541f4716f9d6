// SPDX-License-Identifier: GPL-2.0-only
/* UDP flows: what the options come to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/offload.h"
#include "traffic/packet.h"
#include "traffic/ping.h"
#include "traffic/udp.h"

static unsigned int at_least_one(unsigned long n)
{
	return n ? n : 1;
}

unsigned int tf_udp_datagrams(const struct tf_spec *spec)
{
	return spec->udp.gso ? (spec->size + spec->udp.gso - 1) / spec->udp.gso : 1;
}

size_t tf_udp_datagram_len(const struct tf_spec *spec, unsigned int datagram)
{
	unsigned int last = tf_udp_datagrams(spec) - 1;

	return datagram < last ? spec->udp.gso : spec->size - last * spec->udp.gso;
}

unsigned int tf_udp_parts(const struct tf_spec *spec)
{
	if (!spec->udp.cork && !spec->udp.more)
		return 1;
	return spec->udp.parts ? spec->udp.parts : 2;
}

unsigned int tf_udp_batch(const struct tf_spec *spec, bool sender)
{
	return at_least_one(sender ? spec->udp.batch : spec->udp.recv_batch);
}

unsigned int tf_udp_segments(const struct tf_spec *spec, bool sender)
{
	unsigned int n = at_least_one(sender ? spec->udp.send_segments : spec->udp.recv_segments);

	/* A part has segments of its own. */
	return sender && n < tf_udp_parts(spec) ? tf_udp_parts(spec) : n;
}

const struct tf_call *tf_udp_call(const struct tf_spec *spec, bool sender)
{
	const char *name = sender ? spec->udp.send_call : spec->udp.recv_call;

	unsigned long segments = sender ? spec->udp.send_segments : spec->udp.recv_segments;

	if (name)
		return tf_call_find(sender, name);
	return tf_call_for(sender, tf_udp_batch(spec, sender), at_least_one(segments),
			   !sender && spec->udp.gro);
}

const char *tf_udp_call_name(const struct tf_record *r)
{
	return tf_call_name(r->call);
}

/* A receiver has room for more than it is sent, unless told how much. */
static size_t message_room(const struct tf_spec *spec, bool sender)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (sender)
		return spec->size + tf_socket_head(spec, true);
	if (spec->udp.recv_size)
		return spec->udp.recv_size;
	if (spec->udp.gro)
		return UINT16_MAX;
	return (spec->size + tf_socket_head(spec, false) + page - 1) / page * page;
}

void tf_udp_layout(const struct tf_spec *spec, bool sender, struct tf_layout *l)
{
	*l = (struct tf_layout){.size = message_room(spec, sender),
				.segments = tf_udp_segments(spec, sender),
				.messages = tf_udp_batch(spec, sender)};
}

size_t tf_udp_room(const struct tf_spec *spec, bool sender)
{
	struct tf_layout l;

	tf_udp_layout(spec, sender, &l);
	return tf_layout_room(&l);
}

bool tf_udp_lock_step(const struct tf_spec *spec)
{
	return !spec->rate && !spec->hold && spec->ends == ENDS_BOTH;
}

static int begin(struct tf_flow *f)
{
	const struct tf_udp_spec *u = &f->spec->udp;
	struct tf_udp_flow *s = calloc(1, sizeof(*s));
	char why[256] = "";
	int err = 0;

	f->private = s;
	if (!s)
		return -ENOMEM;
	s->ping = -1;
	if (u->ipv6 && !f->testbed->dst.addr6[0]) {
		snprintf(why, sizeof(why), "%s: this path has no IPv6", f->spec->path);
		err = -EAFNOSUPPORT;
	}
	if (!err && u->ethtool)
		err = tf_offload_set(&s->offload, f->testbed, u->ethtool, why, sizeof(why));
	if (err)
		msg_error("%s", why);
	if (!err && tf_kind_find(tf_socket_of(f->spec)->proto) == &tf_ping) {
		s->ping = tf_ping_open(f);
		err = s->ping < 0 ? s->ping : 0;
	}
	return err == -EINVAL ? -EIO : err;
}

static void finish(struct tf_flow *f)
{
	struct tf_udp_flow *s = f->private;

	if (!s)
		return;
	if (s->ping >= 0)
		close(s->ping);
	tf_offload_undo(&s->offload, f->testbed);
	free(s);
	f->private = NULL;
}

#define KIND(name)                                                                                 \
	const struct tf_kind tf_##name = {                                                         \
		.proto = #name,                                                                    \
		.begin = begin,                                                                    \
		.finish = finish,                                                                  \
		.send = {tf_udp_open_send, tf_udp_loop_send, tf_udp_attach},                       \
		.recv = {tf_udp_open_recv, tf_udp_loop_recv, tf_udp_attach},                       \
		.observe = {tf_packet_open_tap, tf_packet_loop_tap, NULL},                         \
		.room = tf_udp_room,                                                               \
		.close = tf_udp_close,                                                             \
	}

KIND(udp);
KIND(raw);
KIND(ping);
KIND(packet);
