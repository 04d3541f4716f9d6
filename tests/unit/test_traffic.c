// SPDX-License-Identifier: GPL-2.0-only
/* traffic without root and without the kernel: payloads, options, tables, log lines. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/vec.h"
#include "traffic/cmd.h"
#include "traffic/group.h"
#include "traffic/packet.h"
#include "traffic/udp.h"

static const size_t sizes[] = {1, 2, 3, 4, 7, 8, 9, 12, 15, 16, 19, 20, 23, 24, 25, 64, 1400, 65507};

static const struct tf_payload plain = {.seed = 42, .has_seed = true, .flow = 3};

static uint32_t le32(const unsigned char *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static void message_begins_as_the_format_says(void **state)
{
	uint64_t nonce = tf_payload_nonce(42, 5);
	unsigned char buf[64];

	(void)state;
	tf_payload_write(&plain, 5, buf, sizeof(buf));
	assert_int_equal(le32(buf) | (uint64_t)le32(buf + 4) << 32, nonce);
	assert_memory_equal(buf + 8, "cchn", 4);
	assert_int_equal(le32(buf + 12), 3);
	assert_int_equal(le32(buf + 16), 5);
	assert_int_equal(le32(buf + 20), 64);
}

static void a_write_stays_inside_its_length(void **state)
{
	unsigned char *buf = malloc(65507 + 16);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(buf, 0xa5, sizes[i] + 16);
		tf_payload_write(&plain, 1, buf, sizes[i]);
		for (size_t k = 0; k < 16; k++)
			assert_int_equal(buf[sizes[i] + k], 0xa5);
	}
	free(buf);
}

static void short_messages_are_beginnings_of_the_header(void **state)
{
	unsigned char whole[24], part[24];

	(void)state;
	tf_payload_write(&plain, 9, whole, sizeof(whole));
	for (size_t len = 1; len < 20; len++) {
		tf_payload_write(&plain, 9, part, len);
		assert_memory_equal(part, whole, len);
	}
}

static void any_flipped_bit_is_found(void **state)
{
	unsigned char *buf = malloc(1400);

	(void)state;
	tf_payload_write(&plain, 7, buf, 1400);
	assert_true(tf_payload_check(&plain, 7, buf, 1400));
	for (size_t at = 0; at < 1400; at++) {
		buf[at] ^= 1 << at % 8;
		assert_false(tf_payload_check(&plain, 7, buf, 1400));
		buf[at] ^= 1 << at % 8;
	}
	free(buf);
}

static void a_message_checks_at_every_size_and_only_as_itself(void **state)
{
	unsigned char *buf = malloc(65507);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		tf_payload_write(&plain, 6, buf, sizes[i]);
		assert_true(tf_payload_check(&plain, 6, buf, sizes[i]));
		if (sizes[i] >= 8)
			assert_false(tf_payload_check(&plain, 7, buf, sizes[i]));
		assert_false(tf_payload_check(&plain, TF_SEQ_UNKNOWN, buf, sizes[i]));
	}
	free(buf);
}

static void a_cut_message_does_not_check(void **state)
{
	unsigned char buf[1400];

	(void)state;
	tf_payload_write(&plain, 6, buf, sizeof(buf));
	assert_false(tf_payload_check(&plain, 6, buf, sizeof(buf) - 1));
}

static void the_beginning_of_a_message_checks_as_part(void **state)
{
	unsigned char buf[1400];

	(void)state;
	tf_payload_write(&plain, 6, buf, sizeof(buf));
	for (size_t len = 0; len <= sizeof(buf); len += 7)
		assert_true(tf_payload_check_part(&plain, 6, buf, len, sizeof(buf)));
	assert_false(tf_payload_check_part(&plain, 6, buf, 100, sizeof(buf) - 1));
	assert_false(tf_payload_check_part(&plain, 7, buf, 100, sizeof(buf)));
}

static void sequence_is_read_or_found_by_nonce(void **state)
{
	unsigned char buf[64];

	(void)state;
	for (size_t len = 8; len <= sizeof(buf); len++) {
		tf_payload_write(&plain, 700, buf, len);
		assert_int_equal(tf_payload_seq(&plain, 690, 1000, buf, len), 700);
	}
	tf_payload_write(&plain, 700, buf, 16);
	assert_int_equal(tf_payload_seq(&plain, 0, 700, buf, 16), TF_SEQ_UNKNOWN);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(tf_payload_seq(&plain, 0, 1000, buf, sizeof(buf)), TF_SEQ_UNKNOWN);
	assert_int_equal(tf_payload_seq(&plain, 0, 1000, buf, 0), TF_SEQ_UNKNOWN);
}

static void a_receiver_alone_believes_the_nonce(void **state)
{
	struct tf_payload alone = {.flow = 3};
	unsigned char buf[100];

	(void)state;
	tf_payload_write(&plain, 8, buf, sizeof(buf));
	assert_int_equal(tf_payload_seq(&alone, 0, 10, buf, sizeof(buf)), 8);
	assert_true(tf_payload_check(&alone, 8, buf, sizeof(buf)));
	buf[99] ^= 1;
	assert_false(tf_payload_check(&alone, 8, buf, sizeof(buf)));
}

static void another_flows_message_is_not_ours(void **state)
{
	struct tf_payload other = {.seed = 42, .has_seed = true, .flow = 4};
	unsigned char buf[64];

	(void)state;
	tf_payload_write(&other, 1, buf, sizeof(buf));
	assert_int_equal(tf_payload_seq(&plain, 0, 10, buf, sizeof(buf)), TF_SEQ_UNKNOWN);
	assert_false(tf_payload_check(&plain, 1, buf, sizeof(buf)));
}

static void nonces_of_a_flow_differ(void **state)
{
	(void)state;
	for (uint32_t a = 0; a < 200; a++)
		for (uint32_t b = a + 1; b < 200; b++)
			assert_true(tf_payload_nonce(1, a) != tf_payload_nonce(1, b));
}

static void fill_is_the_word_throughout(void **state)
{
	struct tf_payload fill = {.has_fill = true, .fill = 0x5ec0ffee};
	unsigned char buf[1003];

	(void)state;
	tf_payload_write(&fill, 0, buf, sizeof(buf));
	for (size_t at = 0; at + 4 <= sizeof(buf); at += 4)
		assert_int_equal(le32(buf + at), 0x5ec0ffee);
	assert_true(tf_payload_check(&fill, TF_SEQ_UNKNOWN, buf, sizeof(buf)));
	buf[1002] ^= 4;
	assert_false(tf_payload_check(&fill, TF_SEQ_UNKNOWN, buf, sizeof(buf)));
}

static void fill_word_is_eight_hex_digits(void **state)
{
	static const char *const bad[] = {"", "1234567", "123456789", "0x1234567", "xyzwxyzw",
					  "-1234567", " 1234567", "1234 567"};
	uint32_t word;

	(void)state;
	assert_int_equal(tf_payload_word("deadBEEF", &word), 0);
	assert_int_equal(word, 0xdeadbeef);
	assert_int_equal(tf_payload_word("0x00000001", &word), 0);
	assert_int_equal(word, 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(tf_payload_word(bad[i], &word), -EINVAL);
}

static void a_fixed_text_is_itself_only(void **state)
{
	struct tf_payload text = {.text = "HELLO_SEND_TRACE"};
	char buf[16];

	(void)state;
	tf_payload_write(&text, 0, buf, sizeof(buf));
	assert_memory_equal(buf, "HELLO_SEND_TRACE", 16);
	assert_true(tf_payload_check(&text, 0, buf, 16));
	assert_false(tf_payload_check(&text, 0, buf, 15));
	buf[3] = '\0';
	assert_false(tf_payload_check(&text, 0, buf, 16));
}

/* Parses what is left of the row as `traffic udp` would; the result of both steps. */
static int udp(struct tf_spec *spec, char *name, int argc, const char **argv)
{
	struct tf_udp_args args = {.size = 64, .count = 1000, .timeout = 2000, .path = "lo"};
	int at = opt_parse(&tf_udp_command, argc, (char **)argv, &args);

	if (at < 0)
		return at;
	return at == argc ? tf_udp_spec(&args, spec, name, 48) : -EINVAL;
}

