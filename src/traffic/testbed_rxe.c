// SPDX-License-Identifier: GPL-2.0-only
/*
 * Soft-RoCE devices. Up to Linux 7.0 their sockets live in the initial namespace only, so both
 * ends of the pair stay there. A device sends through its own link whatever the local table
 * says; the far end takes a packet from an address of this machine once accept_local is set.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/testbed_ops.h"
#include "traffic/ip.h"
#include "traffic/signals.h"

#define IB_DIR "/sys/class/infiniband"
#define NET_DIR "/sys/class/net"
#define PREFIX "rxe_"
#define GIDS 16 /* of the table that are looked through */
#define LOOKS 300
#define LOOK_MS 10
#define BACKLOG "/proc/sys/net/core/netdev_max_backlog"
#define BURST 65536 /* packets of the largest message at the smallest MTU */
#define ALIAS "netdev_max_backlog="
#define GOING 20 /* looks at a device that may be on its way out with its link */

static void pause_ms(long ms)
{
	struct timespec ts = {.tv_nsec = ms * 1000000L};

	nanosleep(&ts, NULL);
}

static bool exists(const char *dir, const char *name)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !access(path, F_OK);
}

/* The drivers load crc32 by themselves. */
static int load_modules(struct tf_testbed *testbed)
{
	if (exists("/sys/module", "rdma_rxe") && exists("/sys/module", "ib_uverbs"))
		return 0;
	return tf_tool(testbed->why, sizeof(testbed->why), "kmod", "modprobe -a rdma_rxe ib_uverbs");
}

static int set_conf(struct tf_testbed *testbed, const char *family, const char *dev, const char *name,
		    char value)
{
	char path[128];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, dev, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0; /* a kernel without IPv6 */
	if (fd < 0 || write(fd, &value, 1) != 1)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		snprintf(testbed->why, sizeof(testbed->why), "%s: %s", path, strerror(-err));
	return err;
}

/* rp_filter 2 lets the pair's packets in also where all devices have 1. */
static int configure(struct tf_testbed *testbed, struct tf_testbed_end *end)
{
	int err = set_conf(testbed, "ipv6", end->dev, "disable_ipv6", '1');

	if (!err)
		err = set_conf(testbed, "ipv4", end->dev, "accept_local", '1');
	if (!err)
		err = set_conf(testbed, "ipv4", end->dev, "rp_filter", '2');
	if (!err)
		err = tf_ip(testbed->why, sizeof(testbed->why), "addr add %s/30 dev %s", end->addr,
			    end->dev);
	return err ? err : tf_ip(testbed->why, sizeof(testbed->why), "link set %s up", end->dev);
}

/* Names and addresses that no other traffic has, since all share the namespace. */
static void name_ends(struct tf_testbed *testbed)
{
	int pid = getpid();

	for (int i = 0; i < 2; i++) {
		struct tf_testbed_end *end = i ? &testbed->dst : &testbed->src;

		snprintf(end->dev, sizeof(end->dev), "cc%d-%c", pid, 'a' + i);
		snprintf(end->addr, sizeof(end->addr), "10.77.%d.%d", 64 + pid / 64 % 128,
			 pid % 64 * 4 + 1 + i);
	}
}

