// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two tap or tun devices, and a program that reads from each what it writes to the other, as
 * those of virtual machines and of tunnels in user space do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/signals.h"
#include "traffic/testbed_ops.h"

#define FRAME 65536

struct opened {
	const char *dev;
	short kind; /* IFF_TAP or IFF_TUN */
	int fd;
};

/* The device comes to be in the namespace of who opens it, and goes with the file. */
static int open_device(void *arg)
{
	struct opened *o = arg;
	struct ifreq req = {.ifr_flags = o->kind | IFF_NO_PI};
	int err = 0;

	o->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (o->fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", o->dev);
	if (ioctl(o->fd, TUNSETIFF, &req)) {
		err = -errno;
		close(o->fd);
	}
	return err;
}

/* Gives what cannot be helped; a device that is down or full loses frames as any other does. */
static int pass_on(int from, int to, char *frame)
{
	ssize_t n = read(from, frame, FRAME);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (write(to, frame, n) == n || errno == EIO || errno == EAGAIN || errno == ENOBUFS)
		return 0;
	return -errno;
}

static int forward(int a, int b)
{
	static char frame[FRAME];
	struct pollfd ends[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
	int err = 0;

	while (!err) {
		if (poll(ends, 2, -1) < 0)
			continue;
		if (ends[0].revents)
			err = pass_on(a, b, frame);
		if (!err && ends[1].revents)
			err = pass_on(b, a, frame);
	}
	return err;
}

static int start_forwarder(struct tf_testbed *testbed)
{
	fflush(NULL);
	testbed->helper = fork();
	if (testbed->helper < 0) {
		testbed->helper = 0;
		snprintf(testbed->why, sizeof(testbed->why), "fork: %s", strerror(errno));
		return -EAGAIN;
	}
	if (testbed->helper)
		return 0;
	tf_signals_child();
	prctl(PR_SET_NAME, "forwarder");
	msg_errno(forward(testbed->fds[0], testbed->fds[1]), "%s to %s", testbed->src.dev, testbed->dst.dev);
	_exit(1);
}

static int open_both(struct tf_testbed *testbed, short kind)
{
	for (int i = 0; i < 2; i++) {
		struct tf_testbed_end *end = i ? &testbed->dst : &testbed->src;
		struct opened o = {.dev = end->dev, .kind = kind};
		int err = tf_netns_call(end->ns, open_device, &o);

		if (err) {
			snprintf(testbed->why, sizeof(testbed->why), "/dev/net/tun, device %s: %s",
				 end->dev, strerror(-err));
			return err;
		}
		testbed->fds[i] = o.fd;
	}
	return 0;
}

static int up(struct tf_testbed *testbed, short kind)
{
	int err = tf_testbed_spaces(testbed);

	if (!err)
		err = open_both(testbed, kind);
	if (!err)
		err = start_forwarder(testbed);
	if (!err)
		err = tf_script_run(testbed, testbed->row->script);
	if (!err)
		err = tf_testbed_neighbours(testbed);
	return err ? err : tf_testbed_carriers(testbed);
}

int tf_tap_up(struct tf_testbed *testbed)
{
	return up(testbed, IFF_TAP);
}

int tf_tun_up(struct tf_testbed *testbed)
{
	return up(testbed, IFF_TUN);
}
