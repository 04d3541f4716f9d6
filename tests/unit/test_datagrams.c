// SPDX-License-Identifier: GPL-2.0-only
/* The engine on datagrams that are not plain: shared sockets, headers, packet sockets and rings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mkrun.h"
#include "report/report.h"

#define SENDER 100
#define RECEIVER 200
#define UA 0x7f0000001000ul
#define UB 0x7f0000009000ul
#define SK_A 0xffff888001000000ul
#define SK_B 0xffff888001001000ul
#define SK_TAP 0xffff888001002000ul
#define HEAD(n) (0xffff888002000000ul + (n) * 0x1000ul)
#define SKB(n) (0xffff888003000000ul + (n) * 0x100ul)
#define PAGE 0xffff888004000000ul /* of a fragment */
#define RING 0xffff888005000000ul
#define STACK 0xffffc90000001000ul /* of the sender's call: its msghdr */
#define PAYLOAD 0x2cul
#define HEADERS 42ul

#define AT_FILL 0xffffffff81000010ul
#define AT_RECV 0xffffffff81000110ul
#define AT_MEM 0xffffffff81000210ul

enum { AF_INET_ = 2, AF_PACKET_ = 17, UDP = 17, ICMP = 1, RAW = 253 };

static struct mkrun *mk;
static struct analysis r;
static bool loaded;

static int begin(void **state)
{
	(void)state;
	mk = mkrun_new();
	loaded = false;
	mkrun_site(mk, AT_FILL, "getfrag", "probed", "call");
	mkrun_site(mk, AT_RECV, "recvmsg", "probed", "call");
	mkrun_site(mk, AT_MEM, "copy_bits", "probed", "call");
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (loaded)
		analysis_free(&r);
	mkrun_free(mk);
	return 0;
}

static const struct flow *load(void)
{
	mkrun_load(mk, &r);
	loaded = true;
	return r.engine.flows;
}

static void send_enter(int tid, int fam, int proto, unsigned long len)
{
	mkrun_event(mk, tid, "sys_enter_sendto fd=5");
	mkrun_event(mk, tid,
		    "send_enter sk=%#lx sock=1 file=2 fam=%d proto=%d lport=1000 rport=0xd007 laddr=0x0100007f "
		    "raddr=0x0100007f msg=%#lx len=%lu itype=%d icnt=%lu ibase=%#lx",
		    SK_A, fam, proto, STACK, len, mk->ubuf, len, UA);
}

static void copy_in(int tid, unsigned long to, unsigned long len, unsigned long off, unsigned long all)
{
	mkrun_event(mk, tid, "from_iter __probe_ip=%#lx dst=%#lx len=%lu itype=%d ioff=%lu icnt=%lu ibase=%#lx",
		    AT_FILL, to, len, mk->ubuf, off, all - off, UA);
}

static void pass(const char *event, unsigned long skb, unsigned long head, unsigned long len,
		 unsigned long dlen)
{
	const char *more = strcmp(event, "sk_queue") ? strcmp(event, "tap_rcv") ? "dev=lo" : "sk=" : "sk=";
	char sk[32] = "";

	if (!strcmp(more, "sk="))
		snprintf(sk, sizeof(sk), "%#lx", *event == 's' ? SK_B : SK_TAP);
	mkrun_event(mk, SENDER, "%s skb=%#lx head=%#lx data=%#lx end=2048 len=%lu dlen=%lu mac=2 %s%s", event,
		    skb, head, head + PAYLOAD - HEADERS, len + HEADERS, dlen, more, sk);
}

static void over_lo(unsigned long skb, unsigned long head, unsigned long len, unsigned long dlen)
{
	pass("dev_queue", skb, head, len, dlen);
	pass("dev_xmit", skb, head, len, dlen);
	pass("netif_rx", skb, head, len, dlen);
	pass("netif_receive", skb, head, len, dlen);
}

