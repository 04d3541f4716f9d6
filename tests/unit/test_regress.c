// SPDX-License-Identifier: GPL-2.0-only
/* Kernel against kernel: digests in, findings, outcomes and exit statuses out. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/json.h"
#include "regress/logged_cost.h"
#include "regress/censusdiff.h"
#include "regress/compare.h"
#include "regress/finding.h"
#include "regress/night.h"
#include "regress/chaindiff.h"
#include "regresshelp.h"

static const struct limits limits = LIMITS_DEFAULT;

#define SITES "{'kind':'copy','symbol':'getfrag','module':null,'primitive':'from_iter','bytes':%lu}," \
	      "{'kind':'copy','symbol':'recvmsg','module':null,'primitive':'to_iter','bytes':%lu}"
#define HOPS "{'kind':'copy','where':'getfrag','cost':1000,'spread':0}," \
	     "{'kind':'handoff','where':'driver eth0','cost':2000,'spread':0}," \
	     "{'kind':'copy','where':'recvmsg','cost':3000,'spread':0}"

/* n messages of 100 bytes, all delivered, two copies; more: members that win over these. */
static struct json_object *flow(unsigned long n, const char *more)
{
	struct json_object *o = parse(
		"{'name':'f','size':{'min':100,'max':100},'messages':%lu,'delivered':%lu,'payload_bytes':%lu,"
		"'copied_bytes':%lu,'copy_bytes':%lu,'emulated_bytes':0,'dead_copy_bytes':0,"
		"'verdict':'exact','why':'','sites':[" SITES "],'hops':[" HOPS "],"
		"'cost':{'bare':{'messages':%lu,'median':10000,'middle':10000,'spread':0},"
		"'probed':{'messages':%lu,'median':30000},'way_messages':%lu}}",
		n, n, 100 * n, 200 * n, 200 * n, 100 * n, 100 * n, n, n, n);
	struct json_object *m = parse("{%s}", more);

	json_object_object_foreach(m, key, value)
		json_object_object_add(o, key, json_object_get(value));
	json_object_put(m);
	return o;
}

/* Compares and frees both; the findings' outcome, and the texts in one string. */
static char said[8192];

static enum outcome against(struct json_object *from, struct json_object *to)
{
	struct json_object *list = compare_flow(from, to, &limits);
	enum outcome o = findings_outcome(list);

	*said = '\0';
	for (size_t i = 0; i < json_length(list); i++) {
		size_t used = strlen(said);

		snprintf(said + used, sizeof(said) - used, "[%s] %s\n",
			 json_str(json_at(list, i), "what", ""),
			 json_str(json_at(list, i), "text", ""));
	}
	json_object_put(list);
	json_object_put(from);
	json_object_put(to);
	return o;
}

static void says(const char *words)
{
	if (!strstr(said, words))
		fail_msg("'%s' is not in:\n%s", words, said);
}

static void test_same(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, ""), flow(1000, "")), OUTCOME_SAME);
	assert_string_equal(said, "");
	/* As many of twice as many: ratios are compared, not sums. */
	assert_int_equal(against(flow(1000, ""), flow(2000, "")), OUTCOME_SAME);
}

static void test_one_byte_more(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, ""), flow(1000, "'copied_bytes':200001,'copy_bytes':200001")),
			 OUTCOME_REGRESSION);
	says("[copies] copies per byte: 2.00001, was 2.00000\n");
	assert_int_equal(against(flow(1000, ""), flow(1000, "'copied_bytes':199999,'copy_bytes':199999")),
			 OUTCOME_IMPROVEMENT);
	/* Too large for a product in 64 bits, and still told apart. */
	assert_int_equal(against(flow(1000, "'payload_bytes':10000000000000001,'copied_bytes':20000000000000002"),
				 flow(1000, "'payload_bytes':10000000000000001,'copied_bytes':20000000000000003")),
			 OUTCOME_REGRESSION);
}

static void test_another_figure(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, "'transforms':{'min':0,'mean':0,'max':0}"),
				 flow(1000, "'transforms':{'min':2,'mean':2,'max':2}")), OUTCOME_CHANGE);
	says("[figure] transforms per byte: 2.000, was 0.000\n");
	/* A digest of before there was the figure. */
	assert_int_equal(against(flow(1000, ""), flow(1000, "'pio':{'min':2,'mean':2,'max':2}")), OUTCOME_SAME);
}

