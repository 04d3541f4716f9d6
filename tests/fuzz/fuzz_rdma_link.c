// SPDX-License-Identifier: GPL-2.0-only
/* What a stranger may send to an end of an RDMA flow: a greeting and the words after it. */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic/rdma.h"
#include "traffic/rdma_hello.h"
#include "traffic/rdma_link.h"

static const struct tf_spec spec = {.name = "fuzz",
				    .ends = ENDS_SEND,
				    .size = 64,
				    .count = 100,
				    .timeout = 1000,
				    .rdma = {.op = RDMA_WRITE, .depth = 4}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tf_share share = {0};
	struct tf_rdma_side mine = {.dev = "a"}, other = {0};
	struct tf_link link = {.name = "fuzz",
			       .who = "receiver",
			       .count = spec.count,
			       .share = &share,
			       .state = &share.send,
			       .other_state = &share.recv,
			       .other = &other,
			       .other_count = &share.received};
	uint64_t seed = 0;
	int fds[2];

	if (size > 4096 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return 0;
	if (write(fds[1], data, size) < 0)
		size = 0;
	shutdown(fds[1], SHUT_WR);
	link.fd = fds[0];
	if (!tf_link_greet(&link, &spec, &mine, &seed) && !tf_link_start(&link))
		pthread_join(link.thread, NULL);
	link.has_thread = false; /* it has ended with the input */
	tf_link_close(&link);
	close(fds[1]);
	if (share.received > spec.count || !memchr(other.dev, 0, sizeof(other.dev)) ||
	    other.qpn > 0xffffff)
		__builtin_trap();
	return 0;
}