static void send_lo(int tid, int proto, unsigned n, unsigned long len)
{
	send_enter(tid, AF_INET_, proto, len);
	mkrun_event(mk, tid, "skb_fill to=%#lx len=%lu skb=%#lx", HEAD(n) + PAYLOAD, len, SKB(n));
	copy_in(tid, HEAD(n) + PAYLOAD, len, 0, len);
	over_lo(SKB(n), HEAD(n), len, 0);
	pass("sk_queue", SKB(n), HEAD(n), len, 0);
	mkrun_event(mk, tid, "sys_exit_sendto ret=%ld", len);
}

static unsigned long left; /* room of the receive */

static void recv_enter(int fam, int proto, unsigned long room)
{
	left = room;
	mkrun_event(mk, RECEIVER, "sys_enter_recvfrom fd=6");
	mkrun_event(mk, RECEIVER,
		    "recv_enter sk=%#lx sock=3 file=4 fam=%d proto=%d lport=2000 len=%lu itype=%d icnt=%lu "
		    "ibase=%#lx", SK_B, fam, proto, room, mk->ubuf, room, UB);
}

static void copy_out(unsigned long from, unsigned long len, unsigned long first)
{
	mkrun_event(mk, RECEIVER, "to_iter __probe_ip=%#lx src=%#lx len=%lu itype=%d icnt=%lu ibase=%#lx s=%#lx",
		    AT_RECV, from, len, mk->ubuf, left, UB, first);
	left -= len;
}

static void consume(unsigned n)
{
	mkrun_event(mk, RECEIVER, "consume_skb skb=%#lx head=%#lx end=2048", SKB(n), HEAD(n));
}

/* With so many bytes of headers before the payload. */
static void receive(int proto, unsigned n, unsigned long len, unsigned long headers, unsigned long first)
{
	recv_enter(AF_INET_, proto, 4096);
	copy_out(HEAD(n) + PAYLOAD - headers, len + headers, first);
	consume(n);
	mkrun_event(mk, RECEIVER, "sys_exit_recvfrom ret=%ld", len + headers);
}

static void expect(const struct flow *f, enum verdict verdict, const char *reason)
{
	char text[1024];

	flow_why(&r, f, text, sizeof(text));
	if (flow_verdict(&r, f) != verdict || (reason ? !strstr(text, reason) : *text))
		fail_msg("verdict is %s: %s", verdict_name(flow_verdict(&r, f)), text);
}

static void counts(const struct flow *f, unsigned messages, unsigned chains, unsigned copies)
{
	expect(f, VERDICT_EXACT, NULL);
	assert_int_equal(f->messages, messages);
	assert_int_equal(f->chains, chains);
	assert_int_equal(f->figures[FIGURE_COPIES].min, copies);
	assert_int_equal(f->figures[FIGURE_COPIES].max, copies);
}

#define CHILD 300

static void a_socket_of_two_processes_is_one_flow(void **state)
{
	(void)state;
	mkrun_event(mk, SENDER, "task_newtask pid=%d", CHILD);
	for (unsigned i = 0; i < 4; i++) {
		send_lo(i % 2 ? CHILD : SENDER, UDP, 1, 100);
		receive(UDP, 1, 100, 0, 0);
	}
	counts(load(), 4, 4, 2);
	assert_null(r.engine.flows->next);
	assert_int_equal(r.engine.flows->tgid, SENDER);
}

/* Even where one of them is gone; but not where both are. */
static void a_socket_outlives_its_first_process_and_not_all(void **state)
{
	(void)state;
	mkrun_event(mk, SENDER, "task_newtask pid=%d", CHILD);
	send_lo(SENDER, UDP, 1, 100);
	receive(UDP, 1, 100, 0, 0);
	send_lo(CHILD, UDP, 1, 100);
	receive(UDP, 1, 100, 0, 0);
	mkrun_event(mk, SENDER, "sched_process_exit pid=%d", SENDER);
	send_lo(CHILD + 1, UDP, 1, 100);
	receive(UDP, 1, 100, 0, 0);
	mkrun_event(mk, CHILD, "sched_process_exit pid=%d", CHILD);
	mkrun_event(mk, CHILD + 1, "sched_process_exit pid=%d", CHILD + 1);
	send_lo(CHILD + 2, UDP, 1, 100);
	receive(UDP, 1, 100, 0, 0);
	counts(load(), 3, 3, 2);
	assert_non_null(r.engine.flows->next);
	counts(r.engine.flows->next, 1, 1, 2);
	assert_int_equal(r.engine.flows->next->tgid, CHILD + 2);
}

