// SPDX-License-Identifier: GPL-2.0-only
/* The history of nights: what goes in, what is found, and files that are none. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "regress/history.h"
#include "regress/trend.h"

static char dir[] = "/tmp/copychain-history-XXXXXX", db[256];

/* What a night found: a kernel "new" with a flow, one that failed, and the baseline "old". */
struct night {
	const char *name, *time;
	unsigned copied, median, middle, spread, messages;
	const char *baseline; /* members of it, before its flows */
	double percent;	      /* the limit of a median; 0: the report tells none */
};

static struct json_object *report(const struct night *n)
{
	char text[4096], limits[128] = "{}";
	struct json_object *o;

	if (n->percent > 0)
		snprintf(limits, sizeof(limits), "{\"message_percent\":%.2f,\"unsteady_percent\":%.2f}",
			 n->percent, 10 * n->percent);
	snprintf(text, sizeof(text),
		 "{\"night\":\"%s\",\"set\":\"default\",\"exit_status\":1,\"limits\":%s,"
		 "\"baseline\":{\"label\":\"old\",\"version\":\"6.1\",%s\"flows\":[{\"name\":\"f\",\"to\":"
		 "{\"payload_bytes\":100,\"copied_bytes\":200}}]},"
		 "\"kernels\":[{\"label\":\"new\",\"version\":\"7.%s\",\"time\":\"%s\",\"outcome\":\"regression\","
		 "\"flows\":[{\"name\":\"f\",\"outcome\":\"regression\",\"findings\":[{\"class\":\"change\",\"text\":\"no\"},"
		 "{\"class\":\"regression\",\"text\":\"known\",\"accepted\":\"it is well\"},"
		 "{\"class\":\"regression\",\"text\":\"that's why\"}],"
		 "\"to\":{\"payload_bytes\":100,\"copied_bytes\":%u,\"verdict\":\"exact\",\"cost\":{\"bare\":"
		 "{\"messages\":%u,\"median\":%u,\"middle\":%u,\"spread\":%u},\"probed\":{\"messages\":0,\"median\":0}},"
		 "\"sites\":[{\"kind\":\"copy\",\"symbol\":\"a\",\"primitive\":\"b\"}],"
		 "\"hops\":[{\"kind\":\"copy\",\"where\":\"a\"},{\"kind\":\"wire\",\"where\":\"\"}]}}]},"
		 "{\"label\":\"broken\",\"outcome\":\"not comparable\",\"findings\":[{\"class\":\"not comparable\","
		 "\"text\":\"panic\"}],\"flows\":[]}]}", n->name, limits, n->baseline ? n->baseline : "", n->name,
		 n->time ? n->time : "", n->copied, n->messages ? n->messages : 1000, n->median,
		 n->middle ? n->middle : n->median, n->spread);
	o = json_tokener_parse(text);
	assert_non_null(o);
	return o;
}

static struct history *opened(void)
{
	struct history *h;
	char why[256] = "";

	if (history_open(db, true, &h, why, sizeof(why)))
		fail_msg("%s", why);
	return h;
}

static void add_night(const struct night *n)
{
	struct history *h = opened();
	struct json_object *o = report(n);
	char why[256] = "";

	if (history_add(h, o, why, sizeof(why)))
		fail_msg("%s", why);
	json_object_put(o);
	history_close(h);
}

static void add(const char *name, unsigned copied, unsigned median)
{
	add_night(&(struct night){.name = name, .copied = copied, .median = median});
}

/* What a query of its own says, by SQLite itself. */
static const char *ask(const char *sql)
{
	static char text[512];
	sqlite3 *s;
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_open(db, &s), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(s, sql, -1, &st, NULL), SQLITE_OK);
	*text = '\0';
	while (sqlite3_step(st) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const char *v = (const char *)sqlite3_column_text(st, i);

			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s|", v ? v : "NULL");
		}
	sqlite3_finalize(st);
	sqlite3_close(s);
	return text;
}

