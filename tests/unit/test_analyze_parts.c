// SPDX-License-Identifier: GPL-2.0-only
/* The analyzer's small parts: hash table, iterators, and the files of a run folder. */
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
#include "analyze/core/iter.h"
#include "mkrun.h"

/* ---- table ---- */

static uint64_t seed = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static void count_value(void *value, void *ctx)
{
	assert_non_null(value);
	++*(size_t *)ctx;
}

/* The values are places in an array of void *: those at odd places go. */
static bool is_odd(void *value, void *ctx)
{
	return (size_t)((void **)value - (void **)ctx) % 2;
}

/* Keys that fall together: neighbours, pages, and all in one slot of a small map. */
static uint64_t key_of(unsigned i, unsigned kind)
{
	return kind == 0 ? i : kind == 1 ? 0xffff888000000000u + i * 0x1000ull : (uint64_t)i << 52;
}

static void test_hashmap(void **state)
{
	enum { KEYS = 300 };
	static void *naive[KEYS];

	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		struct hashmap t = {0};
		size_t held = 0, seen;

		memset(naive, 0, sizeof(naive));
		for (unsigned step = 0; step < 60000; step++) {
			/* Waves of filling and emptying. */
			bool fill = (step / 5000) % 2 == 0 ? draw(4) != 0 : draw(4) == 0;
			unsigned i = (unsigned)draw(KEYS);
			uint64_t key = key_of(i, kind);

			if (fill) {
				void *value = &naive[draw(KEYS)];

				assert_int_equal(hashmap_set(&t, key, value), 0);
				held += !naive[i];
				naive[i] = value;
			} else {
				assert_ptr_equal(hashmap_remove(&t, key), naive[i]);
				held -= naive[i] != NULL;
				naive[i] = NULL;
			}
			if (!draw(2000)) {
				hashmap_prune(&t, is_odd, naive);
				for (unsigned k = 0; k < KEYS; k++)
					if (naive[k] && is_odd(naive[k], naive)) {
						naive[k] = NULL;
						held--;
					}
			}
			assert_int_equal(t.count, held);
			i = (unsigned)draw(KEYS);
			assert_ptr_equal(hashmap_find(&t, key_of(i, kind)), naive[i]);
			assert_null(hashmap_find(&t, ~key_of(i, kind)));
			if (step % 1000)
				continue;
			for (i = 0; i < KEYS; i++)
				assert_ptr_equal(hashmap_find(&t, key_of(i, kind)), naive[i]);
			seen = 0;
			hashmap_each(&t, count_value, &seen);
			assert_int_equal(seen, held);
		}
		hashmap_free(&t);
		assert_null(hashmap_find(&t, 1));
		assert_null(hashmap_remove(&t, 1));
	}
}

/* ---- iterators ---- */

struct iter_case {
	int type;
	uint64_t off, count, base, len;
	uint64_t seg[8];
	const char *spans; /* "ADDRESS+LENGTH...", or NULL: cannot be told */
};

#define PO MKRUN_PAGE_OFFSET

