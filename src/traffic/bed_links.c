// SPDX-License-Identifier: GPL-2.0-only
/* Namespaces, addresses, neighbours and links that veth and nics have in common. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/bed_ops.h"
#include "traffic/ip.h"
#include "traffic/signals.h"

#define CARRIER_MS 15000
#define LOOK_MS 20

static int write_one(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 */
	if (write(fd, "1", 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

/* /proc/sys/net shows the namespace of who opens it. */
static int no_ipv6(void *arg)
{
	int err = write_one("/proc/sys/net/ipv6/conf/all/disable_ipv6");

	(void)arg;
	return err ? err : write_one("/proc/sys/net/ipv6/conf/default/disable_ipv6");
}

static int make_space(struct tf_bed *bed, struct tf_bed_end *end, char side)
{
	int err;

	snprintf(end->ns, sizeof(end->ns), "cc%d-%c", (int)getpid(), side);
	snprintf(end->addr, sizeof(end->addr), "10.77.%d.%d", bed->net, side == 'a' ? 1 : 2);
	if (tf_interrupted)
		return -EINTR;
	err = tf_ip(bed->why, sizeof(bed->why), "netns add %s", end->ns);
	if (err)
		return err;
	end->has_ns = true;
	err = tf_netns_call(end->ns, no_ipv6, NULL);
	if (err)
		snprintf(bed->why, sizeof(bed->why), "turning IPv6 off in %s: %s", end->ns,
			 strerror(-err));
	return err;
}

int tf_bed_spaces(struct tf_bed *bed)
{
	int err = make_space(bed, &bed->src, 'a');

	return err ? err : make_space(bed, &bed->dst, 'b');
}

static int link_up(struct tf_bed *bed, struct tf_bed_end *end)
{
	int err = tf_ip(bed->why, sizeof(bed->why), "-n %s link set lo up", end->ns);

	if (!err)
		err = tf_ip(bed->why, sizeof(bed->why), "-n %s addr add %s/24 dev %s", end->ns,
			    end->addr, end->dev);
	if (!err)
		err = tf_ip(bed->why, sizeof(bed->why), "-n %s link set %s up", end->ns, end->dev);
	return err;
}

static int know(struct tf_bed *bed, struct tf_bed_end *end, struct tf_bed_end *other)
{
	return tf_ip(bed->why, sizeof(bed->why),
		     "-n %s neigh replace %s lladdr %s dev %s nud permanent", end->ns, other->addr,
		     other->mac, end->dev);
}

static int look_carrier(void *arg)
{
	const struct tf_bed_end *end = arg;
	struct ifreq req = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	memcpy(req.ifr_name, end->dev, sizeof(req.ifr_name));
	if (ioctl(fd, SIOCGIFFLAGS, &req))
		err = -errno;
	else if (!(req.ifr_flags & IFF_RUNNING))
		err = -EAGAIN;
	close(fd);
	return err;
}

static int await_carrier(struct tf_bed *bed, struct tf_bed_end *end)
{
	struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	int err = -EAGAIN;

	for (int ms = 0; ms < CARRIER_MS && err == -EAGAIN; ms += LOOK_MS) {
		if (tf_interrupted)
			return -EINTR;
		err = tf_netns_call(end->ns, look_carrier, end);
		if (err == -EAGAIN)
			nanosleep(&pause, NULL);
	}
	if (err == -EAGAIN)
		snprintf(bed->why, sizeof(bed->why), "%s has no carrier after %d s", end->dev,
			 CARRIER_MS / 1000);
	else if (err)
		snprintf(bed->why, sizeof(bed->why), "state of %s: %s", end->dev, strerror(-err));
	return err;
}

int tf_bed_links(struct tf_bed *bed)
{
	int err = link_up(bed, &bed->src);

	if (!err)
		err = link_up(bed, &bed->dst);
	if (!err)
		err = await_carrier(bed, &bed->src);
	return err ? err : await_carrier(bed, &bed->dst);
}

int tf_bed_neighbours(struct tf_bed *bed)
{
	int err = know(bed, &bed->src, &bed->dst);

	return err ? err : know(bed, &bed->dst, &bed->src);
}

void tf_bed_end_down(struct tf_bed_end *end)
{
	char why[256];

	if (end->has_dev && (tf_ip(why, sizeof(why), "-n %s link set %s down", end->ns, end->dev) ||
			     tf_ip(why, sizeof(why), "-n %s link set %s netns %d", end->ns,
				   end->dev, (int)getpid())))
		msg_note("network card %s is not back: %s", end->dev, why);
	end->has_dev = false;
	if (end->has_ns && tf_ip(why, sizeof(why), "netns del %s", end->ns))
		msg_note("namespace stays: %s", why);
	end->has_ns = false;
}
