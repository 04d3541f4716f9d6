// SPDX-License-Identifier: GPL-2.0-only
/* UDP flows: what the options come to. */
#include <errno.h>
#include <unistd.h>

#include "traffic/udp.h"

static unsigned int at_least_one(unsigned long n)
{
	return n ? n : 1;
}

unsigned int tf_udp_batch(const struct tf_spec *spec, bool sender)
{
	return at_least_one(sender ? spec->udp.batch : spec->udp.recv_batch);
}

unsigned int tf_udp_segments(const struct tf_spec *spec, bool sender)
{
	return at_least_one(sender ? spec->udp.send_segments : spec->udp.recv_segments);
}

const struct tf_call *tf_udp_call(const struct tf_spec *spec, bool sender)
{
	const char *name = sender ? spec->udp.send_call : spec->udp.recv_call;

	if (name)
		return tf_call_find(sender, name);
	return tf_call_for(sender, tf_udp_batch(spec, sender), tf_udp_segments(spec, sender));
}

/* A receiver has room for more than it is sent, unless told how much. */
static size_t message_room(const struct tf_spec *spec, bool sender)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (sender)
		return spec->size;
	if (spec->udp.recv_size)
		return spec->udp.recv_size;
	return (spec->size + page - 1) / page * page;
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

const struct tf_kind tf_udp = {
	.proto = "udp",
	.send = {tf_udp_open_send, tf_udp_loop_send},
	.recv = {tf_udp_open_recv, tf_udp_loop_recv},
	.room = tf_udp_room,
	.close = tf_udp_close,
};