static void test_rows(void **state)
{
	(void)state;
	add("n1", 200, 1000);
	assert_string_equal(ask("SELECT night, flows, baseline, exit_status FROM night"), "n1|default|old|1|");
	assert_string_equal(ask("SELECT kernel, flow, outcome FROM result"),
			    "broken|-|not comparable|new|-|regression|new|f|regression|old|-|baseline|old|f|baseline|");
	assert_string_equal(ask("SELECT why, copied_bytes, instructions, middle_instructions, low_instructions, steady, probed_instructions, sites, hops, emulated_bytes "
				"FROM result WHERE kernel='new' AND flow='f'"),
			    "that's why|200|1000|1000|NULL|1|NULL|a by b|copy at a; wire|NULL|");
	assert_string_equal(ask("SELECT why FROM result WHERE kernel='broken'"), "panic|");
	/* The same night again takes the place of itself. */
	add("n1", 300, 1000);
	assert_string_equal(ask("SELECT count(*) FROM result"), "5|");
	assert_string_equal(ask("SELECT copied_bytes FROM result WHERE kernel='new' AND flow='f'"), "300|");
}

static char *trend(const char *kernel, const char *flow, const char *value)
{
	const struct history_query q = {kernel, flow, history_value(value), false};
	struct history *h = opened();
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(q.value);
	assert_int_equal(trend_print(h, &q, f), 0);
	fclose(f);
	history_close(h);
	return text;
}

static void says(const char *kernel, const char *flow, const char *value, const char *text)
{
	char *all = trend(kernel, flow, value);

	if (!strstr(all, text))
		fail_msg("no '%s' in:\n%s", text, all);
	free(all);
}

static void never_says(const char *kernel, const char *flow, const char *value, const char *text)
{
	char *all = trend(kernel, flow, value);

	if (strstr(all, text))
		fail_msg("'%s' in:\n%s", text, all);
	free(all);
}

static void test_first_night(void **state)
{
	(void)state;
	add("n3", 200, 10020);
	add("n1", 200, 10000);
	add("n2", 200, 10050);
	add("n5", 300, 10080);
	add("n4", 300, 10040);
	says("new", "*", "copies", "n1               n3                    3  2.0");
	says("new", "*", "copies", "n4               n5                    2  changed: 3.0  (linux 7.n4)");
	/* Up to half a percent nothing has changed; n5 is beyond it. */
	says("n?w", NULL, "instructions", "n1               n4                    4  10000");
	says("n?w", NULL, "instructions", "changed: 10080");
	never_says(NULL, "nosuch", "verdict", "exact");
	assert_null(history_value("nosuch"));
}

/* Where messages are of several kinds, the mean of the middle half counts, and ten times the limit. */
static void test_cost_as_compared(void **state)
{
	(void)state;
	add_night(&(struct night){"n1", .copied = 1, .median = 9000, .middle = 10000, .spread = 100});
	add_night(&(struct night){"n2", .copied = 1, .median = 12000, .middle = 10400, .spread = 100});
	add_night(&(struct night){"n3", .copied = 1, .median = 9000, .middle = 10600, .spread = 100});
	/* Steady again, and within five percent of what it was then. */
	add_night(&(struct night){"n4", .copied = 1, .median = 10200, .middle = 10210});
	/* Too few messages have no cost. */
	add_night(&(struct night){"n5", .copied = 1, .median = 10200, .messages = 99});
	says("new", "f", "instructions", "n1               n2                    2  ~10000");
	says("new", "f", "instructions", "n3               n4                    2  changed: ~10600");
	says("new", "f", "instructions", "n5               n5                    1  changed: none");
}

/* The limits of the night are those of its comparison; 50 instructions are never a change. */
static void test_limits(void **state)
{
	(void)state;
	add_night(&(struct night){"n1", .copied = 1, .median = 10000, .percent = 2});
	add_night(&(struct night){"n2", .copied = 1, .median = 10150, .percent = 2});
	add_night(&(struct night){"n3", .copied = 1, .median = 10150, .percent = 1});
	says("new", "f", "instructions", "n1               n2                    2  10000");
	says("new", "f", "instructions", "n3               n3                    1  changed: 10150");
	unlink(db);
	add("n1", 1, 1000);
	add("n2", 1, 1050);
	add("n3", 1, 1051);
	says("new", "f", "instructions", "n1               n2                    2  1000");
}