static int words(const char **argv)
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

static void udp_refuses(void **state)
{
	static const char *lines[][8] = {
		{"udp", "--size", "65508"},
		{"udp", "--size", "0"},
		{"udp", "--size", "x"},
		{"udp", "--count", "0"},
		{"udp", "--count=-1"},
		{"udp", "--fill", "123"},
		{"udp", "--send"},
		{"udp", "--send", "--recv"},
		{"udp", "--recv", "--to", "127.0.0.1:9"},
		{"udp", "--recv", "--hold"},
		{"udp", "--send", "--to", "127.0.0.1"},
		{"udp", "--send", "--to", "127.0.0.1:"},
		{"udp", "--send", "--to", "127.0.0.1:65536"},
		{"udp", "--send", "--to", "host:9"},
		{"udp", "--bind", "127.0.0.1:9x"},
		{"udp", "--bind", "127.0.0.1000000000000"},
		{"udp", "--path", "wlan"},
		{"udp", "--path", "nics:"},
		{"udp", "--path", "nics:abacus"},
		{"udp", "--path", "veth", "--netns", "a"},
		{"udp", "--path", "veth", "--recv"},
		{"udp", "--nonsense"},
		{"udp", "--netns"},
		{"udp", "--to", "[::1:9"},
		{"udp", "--send", "--to", "[::1]"},
		{"udp", "--send", "--to", "[::1]9"},
		{"udp", "--bind", "::1:g"},
		{"udp", "--send-call", "recv"},
		{"udp", "--send-call", "send"},
		{"udp", "--recv-call", "sendto"},
		{"udp", "--send-segments", "0"},
		{"udp", "--send-segments", "1025"},
		{"udp", "--send-segments", "65"},
		{"udp", "--recv-segments", "65"},
		{"udp", "--recv-segments", "65", "--size", "99", "--recv-size", "64"},
		{"udp", "--send-call", "sendto", "--send-segments", "2"},
		{"udp", "--recv-call", "recv", "--recv-segments", "2"},
		{"udp", "--batch", "1025"},
		{"udp", "--batch", "2", "--send-call", "sendmsg"},
		{"udp", "--recv-batch", "2", "--recv-call", "recvmsg"},
		{"udp", "--recv-batch", "2", "--peek"},
		{"udp", "--peek", "--recv-call", "read"},
		{"udp", "--trunc", "--recv-call", "readv"},
		{"udp", "--recv-size", "65536"},
		{"udp", "--parts", "2"},
		{"udp", "--cork", "--more"},
		{"udp", "--cork", "--batch", "2"},
		{"udp", "--cork", "--parts", "65"},
		{"udp", "--more", "--connected", "--send-call", "writev"},
		{"udp", "--gso", "65"},
		{"udp", "--gso", "1", "--size", "65"},
		{"udp", "--gso", "9", "--no-check"},
		{"udp", "--gso", "9", "--cork"},
		{"udp", "--gro", "--recv-call", "recvfrom"},
		{"udp", "--gro", "--recv-size", "9"},
		{"udp", "--receivers", "2"},
		{"udp", "--receivers", "17", "--multicast"},
		{"udp", "--multicast", "--broadcast"},
		{"udp", "--reuseport", "--broadcast"},
		{"udp", "--multicast", "--connected"},
		{"udp", "--multicast", "--bind", "127.0.0.1"},
		{"udp", "--multicast", "--send", "--to", "127.0.0.1:9"},
		{"udp", "--mtu", "1280"},
		{"udp", "--mtu", "1279", "--ipv6"},
		{"udp", "--ipv6", "--broadcast"},
		{"udp", "--ipv6", "--bind", "127.0.0.1"},
		{"udp", "--threads", "17"},
		{"udp", "--threads", "2", "--dup", "fork"},
		{"udp", "--threads", "2", "--peek"},
		{"udp", "--dup", "scm", "--cork"},
		{"udp", "--dup", "clone"},
		{"udp", "--socket", "tcp"},
		{"udp", "--socket", "raw", "--gso", "9"},
		{"udp", "--socket", "packet", "--ipv6"},
		{"udp", "--socket", "ring", "--dup", "fork"},
		{"udp", "--socket", "ping", "--connected"},
		{"udp", "--socket", "raw", "--bind", "127.0.0.1"},
		{"udp", "--socket", "frame"},
		{"udp", "--observe", "raw"},
		{"udp", "--observe-src"},
		{"udp", "--observe", "packet", "--size", "19"},
		{"udp", "--observe", "packet", "--multicast", "--receivers", "16"},
		{"udp", "--ethtool", ""},
		{"udp", "--ethtool", "sg"},
		{"udp", "--ethtool", "sg offf"},
		{"udp", "--ethtool", "sgg off"},
		{"udp", "--ethtool", "sg off tx"},
		{"udp", "--ethtool", "sg off", "--bind", "127.0.0.1"},
	};
	struct tf_spec spec;
	char name[48];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(udp(&spec, name, words(lines[i]), lines[i]), -EINVAL);
}