static void a_thread_that_ends_is_no_process(void **state)
{
	(void)state;
	send_lo(SENDER, UDP, 1, 100);
	receive(UDP, 1, 100, 0, 0);
	mkrun_event(mk, 101, "sched_process_exit pid=101");
	send_lo(SENDER, UDP, 1, 100);
	receive(UDP, 1, 100, 0, 0);
	counts(load(), 2, 2, 2);
	assert_null(r.engine.flows->next);
}

static void headers_that_a_socket_hands_over_are_counted_apart(void **state)
{
	static const struct {
		int proto;
		unsigned long headers, first;
	} kinds[] = {{RAW, 20, 0x45}, {RAW, 24, 0x46}, {ICMP, 8, 0}};
	unsigned long all = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		send_lo(SENDER, kinds[i].proto, 1, 1400);
		receive(kinds[i].proto, 1, 1400, kinds[i].headers, kinds[i].first);
		all += kinds[i].headers;
	}
	for (const struct flow *f = load(); f; f = f->next) {
		expect(f, VERDICT_EXACT, NULL);
		assert_int_equal(f->expected_bytes, f->accounted_bytes);
		all -= f->header_bytes;
	}
	assert_int_equal(all, 0);
}

/* Bytes before the payload that are more, or fewer, than the header says; or where there is none. */
static void what_is_no_header_is_not_explained(void **state)
{
	static const struct {
		int proto;
		unsigned long headers, first;
	} kinds[] = {{RAW, 24, 0x45}, {RAW, 16, 0x45}, {RAW, 20, 0x65}, {ICMP, 12, 0}, {UDP, 8, 0x45}};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		send_lo(SENDER, kinds[i].proto, 1, 1400);
		receive(kinds[i].proto, 1, 1400, kinds[i].headers, kinds[i].first);
		expect(load(), VERDICT_AT_LEAST, "no chain explains");
		assert_int_equal(r.engine.flows->header_bytes, 0);
		end(NULL);
		begin(NULL);
	}
	mkrun_event(mk, SENDER, "sys_enter_sendto fd=5");
}

/* A packet socket does not say where the copies go that fill its skb: head and fragments. */
static void a_packet_is_filled_wherever_its_copies_go(void **state)
{
	(void)state;
	send_enter(SENDER, AF_PACKET_, 0, 6000);
	mkrun_event(mk, SENDER, "skb_fill to=0 len=6000 skb=%#lx", SKB(1));
	copy_in(SENDER, HEAD(1) + PAYLOAD, 1000, 0, 6000);
	copy_in(SENDER, PAGE, 4096, 1000, 6000);
	copy_in(SENDER, PAGE + 0x10000, 904, 5096, 6000);
	over_lo(SKB(1), HEAD(1), 6000, 5000);
	pass("sk_queue", SKB(1), HEAD(1), 6000, 5000);
	mkrun_event(mk, SENDER, "sys_exit_sendto ret=6000");
	recv_enter(AF_INET_, RAW, 8192);
	copy_out(HEAD(1) + PAYLOAD, 1000, 0);
	copy_out(PAGE, 4096, 0);
	copy_out(PAGE + 0x10000, 904, 0);
	consume(1);
	mkrun_event(mk, RECEIVER, "sys_exit_recvfrom ret=6000");
	counts(load(), 1, 1, 2);
	assert_string_equal(r.engine.flows->proto, "packet");
	assert_int_equal(r.engine.flows->hops.min, 7);
	assert_int_equal(r.engine.flows->hops.max, 7);
}

