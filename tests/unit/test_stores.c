// SPDX-License-Identifier: GPL-2.0-only
/* The audit's verdict: what an emulator saw stored, beside what was recorded. */
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
#include <traceevent/event-parse.h>

#include "analyze/core/message.h"
#include "analyze/stores.h"
#include "analyze/trafficlog.h"
#include "common/auditfile.h"
#include "common/vec.h"

#define TEXT UINT64_C(0xffffffff81000000)
#define MEMCPY (TEXT + 0x9000) /* the function, in which no site is */
#define RECORDER_SPACE 0x1000
#define OTHER_SPACE 0x2000

enum { SEND, RECEIVE, INNER, INLINED, SOMEWHERE, SITES };

static struct {
	char dir[64], path[80], why[300];
	struct site sites[SITES], *by_ret[SITES];
	struct rundir run;
	struct tep_handle *tep;
	struct audit_run runs[16];
	size_t count;
	struct logged log;
	struct site_stat stored[4];
	struct flow flow;
	struct stores s;
} w;

static void site(int i, const char *function, bool probed, bool counted)
{
	uint64_t addr = TEXT + (uint64_t)i * 0x100;

	w.sites[i] = (struct site){.addr = addr, .ret = addr + 5, .probe = addr, .offset = 0x10, .function = function,
				   .primitive = "memcpy", .probed = probed, .counted = counted};
	w.by_ret[i] = &w.sites[i];
}

static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	strcpy(w.dir, "/tmp/copychain-stores-XXXXXX");
	if (!mkdtemp(w.dir))
		return -1;
	snprintf(w.path, sizeof(w.path), "%s/audit.dat", w.dir);
	site(SEND, "getfrag", true, true);
	site(RECEIVE, "recvmsg", true, true);
	site(INNER, "copy_to_iter", true, false);
	site(INLINED, "clean_rx", true, true);
	site(SOMEWHERE, "file_write", false, true);
	w.run = (struct rundir){.dir = w.dir, .sites = w.sites, .by_ret = w.by_ret, .site_count = SITES};
	w.tep = tep_alloc();
	tep_register_function(w.tep, (char *)"ring_buffer_write", TEXT + 0x8000, NULL);
	tep_register_function(w.tep, (char *)"memcpy", MEMCPY, NULL);
	tep_register_function(w.tep, (char *)"last", MEMCPY + 0x100, NULL);
	w.log.mark = 1;
	w.flow = (struct flow){.log = &w.log, .min_size = 1000, .stored = w.stored};
	return 0;
}

static int end(void **state)
{
	(void)state;
	stores_free(&w.s);
	tep_free(w.tep);
	unlink(w.path);
	return rmdir(w.dir);
}

static struct audit_run *run_of(uint16_t flow, uint32_t bytes, uint64_t pc)
{
	struct audit_run *r = &w.runs[w.count++];

	*r = (struct audit_run){.flow = flow, .bytes = bytes, .pc = pc, .space = OTHER_SPACE};
	return r;
}

static struct audit_run *called(uint16_t flow, uint32_t bytes, int inner, int outer)
{
	struct audit_run *r = run_of(flow, bytes, MEMCPY + 4);

	r->callers[0] = TEXT + 0x7777;
	r->callers[1] = w.sites[inner].ret;
	r->callers[2] = outer < SITES ? w.sites[outer].ret : 0;
	return r;
}

static void beacon(uint32_t bytes)
{
	struct audit_run *r = run_of(AUDIT_RECORDER, bytes, 0x400000);

	r->flags = AUDIT_USER;
	r->space = RECORDER_SPACE;
}

static void recorded(int site, uint64_t bytes)
{
	w.stored[w.flow.stored_count++] = (struct site_stat){.site = &w.sites[site], .bytes = bytes};
}

static void write_file(bool whole)
{
	char head[AUDIT_HEAD] = AUDIT_MAGIC;
	FILE *f = fopen(w.path, "we");

	if (whole) {
		w.runs[w.count] = (struct audit_run){.flags = AUDIT_END, .pc = w.count};
		w.count++;
	}
	assert_non_null(f);
	assert_int_equal(fwrite(head, sizeof(head), 1, f), 1);
	assert_int_equal(fwrite(w.runs, sizeof(w.runs[0]), w.count, f), w.count);
	assert_int_equal(fclose(f), 0);
}

static const struct stores_flow *judge(bool whole)
{
	write_file(whole);
	assert_int_equal(stores_load(&w.s, &w.run, w.why, sizeof(w.why)), 0);
	assert_int_equal(stores_judge(&w.s, &w.run, w.tep, &w.flow), 0);
	return stores_of(&w.s, &w.flow);
}