static void a_path_is_a_testbed_and_its_neighbours(void **state)
{
	static const char *const unknown[] = {"", "wlan", "vet", "veth2", "veth,", "veth,dynamic",
					      "veth,static,static", "lo,static", "gre,static", ",static"};
	static const char *line[] = {"udp", "--path", "veth,static"};
	struct tf_spec spec;
	char name[48], why[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		why[0] = '\0';
		assert_int_equal(tf_testbed_known(unknown[i], why, sizeof(why)), -EINVAL);
		assert_true(why[0]);
	}
	assert_int_equal(tf_testbed_known("veth,static", why, sizeof(why)), 0);
	assert_int_equal(udp(&spec, name, ARRAY_SIZE(line), line), 0);
	assert_string_equal(spec.name, "udp-veth-64");
	assert_string_equal(spec.path, "veth");
	assert_string_equal(tf_flow_testbed(&spec), "veth,static");
}

/* What collect.sh loads before its census. */
static void a_testbed_says_which_modules_it_takes(void **state)
{
	(void)state;
	assert_null(tf_testbed_modules("wlan"));
	assert_null(tf_testbed_modules("lo"));
	assert_string_equal(tf_testbed_modules("vlan"), "veth,8021q");
	assert_string_equal(tf_testbed_modules("bond,static"), "veth,bonding max_bonds=0");
}

