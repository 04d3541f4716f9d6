// SPDX-License-Identifier: GPL-2.0-only
/* Reports on runs that are odd: without messages, with loss, with hostile names, with very many messages. */
#include <dirent.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/file.h"
#include "common/vec.h"
#include "proofrun.h"
#include "proofcheck/proofcheck.h"
#include "report/report.h"
#include "common/text.h"

#define SENDER 100
#define RECEIVER 200
#define SK_A 0xffff888001000000ul
#define AT_RECV 0xffffffff81000110ul

struct world {
	struct mkrun *mk;
	struct analysis r;
	char dir[64];
	const char *without; /* events of this name are left out */
};

static void begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->mk = mkrun_new();
	proof_sites(w->mk);
	snprintf(w->dir, sizeof(w->dir), "/tmp/copychain-report-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.' && unlink(path))
			remove_dir(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static void end(struct world *w)
{
	analysis_free(&w->r);
	mkrun_free(w->mk);
	remove_dir(w->dir);
}

static void message(struct world *w, unsigned long len, unsigned long nonce)
{
	proof_message(w->mk, &(struct onemessage){len, nonce, w->without});
}

static void write_all(struct world *w)
{
	struct report rep = {.r = &w->r, .dir = w->dir};

	assert_int_equal(report_write(&rep, NULL), 0);
}

static char *content(const struct world *w, const char *name, size_t *size)
{
	char path[160], *text;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	assert_int_equal(file_read(path, &text, size), 0);
	return text;
}

static void assert_says(const struct world *w, const char *name, const char *words, bool does)
{
	char *text = content(w, name, NULL);

	if (!strstr(text, words) == does)
		print_error("%s %s: %s\n", name, does ? "lacks" : "says", words);
	assert_int_equal(strstr(text, words) != NULL, does);
	free(text);
}

static int check(const struct world *w, size_t *conclusions)
{
	char path[160], why[512];
	int err;

	snprintf(path, sizeof(path), "%s/proof.md", w->dir);
	err = proof_check(path, w->mk->dir, conclusions, NULL, why, sizeof(why));
	if (err)
		print_message("%s\n", why);
	return err;
}

static void empty_run(void **state)
{
	struct world w;
	size_t n;

	(void)state;
	begin(&w);
	mkrun_event(w.mk, SENDER, "sys_exit_sendto ret=1");
	mkrun_load(w.mk, &w.r);
	write_all(&w);
	assert_says(&w, "index.html", "No message was sent", true);
	assert_says(&w, "index.html", "verdict unlinked", true);
	assert_says(&w, "index.html", "<figure", false);
	assert_says(&w, "proof.md", "## ", false);
	assert_says(&w, "steps.txt", "No message", true);
	assert_says(&w, "worksheet.md", "no question can be answered", true);
	assert_says(&w, "worksheet.md", "*confirmed*", false);
	assert_says(&w, "worksheet.md", "*refuted*", false);
	assert_says(&w, "trace.json", "\"traceEvents\":[]", true);
	assert_int_not_equal(check(&w, &n), 0);
	end(&w);
}

static void run_with_loss(void **state)
{
	struct world w;
	size_t n;

	(void)state;
	begin(&w);
	w.mk->lost = 7;
	message(&w, 64, 0x1122334455667788ul);
	mkrun_load(w.mk, &w.r);
	write_all(&w);
	assert_says(&w, "summary.txt", "7 lost", true);
	assert_says(&w, "summary.txt", "is at-least: events were lost", true);
	assert_says(&w, "index.html", "verdict at-least", true);
	assert_says(&w, "index.html", "verdict exact", false);
	assert_says(&w, "index.html", "<td class=\"num\">7</td>", true);
	assert_says(&w, "proof.md", "∴ at least 2 copies", true);
	assert_says(&w, "csv/loss.csv", "run,lost in all,7", true);
	assert_int_equal(check(&w, &n), 0);
	assert_int_equal(n, 1);
	end(&w);
}

/* What no rule leads over is told, and leaves no line behind. */
static void run_with_gap(void **state)
{
	struct world w;
	size_t n;

	(void)state;
	begin(&w);
	w.without = "netif_receive";
	message(&w, 64, 0x1122334455667788ul);
	mkrun_load(w.mk, &w.r);
	write_all(&w);
	assert_says(&w, "proof.md", "No rule leads over one of its hops. Nothing is concluded.", true);
	assert_says(&w, "proof.md", "\n1. ", false);
	assert_says(&w, "index.html", "gap: a hand-off before this one is not recorded", true);
	assert_says(&w, "index.html", "verdict at-least", true);
	assert_says(&w, "summary.txt", "gap: a hand-off before this one is not recorded", true);
	assert_int_not_equal(check(&w, &n), 0);
	end(&w);
}

#define HOSTILE_JSON "\\\"><b>&'`|\\u001b[31m"

/* In a file for people no such name may become markup, end a table's cell or reach the terminal. */
static void hostile_names(void **state)
{
	static const char *const files[] = {"index.html", "summary.txt", "proof.md", "worksheet.md", "steps.txt",
					    "trace.json", "analysis.json", "csv/flows.csv", "csv/unlinked.csv",
					    "dot/flow-1.dot", "plots/copies.dat", "plots/copies.svg"};
	struct world w;
	char *text;

	(void)state;
	begin(&w);
	w.mk->run_json = "{\"schema\":1,\"kernel\":\"6.1<i>\",\"machine\":\"vm\",\"command\":[\"/x/<u>\",\"a'b\"],"
			 "\"memory\":{\"page_offset_base\":\"0xffff888000000000\",\"vmemmap_base\":\"0xffffea0000000000\"},"
			 "\"btf\":{\"ITER_IOVEC\":0,\"ITER_KVEC\":1,\"ITER_BVEC\":2,\"ITER_UBUF\":6},"
			 "\"probes\":{\"refused\":[],\"missing\":[],\"excluded\":[]},\"loss\":{\"lost\":0},"
			 "\"tasks\":[[100,100,\"" HOSTILE_JSON "\"],[200,200,\"\\u202e\\u00ff<s>\"]]}";
	message(&w, 64, 0x1122334455667788ul);
	mkrun_event(w.mk, RECEIVER, "mem __probe_ip=%#lx src=0xffff888007000000 dst=0xffff888008000000 len=9", AT_RECV);
	mkrun_load(w.mk, &w.r);
	assert_non_null(strchr(w.r.engine.flows->name, '\x1b'));
	write_all(&w);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		text = content(&w, files[i], NULL);
		assert_null(strchr(text, '\x1b'));
		assert_null(strstr(text, "\xe2\x80\xae"));
		free(text);
	}
	assert_says(&w, "index.html", "<b>&", false);
	assert_says(&w, "index.html", "<i>", false);
	assert_says(&w, "index.html", "<u>", false);
	assert_says(&w, "index.html", "&quot;&gt;&lt;b&gt;&amp;&#39;", true);
	assert_says(&w, "index.html", "'a&#39;\\&#39;&#39;b'", true);
	assert_says(&w, "proof.md", "<b>", false);
	assert_says(&w, "proof.md", "## udp:2000, message 0\n", true);
	assert_says(&w, "plots/copies.svg", "<b>", false);
	assert_says(&w, "csv/flows.csv", "\"udp:2000 \"\"><b>", true);
	text = content(&w, "trace.json", NULL);
	json_object_put(json_tokener_parse(text));
	assert_non_null(strstr(text, "\\\"><b>&'`|?[31"));
	free(text);
	end(&w);
}

static void many_messages(void **state)
{
	struct world w;
	size_t size, n;

	(void)state;
	begin(&w);
	for (unsigned long i = 0; i < 100000; i++)
		message(&w, 64, 0x1122334455667788ul + i);
	mkrun_load(w.mk, &w.r);
	write_all(&w);
	free(content(&w, "index.html", &size));
	assert_in_range(size, 10000, 5 << 20);
	assert_says(&w, "summary.txt", "100000/100000", true);
	assert_says(&w, "csv/flows.csv", ",100000,100000,", true);
	assert_int_equal(check(&w, &n), 0);
	assert_int_equal(n, 1);
	end(&w);
}

/* More flows than the page shows in full: it says so, and the tables have them. */
static void many_flows(void **state)
{
	struct world w;
	size_t size;

	(void)state;
	begin(&w);
	for (unsigned int i = 0; i < 500; i++)
		mkrun_event(w.mk, SENDER, "send_enter __probe_ip=0x10 sk=%#lx fam=2 proto=17 lport=%u rport=%u len=9 itype=9",
			    SK_A + i * 0x1000, i + 1, i);
	mkrun_load(w.mk, &w.r);
	write_all(&w);
	assert_says(&w, "index.html", "A sample: the first 64 of 500 flows", true);
	assert_says(&w, "index.html", "A sample: 100 more rows are in csv/flows.csv", true);
	free(content(&w, "index.html", &size));
	assert_in_range(size, 10000, 5 << 20);
	end(&w);
}

static void expect_cut(const char *text, size_t width, const char *want)
{
	char buf[64];

	text_cut(text, width, buf, sizeof(buf));
	assert_string_equal(buf, want);
	assert_true(text_width(buf) <= width);
}

static void texts(void **state)
{
	char *out = NULL, clean[32];
	size_t size;
	FILE *f = open_memstream(&out, &size);

	(void)state;
	expect_cut("short", 5, "short");
	expect_cut("a-long-name", 5, "a-…me");
	expect_cut("★★★★★★", 5, "★★…★★");
	text_clean("a\x1b\xff\xc0\x80\xed\xa0\x80★\xe2\x80\xae\n", clean, sizeof(clean));
	assert_string_equal(clean, "a??????"
				   "?★??");
	text_fold("one two three\n\nfourfivesix seven\n", 9, f);
	fclose(f);
	assert_string_equal(out, "one two\n    three\n\nfourfives\n    ix\n    seven\n");
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),	 cmocka_unit_test(empty_run),
		cmocka_unit_test(run_with_loss), cmocka_unit_test(run_with_gap),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(many_flows),	 cmocka_unit_test(many_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