static void one_message(void)
{
	beacon(AUDIT_BEGINS);
	called(1, 1000, SEND, SITES);
	called(1, 1000, INNER, RECEIVE);
	recorded(SEND, 1000);
	recorded(RECEIVE, 1000);
}

static void test_closed(void **state)
{
	const struct stores_flow *f;

	(void)state;
	one_message();
	run_of(1, 1000, w.sites[INLINED].addr);
	recorded(INLINED, 1000);
	run_of(1, 2000, 0x401000)->flags = AUDIT_USER;
	beacon(AUDIT_ENDS);
	f = judge(true);
	assert_true(f->closed);
	assert_int_equal(f->seen, 3000);
	assert_int_equal(f->user, 2000);
}

/* What nobody recorded is named: a site, or a function that has none. */
static void test_not_recorded(void **state)
{
	const struct stores_flow *f;
	char name[128];

	(void)state;
	one_message();
	called(1, 1000, INLINED, RECEIVE);
	run_of(1, 500, MEMCPY + 0x2c);
	beacon(AUDIT_ENDS);
	f = judge(true);
	assert_false(f->closed);
	assert_int_equal(f->seen, 3500);
	for (size_t i = 0; i < f->count; i++) {
		stored_name(&f->at[i], name, sizeof(name));
		if (f->at[i].seen == 500)
			assert_string_equal(name, "memcpy+0x2c");
		else if (!f->at[i].recorded)
			assert_string_equal(name, "clean_rx+0x10");
	}
}

static void test_not_seen(void **state)
{
	(void)state;
	one_message();
	beacon(AUDIT_ENDS);
	recorded(INLINED, 8);
	assert_false(judge(true)->closed);
}

/* An emulator that was killed may not have written all. */
static void test_not_whole(void **state)
{
	(void)state;
	one_message();
	beacon(AUDIT_ENDS);
	assert_false(judge(false)->closed);
	assert_false(w.s.whole);
}

/* The record of a payload, what the recorder does with it, registers, and all behind the recording. */
static void test_recorder(void **state)
{
	struct audit_run *r;

	(void)state;
	one_message();
	r = called(1, 64, SOMEWHERE, SITES);
	r->callers[0] = TEXT + 0x8010;
	called(1, 64, SOMEWHERE, SITES)->space = RECORDER_SPACE;
	run_of(1, 40, MEMCPY)->flags = AUDIT_STACK;
	beacon(AUDIT_ENDS);
	called(1, 77, SOMEWHERE, SITES);
	assert_true(judge(true)->closed);
}

/* Soft interrupts run while the recorder does: a copy that is recorded is a copy. */
static void test_recorded_in_recorder(void **state)
{
	(void)state;
	one_message();
	called(1, 1000, RECEIVE, SITES)->space = RECORDER_SPACE;
	w.stored[1].bytes = 2000;
	beacon(AUDIT_ENDS);
	assert_true(judge(true)->closed);
}

/* What was left out is recorded nowhere, and is no doing of the recorder's either. */
static void test_left_out_in_recorder(void **state)
{
	const struct stores_flow *f;

	(void)state;
	w.sites[INLINED].left_out = true;
	one_message();
	called(1, 1000, INLINED, SITES)->space = RECORDER_SPACE;
	beacon(AUDIT_ENDS);
	f = judge(true);
	assert_false(f->closed);
	assert_int_equal(f->seen, 3000);
}

static void test_not_audited(void **state)
{
	(void)state;
	one_message();
	beacon(AUDIT_ENDS);
	w.flow.min_size = PAYLOAD_HEAD + MARK_LEAST - 1;
	assert_null(judge(true));
	w.flow.min_size++;
	assert_non_null(stores_of(&w.s, &w.flow));
	w.log.mark = -1;
	assert_null(stores_of(&w.s, &w.flow));
	w.flow.log = NULL;
	assert_null(stores_of(&w.s, &w.flow));
}

static void test_bad_files(void **state)
{
	static const char *const texts[] = {"", "copychain audit 2", "copychain audit 1"};

	(void)state;
	assert_int_equal(stores_load(&w.s, &w.run, w.why, sizeof(w.why)), 0);
	assert_false(w.s.present);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		FILE *f = fopen(w.path, "we");

		assert_true(f && fputs(texts[i], f) >= 0 && !fclose(f));
		assert_int_equal(stores_load(&w.s, &w.run, w.why, sizeof(w.why)), -EBADMSG);
		assert_non_null(strstr(w.why, "is no record of an audit"));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_closed),   TEST(test_not_recorded),	      TEST(test_not_seen),
		TEST(test_not_whole), TEST(test_recorder),	      TEST(test_recorded_in_recorder), TEST(test_left_out_in_recorder),
		TEST(test_not_audited), TEST(test_bad_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
