// SPDX-License-Identifier: GPL-2.0-only
/* traffic rdma without a device: options, tables, places in a buffer. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/vec.h"
#include "traffic/cmd.h"
#include "traffic/rdma.h"

#define PAGE 4096

static int parse(struct tf_spec *spec, char *name, const char **argv)
{
	struct tf_rdma_args args = tf_rdma_defaults;
	int argc = 0, at;

	while (argv[argc])
		argc++;
	at = opt_parse(&tf_rdma_command, argc, (char **)argv, &args);
	if (at < 0)
		return at;
	return at == argc ? tf_rdma_spec(&args, spec, name, 64) : -EINVAL;
}

static void rdma_refuses(void **state)
{
	static const char *lines[][8] = {
		{"rdma", "--op", "sent"},
		{"rdma", "--op", ""},
		{"rdma", "--qp", "uc"},
		{"rdma", "--qp", "ud", "--op", "write"},
		{"rdma", "--qp", "ud", "--op", "read"},
		{"rdma", "--inline", "--op", "read"},
		{"rdma", "--size", "0"},
		{"rdma", "--size", "16777217"},
		{"rdma", "--size", "1048576", "--depth", "257"},
		{"rdma", "--count", "0"},
		{"rdma", "--depth", "0"},
		{"rdma", "--mtu", "1500"},
		{"rdma", "--mtu", "8192"},
		{"rdma", "--ack-timeout", "32"},
		{"rdma", "--retries", "8"},
		{"rdma", "--gid", "256"},
		{"rdma", "--gid", "-1"},
		{"rdma", "--fill", "xyz"},
		{"rdma", "--path", "nics"},
		{"rdma", "--path", "veth", "--rdma-dev", "mlx5_0"},
		{"rdma", "--rdma-dev", ""},
		{"rdma", "--rdma-dev", ",b"},
		{"rdma", "--rdma-dev", "a,"},
		{"rdma", "--rdma-dev"},
		{"rdma", "--send", "--recv", "--rdma-dev", "a"},
		{"rdma", "--send", "--rdma-dev", "a"},
		{"rdma", "--send", "--to", "10.0.0.1"},
		{"rdma", "--send", "--to", "10.0.0.1", "--rdma-dev", "a,b"},
		{"rdma", "--send", "--to", "10.0.0.1:0", "--rdma-dev", "a"},
		{"rdma", "--send", "--to", "10.0.0.1:65536", "--rdma-dev", "a"},
		{"rdma", "--send", "--to", "localhost", "--rdma-dev", "a"},
		{"rdma", "--send", "--to", "10.0.0.1", "--bind", "10.0.0.2", "--rdma-dev=a"},
		{"rdma", "--send", "--to", "10.0.0.1", "--path", "veth"},
		{"rdma", "--recv"},
		{"rdma", "--recv", "--rdma-dev", "a", "--to", "10.0.0.1"},
		{"rdma", "--recv", "--rdma-dev", "a", "--bind", ":1"},
		{"rdma", "--recv", "--rdma-dev", "a", "--hold"},
		{"rdma", "--to", "10.0.0.1", "--rdma-dev", "a"},
		{"rdma", "--bind", "10.0.0.1", "--rdma-dev", "a"},
		{"rdma", "now"},
	};
	struct tf_spec spec;
	char name[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(parse(&spec, name, lines[i]), -EINVAL);
}

static void defaults_are_sends_in_lock_step(void **state)
{
	const char *line[] = {"rdma", NULL};
	struct tf_spec spec;
	char name[64];

	(void)state;
	assert_int_equal(parse(&spec, name, line), 0);
	assert_string_equal(spec.name, "rdma-send-4096");
	assert_string_equal(spec.proto, "rdma");
	assert_string_equal(spec.path, "veth");
	assert_string_equal(tf_flow_testbed(&spec), "rxe");
	assert_int_equal(spec.count, 200);
	assert_int_equal(spec.rate, 0);
	assert_int_equal(spec.rdma.op, RDMA_SEND);
	assert_int_equal(spec.rdma.depth, 1);
	assert_int_equal(spec.rdma.mtu, 0);
	assert_int_equal(spec.rdma.ack_timeout, 31);
	assert_int_equal(spec.rdma.retries, 7);
	assert_false(spec.rdma.ud || spec.rdma.inline_data || spec.rdma.has_gid || spec.verify);
	assert_false(spec.hold);
}

static void all_options_fill_in(void **state)
{
	const char *line[] = {"rdma",	  "--op",
			      "send-imm", "--qp=ud",
			      "--inline", "--size",
			      "100",	  "--count",
			      "7",	  "--depth",
			      "3",	  "--mtu",
			      "512",	  "--ack-timeout",
			      "14",	  "--timeout",
			      "900",	  "--rdma-dev",
			      "a,b",	  "--gid",
			      "0",	  "--fill",
			      "deadbeef", "--verify",
			      "--hold",	  NULL};
	struct tf_spec spec;
	char name[64];

	(void)state;
	assert_int_equal(parse(&spec, name, line), 0);
	assert_string_equal(spec.name, "rdma-ud-send-imm-inline-given-100");
	assert_string_equal(spec.path, "given");
	assert_string_equal(tf_flow_testbed(&spec), "lo");
	assert_int_equal(spec.size, 100);
	assert_int_equal(spec.count, 7);
	assert_int_equal(spec.timeout, 900);
	assert_int_equal(spec.fill, 0xdeadbeef);
	assert_true(spec.has_fill && spec.verify && spec.rdma.ud && spec.rdma.inline_data);
	assert_true(spec.hold);
	assert_int_equal(spec.rdma.op, RDMA_SEND_IMM);
	assert_int_equal(spec.rdma.depth, 3);
	assert_int_equal(spec.rdma.mtu, 512);
	assert_int_equal(spec.rdma.ack_timeout, 14);
	assert_true(spec.rdma.has_gid);
	assert_int_equal(spec.rdma.gid, 0);
	assert_string_equal(spec.rdma.dev, "a,b");
}

static void one_end_waits_the_other_goes_there(void **state)
{
	static const struct {
		const char *line[8];
		enum tf_ends ends;
		uint32_t addr;
		uint16_t port;
	} rows[] = {
		{{"rdma", "--recv", "--rdma-dev", "a"}, ENDS_RECV, INADDR_ANY, TF_LINK_PORT},
		{{"rdma", "--recv", "--rdma-dev", "a", "--bind", "10.0.0.1:0"},
		 ENDS_RECV,
		 0x0a000001,
		 0},
		{{"rdma", "--send", "--rdma-dev", "a", "--to", "10.0.0.2"},
		 ENDS_SEND,
		 0x0a000002,
		 TF_LINK_PORT},
		{{"rdma", "--send", "--rdma-dev", "a", "--to=10.0.0.2:99"},
		 ENDS_SEND,
		 0x0a000002,
		 99},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tf_spec spec;
		const struct sockaddr_in *addr;
		char name[64];

		assert_int_equal(parse(&spec, name, (const char **)rows[i].line), 0);
		addr = rows[i].ends == ENDS_SEND ? &spec.to.in : &spec.bind.in;
		assert_int_equal(spec.ends, rows[i].ends);
		assert_int_equal(addr->sin_family, AF_INET);
		assert_int_equal(ntohl(addr->sin_addr.s_addr), rows[i].addr);
		assert_int_equal(ntohs(addr->sin_port), rows[i].port);
		assert_string_equal(spec.name, "rdma-send-given-4096");
		assert_string_equal(tf_flow_testbed(&spec), "lo");
	}
}

static void each_path_has_its_testbed(void **state)
{
	static const char *const paths[][3] = {{"veth", "rxe", "rdma-read-4096"},
					       {"lo", "rxe-lo", "rdma-read-lo-4096"},
					       {"dev", "rxe-dev", "rdma-read-dev-4096"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *line[] = {"rdma", "--op", "read", "--path", paths[i][0], NULL};
		struct tf_spec spec;
		char name[64];

		assert_int_equal(parse(&spec, name, line), 0);
		assert_string_equal(tf_flow_testbed(&spec), paths[i][1]);
		assert_string_equal(spec.name, paths[i][2]);
	}
}

static void verbs_are_in_the_order_of_their_names(void **state)
{
	static const char *const names[] = {"send", "send-imm", "write", "write-imm", "read"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct tf_rdma_verb *verb = &tf_rdma_verbs[i];

		assert_string_equal(verb->name, names[i]);
		assert_int_equal(verb->imm, strstr(names[i], "-imm") != NULL);
		assert_int_equal(verb->access != 0, strncmp(names[i], "send", 4) != 0);
	}
}

/* Every message under way has pages of its own, and a datagram's header is not in its payload. */
static void places_do_not_overlap(void **state)
{
	static const struct {
		unsigned long size, depth;
		bool ud;
		size_t stride;
	} rows[] = {{64, 1, false, PAGE},  {4096, 3, false, PAGE},    {4097, 2, false, 2 * PAGE},
		    {4056, 2, true, PAGE}, {4057, 2, true, 2 * PAGE}, {1 << 20, 4, false, 1 << 20}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tf_spec spec = {.size = rows[i].size,
				       .rdma = {.depth = rows[i].depth, .ud = rows[i].ud}};
		struct tf_flow flow = {.spec = &spec};
		struct tf_share share = {0};
		struct tf_end recv = {.flow = &flow, .share = &share, .me = &share.recv};
		struct tf_end send = {.flow = &flow, .share = &share, .me = &share.send};
		char *base = (char *)0x100000;

		send.buf.va = recv.buf.va = base;
		assert_int_equal(tf_rdma_stride(&spec), rows[i].stride);
		assert_int_equal(tf_rdma.room(&spec, true), rows[i].stride * rows[i].depth);
		for (uint32_t seq = 0; seq < 9; seq++) {
			char *place = base + seq % rows[i].depth * rows[i].stride;

			assert_ptr_equal(tf_rdma_slot(&send, seq), place);
			assert_ptr_equal(tf_rdma_slot(&recv, seq),
					 place + (rows[i].ud ? TF_RDMA_GRH : 0));
		}
	}
}

