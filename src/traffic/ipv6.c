// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/ipv6.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/msg.h"
#include "traffic/ip.h"
#include "traffic/sysctl.h"

#define ROUTE_MS 3000
#define LOOK_MS 5

const char *tf_ipv6_addr(const struct tf_bed_end *end, char text[TF_ADDR_TEXT])
{
	unsigned int net, host;

	if (sscanf(end->addr, "10.77.%u.%u", &net, &host) != 2)
		return "::1";
	snprintf(text, TF_ADDR_TEXT, "fd77::%x:%x", net, host);
	return text;
}

static int turn(const struct tf_bed_end *end, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "net/ipv6/conf/%s/%s", end->dev, name);
	return tf_sysctl(end->ns, path, value);
}

/* No address of its own making, no router to ask for: only what is put there. */
static int enable(const struct tf_bed_end *end, char *why, size_t size)
{
	int err = turn(end, "addr_gen_mode", "1");

	if (!err)
		err = turn(end, "router_solicitations", "0");
	if (!err)
		err = turn(end, "disable_ipv6", "0");
	if (err)
		snprintf(why, size, "IPv6 on %s: %s", end->dev, strerror(-err));
	return err;
}

/* Whether the kernel takes what is sent to this address: a route to itself says so. */
static int look_route(void *arg)
{
	const struct in6_addr *addr = arg;
	char want[40], line[256];
	FILE *f = fopen("/proc/net/ipv6_route", "re");
	int err = -EAGAIN;

	if (!f)
		return -errno;
	for (int i = 0; i < 16; i++)
		sprintf(want + 2 * i, "%02x", addr->s6_addr[i]);
	strcat(want, " 80 ");
	while (err && fgets(line, sizeof(line), f))
		err = strncmp(line, want, strlen(want)) ? -EAGAIN : 0;
	fclose(f);
	return err;
}

/* The kernel adds it a while after the address, from a work queue. */
static int await_route(const struct tf_bed_end *end, char *why, size_t size)
{
	struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	char text[TF_ADDR_TEXT];
	union tf_addr addr;
	int err = tf_addr_read(&addr, tf_ipv6_addr(end, text), 0);

	for (int ms = 0; !err; ms += LOOK_MS) {
		err = tf_netns_call(end->ns, look_route, &addr.in6.sin6_addr);
		if (err != -EAGAIN || ms > ROUTE_MS)
			break;
		nanosleep(&pause, NULL);
		err = 0;
	}
	if (err)
		snprintf(why, size, "no route to %s on %s: %s", text, end->dev, strerror(-err));
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
	if (!err)
		err = settle(&bed->dst, &bed->src, why, size);
	if (!err)
		err = await_route(&bed->src, why, size);
	return err ? err : await_route(&bed->dst, why, size);
}

void tf_ipv6_down(const struct tf_bed *bed)
{
	if (has_spaces(bed) &&
	    (turn(&bed->src, "disable_ipv6", "1") || turn(&bed->dst, "disable_ipv6", "1")))
		msg_note("IPv6 stays on the devices of %s", bed->src.ns);
}
