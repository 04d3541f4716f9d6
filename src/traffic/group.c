// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/group.h"

#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>

#include "common/msg.h"

/* Administratively scoped (RFC 2365) and site-local: no router passes them on. */
#define GROUP "239.77.7.7"
#define GROUP6 "ff05::4d:7"

void tf_group_of(union tf_addr *a)
{
	tf_addr_read(a, a->sa.sa_family == AF_INET6 ? GROUP6 : GROUP, tf_addr_port(a));
}

/* The networks of testbeds are /24, that of lo is /8. */
void tf_broadcast_of(union tf_addr *a)
{
	uint32_t at = ntohl(a->in.sin_addr.s_addr);

	a->in.sin_addr.s_addr = htonl(at | (at >> 24 == IN_LOOPBACKNET ? 0xffffff : 0xff));
}

bool tf_addr_is_group(const union tf_addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr);
	return IN_MULTICAST(ntohl(a->in.sin_addr.s_addr));
}

int tf_group_join(int fd, const union tf_addr *group, const char *dev)
{
	struct ip_mreqn v4 = {.imr_multiaddr = group->in.sin_addr,
			      .imr_ifindex = dev ? (int)if_nametoindex(dev) : 0};
	struct ipv6_mreq v6 = {.ipv6mr_multiaddr = group->in6.sin6_addr,
			       .ipv6mr_interface = dev ? if_nametoindex(dev) : 0};
	char text[TF_ADDR_TEXT];
	int err;

	if (group->sa.sa_family == AF_INET6)
		err = setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &v6, sizeof(v6));
	else
		err = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof(v4));
	return err ? msg_errno(-errno, "join %s", tf_addr_text(group, text)) : 0;
}

int tf_group_send(int fd, int family, const char *dev)
{
	struct ip_mreqn v4 = {.imr_ifindex = dev ? (int)if_nametoindex(dev) : 0};
	int v6 = v4.imr_ifindex, err;

	if (family == AF_INET6)
		err = setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &v6, sizeof(v6));
	else
		err = setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof(v4));
	return err ? msg_errno(-errno, "IP_MULTICAST_IF %s", dev ? dev : "") : 0;
}