/* Names come in any order; the time tells. */
static void test_order(void **state)
{
	(void)state;
	add_night(&(struct night){"run10", "2026-01-03T00:00:00Z", .copied = 300, .median = 1});
	add_night(&(struct night){"run9", "2026-01-02T00:00:00Z", .copied = 200, .median = 1});
	add_night(&(struct night){"run11", "2026-01-04T00:00:00Z", .copied = 300, .median = 1});
	says("new", "f", "copies", "run9             run9                  1  2.0");
	says("new", "f", "copies", "run10            run11                 2  changed: 3.0");
	/* The newest digest may be the baseline's, unless it is kept from another night. */
	add_night(&(struct night){"run9", "2026-01-02T00:00:00Z", .baseline = "\"time\":\"2026-01-02T08:00:00Z\",",
				  .copied = 200, .median = 1});
	assert_string_equal(ask("SELECT time FROM night WHERE night='run9'"), "2026-01-02T08:00:00Z|");
	add_night(&(struct night){"run9", "2026-01-02T00:00:00Z",
				  .baseline = "\"time\":\"2026-01-02T08:00:00Z\",\"kept\":true,",
				  .copied = 200, .median = 1});
	assert_string_equal(ask("SELECT time FROM night WHERE night='run9'"), "2026-01-02T00:00:00Z|");
}

static void test_failed_kernel(void **state)
{
	(void)state;
	add("n1", 200, 1000);
	add("n2", 200, 1000);
	says("broken", NULL, "outcome", "broken               -                    n1               n2");
	says("broken", "-", "outcome", "not comparable");
	never_says("broken", NULL, "copies", "n1");
}

static void test_kept_baseline(void **state)
{
	(void)state;
	add_night(&(struct night){"n1", .copied = 200, .median = 1, .baseline = "\"kept\":true,"});
	assert_string_equal(ask("SELECT kernel, flow FROM result"), "broken|-|new|-|new|f|");
	assert_string_equal(ask("SELECT baseline, baseline_kept FROM night"), "old|1|");
	/* One that was measured with the others is there. */
	add("n1", 200, 1);
	assert_string_equal(ask("SELECT outcome FROM result WHERE kernel='old'"), "baseline|baseline|");
	assert_string_equal(ask("SELECT baseline_kept FROM night"), "0|");
}

/* Labels are anybody's, and of any length. */
static void test_long_names(void **state)
{
	struct json_object *o;
	struct history *h = opened();
	char label[200], why[256] = "";

	(void)state;
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	for (int i = 1; i <= 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		o = report(&(struct night){name, .copied = 200, .median = 1000});
		json_object_object_add(json_object_array_get_idx(json_object_object_get(o, "kernels"), 0), "label",
				       json_object_new_string(label));
		assert_int_equal(history_add(h, o, why, sizeof(why)), 0);
		json_object_put(o);
	}
	history_close(h);
	says(label, "f", "copies", "n1               n3                    3  2.0");
}

static void plotted(struct trend *t, const char *value, bool only_changes)
{
	const struct history_query q = {.value = history_value(value)};
	struct history *h = opened();

	*t = (struct trend){0};
	assert_int_equal(trend_plot(h, &q, only_changes, t), 0);
	history_close(h);
}

static void test_plot(void **state)
{
	struct trend t;

	(void)state;
	add_night(&(struct night){"run10", "2026-01-03T00:00:00Z", .copied = 300, .median = 1000});
	add_night(&(struct night){"run9", "2026-01-02T00:00:00Z", .copied = 200, .median = 1001});
	plotted(&t, "copies", false);
	assert_int_equal(t.plot.rows, 2);
	assert_string_equal(t.plot.labels[0], "run9");
	assert_int_equal(t.plot.series_count, 2);
	assert_string_equal(t.plot.series[0].name, "new");
	assert_string_equal(t.plot.series[0].panel, "f");
	assert_true(plot_value(&t.plot, 0, 0) == 2.0 && plot_value(&t.plot, 1, 0) == 3.0);
	plot_free(&t.plot);
	/* What never changed is counted, not drawn. */
	plotted(&t, "copies", true);
	assert_int_equal(t.plot.series_count, 1);
	assert_string_equal(t.plot.series[0].name, "new");
	assert_int_equal(t.changed, 1);
	assert_int_equal(t.constant, 1);
	plot_free(&t.plot);
	plotted(&t, "instructions", true);
	assert_int_equal(t.plot.series_count, 0);
	assert_int_equal(t.changed, 0);
	assert_int_equal(t.constant, 1);
	plot_free(&t.plot);
}