static void test_a_copy_more(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, ""), flow(1000, "'copied_bytes':300000,'copy_bytes':300000,'sites':["
		"{'kind':'copy','symbol':'getfrag','module':null,'primitive':'from_iter','bytes':100000},"
		"{'kind':'copy','symbol':'clean_rx_irq','module':'e1000','primitive':'memcpy','bytes':100000},"
		"{'kind':'copy','symbol':'recvmsg.isra.0','module':null,'primitive':'to_iter','bytes':100000}],"
		"'hops':[{'kind':'copy','where':'getfrag','cost':1000,'spread':0},"
		"{'kind':'handoff','where':'driver eth0','cost':2000,'spread':0},"
		"{'kind':'copy','where':'e1000:clean_rx_irq','cost':9,'spread':0},"
		"{'kind':'copy','where':'recvmsg','cost':3000,'spread':0}]")), OUTCOME_REGRESSION);
	says("copies per byte: 3.000, was 2.000");
	says("[site] new: e1000:clean_rx_irq by memcpy copies each byte 1.000 times");
	says("[hop] new: copy at e1000:clean_rx_irq, after handoff driver eth0");
	if (strstr(said, "recvmsg by") || strstr(said, "cost"))
		fail_msg("too much:\n%s", said);
}

static void test_emulated(void **state)
{
	(void)state;
	assert_int_equal(against(flow(10, ""), flow(10, "'emulated_bytes':1000")), OUTCOME_REGRESSION);
	says("[emulated-dma]");
	assert_int_equal(against(flow(10, ""), flow(10, "'dead_copy_bytes':1000")), OUTCOME_CHANGE);
}

static void test_other_sites(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, ""), flow(1000, "'sites':["
		"{'kind':'copy','symbol':'getfrag','module':null,'primitive':'csum_from_iter','bytes':100000},"
		"{'kind':'copy','symbol':'recvmsg','module':null,'primitive':'to_iter','bytes':100000}]")),
			 OUTCOME_CHANGE);
	says("new: getfrag by csum_from_iter");
	says("gone: getfrag by from_iter");
}

/* Two sites of one function are one: which of its calls ran is no change of place. */
static void test_sites_folded(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, ""), flow(1000, "'sites':["
		"{'kind':'copy','symbol':'getfrag','module':null,'primitive':'from_iter','bytes':60000},"
		"{'kind':'copy','symbol':'getfrag','module':null,'primitive':'from_iter','bytes':40000},"
		"{'kind':'copy','symbol':'recvmsg','module':null,'primitive':'to_iter','bytes':100000}]")),
			 OUTCOME_SAME);
}

/* A site where nothing was copied now is gone, once, whether it is still listed or not. */
static void test_site_of_no_bytes(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, ""), flow(1000, "'sites':["
		"{'kind':'copy','symbol':'getfrag','module':null,'primitive':'from_iter','bytes':0},"
		"{'kind':'copy','symbol':'recvmsg','module':null,'primitive':'to_iter','bytes':100001}]")),
			 OUTCOME_CHANGE);
	assert_string_equal(said, "[site] gone: getfrag by from_iter copied each byte 1.000 times\n"
			    "[site] recvmsg by to_iter copies each byte 1.00001 times, was 1.00000\n");
}

/* The same copy of another compiler: one finding, with both shares. */
static void test_site_moved_out_of_line(void **state)
{
	char inlined[] = "'sites':[{'kind':'copy','symbol':'poll.isra.0','module':'m','primitive':'rep movsq','bytes':100000}]";
	char call[] = "'sites':[{'kind':'copy','symbol':'poll','module':'m','primitive':'memcpy','bytes':100000}]";
	char less[] = "'sites':[{'kind':'copy','symbol':'poll','module':'m','primitive':'memcpy','bytes':50000}]";
	char both[] = "'sites':[{'kind':'copy','symbol':'poll','module':'m','primitive':'memcpy','bytes':50000},"
		      "{'kind':'copy','symbol':'poll','module':'m','primitive':'rep movsq','bytes':50000}]";

	(void)state;
	assert_int_equal(against(flow(1000, inlined), flow(1000, call)), OUTCOME_CHANGE);
	assert_string_equal(said, "[site] moved: m:poll by memcpy copies each byte 1.000 times, was by rep movsq 1.000 times\n");
	assert_int_equal(against(flow(1000, call), flow(1000, inlined)), OUTCOME_CHANGE);
	assert_string_equal(said, "[site] moved: m:poll by rep movsq copies each byte 1.000 times, was by memcpy 1.000 times\n");
	against(flow(1000, inlined), flow(1000, less));
	assert_string_equal(said, "[site] moved: m:poll by memcpy copies each byte 0.500 times, was by rep movsq 1.000 times\n");
	against(flow(1000, both), flow(1000, call));
	assert_string_equal(said, "[site] m:poll by memcpy copies each byte 1.000 times, was 0.500\n"
			    "[site] gone: m:poll by rep movsq copied each byte 0.500 times\n");
}

