// SPDX-License-Identifier: GPL-2.0-only
/* What testbeds have in common: namespaces, neighbours, links. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/ip.h"
#include "traffic/signals.h"
#include "traffic/testbed_ops.h"

#define CARRIER_MS 15000
#define LOOK_MS 20

void tf_testbed_space(char space, char *name, size_t size)
{
	snprintf(name, size, "cc%d-%c", (int)getpid(), space);
}

static int write_conf(const char *name, char value)
{
	char path[96];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 */
	if (write(fd, &value, 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

static int set_up(const char *dev)
{
	struct ifreq req = {.ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", dev);
	if (ioctl(fd, SIOCSIFFLAGS, &req))
		err = -errno;
	close(fd);
	return err;
}

/*
 * IPv6 is off, or at least says nothing by itself but reports of groups: no router is asked for,
 * and no address is looked for twice. /proc/sys/net shows the namespace of who opens it.
 */
static int settle_space(void *arg)
{
	static const struct {
		const char *name;
		char value;
	} off[] = {{"all/disable_ipv6", '1'}, {"default/disable_ipv6", '1'}},
	  quiet[] = {{"default/accept_ra", '0'}, {"default/router_solicitations", '0'},
		     {"default/dad_transmits", '0'}};
	const struct tf_testbed *testbed = arg;
	int err = 0;

	for (size_t i = 0; !testbed->has_ipv6 && !err && i < sizeof(off) / sizeof(off[0]); i++)
		err = write_conf(off[i].name, off[i].value);
	for (size_t i = 0; testbed->has_ipv6 && !err && i < sizeof(quiet) / sizeof(quiet[0]); i++)
		err = write_conf(quiet[i].name, quiet[i].value);
	return err ? err : set_up("lo");
}

/* One run of ip for all, as each takes its time. */
static int edit_spaces(const char *word, const char *spaces, char *why, size_t size)
{
	char lines[128] = "";
	int at = 0;

	for (; *spaces; spaces++) {
		char name[24];

		tf_testbed_space(*spaces, name, sizeof(name));
		at += snprintf(lines + at, sizeof(lines) - at, "netns %s %s\n", word, name);
	}
	return at ? tf_tool_lines(why, size, "iproute2", "ip -batch -", lines) : 0;
}

static void name_end(const struct tf_testbed *testbed, struct tf_testbed_end *end, char space,
		     const char *dev, const char *host, const char *host6)
{
	tf_testbed_space(space, end->ns, sizeof(end->ns));
	if (dev)
		snprintf(end->dev, sizeof(end->dev), "%s", dev);
	snprintf(end->addr, sizeof(end->addr), "10.77.%d.%s", testbed->row->net, host);
	if (host6 && testbed->has_ipv6)
		snprintf(end->addr6, sizeof(end->addr6), "fd77:%d:%s", testbed->row->net, host6);
}

int tf_testbed_spaces(struct tf_testbed *testbed)
{
	const struct tf_testbed_row *row = testbed->row;
	int err;

	name_end(testbed, &testbed->src, 'a', row->src_dev, row->src, row->src6);
	name_end(testbed, &testbed->dst, 'b', row->dst_dev, row->dst, row->dst6);
	if (row->dst_net)
		snprintf(testbed->dst.addr, sizeof(testbed->dst.addr), "%s.%d.%s", row->dst_net, row->net,
			 row->dst);
	if (row->to)
		snprintf(testbed->to, sizeof(testbed->to), "10.77.%d.%s", row->net, row->to);
	if (tf_interrupted)
		return -EINTR;
	testbed->has_spaces = true;
	err = edit_spaces("add", row->spaces, testbed->why, sizeof(testbed->why));
	for (const char *s = row->spaces; !err && *s; s++) {
		char name[24];

		tf_testbed_space(*s, name, sizeof(name));
		err = tf_netns_call(name, settle_space, testbed);
		if (err)
			snprintf(testbed->why, sizeof(testbed->why), "setting up namespace %s: %s", name,
				 strerror(-err));
	}
	return err;
}

void tf_testbed_spaces_down(struct tf_testbed *testbed)
{
	char there[sizeof(TF_TESTBED_SPACES)] = "", why[256];
	size_t count = 0;

	for (const char *s = TF_TESTBED_SPACES; testbed->has_spaces && *s; s++) {
		char path[64], name[24];

		tf_testbed_space(*s, name, sizeof(name));
		snprintf(path, sizeof(path), "/run/netns/%s", name);
		if (!access(path, F_OK))
			there[count++] = *s;
	}
	if (edit_spaces("del", there, why, sizeof(why)))
		msg_note("namespace stays: %s", why);
	testbed->has_spaces = false;
}

struct mac {
	const char *dev;
	unsigned char bytes[6];
};

static int read_mac(void *arg)
{
	struct mac *mac = arg;
	struct ifreq req = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", mac->dev);
	if (ioctl(fd, SIOCGIFHWADDR, &req))
		err = -errno;
	close(fd);
	memcpy(mac->bytes, req.ifr_hwaddr.sa_data, sizeof(mac->bytes));
	return err;
}

int tf_testbed_mac(const struct tf_testbed_end *end, unsigned char bytes[6])
{
	struct mac mac = {.dev = end->dev};
	int err = tf_netns_call(end->ns, read_mac, &mac);

	memcpy(bytes, mac.bytes, sizeof(mac.bytes));
	return err;
}

static int know(struct tf_testbed *testbed, const struct tf_testbed_end *end, const struct tf_testbed_end *other)
{
	unsigned char b[6];
	char command[48], lines[256], mac[18];
	int err = tf_testbed_mac(other, b);

	if (err) {
		snprintf(testbed->why, sizeof(testbed->why), "address of %s: %s", other->dev,
			 strerror(-err));
		return err;
	}
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	snprintf(lines, sizeof(lines), "neigh replace %s lladdr %s dev %s nud permanent\n",
		 other->addr, mac, end->dev);
	if (other->addr6[0])
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
			 "neigh replace %s lladdr %s dev %s nud permanent\n", other->addr6,
			 mac, end->dev);
	snprintf(command, sizeof(command), "ip %s%s -batch -", end->ns[0] ? "-n " : "", end->ns);
	return tf_tool_lines(testbed->why, sizeof(testbed->why), "iproute2", command, lines);
}

int tf_testbed_neighbours(struct tf_testbed *testbed)
{
	int err = testbed->is_static ? know(testbed, &testbed->src, &testbed->dst) : 0;

	return err || !testbed->is_static ? err : know(testbed, &testbed->dst, &testbed->src);
}

/* Fills in a device that is up and has no carrier. */
static int look_carriers(void *arg)
{
	char *dev = arg;
	struct if_nameindex *all = if_nameindex();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = !all || fd < 0 ? -errno : 0;

	for (size_t i = 0; !err && all[i].if_index; i++) {
		struct ifreq req = {0};

		memcpy(req.ifr_name, all[i].if_name, strlen(all[i].if_name));
		if (ioctl(fd, SIOCGIFFLAGS, &req))
			err = -errno;
		else if (req.ifr_flags & IFF_UP && !(req.ifr_flags & IFF_RUNNING))
			err = -EAGAIN;
		if (err)
			memcpy(dev, req.ifr_name, IFNAMSIZ);
	}
	if (fd >= 0)
		close(fd);
	if (all)
		if_freenameindex(all);
	return err;
}

static int await_carriers(struct tf_testbed *testbed, char space)
{
	struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	char name[24], dev[IFNAMSIZ] = "";
	int err = -EAGAIN;

	tf_testbed_space(space, name, sizeof(name));
	for (int ms = 0; ms < CARRIER_MS && err == -EAGAIN; ms += LOOK_MS) {
		if (tf_interrupted)
			return -EINTR;
		err = tf_netns_call(name, look_carriers, dev);
		if (err == -EAGAIN)
			nanosleep(&pause, NULL);
	}
	if (err == -EAGAIN)
		snprintf(testbed->why, sizeof(testbed->why), "%s has no carrier after %d s", dev,
			 CARRIER_MS / 1000);
	else if (err)
		snprintf(testbed->why, sizeof(testbed->why), "devices of %s: %s", name, strerror(-err));
	return err;
}

int tf_testbed_carriers(struct tf_testbed *testbed)
{
	int err = 0;

	for (const char *s = testbed->row->spaces; !err && *s; s++)
		err = await_carriers(testbed, *s);
	return err;
}

int tf_script_up(struct tf_testbed *testbed)
{
	int err = tf_testbed_spaces(testbed);

	if (!err)
		err = tf_script_run(testbed, testbed->row->script);
	if (!err)
		err = tf_testbed_neighbours(testbed);
	return err ? err : tf_testbed_carriers(testbed);
}