static void test_iter_spans(void **state)
{
	/* 6.12's numbers, so that nothing works by the chance of being 0. */
	static const struct rundir run = {.iter = {.iovec = 1, .kvec = 3, .bvec = 2, .ubuf = 0},
					   .page_offset = PO, .vmemmap = MKRUN_VMEMMAP,
					   .page_struct = 64, .page_size = 4096};
	static const struct iter_case cases[] = {
		{0, 0, 100, 0x1000, 100, {0}, "1000+100"},
		{0, 40, 60, 0x1000, 60, {0}, "1028+60"},
		{0, 40, 60, 0x1000, 10, {0}, "1028+10"},
		{0, 0, 100, 0x1000, 0, {0}, ""},
		{0, 0, 100, 0x1000, 101, {0}, NULL},
		{1, 0, 30, 0, 30, {0x1000, 10, 0x2000, 20}, "1000+10 2000+20"},
		{1, 5, 25, 0, 25, {0x1000, 10, 0x2000, 20}, "1005+5 2000+20"},
		{1, 10, 20, 0, 20, {0x1000, 10, 0x2000, 20}, "2000+20"},
		{1, 0, 30, 0, 12, {0x1000, 10, 0, 0, 0x2000, 20}, "1000+10 2000+2"},
		{1, 0, 40, 0, 40, {0x1000, 10, 0x2000, 10, 0x3000, 10, 0x4000, 10},
		 "1000+10 2000+10 3000+10 4000+10"},
		{1, 0, 41, 0, 41, {0x1000, 10, 0x2000, 10, 0x3000, 10, 0x4000, 10},
		 "1000+10 2000+10 3000+10 4000+10 0+1"},
		{1, 0, 10, 0, 10, {0}, "0+10"},
		{3, 0, 10, 0, 10, {PO + 0x10, 10}, "ffff888000000010+10 k"},
		{2, 0, 110, 0, 110, {MKRUN_VMEMMAP + 64, 100 | 0x20ull << 32, MKRUN_VMEMMAP, 10},
		 "ffff888000001020+100 ffff888000000000+10 k"},
		{4, 0, 10, 0x1000, 10, {0}, NULL},
		{-1, 0, 10, 0x1000, 10, {0}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct iter_case *c = &cases[i];
		struct event ev = {0};
		struct span spans[SPANS_MAX];
		char text[256] = "";
		size_t n;

		ev.v[F_itype] = (uint64_t)(int64_t)c->type;
		ev.v[F_ioff] = c->off;
		ev.v[F_icnt] = c->count;
		ev.v[F_ibase] = c->base;
		ev.array[A_seg] = (const unsigned char *)c->seg;
		ev.array_len[A_seg] = sizeof(c->seg);
		if (iter_spans(&run, &ev, c->len, spans, &n)) {
			if (c->spans)
				fail_msg("case %zu: not told", i);
			continue;
		}
		for (size_t k = 0; k < n; k++) {
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lx+%lu",
				 k ? " " : "", spans[k].addr, spans[k].len);
			assert_int_equal(spans[k].user, !c->spans || !strchr(c->spans, 'k'));
		}
		if (!c->spans || strncmp(text, c->spans, strlen(text)) || (!*text && *c->spans))
			fail_msg("case %zu: %s, not %s", i, text, c->spans);
	}
}