static void test_verdict(void **state)
{
	const char *gap = "'verdict':'at-least','why':'a step is not explained (1)'";

	(void)state;
	assert_int_equal(against(flow(10, ""), flow(10, gap)), OUTCOME_REGRESSION);
	says("verdict: at-least, was exact: a step is not explained (1)");
	assert_int_equal(against(flow(10, gap), flow(10, "")), OUTCOME_IMPROVEMENT);
	assert_int_equal(against(flow(10, gap), flow(10, gap)), OUTCOME_SAME);
}

/* What is lost on the way has no figures to compare, and what arrives now has none to compare with. */
static void test_delivery(void **state)
{
	(void)state;
	assert_int_equal(against(flow(10, ""), flow(10, "'delivered':9")), OUTCOME_NOT_COMPARABLE);
	says("[delivery] 9 of 10 messages arrived, were 10 of 10");
	assert_int_equal(against(flow(10, "'delivered':9"), flow(10, "")), OUTCOME_CHANGE);
	says("[delivery] 10 of 10 messages arrived, were 9 of 10");
	assert_int_equal(against(flow(10, "'delivered':5"), flow(20, "'delivered':10")), OUTCOME_SAME);
}

/* A count that is a lower bound now may have fallen because less was seen. */
static void test_lower_bound(void **state)
{
	const char *gap = "'verdict':'at-least'", *less = "'verdict':'at-least','copied_bytes':1000,'copy_bytes':1000";

	(void)state;
	assert_int_equal(against(flow(10, gap), flow(10, less)), OUTCOME_CHANGE);
	says("[copies] copies per byte: 1.000, was 2.000 (a lower bound)\n");
	assert_int_equal(against(flow(10, "'emulated_bytes':1000,'verdict':'at-least'"), flow(10, gap)), OUTCOME_CHANGE);
	says("[emulated-dma]");
	/* More than a lower bound is more. */
	assert_int_equal(against(flow(10, gap), flow(10, "'verdict':'at-least','copied_bytes':3000,'copy_bytes':3000")),
			 OUTCOME_REGRESSION);
	says("copies per byte: 3.000, was 2.000\n");
	assert_int_equal(against(flow(10, gap), flow(10, "'copied_bytes':1000,'copy_bytes':1000")), OUTCOME_IMPROVEMENT);
}

#define AUDITED(closed, stored)                                                                    \
	"'stores':{'closed':" closed ",'sites':[{'site':'getfrag+0x10','stored_bytes':1000,'recorded_bytes':1000}," \
	"{'site':'clean_rx+0x8','stored_bytes':" stored ",'recorded_bytes':0}]}"

static void test_stores(void **state)
{
	(void)state;
	assert_int_equal(against(flow(10, AUDITED("true", "0")), flow(10, AUDITED("false", "7"))), OUTCOME_REGRESSION);
	says("[stores] the audit is not closed, and was: clean_rx+0x8\n");
	assert_int_equal(against(flow(10, AUDITED("false", "7")), flow(10, AUDITED("true", "0"))), OUTCOME_IMPROVEMENT);
	says("[stores] the audit is closed, and was not: clean_rx+0x8\n");
	assert_int_equal(against(flow(10, AUDITED("true", "0")), flow(10, AUDITED("false", "0"))), OUTCOME_REGRESSION);
	says("an emulator that did not write to its end\n");
	assert_int_equal(against(flow(10, AUDITED("false", "7")), flow(10, AUDITED("false", "8"))), OUTCOME_SAME);
	assert_int_equal(against(flow(10, "'stores':null"), flow(10, AUDITED("false", "7"))), OUTCOME_SAME);
	assert_int_equal(against(flow(10, ""), flow(10, AUDITED("false", "7"))), OUTCOME_SAME);
}

