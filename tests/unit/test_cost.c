// SPDX-License-Identifier: GPL-2.0-only
/* Times: distributions against a sorted list, and medians per hop against the events' own times. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/cost.h"
#include "common/json.h"
#include "mkrun.h"

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t naive(const uint64_t *sorted, size_t n, unsigned percent)
{
	size_t rank = (n * percent + 99) / 100;

	return sorted[rank ? rank - 1 : 0];
}

static uint64_t seed = 1;

static uint64_t draw(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 20) % below;
}

static void test_empty(void **state)
{
	struct dist d = {0};

	(void)state;
	assert_int_equal(dist_percentile(&d, 50), 0);
	assert_int_equal(dist_between(&d, 0, UINT64_MAX), 0);
	assert_true(dist_exact(&d));
	dist_free(&d);
}

/* As long as few values differ, every percentile is one of them, however many there are. */
static void test_few_values(void **state)
{
	static uint64_t v[20000];
	const unsigned percents[] = {0, 1, 50, 90, 99, 100};
	struct dist d = {0};

	(void)state;
	for (size_t i = 0; i < 20000; i++) {
		v[i] = 4 * draw(DIST_VALUES);
		assert_int_equal(dist_add(&d, v[i]), 0);
	}
	assert_true(dist_exact(&d));
	qsort(v, 20000, sizeof(*v), by_value);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(dist_percentile(&d, percents[i]), naive(v, 20000, percents[i]));
	assert_int_equal(d.min, v[0]);
	assert_int_equal(d.max, v[19999]);
	assert_int_equal(dist_between(&d, 0, UINT64_MAX), 20000);
	dist_free(&d);
}

/* With many, no percentile is further off than stated; least and most stay exact. */
static void test_many_values(void **state)
{
	static uint64_t v[50000];
	struct dist d = {0};

	(void)state;
	for (size_t i = 0; i < 50000; i++) {
		v[i] = draw(1ULL << (1 + draw(43)));
		assert_int_equal(dist_add(&d, v[i]), 0);
	}
	assert_false(dist_exact(&d));
	qsort(v, 50000, sizeof(*v), by_value);
	for (unsigned p = 0; p <= 100; p++) {
		double want = (double)naive(v, 50000, p), got = (double)dist_percentile(&d, p);

		if (got < want * (1 - DIST_ERROR) || got > want * (1 + DIST_ERROR))
			fail_msg("%u%%: %.0f, not %.0f", p, got, want);
	}
	assert_int_equal(d.min, v[0]);
	assert_int_equal(d.max, v[49999]);
	for (unsigned bit = 0; bit < 44; bit++) {
		size_t n = 0;

		for (size_t i = 0; i < 50000; i++)
			n += v[i] >= 1ULL << bit && v[i] < 2ULL << bit;
		assert_int_equal(dist_between(&d, 1ULL << bit, 2ULL << bit), n);
	}
	dist_free(&d);
}

/* The interval by ranks holds the median of another sample of the same source. */
static void test_spread(void **state)
{
	struct dist d = {0};

	(void)state;
	assert_int_equal(dist_spread(&d), 0);
	dist_add(&d, 10);
	assert_int_equal(dist_spread(&d), 0);
	dist_add(&d, 30);
	assert_int_equal(dist_spread(&d), 20);
	for (uint64_t i = 3; i <= 10000; i++)
		dist_add(&d, 1000);
	assert_int_equal(dist_spread(&d), 0);
	dist_free(&d);
	for (uint64_t i = 1; i <= 1000; i++)
		dist_add(&d, i);
	assert_int_equal(dist_spread(&d), 2 * 53); /* 1.65 √1000 = 52.2 */
	dist_free(&d);
}

