// SPDX-License-Identifier: GPL-2.0-only
/* WireGuard: the keys, which iproute2 cannot set. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic/testbed_ops.h"

#define PORT 51820

/* Of a network that lasts for seconds and leads nowhere; the public keys are those of the private. */
static const struct key {
	unsigned char own[WG_KEY_LEN], public[WG_KEY_LEN];
} keys[] = {
	{{'c', 'o', 'p', 'y', 'c', 'h', 'a', 'i', 'n', ' ', 't', 'e', 's', 't', 'b', 'e',
	  'd', ',', ' ', 'n', 'o', 't', ' ', 's', 'e', 'c', 'r', 'e', 't', ':', ' ', 'a'},
	 {0x00, 0x22, 0xcf, 0x73, 0x42, 0x5b, 0xf7, 0x14, 0x6d, 0x7c, 0x51, 0xe2, 0x06, 0xa4, 0x49,
	  0x9e, 0x76, 0xa9, 0x6c, 0x11, 0xf6, 0xb8, 0x68, 0xa7, 0xb2, 0x54, 0x62, 0xaa, 0x75, 0xe4,
	  0xb1, 0x03}},
	{{'c', 'o', 'p', 'y', 'c', 'h', 'a', 'i', 'n', ' ', 't', 'e', 's', 't', 'b', 'e',
	  'd', ',', ' ', 'n', 'o', 't', ' ', 's', 'e', 'c', 'r', 'e', 't', ':', ' ', 'b'},
	 {0x1b, 0xcb, 0x05, 0xa9, 0x88, 0x3d, 0x38, 0xb0, 0xa8, 0x5c, 0x67, 0xca, 0xc3, 0xbf, 0x4f,
	  0x29, 0x5d, 0x68, 0x53, 0x93, 0x44, 0x24, 0x9e, 0x7d, 0x6e, 0x48, 0x99, 0x39, 0xea, 0xdb,
	  0x13, 0x5f}},
};

struct request {
	struct nlmsghdr head;
	struct genlmsghdr genl;
	char attrs[512];
};

struct setup {
	const char *dev;
	const struct key *own, *peer;
	struct in_addr endpoint;
	const char *step; /* that failed */
};

static void begin(struct request *r, uint16_t type, uint8_t command)
{
	*r = (struct request){
		.head = {.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
			 .nlmsg_type = type,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.genl = {.cmd = command, .version = 1}};
}

/* data NULL: a nest, to be closed by close_nest. */
static struct nlattr *add(struct request *r, uint16_t type, const void *data, uint16_t len)
{
	struct nlattr *attr = (struct nlattr *)((char *)r + r->head.nlmsg_len);

	attr->nla_type = data ? type : type | NLA_F_NESTED;
	attr->nla_len = NLA_HDRLEN + len;
	if (data)
		memcpy((char *)attr + NLA_HDRLEN, data, len);
	r->head.nlmsg_len += NLA_ALIGN(attr->nla_len);
	return attr;
}

static void close_nest(struct request *r, struct nlattr *nest)
{
	nest->nla_len = (char *)r + r->head.nlmsg_len - (char *)nest;
}

/* Sends it and reads until the acknowledgement; an answer before that stays in answer. */
static int ask(int fd, const struct request *r, struct request *answer)
{
	char buffer[4096];

	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		struct nlmsghdr *head = (struct nlmsghdr *)buffer;

		if (n < 0)
			return -errno;
		for (; NLMSG_OK(head, (size_t)n); head = NLMSG_NEXT(head, n)) {
			if (head->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
			if (answer && head->nlmsg_len <= sizeof(*answer))
				memcpy(answer, head, head->nlmsg_len);
		}
	}
}

static int find_family(int fd)
{
	struct request r, answer = {0};
	struct nlattr *attr = (struct nlattr *)answer.attrs;
	int left, err;

	begin(&r, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	add(&r, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME, sizeof(WG_GENL_NAME));
	err = ask(fd, &r, &answer);
	if (err)
		return err;
	left = (int)answer.head.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	while (left >= (int)sizeof(*attr) && attr->nla_len >= sizeof(*attr)) {
		uint16_t id;

		if (attr->nla_type == CTRL_ATTR_FAMILY_ID) {
			memcpy(&id, (char *)attr + NLA_HDRLEN, sizeof(id));
			return id;
		}
		left -= NLA_ALIGN(attr->nla_len);
		attr = (struct nlattr *)((char *)attr + NLA_ALIGN(attr->nla_len));
	}
	return -ENOENT;
}

static void allow_all(struct request *r, uint16_t family, uint16_t len)
{
	static const unsigned char zero[16];
	uint8_t mask = 0;
	struct nlattr *nest = add(r, 0, NULL, 0);

	add(r, WGALLOWEDIP_A_FAMILY, &family, sizeof(family));
	add(r, WGALLOWEDIP_A_IPADDR, zero, len);
	add(r, WGALLOWEDIP_A_CIDR_MASK, &mask, sizeof(mask));
	close_nest(r, nest);
}

static void add_peer(struct request *r, const struct setup *s)
{
	struct sockaddr_in to = {AF_INET, htons(PORT), s->endpoint, {0}};
	struct nlattr *peers = add(r, WGDEVICE_A_PEERS, NULL, 0);
	struct nlattr *peer = add(r, 0, NULL, 0), *allowed;

	add(r, WGPEER_A_PUBLIC_KEY, s->peer->public, WG_KEY_LEN);
	add(r, WGPEER_A_ENDPOINT, &to, sizeof(to));
	allowed = add(r, WGPEER_A_ALLOWEDIPS, NULL, 0);
	allow_all(r, AF_INET, 4);
	allow_all(r, AF_INET6, 16);
	close_nest(r, allowed);
	close_nest(r, peer);
	close_nest(r, peers);
}

/* In the namespace of the device. */
static int configure(void *arg)
{
	struct setup *s = arg;
	struct request r;
	uint16_t port = PORT;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int family, err;

	s->step = "generic netlink";
	if (fd < 0)
		return -errno;
	family = find_family(fd);
	if (family > 0) {
		begin(&r, family, WG_CMD_SET_DEVICE);
		add(&r, WGDEVICE_A_IFNAME, s->dev, strlen(s->dev) + 1);
		add(&r, WGDEVICE_A_PRIVATE_KEY, s->own->own, WG_KEY_LEN);
		add(&r, WGDEVICE_A_LISTEN_PORT, &port, sizeof(port));
		add_peer(&r, s);
		s->step = "keys";
	}
	err = family > 0 ? ask(fd, &r, NULL) : family;
	close(fd);
	return err;
}

static int set_keys(struct tf_testbed *testbed, int side)
{
	const struct tf_testbed_end *end = side ? &testbed->dst : &testbed->src;
	struct setup s = {.dev = end->dev, .own = &keys[side], .peer = &keys[!side]};
	char underlay[INET_ADDRSTRLEN];
	int err;

	snprintf(underlay, sizeof(underlay), "10.78.%d.%d", testbed->row->net, side ? 1 : 2);
	inet_pton(AF_INET, underlay, &s.endpoint);
	err = tf_netns_call(end->ns, configure, &s);
	if (err)
		snprintf(testbed->why, sizeof(testbed->why), "WireGuard device %s: %s: %s", end->dev,
			 s.step, strerror(-err));
	return err;
}

int tf_wireguard_up(struct tf_testbed *testbed)
{
	int err = tf_script_up(testbed);

	if (!err)
		err = set_keys(testbed, 0);
	return err ? err : set_keys(testbed, 1);
}