static void test_iter_without_segments(void **state)
{
	static const struct rundir run = {.iter = {.iovec = 1, .kvec = 3, .bvec = 2, .ubuf = 0}};
	struct event ev = {0};
	struct span spans[SPANS_MAX];
	uint64_t sample;
	size_t n;

	(void)state;
	ev.v[F_itype] = 1;
	assert_int_equal(iter_spans(&run, &ev, 10, spans, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(spans[0].addr, 0);
	ev.v[F_itype] = 2;
	assert_false(iter_sample(&run, &ev, &sample));
	ev.v[F_itype] = 1;
	ev.v[F_s] = 5;
	assert_true(iter_sample(&run, &ev, &sample));
	assert_int_equal(sample, 5);
	ev.v[F_ioff] = 1; /* the sample is of the buffer's start, not of what is copied */
	assert_false(iter_sample(&run, &ev, &sample));
}

/* ---- run.json and sites.json ---- */

#define GOOD_SITES "{\"schema\":1,\"sites\":[]}"

static struct mkrun *made;

static int free_made(void **state)
{
	(void)state;
	if (made)
		mkrun_free(made);
	made = NULL;
	return 0;
}

static int load_texts(const char *run_json, const char *sites, const char *says)
{
	struct rundir run;
	char why[4400] = "";
	int err;

	free_made(NULL);
	made = mkrun_new();
	made->run_json = run_json;
	made->sites_json = sites;
	mkrun_write(made);
	err = rundir_open(made->dir, &run, why, sizeof(why));
	if (says && !strstr(why, says))
		fail_msg("'%s' does not say '%s'", why, says);
	if (says)
		assert_null(strchr(why, '\n'));
	rundir_close(&run);
	return err;
}

static void test_rundir_damaged(void **state)
{
	(void)state;
	assert_int_equal(load_texts("{\"schema\":1}", GOOD_SITES, NULL), 0);
	assert_int_equal(load_texts("{\"schema\":1", GOOD_SITES, "run.json is damaged"), -EBADMSG);
	assert_int_equal(load_texts("", GOOD_SITES, "run.json is damaged"), -EBADMSG);
	assert_int_equal(load_texts("{\"schema\":1}", "[1,2", "sites.json is damaged"), -EBADMSG);
	assert_int_equal(load_texts("{\"schema\":2}", GOOD_SITES, "run.json has schema 2"), -ENOTSUP);
	assert_int_equal(load_texts("{}", GOOD_SITES, "run.json has schema 0"), -ENOTSUP);
	assert_int_equal(load_texts("[]", GOOD_SITES, "run.json has schema 0"), -ENOTSUP);
	assert_int_equal(load_texts("null", GOOD_SITES, "run.json"), -EBADMSG);
	assert_int_equal(load_texts("{\"schema\":1}", "{\"schema\":7}", "sites.json has schema 7"), -ENOTSUP);
}

static void test_rundir_missing(void **state)
{
	struct rundir run;
	char why[4400] = "", path[128];

	(void)state;
	made = mkrun_new();
	assert_int_equal(rundir_open(made->dir, &run, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "run.json"));
	rundir_close(&run);
	mkrun_write(made);
	snprintf(path, sizeof(path), "%s/sites.json", made->dir);
	remove(path);
	assert_int_equal(rundir_open(made->dir, &run, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "sites.json"));
	rundir_close(&run);
}

/* Members of other types than ours: never a crash, and the whole analysis gets through. */
static void test_rundir_types(void **state)
{
	static const char *const texts[] = {
		"{\"schema\":1,\"tasks\":[[1,1,null]]}",
		"{\"schema\":1,\"tasks\":[[1,1]]}",
		"{\"schema\":1,\"tasks\":[[1,1,{}],[\"x\",[],3],7,null]}",
		"{\"schema\":1,\"tasks\":{}}",
		"{\"schema\":1,\"probes\":{\"placed\":{\"dma_sync\":\"x\"}}}",
		"{\"schema\":1,\"probes\":{\"placed\":{\"dma_sync\":[null,3,{}]}}}",
		"{\"schema\":1,\"probes\":{\"placed\":[1],\"refused\":[null],\"missing\":3}}",
		"{\"schema\":1,\"probes\":[],\"memory\":[],\"btf\":[],\"loss\":[]}",
		"{\"schema\":1,\"memory\":{\"page_size\":0,\"page_offset_base\":\"zz\"}}",
		"{\"schema\":1,\"memory\":{\"page_size\":-1,\"page_offset_base\":3}}",
		"{\"schema\":1,\"btf\":{\"sizeof.page\":0,\"ITER_UBUF\":\"x\"}}",
		"{\"schema\":1,\"btf\":{\"SKB_DROP_REASON_X\":\"y\",\"SKB_DROP_REASON_\":null}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct analysis r;

		free_made(NULL);
		made = mkrun_new();
		made->run_json = texts[i];
		made->traffic = "{\"kind\":\"flow\",\"flow\":1,\"name\":\"n\",\"send_pid\":100,\"dport\":2000}\n"
				"{\"kind\":\"pages\",\"flow\":1,\"side\":\"send\",\"va\":\"0x1000\",\"len\":1,"
				"\"pfns\":[\"0x1\"]}\n";
		mkrun_event(made, 100, "send_enter sk=1 proto=17 rport=%u len=8", 0xd007u);
		mkrun_event(made, 100, "sys_exit_sendto ret=8");
		mkrun_load(made, &r);
		assert_null(rundir_drop_reason(&r.run, 77));
		logged_phys(&r.log.flows[0].send, 0x1000, r.run.page_size);
		rundir_page_va(&r.run, UINT64_MAX, 0);
		analysis_free(&r);
	}
}

/* As collect says it, and as it said it when it could not probe them. */
static void test_rundir_late_modules(void **state)
{
	struct rundir run;
	char why[4400];

	(void)state;
	made = mkrun_new();
	made->run_json = "{\"schema\":1,\"probes\":{\"late_modules\":["
			 "{\"module\":\"veth\",\"loaded_ns\":5,\"live_ns\":7,\"sites\":3,\"probed\":2,\"unseen\":1},"
			 "{\"module\":\"never\",\"loaded_ns\":6,\"live_ns\":null,\"sites\":-1,\"probed\":0},"
			 "{\"module\":\"old\",\"sites\":4}]}}";
	made->sites_json = "{\"schema\":1,\"sites\":["
			   "{\"addr\":\"0x20\",\"probe\":\"0x10\",\"function\":\"f\",\"offset\":32,\"primitive\":\"rep movsq\","
			   "\"kind\":\"inlined\",\"status\":\"probed\",\"ragged\":true},"
			   "{\"addr\":\"0x30\",\"function\":\"f\",\"offset\":48,\"primitive\":\"memcpy\",\"kind\":\"call\"}]}";
	mkrun_write(made);
	assert_int_equal(rundir_open(made->dir, &run, why, sizeof(why)), 0);
	assert_int_equal(run.late_count, 3);
	assert_string_equal(run.late[0].name, "veth");
	assert_int_equal(run.late[0].loaded_ns, 5);
	assert_int_equal(run.late[0].live_ns, 7);
	assert_int_equal(run.late[0].sites, 3);
	assert_int_equal(run.late[0].probed, 2);
	assert_int_equal(run.late[0].unseen, 1);
	assert_int_equal(run.late[1].live_ns, 0);
	assert_int_equal(run.late[1].sites, -1);
	assert_int_equal(run.late[2].loaded_ns, 0);
	assert_int_equal(run.late[2].sites, 4);
	assert_true(rundir_site(&run, 0x10)->inlined && rundir_site(&run, 0x10)->ragged);
	assert_string_equal(rundir_site(&run, 0x10)->primitive, "rep movsq");
	assert_int_equal(rundir_site(&run, 0x10)->offset, 32);
	assert_false(rundir_site(&run, 0x30)->inlined || rundir_site(&run, 0x30)->ragged);
	rundir_close(&run);
}

/* Said by collect, or in runs from before that by the names of what was probed. */
static void test_rundir_traits(void **state)
{
	static const struct {
		const char *probes;
		bool always;
	} cases[] = {
		{"{\"traits\":{\"sync_always\":true},\"placed\":{}}", true},
		{"{\"traits\":{\"sync_always\":false},\"placed\":{\"dma_sync\":[\"dma_sync_single_for_cpu\"]}}", false},
		{"{\"placed\":{\"dma_map\":[\"x\"],\"dma_sync\":[\"dma_sync_single_for_cpu\"]}}", true},
		{"{\"placed\":{\"dma_sync\":[\"__dma_sync_single_for_cpu\"]}}", false},
		{"{}", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rundir run;
		char why[4400], *text;

		free_made(NULL);
		made = mkrun_new();
		assert_true(asprintf(&text, "{\"schema\":1,\"probes\":%s}", cases[i].probes) > 0);
		made->run_json = text;
		mkrun_write(made);
		free(text);
		assert_int_equal(rundir_open(made->dir, &run, why, sizeof(why)), 0);
		assert_int_equal(run.sync_always, cases[i].always);
		rundir_close(&run);
	}
}

static void test_rundir_sites(void **state)
{
	struct rundir run;
	char why[4400], name[320];

	(void)state;
	made = mkrun_new();
	mkrun_site(made, 0xffffffff81000300, "third", "probed", "call");
	mkrun_site(made, 0xffffffff81000100, "first", "inside", "call");
	mkrun_site(made, 0xffffffff81000200, "second", "probed", "entry");
	mkrun_write(made);
	assert_int_equal(rundir_open(made->dir, &run, why, sizeof(why)), 0);
	assert_int_equal(run.site_count, 3);
	assert_string_equal(rundir_site(&run, 0xffffffff81000100)->function, "first");
	assert_false(rundir_site(&run, 0xffffffff81000100)->counted);
	assert_true(rundir_site(&run, 0xffffffff81000200)->entry);
	assert_string_equal(rundir_site_returning(&run, 0xffffffff81000305)->function, "third");
	assert_null(rundir_site(&run, 0xffffffff81000101));
	assert_null(rundir_site(&run, 0));
	assert_null(rundir_site_returning(&run, 0xffffffff81000300));
	rundir_site_name(rundir_site(&run, 0xffffffff81000300), 0, name, sizeof(name));
	assert_string_equal(name, "third+0x10");
	rundir_site_name(NULL, 0x12, name, sizeof(name));
	assert_string_equal(name, "address 0x12");
	assert_string_equal(rundir_drop_reason(&run, 2), "NO_SOCKET");
	assert_null(rundir_drop_reason(&run, 3));
	assert_int_equal(rundir_page_va(&run, MKRUN_VMEMMAP + 3 * 64, 5), PO + 3 * 4096 + 5);
	assert_int_equal(rundir_page_va(&run, MKRUN_VMEMMAP - 1, 5), 0);
	assert_int_equal(rundir_phys(&run, PO + 77), 77);
	assert_int_equal(rundir_phys(&run, 0xffffffff81000000), 0);
	assert_int_equal(rundir_phys(&run, 0x1000), 0);
	rundir_close(&run);
}

/* ---- traffic.jsonl ---- */

static int load_log(const char *text, struct trafficlog *log, char *why, size_t size)
{
	free_made(NULL);
	made = mkrun_new();
	made->traffic = text;
	mkrun_write(made);
	*why = '\0';
	return trafficlog_load(made->dir, log, why, size);
}

static void test_trafficlog(void **state)
{
	struct trafficlog log;
	const struct logged *f;
	char why[4400];

	(void)state;
	assert_int_equal(load_log("{\"kind\":\"flow\",\"flow\":1,\"name\":\"udp-lo\",\"proto\":\"udp\",\"path\":\"lo\","
				  "\"size\":64,\"count\":2,\"fill\":null,\"send_pid\":7,\"recv_pid\":8,\"sport\":0,"
				  "\"dport\":2000}\n"
				  "{\"kind\":\"skip\",\"flow\":2,\"name\":\"udp-rxe\",\"why\":\"no rxe\"}\n"
				  "{\"kind\":\"pages\",\"flow\":1,\"side\":\"send\",\"va\":\"0x1000\",\"len\":8192,"
				  "\"when\":\"before\",\"pfns\":[\"0x5\",\"0x0\"]}\n"
				  "{\"kind\":\"pages\",\"flow\":1,\"side\":\"recv\",\"va\":\"0x4000\",\"len\":10,"
				  "\"when\":\"before\",\"pfns\":[\"0x6\"]}\n"
				  "{\"kind\":\"pages\",\"flow\":1,\"side\":\"recv\",\"va\":\"0x4000\",\"len\":10,"
				  "\"when\":\"after\",\"pfns\":[\"0x7\"]}\n"
				  "{\"kind\":\"send\",\"flow\":1}\n{\"kind\":\"print\",\"flow\":1}\n"
				  "{\"kind\":\"end\",\"flow\":1,\"sent\":2,\"received\":1,\"sent_bytes\":128,"
				  "\"received_bytes\":64,\"bad\":1}\n", &log, why, sizeof(why)), 0);
	assert_int_equal(log.count, 2);
	f = trafficlog_find(&log, 7, 0, 2000);
	assert_non_null(f);
	assert_null(trafficlog_find(&log, 8, 0, 2000));
	assert_null(trafficlog_find(&log, 7, 0, 2001));
	assert_string_equal(f->name, "udp-lo");
	assert_int_equal(f->sent, 2);
	assert_int_equal(f->received_bytes, 64);
	assert_false(f->filled);
	assert_true(log.flows[1].skipped);
	assert_string_equal(log.flows[1].why, "no rxe");
	assert_int_equal(logged_phys(&f->send, 0x1234, 4096), 0x5234);
	assert_int_equal(logged_phys(&f->send, 0x2234, 4096), 0); /* hidden */
	assert_int_equal(logged_phys(&f->send, 0x3000, 4096), 0); /* beyond */
	assert_int_equal(logged_phys(&f->send, 0xfff, 4096), 0);
	assert_int_equal(logged_phys(&f->recv, 0x4000, 4096), 0); /* moved */
	trafficlog_free(&log);
}

static void test_trafficlog_damaged(void **state)
{
	struct trafficlog log;
	char why[4400];

	(void)state;
	assert_int_equal(load_log("", &log, why, sizeof(why)), 0);
	assert_int_equal(log.count, 0);
	trafficlog_free(&log);
	assert_int_equal(load_log("{\"kind\":\"flow\",\"flow\":1}\n{\"kind\":\"fl", &log, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "line 2"));
	trafficlog_free(&log);
	assert_int_equal(load_log("null\n", &log, why, sizeof(why)), -EBADMSG);
	trafficlog_free(&log);
	assert_int_equal(load_log("{\"flow\":1}\n", &log, why, sizeof(why)), -EBADMSG);
	trafficlog_free(&log);
	assert_int_equal(load_log("{\"kind\":\"pages\",\"flow\":-3,\"pfns\":[null,7,{},\"zz\"]}\n", &log, why,
				  sizeof(why)), 0);
	assert_int_equal(logged_phys(&log.flows[0].recv, 0, 4096), 0);
	trafficlog_free(&log);
	free_made(NULL);
	made = mkrun_new();
	assert_int_equal(trafficlog_load(made->dir, &log, why, sizeof(why)), 0);
	trafficlog_free(&log);
}

/* Whole lines about single messages are passed over; what is cut off is damage all the same. */
static void test_trafficlog_skips_messages(void **state)
{
	struct trafficlog log;
	char why[4400];

	(void)state;
	assert_int_equal(load_log("{\"kind\":\"send\",\"flow\":5,\"seq\":0}\n"
				  "{\"kind\":\"recv\",\"flow\":6,\"seq\":0}\n\n"
				  "{\"kind\":\"print\",\"flow\":7,\"len\":1}\n", &log, why, sizeof(why)), 0);
	assert_int_equal(log.count, 0);
	trafficlog_free(&log);
	assert_int_equal(load_log("{\"kind\":\"end\",\"flow\":1}\n"
				  "{\"kind\":\"recv\",\"flow\":6,\"seq\":0,\"len\":4\n", &log, why, sizeof(why)),
			 -EBADMSG);
	assert_non_null(strstr(why, "line 2"));
	trafficlog_free(&log);
	assert_int_equal(load_log("{\"kind\":\"received\",\"flow\":6,\"seq\":0}\n", &log, why, sizeof(why)), 0);
	assert_int_equal(log.count, 1);
	trafficlog_free(&log);
}

#define SENT(seq, head) "{\"kind\":\"send\",\"flow\":1,\"seq\":" #seq ",\"va\":\"0x10\",\"head\":\"" head "\"}\n"

/* What is kept of a log may not grow with the numbers in it. */
static void test_trafficlog_heads(void **state)
{
	struct trafficlog log;
	char why[4400];

	(void)state;
	assert_int_equal(load_log("{\"kind\":\"flow\",\"flow\":1,\"count\":9223372036854775807}\n"
				  SENT(9223372036854775806, "0x7") SENT(3, "0x8") SENT(1000000, "0x9")
				  SENT(2000001, "0xa") SENT(4000003, "0xb") SENT(8000007, "0xc")
				  SENT(16000015, "0xd") SENT(32000031, "0xe") SENT(64000063, "0xf")
				  "{\"kind\":\"send\",\"flow\":1,\"seq\":4,\"va\":\"0x10\"}\n", &log, why, sizeof(why)), 0);
	assert_int_equal(log.count, 1);
	assert_int_equal(log.flows[0].head_count, 9);
	assert_true(log.flows[0].head_cap <= 64);
	assert_int_equal(logged_head_of(&log.flows[0], 9223372036854775806)->head, 7);
	assert_int_equal(logged_head_of(&log.flows[0], 3)->head, 8);
	assert_int_equal(logged_head_of(&log.flows[0], 64000063)->head, 15);
	assert_null(logged_head_of(&log.flows[0], 4));
	assert_null(logged_head_of(&log.flows[0], 5));
	trafficlog_free(&log);
}

#define FLOW(number, spid, rpid, sport)                                                             \
	"{\"kind\":\"flow\",\"flow\":" #number ",\"name\":\"n\",\"proto\":\"udp\",\"src\":\"10.0.0.1\","            \
	"\"dst\":\"10.0.0.2\",\"sport\":" #sport ",\"dport\":9,\"send_pid\":" #spid ",\"recv_pid\":" #rpid "}\n"
#define PAGES(number, side, pid, pfn)                                                               \
	"{\"kind\":\"pages\",\"flow\":" #number ",\"side\":\"" side "\",\"pid\":" #pid ",\"va\":\"0x4000\","        \
	"\"len\":4096,\"pfns\":[\"" pfn "\"]}\n"

/* Several commands in one recording: their flows may have one number, or one flow two. */
static void test_trafficlog_commands(void **state)
{
	struct trafficlog log;
	const struct logged *f;
	char why[4400];

	(void)state;
	assert_int_equal(load_log(FLOW(1, 7, 8, 70) PAGES(1, "send", 7, "0x5") PAGES(1, "recv", 8, "0x6")
				  "{\"kind\":\"end\",\"flow\":1,\"sent\":1}\n"
				  FLOW(1, 17, 18, 71) PAGES(1, "send", 17, "0x7") PAGES(1, "recv", 18, "0x8")
				  "{\"kind\":\"end\",\"flow\":1,\"sent\":2}\n"
				  FLOW(28001, null, 28, 72) PAGES(28001, "recv", 28, "0x9")
				  "{\"kind\":\"end\",\"flow\":28001,\"received_bytes\":20,\"sent\":null}\n"
				  FLOW(27001, 27, null, 72) PAGES(27001, "send", 27, "0xa")
				  FLOW(29001, null, 29, 72) PAGES(29001, "recv", 29, "0xb")
				  "{\"kind\":\"end\",\"flow\":29001,\"received_bytes\":22,\"bad\":1}\n"
				  "{\"kind\":\"end\",\"flow\":27001,\"sent\":3,\"received_bytes\":null}\n"
				  FLOW(30001, null, 30, 73), &log, why, sizeof(why)), 0);
	assert_int_equal(log.count, 6);
	f = trafficlog_find(&log, 7, 70, 9);
	assert_int_equal(f->sent, 1);
	assert_int_equal(logged_phys(&f->recv, 0x4010, 4096), 0x6010);
	f = trafficlog_find(&log, 17, 71, 9);
	assert_int_equal(f->sent, 2);
	assert_int_equal(logged_phys(&f->send, 0x4010, 4096), 0x7010);
	assert_int_equal(logged_phys(&f->recv, 0x4010, 4096), 0x8010);
	f = trafficlog_find(&log, 27, 72, 9);
	assert_int_equal(f->sent, 3);
	assert_int_equal(f->received_bytes, 42);
	assert_int_equal(f->bad, 1);
	assert_int_equal(f->recv_pid, 28);
	assert_int_equal(logged_phys(&f->recv, 0x4010, 4096), 0x9010);
	assert_int_equal(logged_user_phys(f, 27, 0x4010, 4096), 0xa010);
	assert_int_equal(logged_user_phys(f, 28, 0x4010, 4096), 0x9010);
	assert_int_equal(logged_user_phys(f, 29, 0x4010, 4096), 0xb010);
	assert_int_equal(logged_user_phys(f, 30, 0x4010, 4096), 0);
	assert_false(log.flows[5].joined);
	trafficlog_free(&log);
}

/* Threads and processes of one end have a buffer each, some at the same address. */
static void test_trafficlog_buffers(void **state)
{
	struct trafficlog log;
	const struct logged *f;
	char why[4400];

	(void)state;
	assert_int_equal(load_log("{\"kind\":\"flow\",\"flow\":1,\"sport\":70,\"dport\":9,\"send_pid\":7,\"recv_pid\":8,"
				  "\"send_pids\":[7,17],\"recv_pids\":[8,18]}\n"
				  PAGES(1, "send", 7, "0x5") PAGES(1, "send", 17, "0x6")
				  PAGES(1, "recv", 8, "0x7") PAGES(1, "recv", 18, "0x8")
				  PAGES(1, "send", 7, "0x5") PAGES(1, "send", 17, "0x9")
				  PAGES(1, "recv", 8, "0x7") PAGES(1, "recv", 18, "0x8"), &log, why, sizeof(why)), 0);
	f = trafficlog_find(&log, 7, 70, 9);
	assert_ptr_equal(trafficlog_find(&log, 17, 70, 9), f);
	assert_null(trafficlog_find(&log, 8, 70, 9));
	assert_int_equal(f->more_count, 2);
	assert_int_equal(logged_user_phys(f, 7, 0x4000, 4096), 0x5000);
	assert_int_equal(logged_user_phys(f, 17, 0x4000, 4096), 0); /* moved */
	assert_int_equal(logged_user_phys(f, 8, 0x4000, 4096), 0x7000);
	assert_int_equal(logged_user_phys(f, 18, 0x4000, 4096), 0x8000);
	trafficlog_free(&log);
}

#define TEST(name) cmocka_unit_test_teardown(name, free_made)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hashmap),
		TEST(test_iter_spans),
		TEST(test_iter_without_segments),
		TEST(test_rundir_damaged),
		TEST(test_rundir_missing),
		TEST(test_rundir_sites),
		cmocka_unit_test_teardown(test_rundir_late_modules, free_made),
		TEST(test_rundir_traits),
		TEST(test_trafficlog),
		TEST(test_trafficlog_damaged),
		TEST(test_trafficlog_skips_messages),
		TEST(test_trafficlog_heads),
		TEST(test_trafficlog_commands),
		TEST(test_trafficlog_buffers),
		TEST(test_rundir_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
