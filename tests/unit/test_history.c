// SPDX-License-Identifier: GPL-2.0-only
/* The history of nights: what goes in, what is found, and files that are none. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
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

static struct json_object *report(const char *night, unsigned copied, unsigned instructions)
{
	char text[2048];
	struct json_object *o;

	snprintf(text, sizeof(text),
		 "{\"night\":\"%s\",\"set\":\"default\",\"exit_status\":1,"
		 "\"baseline\":{\"label\":\"old\",\"version\":\"6.1\",\"flows\":[{\"name\":\"f\",\"to\":"
		 "{\"payload_bytes\":100,\"copied_bytes\":200}}]},"
		 "\"kernels\":[{\"label\":\"new\",\"version\":\"7.%s\",\"outcome\":\"regression\",\"flows\":[{\"name\":\"f\","
		 "\"outcome\":\"regression\",\"findings\":[{\"class\":\"change\",\"text\":\"no\"},"
		 "{\"class\":\"regression\",\"text\":\"that's why\"}],"
		 "\"to\":{\"payload_bytes\":100,\"copied_bytes\":%u,\"verdict\":\"exact\",\"cost\":{\"bare\":"
		 "{\"messages\":9,\"median\":%u},\"probed\":{\"messages\":0,\"median\":0}},"
		 "\"sites\":[{\"kind\":\"copy\",\"symbol\":\"a\",\"primitive\":\"b\"}],"
		 "\"hops\":[{\"kind\":\"copy\",\"where\":\"a\"},{\"kind\":\"wire\",\"where\":\"\"}]}}]},"
		 "{\"label\":\"broken\",\"outcome\":\"not comparable\",\"findings\":[{\"class\":\"not comparable\","
		 "\"text\":\"panic\"}],\"flows\":[]}]}", night, night, copied, instructions);
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

static void add(const char *night, unsigned copied, unsigned instructions)
{
	struct history *h = opened();
	struct json_object *o = report(night, copied, instructions);
	char why[256] = "";

	if (history_add(h, o, why, sizeof(why)))
		fail_msg("%s", why);
	json_object_put(o);
	history_close(h);
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
	assert_string_equal(ask("SELECT why, copied_bytes, instructions, probed_instructions, sites, hops, emulated_bytes "
				"FROM result WHERE kernel='new' AND flow='f'"),
			    "that's why|200|1000|NULL|a by b|copy at a; wire|NULL|");
	assert_string_equal(ask("SELECT why FROM result WHERE kernel='broken'"), "panic|");
	/* The same night again takes the place of itself. */
	add("n1", 300, 1000);
	assert_string_equal(ask("SELECT count(*) FROM result"), "5|");
	assert_string_equal(ask("SELECT copied_bytes FROM result WHERE kernel='new' AND flow='f'"), "300|");
}

static char *trend(const char *kernel, const char *flow, const char *value)
{
	const struct history_query q = {kernel, flow, history_value(value)};
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

static void test_first_night(void **state)
{
	const struct history_query q = {NULL, NULL, history_value("copies")};
	struct history *h;
	struct plot p;
	char *text;

	(void)state;
	add("n3", 200, 1005);
	add("n1", 200, 1000);
	add("n2", 200, 1009);
	add("n5", 300, 1030);
	add("n4", 300, 1008);
	text = trend("new", "*", "copies");
	if (!strstr(text, "n1               n3                    3  2.0") ||
	    !strstr(text, "n4               n5                    2  changed: 3.0  (linux 7.n4)"))
		fail_msg("%s", text);
	free(text);
	/* Within the repeatability nothing has changed; n5 is beyond it. */
	text = trend("n?w", NULL, "instructions");
	if (!strstr(text, "n1               n4                    4  1000") || !strstr(text, "changed: 1030"))
		fail_msg("%s", text);
	free(text);
	text = trend(NULL, "nosuch", "verdict");
	assert_null(strstr(text, "exact"));
	free(text);
	assert_null(history_value("nosuch"));
	h = opened();
	assert_int_equal(trend_plot(h, &q, &p), 0);
	assert_int_equal(p.rows, 5);
	assert_string_equal(p.labels[0], "n1");
	assert_string_equal(p.labels[4], "n5");
	assert_int_equal(p.series_count, 2);
	assert_true(p.values[4 * PLOT_SERIES + (size_t)plot_series(&p, "new f")] == 3.0);
	plot_free(&p);
	history_close(h);
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
	ask("PRAGMA user_version = 2");
	assert_int_equal(try_open(true, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "schema 2"));
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
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
