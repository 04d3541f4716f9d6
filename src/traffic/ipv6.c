// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/ipv6.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/vec.h"
#include "traffic/ip.h"

const char *tf_ipv6_addr(const struct tf_bed_end *end, char text[TF_ADDR_TEXT])
{
	unsigned int net, host;

	if (sscanf(end->addr, "10.77.%u.%u", &net, &host) != 2)
		return "::1";
	snprintf(text, TF_ADDR_TEXT, "fd77::%x:%x", net, host);
	return text;
}

/* A switch of a device, in the namespace of who writes it. */
struct knob {
	const char *dev, *name;
	char value;
};

static int turn(void *arg)
{
	const struct knob *k = arg;
	char path[128];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", k->dev, k->name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, &k->value, 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

/* No address of its own making, no router to ask for: only what is put there. */
static int enable(const struct tf_bed_end *end, char *why, size_t size)
{
	struct knob knobs[] = {{end->dev, "addr_gen_mode", '1'},
			       {end->dev, "router_solicitations", '0'},
			       {end->dev, "disable_ipv6", '0'}};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(knobs) && !err; i++)
		err = tf_netns_call(end->ns, turn, &knobs[i]);
	if (err)
		snprintf(why, size, "IPv6 on %s: %s", end->dev, strerror(-err));
	return err;
}

static int settle(const struct tf_bed_end *end, const struct tf_bed_end *other, char *why,
		  size_t size)
{
	char mine[TF_ADDR_TEXT], theirs[TF_ADDR_TEXT];
	int err = enable(end, why, size);

	if (!err)
		err = tf_ip(why, size, "-n %s addr add %s/112 dev %s nodad", end->ns,
			    tf_ipv6_addr(end, mine), end->dev);
	return err ? err :
		     tf_ip(why, size, "-n %s neigh replace %s lladdr %s dev %s nud permanent",
			   end->ns, tf_ipv6_addr(other, theirs), other->mac, end->dev);
}

/* Not on lo, which has its address from the start. */
static bool has_spaces(const struct tf_bed *bed)
{
	return bed->src.has_ns && bed->dst.has_ns;
}

int tf_ipv6_up(const struct tf_bed *bed, char *why, size_t size)
{
	int err;

	if (!has_spaces(bed))
		return 0;
	err = settle(&bed->src, &bed->dst, why, size);
	return err ? err : settle(&bed->dst, &bed->src, why, size);
}

void tf_ipv6_down(const struct tf_bed *bed)
{
	struct knob src = {bed->src.dev, "disable_ipv6", '1'},
		    dst = {bed->dst.dev, "disable_ipv6", '1'};

	if (!has_spaces(bed))
		return;
	if (tf_netns_call(bed->src.ns, turn, &src) || tf_netns_call(bed->dst.ns, turn, &dst))
		msg_note("IPv6 stays on the devices of %s", bed->src.ns);
}
