// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/ping.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/socket.h"
#include "traffic/sysctl.h"
#include "traffic/udp.h"

static int open_socket(void *arg)
{
	const struct tf_flow *f = arg;
	const struct tf_socket *kind = tf_socket_of(f->spec);
	bool ipv6 = f->spec->udp.ipv6;
	struct timeval tick = {.tv_usec = TF_TICK_MS * 1000};
	union tf_addr at;
	int fd;

	if (tf_addr_read(&at, ipv6 ? f->testbed->src.addr6 : f->testbed->src.addr, 0))
		return -EINVAL;
	fd = socket(at.sa.sa_family, kind->type | SOCK_CLOEXEC,
		    ipv6 ? kind->protocol6 : kind->protocol);
	if (fd < 0)
		return -errno;
	if (bind(fd, &at.sa, tf_addr_len(&at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick))) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* A namespace of ours lets nobody ping at first; of others the switch is not ours. */
int tf_ping_open(const struct tf_flow *f)
{
	const char *ns = f->testbed->src.ns;
	int err = *ns ? tf_sysctl(ns, "net/ipv4/ping_group_range", "0 2147483647") : 0;

	if (!err)
		err = tf_netns_call(ns, open_socket, (void *)f);
	if (err == -EACCES)
		return msg_errno(err, "ping socket (net.ipv4.ping_group_range leaves this group out)");
	return err < 0 ? msg_errno(err, "ping socket") : err;
}

void tf_ping_header(void *to, int family)
{
	struct icmphdr v4 = {.type = ICMP_ECHO};
	struct icmp6_hdr v6 = {.icmp6_type = ICMP6_ECHO_REQUEST};

	if (family == AF_INET6)
		memcpy(to, &v6, sizeof(v6));
	else
		memcpy(to, &v4, sizeof(v4));
}