/* The same verdict, and less behind it. */
static void test_certainty(void **state)
{
	(void)state;
	assert_int_equal(against(flow(10, "'verdict':'at-least','accounted':0.998"), flow(10, "'verdict':'at-least','accounted':0.99")),
			 OUTCOME_REGRESSION);
	says("[verdict] 99.0 % of the delivered bytes have a chain, were 99.8 %\n");
	assert_int_equal(against(flow(10, "'verdict':'at-least','accounted':0.5"), flow(10, "'verdict':'at-least','accounted':0.9")),
			 OUTCOME_SAME);
	assert_int_equal(against(flow(10, "'accounted':1.5"), flow(10, "'accounted':1.0")), OUTCOME_SAME);
	assert_int_equal(against(flow(10, "'verdict':'at-least','gap':{'min':0,'mean':0.5,'max':1}"),
				 flow(10, "'verdict':'at-least','gap':{'min':0,'mean':0.5004,'max':1}")), OUTCOME_REGRESSION);
	says("[verdict] steps per byte that no event explains: 0.5004, were 0.5000\n");
	/* The verdict itself says it, once. */
	assert_int_equal(against(flow(10, "'accounted':1"), flow(10, "'verdict':'at-least','accounted':0.5")), OUTCOME_REGRESSION);
	assert_string_equal(said, "[verdict] verdict: at-least, was exact\n");
	/* An older baseline has neither. */
	assert_int_equal(against(flow(10, "'gap':{'min':0,'max':0}"), flow(10, "'accounted':0.5,'gap':{'mean':1}")), OUTCOME_SAME);
	assert_int_equal(against(flow(10, "'accounted':null"), flow(10, "'accounted':0.5")), OUTCOME_SAME);
	assert_int_equal(against(flow(10, "'accounted':1"), flow(10, "")), OUTCOME_SAME);
}

static void test_not_comparable(void **state)
{
	(void)state;
	assert_int_equal(against(NULL, flow(10, "")), OUTCOME_NOT_COMPARABLE);
	assert_int_equal(against(flow(10, ""), NULL), OUTCOME_NOT_COMPARABLE);
	assert_int_equal(against(flow(10, ""), flow(10, "'verdict':'at-least','lost':true")),
			 OUTCOME_NOT_COMPARABLE);
	says("[lost] events were lost");
	assert_int_equal(against(flow(10, "'lost':true"), flow(10, "")), OUTCOME_NOT_COMPARABLE);
	says("[lost] baseline: events were lost");
	assert_int_equal(against(flow(10, ""), flow(10, "'size':{'min':100,'max':101}")),
			 OUTCOME_NOT_COMPARABLE);
	assert_int_equal(against(flow(10, ""), flow(10, "'payload_bytes':0")), OUTCOME_NOT_COMPARABLE);
	assert_int_equal(against(flow(10, "'messages':0"), flow(10, "")), OUTCOME_NOT_COMPARABLE);
}

static const char *bare(unsigned n, unsigned median, unsigned middle, unsigned spread)
{
	static char text[4][200];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]),
		 "'cost':{'bare':{'messages':%u,'median':%u,'middle':%u,'spread':%u},'way_messages':%u}", n,
		 median, middle, spread, n);
	return text[at];
}

static void test_cost(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, ""), flow(1000, bare(1000, 10050, 0, 0))), OUTCOME_SAME);
	assert_int_equal(against(flow(1000, ""), flow(1000, bare(1000, 10051, 0, 0))), OUTCOME_REGRESSION);
	says("10051 instructions, was 10000 (+0.5 %, limit 0.5 %)");
	assert_int_equal(against(flow(1000, ""), flow(1000, bare(1000, 9949, 0, 0))), OUTCOME_IMPROVEMENT);
	/* Of a short path half a percent is less than what a boot moves it by. */
	assert_int_equal(against(flow(1000, bare(1000, 1000, 0, 0)), flow(1000, bare(1000, 1050, 0, 0))),
			 OUTCOME_SAME);
	/* Too few for a median, on both sides. */
	assert_int_equal(against(flow(1000, bare(99, 10000, 0, 0)), flow(1000, bare(99, 20000, 0, 0))),
			 OUTCOME_SAME);
}

/* What one kernel has a cost of and the other has not is told. */
static void test_cost_of_one(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, ""), flow(1000, bare(40, 10000, 0, 0))), OUTCOME_NOT_COMPARABLE);
	says("[cost] this kernel has no cost: 40 messages were timed, a median takes 100");
	assert_int_equal(against(flow(1000, bare(0, 0, 0, 0)), flow(1000, "")), OUTCOME_NOT_COMPARABLE);
	says("[cost] the baseline has no cost: 0 messages were timed");
	assert_int_equal(against(flow(1000, ""), flow(1000, bare(1000, 0, 0, 0))), OUTCOME_NOT_COMPARABLE);
	says("the median of its 1000 messages is 0");
	assert_int_equal(against(flow(1000, ""), flow(1000, "'cost':null")), OUTCOME_CHANGE);
	says("[cost] cost was measured on one side only: the baseline's");
	assert_int_equal(against(flow(1000, "'cost':null"), flow(1000, "")), OUTCOME_CHANGE);
	says("[cost] cost was measured on one side only: this kernel's");
	/* Few messages have no cost, timed or not. */
	assert_int_equal(against(flow(10, ""), flow(10, "'cost':null")), OUTCOME_SAME);
}

