// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/socket.h"

#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/vec.h"
#include "traffic/flow.h"

#define FRAME_HEAD (ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr))

static const struct tf_socket sockets[] = {
	{.word = "udp", .proto = "udp", .type = SOCK_DGRAM, .inet = true},
	/* The kernel makes the IP header, and shows it where it is of version 4. */
	{.word = "raw",
	 .proto = "raw",
	 .type = SOCK_RAW,
	 .protocol = TF_RAW_PROTOCOL,
	 .protocol6 = TF_RAW_PROTOCOL,
	 .recv_head = sizeof(struct iphdr),
	 .every = true,
	 .inet = true},
	{.word = "ping",
	 .proto = "ping",
	 .type = SOCK_DGRAM,
	 .protocol = IPPROTO_ICMP,
	 .protocol6 = IPPROTO_ICMPV6,
	 .sent_head = sizeof(struct icmphdr),
	 .recv_head = sizeof(struct icmphdr),
	 .recv_head6 = sizeof(struct icmp6_hdr),
	 .inet = true},
	{.word = "packet",
	 .proto = "packet",
	 .sent_head = ETH_HLEN,
	 .recv_head = ETH_HLEN,
	 .every = true,
	 .frames = true},
	{.word = "ring",
	 .proto = "packet",
	 .sent_head = ETH_HLEN,
	 .recv_head = ETH_HLEN,
	 .every = true,
	 .frames = true},
	/* A packet socket sends what a UDP socket receives. */
	{.word = "frame",
	 .proto = "udp",
	 .type = SOCK_DGRAM,
	 .sent_head = FRAME_HEAD,
	 .frames = true,
	 .inet = true},
};

const struct tf_socket *tf_socket_of(const struct tf_spec *spec)
{
	for (size_t i = 0; spec->udp.socket && i < ARRAY_SIZE(sockets); i++)
		if (!strcmp(sockets[i].word, spec->udp.socket))
			return &sockets[i];
	return &sockets[0];
}

size_t tf_socket_head(const struct tf_spec *spec, bool sender)
{
	const struct tf_socket *s = tf_socket_of(spec);

	if (sender)
		return s->sent_head;
	return spec->udp.ipv6 ? s->recv_head6 : s->recv_head;
}