static void only_mapped_addresses_are_ipv4(void **state)
{
	union ibv_gid gid = {.raw = {[10] = 0xff, [11] = 0xff, [12] = 10}};

	(void)state;
	assert_true(tf_rdma_is_ipv4(&gid));
	gid.raw[10] = 0; /* as ::1 has it */
	assert_false(tf_rdma_is_ipv4(&gid));
	gid.raw[10] = 0xff;
	gid.raw[0] = 0xfe;
	assert_false(tf_rdma_is_ipv4(&gid));
}

static void the_rdma_set_has_every_size_and_both_short_cuts(void **state)
{
	static const char *const names[] = {
		"rdma-send-64",	     "rdma-send-4096",	    "rdma-send-1048576",
		"rdma-write-64",     "rdma-write-4096",	    "rdma-write-1048576",
		"rdma-read-64",	     "rdma-read-4096",	    "rdma-read-1048576",
		"rdma-ud-send-1024", "rdma-send-inline-64", "rdma-send-lo-4096",
		"rdma-send-dev-4096"};
	const struct tf_set *set = tf_set_find("rdma");

	(void)state;
	assert_non_null(set);
	assert_int_equal(set->count, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct tf_spec *flow = &set->flows[i];

		assert_string_equal(flow->name, names[i]);
		assert_string_equal(flow->proto, "rdma");
		assert_non_null(flow->testbed);
		assert_true(flow->verify && flow->timeout && flow->rdma.depth == 1);
		assert_int_equal(flow->rdma.ack_timeout, 31);
		assert_int_equal(flow->rdma.retries, 7);
		assert_non_null(strstr(flow->name, tf_rdma_verbs[flow->rdma.op].name));
	}
}