/* Messages of two kinds: the median may jump, the mean of the middle half decides. */
static void test_cost_unsteady(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, bare(1000, 10000, 11000, 100)),
				 flow(1000, bare(1000, 12000, 11100, 100))), OUTCOME_SAME);
	assert_int_equal(against(flow(1000, bare(1000, 10000, 11000, 100)),
				 flow(1000, bare(1000, 10000, 11600, 0))), OUTCOME_REGRESSION);
	says("mean of the middle half: 11600 instructions, was 11000 (+5.5 %, limit 5.0 %)");
	/* That they are so only now widens the limit, and is told. */
	assert_int_equal(against(flow(1000, bare(1000, 10000, 10000, 0)),
				 flow(1000, bare(1000, 10400, 10400, 100))), OUTCOME_CHANGE);
	says("[cost] messages are of several kinds now, and were not: their limit is 5.0 % therefore");
	assert_int_equal(against(flow(1000, bare(1000, 10000, 10000, 2000)),
				 flow(1000, bare(1000, 10000, 10000, 0))), OUTCOME_SAME);
}

/* The same of messages of two kinds, the cheapest tenth of which takes so many instructions. */
static const char *kinds(unsigned middle, unsigned low)
{
	static char text[4][200];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]),
		 "'cost':{'bare':{'messages':1000,'median':10000,'middle':%u,'low':%u,'spread':1000},'way_messages':1000}",
		 middle, low);
	return text[at];
}

/* Which kind of message is usual differs from boot to boot; what each of them costs does not. */
static void test_cost_of_kinds(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, kinds(10000, 6000)), flow(1000, kinds(11000, 6300))), OUTCOME_REGRESSION);
	says("mean of the middle half: 11000 instructions, was 10000 (+10.0 %, limit 5.0 %)");
	assert_int_equal(against(flow(1000, kinds(10000, 6000)), flow(1000, kinds(11000, 6100))), OUTCOME_CHANGE);
	says("[cost] other kinds of messages are usual, each as dear as before; mean of the middle half: 11000");
	assert_int_equal(against(flow(1000, kinds(11000, 6000)), flow(1000, kinds(10000, 6200))), OUTCOME_CHANGE);
	assert_int_equal(against(flow(1000, kinds(11000, 6000)), flow(1000, kinds(10000, 5700))), OUTCOME_IMPROVEMENT);
	assert_int_equal(against(flow(1000, kinds(10000, 6000)), flow(1000, kinds(10400, 9000))), OUTCOME_SAME);
	/* So much is no other kind. */
	assert_int_equal(against(flow(1000, kinds(10000, 6000)), flow(1000, kinds(12001, 6000))), OUTCOME_REGRESSION);
	/* An older digest does not tell. */
	assert_int_equal(against(flow(1000, kinds(10000, 0)), flow(1000, kinds(11000, 6000))), OUTCOME_REGRESSION);
}

static void test_hop_cost(void **state)
{
	(void)state;
	assert_int_equal(against(flow(1000, ""), flow(1000, "'hops':["
		"{'kind':'copy','where':'getfrag','cost':1090,'spread':0},"
		"{'kind':'handoff','where':'driver eth0','cost':2200,'spread':0},"
		"{'kind':'copy','where':'recvmsg','cost':3900,'spread':400}]")), OUTCOME_CHANGE);
	says("[hop-cost] up to handoff driver eth0: 2200 instructions, was 2000 (+10.0 %");
	if (strstr(said, "getfrag") || strstr(said, "recvmsg"))
		fail_msg("within what is known:\n%s", said);
}