static void each_network_has_a_flow_of_its_name(void **state)
{
	const struct tf_set *set = tf_set_find("networks");
	char why[256], prefix[48];

	(void)state;
	assert_non_null(set);
	for (size_t i = 0; i < set->count; i++) {
		const struct tf_spec *flow = &set->flows[i];

		assert_int_equal(tf_testbed_known(flow->path, why, sizeof(why)), 0);
		snprintf(prefix, sizeof(prefix), "udp-%s-%lu", flow->path, flow->size);
		assert_string_equal(flow->name, prefix);
		assert_null(strchr(tf_flow_testbed(flow), ','));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(set->flows[k].path, flow->path);
	}
}

static void udp_fills_in(void **state)
{
	static const char *line[] = {"udp", "--size", "65507", "--count=3", "--fill", "deadbeef",
				     "--rate", "9", "--timeout", "5", "--path", "veth", "--hold",
				     "--verify", "--aligned", "--peek", "--connected"};
	struct tf_spec spec;
	char name[48];

	(void)state;
	assert_int_equal(udp(&spec, name, ARRAY_SIZE(line), line), 0);
	assert_string_equal(spec.name, "udp-veth-65507");
	assert_string_equal(spec.proto, "udp");
	assert_string_equal(spec.path, "veth");
	assert_int_equal(spec.size, 65507);
	assert_int_equal(spec.count, 3);
	assert_int_equal(spec.rate, 9);
	assert_int_equal(spec.timeout, 5);
	assert_int_equal(spec.fill, 0xdeadbeef);
	assert_true(spec.has_fill && spec.hold && spec.verify && spec.peek && spec.connected);
	assert_int_equal(spec.ends, ENDS_BOTH);
}