static int read_backlog(void)
{
	FILE *f = fopen(BACKLOG, "re");
	int n = 0;

	if (f && fscanf(f, "%d", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

static void write_backlog(int n)
{
	FILE *f = fopen(BACKLOG, "we");

	if (f)
		fprintf(f, "%d\n", n);
	if (!f || fclose(f))
		msg_note(BACKLOG " cannot be set to %d: %s", n, strerror(errno));
}

/*
 * Linux 6.1 answers a read of 1 MiB with 1024 packets at once, and the queue behind the pair
 * takes 1000. The value to be put back is kept where whoever removes the link finds it.
 */
static int raise_backlog(struct tf_testbed *testbed)
{
	int n = read_backlog(), err;

	if (!n || n >= BURST)
		return 0;
	err = tf_ip(testbed->why, sizeof(testbed->why), "link set %s alias " ALIAS "%d", testbed->src.dev, n);
	if (!err)
		err = tf_ip(testbed->why, sizeof(testbed->why), "link set %s alias " ALIAS "%d",
			    testbed->dst.dev, n);
	if (!err)
		write_backlog(BURST);
	return err;
}

static void restore_backlog(const char *dev)
{
	char path[64];
	FILE *f;
	int n = 0;

	snprintf(path, sizeof(path), NET_DIR "/%.15s/ifalias", dev);
	f = fopen(path, "re");
	if (f && fscanf(f, ALIAS "%d", &n) == 1 && n > 0 && read_backlog() == BURST)
		write_backlog(n);
	if (f)
		fclose(f);
}

static int pair_up(struct tf_testbed *testbed)
{
	struct tf_testbed_end *a = &testbed->src, *b = &testbed->dst;
	int err;

	name_ends(testbed);
	err = tf_ip(testbed->why, sizeof(testbed->why), "link add name %s type veth peer name %s", a->dev,
		    b->dev);
	if (err)
		return err;
	a->has_dev = true;
	err = raise_backlog(testbed);
	if (!err)
		err = configure(testbed, a);
	if (!err)
		err = configure(testbed, b);
	return err ? err : tf_testbed_neighbours(testbed);
}

static int read_line(const char *dev, const char *name, char *text, size_t size)
{
	char path[320];
	FILE *f;

	snprintf(path, sizeof(path), IB_DIR "/%s/ports/1/%s", dev, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (!fgets(text, size, f))
		text[0] = '\0';
	fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

/* The entry of the end's address, which comes a little after the device. */
static int find_gid(struct tf_testbed_end *end)
{
	char want[40], have[64], name[16];
	unsigned int b[4];

	if (sscanf(end->addr, "%u.%u.%u.%u", &b[0], &b[1], &b[2], &b[3]) != 4)
		return -EINVAL;
	snprintf(want, sizeof(want), "0000:0000:0000:0000:0000:ffff:%02x%02x:%02x%02x", b[0], b[1],
		 b[2], b[3]);
	for (unsigned int i = 0; i < GIDS; i++) {
		snprintf(name, sizeof(name), "gids/%u", i);
		if (!read_line(end->rdma, name, have, sizeof(have)) && !strcmp(have, want)) {
			end->gid = i;
			return 0;
		}
	}
	return -EAGAIN;
}

static bool is_active(const struct tf_testbed_end *end)
{
	char state[32];

	return !read_line(end->rdma, "state", state, sizeof(state)) && strstr(state, "ACTIVE");
}

static int rdma_up(struct tf_testbed *testbed, struct tf_testbed_end *end, char side)
{
	int err;

	if (tf_interrupted)
		return -EINTR;
	snprintf(end->rdma, sizeof(end->rdma), PREFIX "cc%d-%c", (int)getpid(), side);
	err = tf_tool(testbed->why, sizeof(testbed->why), "iproute2", "rdma link add %s type rxe netdev %s",
		      end->rdma, end->dev);
	if (err)
		return err;
	end->has_rdma = true;
	for (int i = 0; i < LOOKS && !tf_interrupted; i++) {
		if (is_active(end) && !find_gid(end))
			return 0;
		pause_ms(LOOK_MS);
	}
	snprintf(testbed->why, sizeof(testbed->why), "%s is not active with address %s after %d s",
		 end->rdma, end->addr, LOOKS * LOOK_MS / 1000);
	return tf_interrupted ? -EINTR : -ETIMEDOUT;
}

int tf_rxe_up(struct tf_testbed *testbed)
{
	int err = load_modules(testbed);

	if (!err)
		err = pair_up(testbed);
	if (!err)
		err = rdma_up(testbed, &testbed->src, 'a');
	return err ? err : rdma_up(testbed, &testbed->dst, 'b');
}

/* Both ends are the same; one of them undoes it. */
static void join_ends(struct tf_testbed *testbed)
{
	testbed->dst = testbed->src;
	testbed->dst.has_dev = testbed->dst.has_rdma = false;
}

int tf_rxe_dev_up(struct tf_testbed *testbed)
{
	int err = load_modules(testbed);

	if (!err)
		err = pair_up(testbed);
	if (!err)
		err = rdma_up(testbed, &testbed->src, 'a');
	if (!err)
		join_ends(testbed);
	return err;
}

int tf_rxe_lo_up(struct tf_testbed *testbed)
{
	int err = load_modules(testbed);

	strcpy(testbed->src.dev, "lo");
	strcpy(testbed->src.addr, "127.0.0.1");
	if (!err)
		err = rdma_up(testbed, &testbed->src, 'a');
	if (!err)
		join_ends(testbed);
	return err;
}

/* A device that a process has open goes when that process does. */
static void await_gone(const char *rdma)
{
	for (int i = 0; i < LOOKS && exists(IB_DIR, rdma); i++)
		pause_ms(LOOK_MS);
	if (exists(IB_DIR, rdma))
		msg_note("RDMA device %s stays until the last process has closed it", rdma);
}

/* With its link a device goes, too, and without waiting for whoever has it open. */
static int reap_link(const char *dev, char *why, size_t size)
{
	restore_backlog(dev);
	return tf_ip(why, size, "link del %s", dev);
}

static int reap_rdma(const char *rdma, char *why, size_t size)
{
	for (int i = 0; i < GOING && exists(IB_DIR, rdma); i++)
		pause_ms(LOOK_MS);
	if (!exists(IB_DIR, rdma))
		return 0;
	return tf_tool(why, size, "iproute2", "rdma link del %s", rdma);
}

void tf_rxe_down(struct tf_testbed *testbed)
{
	struct tf_testbed_end *ends[] = {&testbed->src, &testbed->dst};
	bool pair = testbed->src.has_dev;
	char why[256];

	if (pair && reap_link(testbed->src.dev, why, sizeof(why)))
		msg_note("links stay: %s", why);
	testbed->src.has_dev = false;
	for (int i = 0; i < 2; i++) {
		if (!ends[i]->has_rdma)
			continue;
		if (!pair &&
		    tf_tool(why, sizeof(why), "iproute2", "rdma link del %s", ends[i]->rdma))
			msg_note("RDMA device stays: %s", why);
		await_gone(ends[i]->rdma);
		ends[i]->has_rdma = false;
	}
}

static bool is_orphan(const char *name)
{
	pid_t owner = tf_testbed_owner(name);

	return owner && kill(owner, 0) && errno == ESRCH;
}

static int reap_in(const char *folder, const char *prefix, const char *what,
		   int (*undo)(const char *name, char *why, size_t size))
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char why[256];
	int count = 0;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (strncmp(name, prefix, strlen(prefix)) || !is_orphan(name + strlen(prefix)) ||
		    !exists(folder, name)) /* gone with its peer */
			continue;
		if (undo(name, why, sizeof(why))) {
			msg_note("%s of a dead traffic stays: %s", what, why);
			continue;
		}
		msg_note("removed %s %s, left by a killed traffic", what, name);
		count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

int tf_rxe_reap(void)
{
	int links = reap_in(NET_DIR, "", "link", reap_link);

	return links + reap_in(IB_DIR, PREFIX, "RDMA device", reap_rdma);
}
