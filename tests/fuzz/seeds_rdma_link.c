// SPDX-License-Identifier: GPL-2.0-only
/* Writes the seeds of fuzz_rdma_link into the folder given. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic/rdma.h"
#include "traffic/rdma_hello.h"

/* What stands in the socket goes into a file. */
static void write_seed(const char *dir, const char *name, int fd)
{
	char path[4096], bytes[4096];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f && n > 0)
		fwrite(bytes, 1, n, f);
	if (f)
		fclose(f);
}

/* As fuzz_rdma_link expects them, so that what comes after the greeting is looked at, too. */
static const struct tf_spec spec = {
	.ends = ENDS_RECV, .size = 64, .count = 100, .rdma = {.op = RDMA_WRITE, .depth = 4}};

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : ".";
	struct tf_rdma_side side = {.dev = "rxe0", .active_mtu = 1024};
	struct tf_wire frame,
		queue = {.kind = WIRE_QUEUE, .count = 7, .words = {17, 5, 9, 1, 2, 3}},
		step = {.kind = WIRE_STEP, .count = 4, .words = {1, 1}};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return 1;
	tf_hello_pack(&spec, &side, 1, &frame);
	tf_wire_send(fds[1], &frame);
	write_seed(dir, "hello", fds[0]);
	tf_wire_send(fds[1], &frame);
	tf_wire_send(fds[1], &queue);
	tf_wire_send(fds[1], &step);
	write_seed(dir, "steps", fds[0]);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