static void udp_calls_follow_from_what_they_are_for(void **state)
{
	static const struct {
		const char *line[8];
		const char *send, *recv;
	} want[] = {
		{{"udp"}, "sendto", "recvfrom"},
		{{"udp", "--send-segments", "2"}, "sendmsg", "recvfrom"},
		{{"udp", "--recv-segments", "2"}, "sendto", "recvmsg"},
		{{"udp", "--batch", "2", "--recv-batch", "3"}, "sendmmsg", "recvmmsg"},
		{{"udp", "--connected", "--send-call", "writev", "--recv-call", "readv"},
		 "writev", "readv"},
		{{"udp", "--send-call", "sendmmsg", "--recv-call", "recvmmsg"},
		 "sendmmsg", "recvmmsg"},
		{{"udp", "--gso", "9", "--gro"}, "sendto", "recvmsg"},
		{{"udp", "--cork", "--parts", "9"}, "sendto", "recvfrom"},
	};
	struct tf_spec spec;
	char name[48];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const char **line = (const char **)want[i].line;

		assert_int_equal(udp(&spec, name, words(line), line), 0);
		assert_string_equal(tf_udp_call(&spec, true)->name, want[i].send);
		assert_string_equal(tf_udp_call(&spec, false)->name, want[i].recv);
	}
}

static void addresses_of_both_families_are_read(void **state)
{
	static const struct {
		const char *text, *addr;
		int port;
	} want[] = {
		{"10.0.0.2", "10.0.0.2", 0},	   {"10.0.0.2:7", "10.0.0.2", 7},
		{"::1", "::1", 0},		   {"[::1]", "::1", 0},
		{"[fe80::1]:65535", "fe80::1", 65535}, {"[10.0.0.2]:7", "10.0.0.2", 7},
	};
	static const struct tf_addr_option any = {"--x", 0, false, true}, old = {"--x", 0, false, false};
	union tf_addr a;
	char text[TF_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(tf_parse_addr(&any, want[i].text, &a), 0);
		assert_string_equal(tf_addr_text(&a, text), want[i].addr);
		assert_int_equal(tf_addr_port(&a), want[i].port);
	}
	assert_int_equal(tf_parse_addr(&old, "[::1]:7", &a), -EINVAL);
}

static void a_message_is_as_many_datagrams_as_its_size_asks_for(void **state)
{
	struct tf_spec spec = {.size = 1400};

	(void)state;
	assert_int_equal(tf_udp_datagrams(&spec), 1);
	assert_int_equal(tf_udp_datagram_len(&spec, 0), 1400);
	spec.udp.gso = 1400;
	assert_int_equal(tf_udp_datagrams(&spec), 1);
	assert_int_equal(tf_udp_datagram_len(&spec, 0), 1400);
	spec.udp.gso = 699;
	assert_int_equal(tf_udp_datagrams(&spec), 3);
	assert_int_equal(tf_udp_datagram_len(&spec, 0), 699);
	assert_int_equal(tf_udp_datagram_len(&spec, 1), 699);
	assert_int_equal(tf_udp_datagram_len(&spec, 2), 2);
}

static void groups_and_networks_follow_from_addresses(void **state)
{
	union tf_addr a;
	char text[TF_ADDR_TEXT];

	(void)state;
	assert_int_equal(tf_addr_read(&a, "10.77.1.2", 7), 0);
	assert_false(tf_addr_is_group(&a));
	tf_broadcast_of(&a);
	assert_string_equal(tf_addr_text(&a, text), "10.77.1.255");
	tf_group_of(&a);
	assert_true(tf_addr_is_group(&a));
	assert_int_equal(a.sa.sa_family, AF_INET);
	assert_int_equal(tf_addr_port(&a), 7);
	assert_int_equal(tf_addr_read(&a, "127.0.0.1", 0), 0);
	tf_broadcast_of(&a);
	assert_string_equal(tf_addr_text(&a, text), "127.255.255.255");
	assert_int_equal(tf_addr_read(&a, "::1", 9), 0);
	assert_false(tf_addr_is_group(&a));
	tf_group_of(&a);
	assert_true(tf_addr_is_group(&a));
	assert_int_equal(a.sa.sa_family, AF_INET6);
	assert_int_equal(tf_addr_port(&a), 9);
}