/* Half of 10, half of 20 with outliers: the median is either, the mean of the middle is between. */
static void test_middle(void **state)
{
	struct dist d = {0};

	(void)state;
	assert_int_equal(dist_middle(&d), 0);
	dist_add(&d, 7);
	assert_int_equal(dist_middle(&d), 7);
	dist_free(&d);
	for (uint64_t i = 0; i < 100; i++)
		dist_add(&d, i < 10 ? 1000000 : i < 55 ? 100 : 200);
	assert_int_equal(dist_percentile(&d, 50), 200);
	assert_int_equal(dist_middle(&d), 160); /* ranks 25 to 74: 20 of 100, 30 of 200 */
	dist_free(&d);
	for (uint64_t i = 1; i <= 100000; i++)
		dist_add(&d, 1000000 + i);
	assert_false(dist_exact(&d));
	assert_in_range(dist_middle(&d), 1046000, 1054000);
	dist_free(&d);
}

static void test_largest(void **state)
{
	struct dist d = {0};

	(void)state;
	for (uint64_t i = 0; i <= DIST_VALUES; i++)
		assert_int_equal(dist_add(&d, UINT64_MAX - i), 0);
	assert_false(dist_exact(&d));
	assert_int_equal(d.max, UINT64_MAX);
	assert_true(dist_percentile(&d, 50) >= UINT64_MAX - DIST_VALUES);
	dist_free(&d);
}

#define UA 0x7f0000001000ul
#define UB 0x7f0000009000ul
#define HEAD 0xffff888002000000ul
#define SKB 0xffff888003000000ul
#define LEN 1400ul

static void send_one(struct mkrun *mk, const char *way, unsigned idle)
{
	mkrun_event(mk, 100,
		    "send_enter __probe_ip=0x10 sk=0xffff888001000000 sock=1 file=2 fam=2 proto=17 lport=1000 "
		    "rport=%u laddr=0x0100007f raddr=0x0100007f msg=0xffffc90000001000 len=%lu itype=%d icnt=%lu "
		    "ibase=%#lx", 0xd007u, LEN, mk->ubuf, LEN, UA);
	mk->ts += idle;
	mkrun_event(mk, 100, "skb_fill to=%#lx len=%lu skb=%#lx", HEAD + 64, LEN, SKB);
	mkrun_event(mk, 100, "from_iter __probe_ip=%#lx dst=%#lx len=%lu itype=%d icnt=%lu ibase=%#lx",
		    0xffffffff81000010ul, HEAD + 64, LEN, mk->ubuf, LEN, UA);
	for (; *way; way++)
		mkrun_event(mk, 100, "%s skb=%#lx head=%#lx data=%#lx end=2048 len=%lu mac=2%s",
			    *way == 'q' ? "dev_queue" : *way == 'x' ? "dev_xmit" :
			    *way == 'r' ? "netif_rx" : *way == 'n' ? "netif_receive" : "sk_queue",
			    SKB, HEAD, HEAD + 36, LEN + 28,
			    *way == 's' ? " sk=0xffff888001001000" : " dev=lo");
	mkrun_event(mk, 100, "sys_exit_sendto ret=%lu", LEN);
}

static void receive_one(struct mkrun *mk, const char *more)
{
	mkrun_event(mk, 200,
		    "recv_enter sk=0xffff888001001000 sock=3 file=4 fam=2 proto=17 lport=2000 len=4096 itype=%d "
		    "icnt=4096 ibase=%#lx%s", mk->ubuf, UB, more);
	mkrun_event(mk, 200, "to_iter __probe_ip=%#lx src=%#lx len=%lu itype=%d icnt=%lu ibase=%#lx",
		    0xffffffff81000110ul, HEAD + 64, LEN, mk->ubuf, LEN, UB);
	if (!*more)
		mkrun_event(mk, 200, "consume_skb skb=%#lx head=%#lx end=2048", SKB, HEAD);
	mkrun_event(mk, 200, "sys_exit_recvfrom ret=%lu", LEN);
}

static struct mkrun *make(void)
{
	struct mkrun *mk = mkrun_new();

	mkrun_site(mk, 0xffffffff81000010ul, "getfrag", "probed", "call");
	mkrun_site(mk, 0xffffffff81000110ul, "recvmsg", "probed", "call");
	return mk;
}

static struct json_object *times(struct analysis *r)
{
	struct json_object *o = json_object_new_object();

	cost_json(o, r->engine.flows);
	return o;
}