/* The header of a ping goes to the stack first, where the next call's goes, too. */
static void what_a_call_leaves_on_its_stack_ends_with_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		send_enter(SENDER, AF_INET_, ICMP, 1408);
		copy_in(SENDER, STACK - 200, 8, 0, 1408);
		mkrun_event(mk, SENDER, "skb_fill to=%#lx off=8 len=1400 skb=%#lx", HEAD(1) + PAYLOAD, SKB(1));
		copy_in(SENDER, HEAD(1) + PAYLOAD, 1400, 8, 1408);
		over_lo(SKB(1), HEAD(1), 1400, 0);
		pass("sk_queue", SKB(1), HEAD(1), 1400, 0);
		mkrun_event(mk, SENDER, "sys_exit_sendto ret=1408");
		receive(ICMP, 1, 1400, 8, 0);
	}
	counts(load(), 3, 3, 2);
	assert_int_equal(r.engine.flows->payload_bytes, 3 * 1400);
}

static void into_ring(unsigned n, unsigned long at, unsigned long len)
{
	pass("tap_rcv", SKB(n), HEAD(n), len, 0);
	mkrun_event(mk, SENDER, "ring_fill to=%#lx len=%lu skb=%#lx", at, len + HEADERS, SKB(n));
	mkrun_event(mk, SENDER, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=%lu", AT_MEM, at,
		    HEAD(n) + PAYLOAD - HEADERS, len + HEADERS);
}

/* Twice to one place of a ring, beside the socket that the message is for. */
static void a_ring_gets_frames_without_a_call(void **state)
{
	const struct flow *f;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		send_enter(SENDER, AF_INET_, UDP, 100);
		mkrun_event(mk, SENDER, "skb_fill to=%#lx len=100 skb=%#lx", HEAD(1) + PAYLOAD, SKB(1));
		copy_in(SENDER, HEAD(1) + PAYLOAD, 100, 0, 100);
		over_lo(SKB(1), HEAD(1), 100, 0);
		into_ring(1, RING, 100);
		pass("sk_queue", SKB(1), HEAD(1), 100, 0);
		mkrun_event(mk, SENDER, "sys_exit_sendto ret=100");
		receive(UDP, 1, 100, 0, 0);
	}
	f = load();
	counts(f, 2, 4, 2);
	assert_int_equal(f->payload_bytes, 400);
	assert_int_equal(f->chain_copy_bytes, 600);
	assert_int_equal(f->header_bytes, 2 * HEADERS);
	assert_int_equal(f->taken_bytes, 200);
}

/* Without the tap's own hand-off, or with a copy that goes elsewhere, it is not the ring's. */
static void a_ring_gets_what_its_socket_was_given(void **state)
{
	(void)state;
	send_enter(SENDER, AF_INET_, UDP, 100);
	mkrun_event(mk, SENDER, "skb_fill to=%#lx len=100 skb=%#lx", HEAD(1) + PAYLOAD, SKB(1));
	copy_in(SENDER, HEAD(1) + PAYLOAD, 100, 0, 100);
	over_lo(SKB(1), HEAD(1), 100, 0);
	mkrun_event(mk, SENDER, "ring_fill to=%#lx len=142 skb=%#lx", RING, SKB(1));
	mkrun_event(mk, SENDER, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=142", AT_MEM, RING,
		    HEAD(1) + PAYLOAD - HEADERS);
	pass("sk_queue", SKB(1), HEAD(1), 100, 0);
	mkrun_event(mk, SENDER, "sys_exit_sendto ret=100");
	receive(UDP, 1, 100, 0, 0);
	expect(load(), VERDICT_AT_LEAST, "not explained");
	assert_int_equal(r.engine.flows->chains, 2);
}