/* A frame of our own is found again, and those of others are not ours. */
static void frames_are_made_and_known(void **state)
{
	static const unsigned char src[6] = {2, 0, 0, 0, 0, 1}, dst[6] = {2, 0, 0, 0, 0, 2};
	unsigned char frame[100] = {0}, type[2];
	union tf_addr from, to;
	uint32_t sum = 0;

	(void)state;
	assert_int_equal(tf_addr_read(&from, "10.77.1.1", 5), 0);
	assert_int_equal(tf_addr_read(&to, "10.77.1.2", 4000), 0);
	tf_packet_headers(frame, dst, src, &from, &to, 58);
	assert_memory_equal(frame, dst, 6);
	assert_memory_equal(frame + 6, src, 6);
	for (size_t i = 14; i < 34; i += 2)
		sum += frame[i] << 8 | frame[i + 1];
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	assert_int_equal(frame[16] << 8 | frame[17], 20 + 8 + 58);
	assert_int_equal(frame[38] << 8 | frame[39], 8 + 58);
	assert_int_equal(tf_packet_payload(frame, sizeof(frame), 4000), 42);
	assert_int_equal(tf_packet_payload(frame, sizeof(frame), 4001), -1);
	assert_int_equal(tf_packet_payload(frame, 41, 4000), -1);
	frame[14] = 0x4f; /* options that are not there */
	assert_int_equal(tf_packet_payload(frame, 60, 4000), -1);
	frame[14] = 0x45;
	frame[21] = 1; /* a later fragment */
	assert_int_equal(tf_packet_payload(frame, sizeof(frame), 4000), -1);
	type[0] = TF_ETHERTYPE >> 8;
	type[1] = TF_ETHERTYPE & 0xff;
	memcpy(frame + 12, type, 2);
	assert_int_equal(tf_packet_payload(frame, sizeof(frame), 4001), 14);
	frame[12] = 8;
	frame[13] = 6; /* ARP */
	assert_int_equal(tf_packet_payload(frame, sizeof(frame), 4000), -1);
}

/* Each is one that the options can ask for, too. */
static void every_datagram_flow_has_a_name_of_its_own(void **state)
{
	const struct tf_set *set = tf_set_find("datagrams");

	(void)state;
	assert_non_null(set);
	for (size_t i = 0; i < set->count; i++) {
		const struct tf_spec *flow = &set->flows[i];

		assert_non_null(tf_kind_find(flow->proto));
		assert_true(flow->verify && flow->timeout && flow->count > 1);
		assert_int_equal(tf_udp_check(flow), 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(flow->name, set->flows[k].name);
	}
}

/* Whatever the number of segments: they overlap nothing, and what was written comes back. */
static void vectors_cut_and_join(void **state)
{
	static const struct tf_layout layouts[] = {{64, 1, 1},	   {64, 64, 1},	    {1400, 7, 3},
						   {8000, 1024, 2}, {4096, 2, 1024}, {65507, 1, 2}};
	struct tf_buffer b;
	struct tf_vector v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct tf_layout *l = &layouts[i];
		const char *last = NULL;

		assert_int_equal(tf_buffer_map(&b, tf_layout_room(l)), 0);
		assert_int_equal(tf_vector_init(&v, l, &b, false), 0);
		for (unsigned int m = 0; m < l->messages; m++) {
			size_t sum = 0;

			for (unsigned int k = 0; k < l->segments; k++) {
				const struct iovec *iov = &v.msgs[m].msg_hdr.msg_iov[k];

				assert_true(!last || (const char *)iov->iov_base >= last + 64 ||
					    !k);
				last = (const char *)iov->iov_base + iov->iov_len;
				assert_true(last <= (const char *)b.va + b.len);
				sum += iov->iov_len;
			}
			assert_int_equal(sum, l->size);
			tf_payload_write(&plain, m, tf_vector_whole(&v, m), l->size);
			tf_vector_scatter(&v, m);
		}
		for (unsigned int m = 0; m < l->messages; m++)
			assert_true(tf_payload_check(&plain, m, tf_vector_gather(&v, m, l->size),
						     l->size));
		tf_vector_free(&v);
		tf_buffer_unmap(&b);
	}
}

static void udp_ends_apart(void **state)
{
	static const char *send[] = {"udp", "--send", "--to", "10.0.0.2:7", "--bind", "10.0.0.1"};
	static const char *recv[] = {"udp", "--recv", "--bind", "10.0.0.2:7", "--netns", "n"};
	struct tf_spec spec;
	char name[48];

	(void)state;
	assert_int_equal(udp(&spec, name, ARRAY_SIZE(send), send), 0);
	assert_int_equal(spec.ends, ENDS_SEND);
	assert_int_equal(tf_addr_port(&spec.to), 7);
	assert_int_equal(ntohl(spec.to.in.sin_addr.s_addr), 0x0a000002);
	assert_int_equal(tf_addr_port(&spec.bind), 0);
	assert_true(spec.rate > 0);
	assert_int_equal(udp(&spec, name, ARRAY_SIZE(recv), recv), 0);
	assert_int_equal(spec.ends, ENDS_RECV);
	assert_string_equal(spec.netns, "n");
	assert_int_equal(spec.to.sa.sa_family, 0);
}

