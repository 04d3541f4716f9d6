// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/rdma_wire.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define MAGIC "cchn"
#define MAGIC_BYTES 4
#define TICK_MS 100

struct head {
	char magic[MAGIC_BYTES];
	uint32_t version, kind, count;
};

int tf_wire_send(int fd, const struct tf_wire *frame)
{
	struct {
		struct head head;
		uint64_t words[TF_WIRE_WORDS];
	} out = {.head = {.version = htole32(TF_WIRE_VERSION),
			  .kind = htole32(frame->kind),
			  .count = htole32(frame->count)}};
	size_t size = sizeof(out.head) + frame->count * sizeof(out.words[0]), done = 0;

	memcpy(out.head.magic, MAGIC, MAGIC_BYTES);
	for (uint32_t i = 0; i < frame->count; i++)
		out.words[i] = htole64(frame->words[i]);
	while (done < size) {
		ssize_t n = send(fd, (const char *)&out + done, size - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += n;
	}
	return 0;
}

int tf_wire_wait(int fd, short events, const struct tf_wire_patience *patience)
{
	struct pollfd on = {.fd = fd, .events = events};

	for (;;) {
		int n = poll(&on, 1, TICK_MS);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (patience && patience->is_over(patience->arg))
			return -ETIMEDOUT;
	}
}

static int receive(int fd, void *to, size_t size, const struct tf_wire_patience *patience)
{
	size_t done = 0;

	while (done < size) {
		int err = tf_wire_wait(fd, POLLIN, patience);
		ssize_t n;

		if (err)
			return err;
		n = recv(fd, (char *)to + done, size - done, MSG_DONTWAIT);
		if (!n)
			return -EPIPE;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0)
			done += n;
	}
	return 0;
}

/* A stranger is known by his first bytes: there may be no more of them. */
int tf_wire_recv(int fd, struct tf_wire *frame, const struct tf_wire_patience *patience)
{
	struct head head;
	int err = receive(fd, head.magic, sizeof(head.magic), patience);

	if (err)
		return err;
	if (memcmp(head.magic, MAGIC, MAGIC_BYTES) != 0)
		return -EBADMSG;
	err = receive(fd, &head.version, sizeof(head) - offsetof(struct head, version), patience);
	if (err)
		return err;
	*frame = (struct tf_wire){
		le32toh(head.version), le32toh(head.kind), le32toh(head.count), {0}};
	if (frame->version != TF_WIRE_VERSION)
		return -EPROTO;
	if (frame->count > TF_WIRE_WORDS)
		return -EBADMSG;
	err = receive(fd, frame->words, frame->count * sizeof(frame->words[0]), patience);
	for (uint32_t i = 0; i < frame->count; i++)
		frame->words[i] = le64toh(frame->words[i]);
	return err;
}