/* Any number of series and rows; each name has its colour. */
static void test_many_series(void **state)
{
	struct plot p = {0};

	(void)state;
	assert_int_equal(plot_name(&p, "k1"), 0);
	for (int flow = 0; flow < 16; flow++)
		for (int kernel = 0; kernel < 12; kernel++) {
			char row[16], name[16];

			snprintf(row, sizeof(row), "flow%d", flow);
			snprintf(name, sizeof(name), "k%d", kernel);
			assert_int_equal(plot_put(&p, row, name, NULL, flow * 100 + kernel), 0);
		}
	assert_int_equal(p.rows, 16);
	assert_int_equal(p.series_count, 12);
	assert_int_equal(plot_colour(&p, 1), 1);
	assert_int_equal(plot_colour(&p, 0), 2);
	assert_int_equal(plot_colour(&p, 11), 12);
	assert_true(plot_value(&p, 15, 11) == 1511);
	plot_drop(&p, 0);
	assert_true(plot_value(&p, 15, 10) == 1511);
	assert_true(isnan(plot_value(&p, 16, 0)));
	plot_free(&p);
}

static void test_is_report(void **state)
{
	struct json_object *o = report(&(struct night){"n1", .median = 1});

	(void)state;
	assert_true(history_is_report(o));
	json_object_object_del(o, "kernels");
	assert_false(history_is_report(o));
	assert_false(history_is_report(NULL));
	json_object_put(o);
}

static int try_open(bool create, char *why, size_t size)
{
	struct history *h;
	int err = history_open(db, create, &h, why, size);

	if (!err)
		history_close(h);
	return err;
}

static void damage(off_t at, const char *bytes, size_t n)
{
	int fd = open(db, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

/* A damaged file is told, and not touched. */
static void test_damaged(void **state)
{
	char why[256], *before, *after;
	static char zeros[4096];

	(void)state;
	for (int i = 0; i < 40; i++) {
		char night[16];

		snprintf(night, sizeof(night), "n%d", i);
		add(night, 200, 1000);
	}
	damage(4096 * 2, zeros, sizeof(zeros));
	before = strdup(ask("SELECT count(*) FROM night"));
	assert_int_equal(try_open(true, why, sizeof(why)), -EBADMSG);
	after = strdup(ask("SELECT count(*) FROM night"));
	assert_string_equal(before, after);
	free(before);
	free(after);
	damage(0, "no data base at all", 19);
	assert_int_equal(try_open(true, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "not a database"));
}

static void test_foreign(void **state)
{
	char why[256];

	(void)state;
	assert_int_equal(try_open(false, why, sizeof(why)), -ENOENT);
	ask("CREATE TABLE other (x)");
	assert_int_equal(try_open(true, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "another program"));
	unlink(db);
	add("n1", 1, 1);
	ask("PRAGMA user_version = 1");
	assert_int_equal(try_open(true, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "schema 1"));
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(db, sizeof(db), "%s/history.db", dir);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	unlink(db);
	return 0;
}

static int remove_dir(void **state)
{
	fresh(state);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rows, fresh),    cmocka_unit_test_setup(test_first_night, fresh),
		cmocka_unit_test_setup(test_damaged, fresh), cmocka_unit_test_setup(test_foreign, fresh),
		cmocka_unit_test_setup(test_cost_as_compared, fresh), cmocka_unit_test_setup(test_limits, fresh),
		cmocka_unit_test_setup(test_order, fresh), cmocka_unit_test_setup(test_failed_kernel, fresh),
		cmocka_unit_test_setup(test_kept_baseline, fresh), cmocka_unit_test_setup(test_long_names, fresh),
		cmocka_unit_test_setup(test_plot, fresh), cmocka_unit_test(test_many_series),
		cmocka_unit_test(test_is_report),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