static void the_default_set_is_what_the_design_says(void **state)
{
	static const struct {
		const char *name, *path;
		unsigned long size, count;
	} want[] = {
		{"udp-lo-64", "lo", 64, 1000},	       {"udp-lo-1400", "lo", 1400, 1000},
		{"udp-veth-1400", "veth", 1400, 1000}, {"udp-nics-128", "nics", 128, 1000},
		{"udp-nics-1400", "nics", 1400, 1000}, {"udp-nics-8000", "nics", 8000, 1000},
		{"pty-16", "lo", 16, 1},
	};
	const struct tf_set *set = tf_set_find("default");

	(void)state;
	assert_non_null(set);
	assert_true(set->count >= ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct tf_spec *flow = &set->flows[i];

		assert_string_equal(flow->name, want[i].name);
		assert_string_equal(flow->path, want[i].path);
		assert_int_equal(flow->size, want[i].size);
		assert_int_equal(flow->count, want[i].count);
		assert_int_equal(flow->rate, 0);
		assert_true(flow->verify && flow->timeout > 0);
		assert_non_null(tf_kind_find(flow->proto));
	}
	assert_null(tf_set_find("no such set"));
}

static const struct tf_spec *flow_of(const struct tf_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->flows[i].name, name))
			return &set->flows[i];
	return NULL;
}

static void the_set_of_cards_has_every_model(void **state)
{
	static const char *const models[] = {
#define CARD(model, ...) model,
#include "traffic/cards.def"
#undef CARD
	};
	static const unsigned long bytes[] = {64, 128, 1400, 8000};
	const struct tf_set *set = tf_set_find("cards");
	char path[48], name[48];

	(void)state;
	assert_non_null(set);
	for (size_t i = 0; i < ARRAY_SIZE(models) * ARRAY_SIZE(bytes); i++) {
		const struct tf_spec *flow;

		snprintf(path, sizeof(path), "nics:%s", models[i / ARRAY_SIZE(bytes)]);
		snprintf(name, sizeof(name), "udp-%s-%lu", models[i / ARRAY_SIZE(bytes)],
			 bytes[i % ARRAY_SIZE(bytes)]);
		flow = flow_of(set, name);
		assert_non_null(flow);
		assert_string_equal(flow->path, path);
		assert_int_equal(flow->size, bytes[i % ARRAY_SIZE(bytes)]);
	}
}

static void udp_over_a_card_is_called_by_its_model(void **state)
{
	static const char *line[] = {"udp", "--path", "nics:virtio-net-packed"};
	struct tf_spec spec;
	char name[48];

	(void)state;
	assert_int_equal(udp(&spec, name, ARRAY_SIZE(line), line), 0);
	assert_string_equal(spec.path, "nics:virtio-net-packed");
	assert_string_equal(spec.name, "udp-virtio-net-packed-64");
}

static void only_our_namespaces_have_an_owner(void **state)
{
	static const char *const others[] = {"", "cc", "cc-a", "cc12", "cc12-", "cc12-c", "cc12-ab",
					     "xcc12-a", "cc12x-a", "cc0-a", "cc-5-a", "cca-a"};

	(void)state;
	assert_int_equal(tf_testbed_owner("cc12-a"), 12);
	assert_int_equal(tf_testbed_owner("cc4194304-b"), 4194304);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(tf_testbed_owner(others[i]), 0);
}