static void a_line_tells_how_its_work_request_ended(void **state)
{
	struct tf_record record = {
		.call = CALL_POST_SEND, .wr_id = 5, .status = IBV_WC_RETRY_EXC_ERR, .done = 9};
	struct json_object *line = json_object_new_object();

	(void)state;
	assert_string_equal(tf_rdma_call_name(&record), "post_send");
	tf_rdma_more(&record, line);
	assert_string_equal(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN),
			    "{\"wr_id\":5,\"status\":\"transport retry counter exceeded\","
			    "\"done\":9}");
	record = (struct tf_record){.call = CALL_NONE};
	assert_null(tf_rdma_call_name(&record));
	tf_rdma_more(&record, line);
	assert_string_equal(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN),
			    "{\"wr_id\":null,\"status\":null,\"done\":null}");
	json_object_put(line);
}

/* Only an inline payload that fills 8 bytes, and only where it starts from. */
static void the_head_of_an_inline_message_is_kept(void **state)
{
	static const struct {
		unsigned long size;
		bool inline_data;
		enum tf_record_kind kind;
		const char *head;
	} rows[] = {{7, true, RECORD_SEND, NULL},
		    {8, true, RECORD_SEND, "0x807060504030201"},
		    {64, true, RECORD_SEND, "0x807060504030201"},
		    {64, true, RECORD_RECV, NULL},
		    {64, false, RECORD_SEND, NULL}};
	static const unsigned char payload[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tf_spec spec = {.size = rows[i].size,
				       .rdma = {.depth = 1, .inline_data = rows[i].inline_data}};
		struct tf_flow flow = {.spec = &spec};
		struct tf_share share = {0};
		struct tf_end e = {.flow = &flow, .share = &share, .me = &share.send};
		struct json_object *line = json_object_new_object(), *head;

		e.buf.va = (void *)payload;
		assert_int_equal(tf_records_init(&e.records, 1), 0);
		assert_int_equal(tf_rdma_note_post(&e, 0, rows[i].kind, CALL_POST_SEND), 0);
		tf_rdma_more(&e.records.items[0], line);
		assert_int_equal(json_object_object_get_ex(line, "head", &head),
				 rows[i].head != NULL);
		if (rows[i].head)
			assert_string_equal(json_object_get_string(head), rows[i].head);
		json_object_put(line);
		tf_records_free(&e.records);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rdma_refuses),
		cmocka_unit_test(defaults_are_sends_in_lock_step),
		cmocka_unit_test(all_options_fill_in),
		cmocka_unit_test(one_end_waits_the_other_goes_there),
		cmocka_unit_test(each_path_has_its_testbed),
		cmocka_unit_test(verbs_are_in_the_order_of_their_names),
		cmocka_unit_test(places_do_not_overlap),
		cmocka_unit_test(only_mapped_addresses_are_ipv4),
		cmocka_unit_test(the_rdma_set_has_every_size_and_both_short_cuts),
		cmocka_unit_test(a_line_tells_how_its_work_request_ended),
		cmocka_unit_test(the_head_of_an_inline_message_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