static void test_ways(void **state)
{
	struct json_object *a = parse("[{'kind':'x','where':'1'},{'kind':'x','where':'2'},{'kind':'x','where':'3'}]");
	struct json_object *b = parse("[{'kind':'x','where':'2'},{'kind':'y','where':'2'},{'kind':'x','where':'3'}]");
	struct json_object *none = parse("[]");
	struct chaindiff d;
	char shape[8] = "";

	(void)state;
	assert_int_equal(chaindiff_make(a, b, &d), 0);
	for (size_t i = 0; i < d.count; i++)
		shape[i] = "=-+"[d.steps[i].change];
	assert_string_equal(shape, "-=+=");
	assert_int_equal(d.changes, 2);
	chaindiff_free(&d);
	assert_int_equal(chaindiff_make(none, b, &d), 0);
	assert_int_equal(d.changes, 3);
	chaindiff_free(&d);
	assert_int_equal(chaindiff_make(NULL, NULL, &d), 0);
	assert_int_equal(d.count, 0);
	chaindiff_free(&d);
	json_object_put(a);
	json_object_put(b);
	json_object_put(none);
}

#define SITE(module, function, primitive, status) \
	"{'module':" module ",'function':'" function "','primitive':'" primitive "','kind':'call','status':'" \
	status "'}"

static size_t in(struct json_object *diff, const char *list, const char *function)
{
	struct json_object *l = json_get(diff, list);
	size_t n = 0;

	for (size_t i = 0; i < json_length(l); i++)
		n += !strcmp(json_str(json_at(l, i), "function", ""), function);
	return n;
}

/* All that differs in one sentence, or "". */
static const char *sum_of(struct json_object *compared)
{
	static char text[512];
	struct json_object *list = json_object_new_array();

	compare_censuses(list, compared);
	snprintf(text, sizeof(text), "%s", json_str(json_at(list, 0), "text", ""));
	json_object_put(list);
	return text;
}

static void test_census(void **state)
{
	struct json_object *a = parse("{'sites':[" SITE("null", "stays", "memcpy", "probed") ","
		SITE("null", "stays", "memcpy", "unprobed") "," SITE("null", "old_function", "memcpy", "probed") ","
		SITE("null", "raw_getsockopt", "to_user", "unprobed") "," SITE("null", "pipe_write", "page_from", "probed") ","
		SITE("'m'", "split.isra.0", "memcpy", "probed") "," SITE("null", "grows", "memcpy", "probed") ","
		"{'function':'taken','primitive':'memcpy','kind':'taken','status':'reference'}]}");
	struct json_object *b = parse("{'sites':[" SITE("null", "stays", "memcpy", "unprobed") ","
		SITE("null", "stays", "memcpy", "probed") "," SITE("null", "fresh_function", "memcpy", "probed") ","
		SITE("null", "raw_getsockopt", "to_iter", "probed") "," SITE("null", "anon_pipe_write", "page_from", "probed") ","
		SITE("'m'", "split.constprop.0", "memcpy", "probed") "," SITE("null", "grows", "memcpy", "blind") ","
		SITE("null", "grows", "memcpy", "probed") "]}");
	struct json_object *from = census_digest(a), *to = census_digest(b), *d = census_compare(from, to);

	(void)state;
	assert_int_equal(in(d, "new", "fresh_function"), 1);
	assert_int_equal(json_length(json_get(d, "new")), 1);
	assert_int_equal(in(d, "gone", "old_function"), 1);
	assert_int_equal(json_length(json_get(d, "gone")), 1);
	assert_int_equal(in(d, "moved", "anon_pipe_write"), 1);
	assert_int_equal(in(d, "other_primitive", "raw_getsockopt"), 1);
	assert_int_equal(in(d, "more", "grows"), 1);
	assert_int_equal(in(d, "blind", "grows"), 1);
	assert_string_equal(sum_of(d), "functions with copy sites: 1 new, 1 gone, 1 moved to another function, "
			    "1 copied by another primitive, 1 more sites, 1 sites that no probe can see");
	json_object_put(d);
	d = census_compare(from, from);
	assert_string_equal(sum_of(d), "");
	json_object_put(d);
	json_object_put(from);
	json_object_put(to);
	json_object_put(a);
	json_object_put(b);
}

#define INLINED(function, primitive) \
	"{'module':'m','function':'" function "','primitive':'" primitive "','kind':'inlined','status':'probed'}"

/* Of a pair in "inlining", how many sites it tells of, from which primitive to which. */
static unsigned long inlining(struct json_object *diff, const char *function, const char *from, const char *to)
{
	struct json_object *l = json_get(diff, "inlining");

	for (size_t i = 0; i < json_length(l); i++) {
		struct json_object *x = json_at(l, i);

		if (!strcmp(json_str(x, "function", ""), function) && !strcmp(json_str(x, "from_primitive", ""), from) &&
		    !strcmp(json_str(x, "primitive", ""), to)) {
			assert_int_equal(json_uint(x, "sites", 0), json_uint(x, "from_sites", 0));
			return json_uint(x, "sites", 0);
		}
	}
	return 0;
}