static void log_lines_are_whole_and_in_order(void **state)
{
	char path[] = "/tmp/test_traffic.XXXXXX", text[512] = "";
	int fd = mkstemp(path);
	struct tf_log log;
	struct json_object *line = tf_line("end", 4);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(tf_log_open(&log, path), 0);
	tf_line_str(line, "why", NULL);
	tf_line_addr(line, "va", 0x7f0000001000);
	assert_int_equal(tf_log_add(&log, line), 0);
	assert_int_equal(read(fd, text, sizeof(text)), 0);
	assert_int_equal(tf_log_add(&log, tf_line("flow", 5)), 0);
	assert_int_equal(tf_log_flush(&log), 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "{\"kind\":\"end\",\"flow\":4,\"why\":null,"
				  "\"va\":\"0x7f0000001000\"}\n{\"kind\":\"flow\",\"flow\":5}\n");
	tf_log_close(&log);
	close(fd);
	unlink(path);
}

static void records_grow_where_more_comes_than_foreseen(void **state)
{
	struct tf_record r = {.kind = RECORD_RECV};
	struct tf_records records;

	(void)state;
	assert_int_equal(tf_records_init(&records, 3), 0);
	for (int i = 0; i < 1000; i++) {
		r.seq = i;
		assert_int_equal(tf_records_add(&records, &r), 0);
	}
	assert_int_equal(records.count, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(records.items[i].seq, i);
	tf_records_free(&records);
	assert_int_equal(tf_records_init(&records, 0), 0);
	assert_int_equal(tf_records_add(&records, &r), 0);
	assert_int_equal(records.count, 0);
}

static void buffers_start_a_page_and_have_a_frame_each(void **state)
{
	struct tf_buffer b;
	struct tf_pages pages;

	(void)state;
	assert_int_equal(tf_buffer_map(&b, 65507), 0);
	assert_int_equal((uintptr_t)b.va % sysconf(_SC_PAGESIZE), 0);
	assert_true(b.len >= 65507);
	assert_int_equal(tf_pages_init(&pages, &b), 0);
	assert_int_equal(tf_buffer_pages(&b, &pages), 0);
	assert_int_equal(pages.count, b.len / sysconf(_SC_PAGESIZE));
	tf_pages_free(&pages);
	tf_pages_free(&pages);
	tf_buffer_unmap(&b);
	tf_buffer_unmap(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_begins_as_the_format_says),
		cmocka_unit_test(a_write_stays_inside_its_length),
		cmocka_unit_test(short_messages_are_beginnings_of_the_header),
		cmocka_unit_test(any_flipped_bit_is_found),
		cmocka_unit_test(a_message_checks_at_every_size_and_only_as_itself),
		cmocka_unit_test(a_cut_message_does_not_check),
		cmocka_unit_test(the_beginning_of_a_message_checks_as_part),
		cmocka_unit_test(sequence_is_read_or_found_by_nonce),
		cmocka_unit_test(a_receiver_alone_believes_the_nonce),
		cmocka_unit_test(another_flows_message_is_not_ours),
		cmocka_unit_test(nonces_of_a_flow_differ),
		cmocka_unit_test(fill_is_the_word_throughout),
		cmocka_unit_test(fill_word_is_eight_hex_digits),
		cmocka_unit_test(a_fixed_text_is_itself_only),
		cmocka_unit_test(udp_refuses),
		cmocka_unit_test(udp_fills_in),
		cmocka_unit_test(a_path_is_a_testbed_and_its_neighbours),
		cmocka_unit_test(a_testbed_says_which_modules_it_takes),
		cmocka_unit_test(each_network_has_a_flow_of_its_name),
		cmocka_unit_test(udp_calls_follow_from_what_they_are_for),
		cmocka_unit_test(addresses_of_both_families_are_read),
		cmocka_unit_test(a_message_is_as_many_datagrams_as_its_size_asks_for),
		cmocka_unit_test(vectors_cut_and_join),
		cmocka_unit_test(groups_and_networks_follow_from_addresses),
		cmocka_unit_test(frames_are_made_and_known),
		cmocka_unit_test(every_datagram_flow_has_a_name_of_its_own),
		cmocka_unit_test(udp_ends_apart),
		cmocka_unit_test(the_default_set_is_what_the_design_says),
		cmocka_unit_test(the_set_of_cards_has_every_model),
		cmocka_unit_test(udp_over_a_card_is_called_by_its_model),
		cmocka_unit_test(only_our_namespaces_have_an_owner),
		cmocka_unit_test(log_lines_are_whole_and_in_order),
		cmocka_unit_test(records_grow_where_more_comes_than_foreseen),
		cmocka_unit_test(buffers_start_a_page_and_have_a_frame_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