/* A clone shares its head: each receiver's copy is its own, the sender's serves both. */
static void one_skb_cloned_to_two_sockets(void **state)
{
	const struct flow *f;

	(void)state;
	send_enter(SENDER, AF_INET_, UDP, 100);
	mkrun_event(mk, SENDER, "skb_fill to=%#lx len=100 skb=%#lx", HEAD(1) + PAYLOAD, SKB(1));
	copy_in(SENDER, HEAD(1) + PAYLOAD, 100, 0, 100);
	over_lo(SKB(1), HEAD(1), 100, 0);
	mkrun_event(mk, SENDER, "skb_cloning skb=%#lx", SKB(1));
	mkrun_event(mk, SENDER, "skb_clone skb=%#lx head=%#lx data=%#lx end=2048 len=%lu mac=2", SKB(2), HEAD(1),
		    HEAD(1) + PAYLOAD - HEADERS, 100 + HEADERS);
	pass("sk_queue", SKB(1), HEAD(1), 100, 0);
	mkrun_event(mk, SENDER, "sk_queue skb=%#lx head=%#lx data=%#lx end=2048 len=%lu mac=2 sk=%#lx", SKB(2),
		    HEAD(1), HEAD(1) + PAYLOAD - HEADERS, 100 + HEADERS, SK_B + 0x800);
	mkrun_event(mk, SENDER, "sys_exit_sendto ret=100");
	receive(UDP, 1, 100, 0, 0);
	left = 4096;
	mkrun_event(mk, RECEIVER, "sys_enter_recvfrom fd=6");
	mkrun_event(mk, RECEIVER,
		    "recv_enter sk=%#lx sock=3 file=4 fam=%d proto=%d lport=2000 len=4096 itype=%d icnt=4096 ibase=%#lx",
		    SK_B + 0x800, AF_INET_, UDP, mk->ubuf, UB);
	copy_out(HEAD(1) + PAYLOAD, 100, 0);
	mkrun_event(mk, RECEIVER, "consume_skb skb=%#lx head=%#lx end=2048", SKB(2), HEAD(1));
	mkrun_event(mk, RECEIVER, "sys_exit_recvfrom ret=100");
	f = load();
	counts(f, 1, 2, 2);
	assert_int_equal(f->payload_bytes, 200);
	assert_int_equal(f->chain_copy_bytes, 300);
	assert_int_equal(f->dead_bytes, 0);
}

#define PIPE 5 /* of enum iter_type, as 6.1 counts */

/* copy_page_to_iter into a pipe takes a reference (lib/iov_iter.c: copy_page_to_iter_pipe). */
static void a_page_reference_is_no_copy(void **state)
{
	const struct flow *f;

	(void)state;
	send_lo(SENDER, UDP, 1, 100);
	mkrun_event(mk, RECEIVER, "page_to_iter __probe_ip=%#lx page=%#lx off=%lu len=100 itype=%d icnt=4096",
		    AT_RECV, mkrun_page(HEAD(1)), PAYLOAD, PIPE);
	receive(UDP, 1, 100, 0, 0);
	f = load();
	counts(f, 1, 1, 2);
	assert_int_equal(f->chain_copy_bytes, 200);
	assert_int_equal(f->dead_bytes, 0);
}

static void what_arrived_is_not_said_to_have_vanished(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	send_lo(SENDER, UDP, 1, 100);
	recv_enter(AF_INET_, UDP, 4096);
	consume(1);
	mkrun_event(mk, RECEIVER, "sys_exit_recvfrom ret=100");
	load();
	screen_print(&r, NULL, out);
	fclose(out);
	if (!strstr(text, "lead to no receiver, by what is recorded") || strstr(text, "neither arrived"))
		fail_msg("%s", text);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_socket_of_two_processes_is_one_flow),
		TEST(a_socket_outlives_its_first_process_and_not_all),
		TEST(a_thread_that_ends_is_no_process),
		TEST(headers_that_a_socket_hands_over_are_counted_apart),
		TEST(what_is_no_header_is_not_explained),
		TEST(a_packet_is_filled_wherever_its_copies_go),
		TEST(what_a_call_leaves_on_its_stack_ends_with_it),
		TEST(a_ring_gets_frames_without_a_call),
		TEST(a_ring_gets_what_its_socket_was_given),
		TEST(one_skb_cloned_to_two_sockets),
		TEST(a_page_reference_is_no_copy),
		TEST(what_arrived_is_not_said_to_have_vanished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