/* A copy that only one of the compilers inlines is no new one. */
static void test_census_inlined(void **state)
{
	struct json_object *a = parse("{'sites':[" INLINED("out", "rep movsq") "," INLINED("out", "rep movsl") ","
		SITE("'m'", "into", "memcpy", "probed") "," SITE("'m'", "part", "memcpy", "probed") ","
		INLINED("part", "rep movsq") "," INLINED("part", "rep movsq") "," INLINED("stays", "rep movsq") ","
		INLINED("gone", "rep movsq") "," INLINED("port", "rep insl") "," INLINED("grows", "rep movsq") "]}");
	struct json_object *b = parse("{'sites':[" SITE("'m'", "out.part.0", "memcpy", "probed") ","
		SITE("'m'", "out", "memmove", "probed") "," INLINED("into.isra.0", "rep movsb") ","
		SITE("'m'", "part", "memcpy", "probed") "," SITE("'m'", "part", "memcpy", "blind") ","
		INLINED("part", "rep movsq") "," INLINED("stays", "rep movsq") ","
		SITE("'m'", "port", "memcpy", "probed") "," SITE("'m'", "fresh", "memcpy", "probed") ","
		SITE("'m'", "grows", "memcpy", "probed") "," SITE("'m'", "grows", "memcpy", "probed") "]}");
	struct json_object *from = census_digest(a), *to = census_digest(b), *d = census_compare(from, to);

	(void)state;
	assert_int_equal(inlining(d, "out", "rep movsl", "memcpy"), 1);
	assert_int_equal(inlining(d, "out", "rep movsq", "memmove"), 1);
	assert_int_equal(inlining(d, "into", "memcpy", "rep movsb"), 1);
	assert_int_equal(inlining(d, "part", "rep movsq", "memcpy"), 1);
	assert_int_equal(inlining(d, "grows", "rep movsq", "memcpy"), 1);
	assert_int_equal(json_length(json_get(d, "inlining")), 5);
	assert_int_equal(in(d, "new", "grows"), 1); /* the other of its two calls */
	assert_int_equal(in(d, "new", "fresh"), 1);
	assert_int_equal(json_length(json_get(d, "new")), 2);
	assert_int_equal(in(d, "gone", "gone"), 1);
	assert_int_equal(json_length(json_get(d, "gone")), 1);
	assert_int_equal(in(d, "other_primitive", "port"), 1);
	assert_int_equal(in(d, "blind", "part"), 1);
	assert_int_equal(json_length(json_get(d, "more")) + json_length(json_get(d, "fewer")), 0);
	json_object_put(d);
	json_object_put(from);
	json_object_put(to);
	json_object_put(a);
	json_object_put(b);
}

static void test_bare(void **state)
{
	struct logged_costs b;

	(void)state;
	assert_int_equal(logged_costs_read(file("log", "{'kind':'flow','flow':1,'name':'one'}\n"
		"{'kind':'send','flow':1,'seq':0,'time':1000}\n{'kind':'send','flow':1,'seq':5000,'time':2000}\n"
		"{'kind':'recv','flow':1,'seq':0,'time':1400}\n{'kind':'recv','flow':1,'seq':0,'time':9000}\n"
		"{'kind':'recv','flow':1,'seq':-1,'time':9000}\n{'kind':'recv','flow':1,'seq':77,'time':9000}\n"
		"{'kind':'recv','flow':99,'seq':0,'time':1}\n{'kind':'recv','flow':1,'seq':5000,'time':2800}\n"), &b), 0);
	assert_int_equal(logged_cost_find(&b, "one")->count, 2);
	assert_int_equal(logged_cost_find(&b, "one")->min, 400);
	assert_int_equal(logged_cost_find(&b, "one")->max, 800);
	assert_null(logged_cost_find(&b, "two"));
	logged_costs_free(&b);
	/* A read is posted by who receives; its source took no part. */
	assert_int_equal(logged_costs_read(file("log", "{'kind':'flow','flow':2,'name':'read'}\n"
		"{'kind':'send','flow':2,'seq':0,'call':null,'time':5000}\n"
		"{'kind':'recv','flow':2,'seq':0,'call':'post_send','time':1000,'done':4000}\n"), &b), 0);
	assert_int_equal(logged_cost_find(&b, "read")->count, 1);
	assert_int_equal(logged_cost_find(&b, "read")->max, 3000);
	logged_costs_free(&b);
	assert_int_equal(logged_costs_read(file("log", "{'kind':'send','flow':1,'seq':99999999999,'time':1}\n"), &b), -EBADMSG);
	logged_costs_free(&b);
	assert_int_equal(logged_costs_read(file("log", "no json\n"), &b), -EBADMSG);
	logged_costs_free(&b);
	assert_int_equal(logged_costs_read("/nonexistent/log", &b), -ENOENT);
	logged_costs_free(&b);
}