/* Events stand MKRUN_STEP apart: send, fill, copy, q x r n s, exit, enter, copy. */
static void test_hops(void **state)
{
	static const char *const where[] = {"getfrag+0x10", "device queue lo", "driver lo", "backlog lo",
					    "protocol stack lo", "receive queue", "recvmsg+0x10"};
	struct mkrun *mk = make();
	struct json_object *o, *cost;
	struct analysis r;

	(void)state;
	send_one(mk, "qxrns", 0);
	receive_one(mk, "");
	send_one(mk, "qxrns", 24);
	receive_one(mk, "");
	send_one(mk, "qxrns", 500);
	receive_one(mk, "");
	mkrun_load(mk, &r);
	o = times(&r);
	cost = json_get(o, "cost");
	assert_int_equal(json_uint(json_get(o, "latency_ns"), "min", 0), 10 * MKRUN_STEP);
	assert_int_equal(json_uint(json_get(o, "latency_ns"), "p50", 0), 10 * MKRUN_STEP + 24);
	assert_int_equal(json_uint(json_get(o, "latency_ns"), "max", 0), 10 * MKRUN_STEP + 500);
	assert_int_equal(json_length(json_get(json_get(o, "latency_ns"), "bins")), 1);
	assert_int_equal(json_uint(cost, "message_median_ns", 0), 10 * MKRUN_STEP + 24);
	assert_int_equal(json_uint(cost, "count", 0), 3);
	assert_int_equal(json_length(json_get(cost, "hops")), 7);
	for (size_t i = 0; i < 7; i++) {
		struct json_object *h = json_at(json_get(cost, "hops"), i);
		uint64_t steps = i == 0 ? 2 : i == 6 ? 3 : 1;

		assert_string_equal(json_str(h, "where", ""), where[i]);
		assert_int_equal(json_uint(h, "median_ns", 0), steps * MKRUN_STEP + (i ? 0 : 24));
		assert_int_equal(json_uint(h, "count", 0), 3);
	}
	json_object_put(o);
	analysis_free(&r);
	mkrun_free(mk);
}

/* The way of most messages is shown; those on another are in the whole, not among its hops. */
static void test_ways(void **state)
{
	struct mkrun *mk = make();
	struct json_object *o, *cost;
	struct analysis r;

	(void)state;
	send_one(mk, "qxns", 100);
	receive_one(mk, "");
	for (int i = 0; i < 2; i++) {
		send_one(mk, "qxrns", 0);
		receive_one(mk, "");
	}
	mkrun_load(mk, &r);
	o = times(&r);
	cost = json_get(o, "cost");
	assert_int_equal(json_uint(json_get(o, "latency_ns"), "count", 0), 3);
	assert_int_equal(json_uint(cost, "count", 0), 2);
	assert_int_equal(json_uint(cost, "other_ways", 0), 1);
	assert_int_equal(json_uint(cost, "message_median_ns", 0), 10 * MKRUN_STEP);
	assert_int_equal(json_length(json_get(cost, "hops")), 7);
	json_object_put(o);
	analysis_free(&r);
	mkrun_free(mk);
}

/* Who only peeks is not whom the message was sent to; what never arrived took no time. */
static void test_not_delivered(void **state)
{
	struct mkrun *mk = make();
	struct json_object *o;
	struct analysis r;

	(void)state;
	send_one(mk, "qxrns", 0);
	receive_one(mk, " flags=2");
	mkrun_load(mk, &r);
	assert_int_equal(r.engine.flows->chains, 1);
	o = times(&r);
	assert_null(json_get(o, "cost"));
	assert_null(json_get(o, "latency_ns"));
	json_object_put(o);
	analysis_free(&r);
	mkrun_free(mk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	    cmocka_unit_test(test_few_values),
		cmocka_unit_test(test_many_values), cmocka_unit_test(test_spread),
		cmocka_unit_test(test_middle),	    cmocka_unit_test(test_largest),
		cmocka_unit_test(test_hops),	    cmocka_unit_test(test_ways),
		cmocka_unit_test(test_not_delivered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