#define DIGEST(label, status, flows) \
	"{'schema':1,'label':'" label "','status':'" status "','why':'panic','set':'s','flows':[" flows "]}"
#define FLOW(name, copied) \
	"{'name':'" name "','size':{'min':1,'max':1},'messages':10,'delivered':10,'payload_bytes':10," \
	"'copied_bytes':" copied ",'verdict':'exact','why':''}"

static int status_of(const char *base, const char *digest)
{
	struct night_input in = {.name = "n", .limits = LIMITS_DEFAULT};
	const char *items[] = {NULL};
	struct json_object *report;
	char why[512];
	int status;

	in.baseline = file("base.json", base);
	items[0] = file("digest.json", digest);
	in.digests = (struct opt_list){.items = items, .count = 1};
	report = night_compare(&in, why, sizeof(why));
	status = report ? (int)json_uint(report, "exit_status", 99) : -1;
	json_object_put(report);
	return status;
}

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(status_of(DIGEST("a", "measured", FLOW("f", "20")), DIGEST("b", "measured", FLOW("f", "20"))), 0);
	assert_int_equal(status_of(DIGEST("a", "measured", FLOW("f", "20")), DIGEST("b", "measured", FLOW("f", "10"))), 0);
	assert_int_equal(status_of(DIGEST("a", "measured", FLOW("f", "20")), DIGEST("b", "measured", FLOW("f", "30"))), 1);
	assert_int_equal(status_of(DIGEST("a", "measured", FLOW("f", "20")), DIGEST("b", "failed", "")), 3);
	assert_int_equal(status_of(DIGEST("a", "failed", ""), DIGEST("b", "measured", FLOW("f", "30"))), 3);
	/* One flow got worse and one is missing: the highest applies. */
	assert_int_equal(status_of(DIGEST("a", "measured", FLOW("f", "20") "," FLOW("g", "20")),
				   DIGEST("b", "measured", FLOW("f", "30"))), 3);
	/* A new flow alone is no failure, beside one that is compared. */
	assert_int_equal(status_of(DIGEST("a", "measured", FLOW("f", "20")),
				   DIGEST("b", "measured", FLOW("f", "20") "," FLOW("g", "20"))), 0);
	/* Nothing to compare is no good news. */
	assert_int_equal(status_of(DIGEST("a", "measured", ""), DIGEST("b", "measured", FLOW("g", "20"))), 3);
	/* Damaged input: of the baseline nothing can be told, else it is one kernel's. */
	assert_int_equal(status_of(DIGEST("a", "measured", FLOW("f", "20")), "{'schema':2,'label':'b','status':'measured'}"), 4);
	assert_int_equal(status_of(DIGEST("a", "measured", FLOW("f", "20")), "{'schema':1"), 4);
	assert_int_equal(status_of(DIGEST("a", "measured", FLOW("f", "20")), "[]"), 4);
	assert_int_equal(status_of("{'schema':1", DIGEST("a", "measured", FLOW("f", "20"))), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),	     cmocka_unit_test(test_one_byte_more),
		cmocka_unit_test(test_another_figure), cmocka_unit_test(test_a_copy_more),  cmocka_unit_test(test_emulated),
		cmocka_unit_test(test_other_sites),  cmocka_unit_test(test_sites_folded),
		cmocka_unit_test(test_site_of_no_bytes),
		cmocka_unit_test(test_site_moved_out_of_line),
		cmocka_unit_test(test_stores),
		cmocka_unit_test(test_verdict),	     cmocka_unit_test(test_not_comparable),
		cmocka_unit_test(test_cost),	     cmocka_unit_test(test_cost_unsteady), cmocka_unit_test(test_cost_of_kinds),
		cmocka_unit_test(test_cost_of_one),  cmocka_unit_test(test_delivery),
		cmocka_unit_test(test_lower_bound),  cmocka_unit_test(test_certainty),
		cmocka_unit_test(test_hop_cost),     cmocka_unit_test(test_ways),
		cmocka_unit_test(test_census),	     cmocka_unit_test(test_census_inlined),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests(tests, regress_begin, regress_end);
}
