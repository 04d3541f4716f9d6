// SPDX-License-Identifier: GPL-2.0-only
#include "regress/history.h"

#include <errno.h>
#include <json-c/json.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "regress/costdiff.h"
#include "regress/finding.h"
#include "regress/sitediff.h"
#include "regress/chaindiff.h"

#define SCHEMA 2
#define APPLICATION 0x6363686e /* "cchn" */
#define BUSY_MS 10000

static const char create_sql[] =
	"CREATE TABLE IF NOT EXISTS night ("
	" night TEXT PRIMARY KEY, time TEXT NOT NULL, flows TEXT NOT NULL, baseline TEXT NOT NULL,"
	" baseline_version TEXT, baseline_kept INTEGER NOT NULL, steady_percent REAL,"
	" unsteady_percent REAL, exit_status INTEGER) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS result ("
	" night TEXT NOT NULL REFERENCES night(night), kernel TEXT NOT NULL, flow TEXT NOT NULL,"
	" version TEXT, outcome TEXT NOT NULL, why TEXT,"
	" messages INTEGER, delivered INTEGER, payload_bytes INTEGER, copied_bytes INTEGER,"
	" copy_bytes INTEGER, emulated_bytes INTEGER, dead_copy_bytes INTEGER, verdict TEXT,"
	" instructions INTEGER, middle_instructions INTEGER, low_instructions INTEGER, steady INTEGER,"
	" probed_instructions INTEGER, sites TEXT, hops TEXT,"
	" PRIMARY KEY (night, kernel, flow)) WITHOUT ROWID;"
	"PRAGMA application_id = 1667459182; PRAGMA user_version = 2;";

_Static_assert(APPLICATION == 1667459182, "as in create_sql");

struct history {
	sqlite3 *db;
};

const struct history_value history_values[] = {
	{.name = "copies", .sql = "round(copied_bytes * 1.0 / payload_bytes, 6)",
	 .about = "copies of each delivered byte", .number = true},
	{.name = "amplification", .sql = "round(copy_bytes * 1.0 / payload_bytes, 6)",
	 .about = "bytes copied per byte delivered", .number = true},
	{.name = "emulated-dma", .sql = "round(emulated_bytes * 1.0 / payload_bytes, 6)",
	 .about = "bytes copied by emulated devices per byte delivered", .number = true},
	{.name = "instructions",
	 .sql = "CASE steady WHEN 1 THEN instructions WHEN 0 THEN middle_instructions END",
	 .about = "instructions per message, without probes", .number = true, .cost = true},
	{.name = "probes", .sql = "probed_instructions - instructions",
	 .about = "instructions that the probes add", .number = true, .part = 0.03},
	{.name = "verdict", .sql = "verdict", .about = "how sure the counts are"},
	{.name = "sites", .sql = "sites", .about = "where payload is copied"},
	{.name = "hops", .sql = "hops", .about = "the way of most messages"},
	{.name = "version", .sql = "version", .about = "of the kernel", .whole = true},
	{.name = "outcome", .sql = "outcome", .about = "against that night's baseline", .whole = true},
	{0},
};

const struct history_value *history_value(const char *name)
{
	for (const struct history_value *v = history_values; v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

static int errno_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	default:
		return -EIO;
	}
}

static int fail(struct history *h, int code, char *why, size_t size)
{
	if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
		return 0;
	snprintf(why, size, "%s", h->db ? sqlite3_errmsg(h->db) : sqlite3_errstr(code));
	return errno_of(code);
}

static int pragma(struct history *h, const char *sql, sqlite3_int64 *number, char *text, size_t size)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, sql, -1, &s, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		const char *got = (const char *)sqlite3_column_text(s, 0);

		*number = sqlite3_column_int64(s, 0);
		snprintf(text, size, "%s", got ? got : "");
		code = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return code;
}

/* Is it ours, of a schema we know, and whole? A new one is made ours. */
static int check(struct history *h, bool create, char *why, size_t size)
{
	sqlite3_int64 app = 0, schema = 0, tables = 0, none;
	char text[256] = "";
	int code = pragma(h, "PRAGMA quick_check(1)", &none, text, sizeof(text));

	if (code == SQLITE_OK && strcmp(text, "ok")) {
		/* One line, of which the first says only that there is a second. */
		snprintf(why, size, "damaged: %s", strchr(text, '\n') ? strchr(text, '\n') + 1 : text);
		return -EBADMSG;
	}
	if (code == SQLITE_OK)
		code = pragma(h, "PRAGMA application_id", &app, text, sizeof(text));
	if (code == SQLITE_OK)
		code = pragma(h, "PRAGMA user_version", &schema, text, sizeof(text));
	if (code == SQLITE_OK)
		code = pragma(h, "SELECT count(*) FROM sqlite_schema", &tables, text, sizeof(text));
	if (code != SQLITE_OK)
		return fail(h, code, why, size);
	if (!tables && create)
		return fail(h, sqlite3_exec(h->db, create_sql, NULL, NULL, NULL), why, size);
	if (app != APPLICATION) {
		snprintf(why, size, "it is another program's data base");
		return -EBADMSG;
	}
	if (schema != SCHEMA) {
		snprintf(why, size, "it has schema %lld, this program has %d", (long long)schema,
			 SCHEMA);
		return -EBADMSG;
	}
	return 0;
}

int history_open(const char *path, bool create, struct history **out, char *why, size_t size)
{
	struct history *h = calloc(1, sizeof(*h));
	int code, err;

	*out = NULL;
	if (!h)
		return -ENOMEM;
	code = sqlite3_open_v2(path, &h->db,
			       SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), NULL);
	err = fail(h, code, why, size);
	if (!err) {
		sqlite3_busy_timeout(h->db, BUSY_MS);
		err = check(h, create, why, size);
	}
	if (err) {
		history_close(h);
		return err;
	}
	*out = h;
	return 0;
}

void history_close(struct history *h)
{
	if (h)
		sqlite3_close(h->db);
	free(h);
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(s, at, text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(s, at);
}

/* What a report does not have is NULL in the data base, never 0. */
static void bind_number(sqlite3_stmt *s, int at, struct json_object *o, const char *key)
{
	if (json_object_is_type(json_get(o, key), json_type_int))
		sqlite3_bind_int64(s, at, json_int(o, key, 0));
	else
		sqlite3_bind_null(s, at);
}

static void bind_real(sqlite3_stmt *s, int at, struct json_object *o, const char *key)
{
	if (json_get(o, key))
		sqlite3_bind_double(s, at, json_object_get_double(json_get(o, key)));
	else
		sqlite3_bind_null(s, at);
}

/* Of a flow's messages, from four places on: median, mean of the middle half, cheapest tenth, steady or not. */
static void bind_cost(sqlite3_stmt *s, int at, struct json_object *bare, const struct limits *limits)
{
	bool any = json_uint(bare, "messages", 0);

	bind_number(s, at, any ? bare : NULL, "median");
	bind_number(s, at + 1, any ? bare : NULL, "middle");
	bind_number(s, at + 2, any ? bare : NULL, "low");
	if (cost_known(bare, limits))
		sqlite3_bind_int(s, at + 3, !cost_unsteady(bare));
	else
		sqlite3_bind_null(s, at + 3);
}

static void bind_list(sqlite3_stmt *s, int at, struct json_object *list,
		      void (*name)(struct json_object *, char *, size_t))
{
	char *text = NULL, one[512];
	size_t size = 0;
	FILE *f = list ? open_memstream(&text, &size) : NULL;

	for (size_t i = 0; f && i < json_length(list); i++) {
		name(json_at(list, i), one, sizeof(one));
		fprintf(f, "%s%s", i ? "; " : "", one);
	}
	if (f)
		fclose(f);
	bind_text(s, at, text);
	free(text);
}

/* Was it measured on another night, whose row it has already? */
static bool is_kept(struct json_object *base)
{
	return json_object_get_boolean(json_get(base, "kept"));
}

/* The worst that was found and is not accepted; where all is accepted, the first of that. */
static const char *reason(struct json_object *list)
{
	struct json_object *worst = finding_worst(list);

	for (size_t i = 0; i < json_length(list) && !worst; i++)
		if (json_str(json_at(list, i), "accepted", NULL))
			worst = json_at(list, i);
	return json_str(worst, "text", NULL);
}

/* Limits of a night that does not tell them are those of today. */
static struct limits night_limits(struct json_object *report)
{
	struct limits l = LIMITS_DEFAULT;

	l.messages = json_uint(json_get(report, "limits"), "messages", l.messages);
	return l;
}

/* The time of its newest digest: names need not tell which night came first. */
static const char *night_time(struct json_object *report)
{
	struct json_object *kernels = json_get(report, "kernels"), *base = json_get(report, "baseline");
	const char *newest = is_kept(base) ? "" : json_str(base, "time", "");

	for (size_t i = 0; i < json_length(kernels); i++) {
		const char *time = json_str(json_at(kernels, i), "time", "");

		newest = strcmp(time, newest) > 0 ? time : newest;
	}
	return newest;
}

/* A row of the table result: which, and what is known of it. */
struct entry {
	const char *night, *flow, *outcome;
	struct json_object *kernel, *judged;
	struct limits limits;
};

static int add_row(struct history *h, const struct entry *e)
{
	static const char *const numbers[] = {"messages", "delivered", "payload_bytes",
					      "copied_bytes", "copy_bytes", "emulated_bytes",
					      "dead_copy_bytes"};
	struct json_object *side = json_get(e->judged, "to"), *cost = json_get(side, "cost"),
			   *probed = json_get(cost, "probed");
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, "INSERT OR REPLACE INTO result VALUES "
				      "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", -1, &s, NULL);

	if (code != SQLITE_OK)
		return code;
	bind_text(s, 1, e->night);
	bind_text(s, 2, json_str(e->kernel, "label", "?"));
	bind_text(s, 3, e->flow);
	bind_text(s, 4, json_str(e->kernel, "version", NULL));
	bind_text(s, 5, e->outcome);
	bind_text(s, 6, reason(json_get(e->judged, "findings")));
	for (int i = 0; i < 7; i++)
		bind_number(s, 7 + i, side, numbers[i]);
	bind_text(s, 14, json_str(side, "verdict", NULL));
	bind_cost(s, 15, json_get(cost, "bare"), &e->limits);
	bind_number(s, 19, json_uint(probed, "messages", 0) ? probed : NULL, "median");
	bind_list(s, 20, json_get(side, "sites"), site_text);
	bind_list(s, 21, json_get(side, "hops"), hop_text);
	code = sqlite3_step(s);
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* The kernel as a whole has a row too, flow "-". */
static int add_kernel(struct history *h, struct json_object *report, struct json_object *kernel)
{
	struct json_object *flows = json_get(kernel, "flows");
	bool base = kernel == json_get(report, "baseline");
	struct entry e = {json_str(report, "night", "?"), "-",
			  base ? "baseline" : json_str(kernel, "outcome", "?"), kernel, kernel,
			  night_limits(report)};
	int code = add_row(h, &e);

	for (size_t i = 0; i < json_length(flows) && code == SQLITE_OK; i++) {
		e.judged = json_at(flows, i);
		e.flow = json_str(e.judged, "name", "?");
		e.outcome = base ? "baseline" : json_str(e.judged, "outcome", "?");
		code = add_row(h, &e);
	}
	return code;
}

static int forget_night(struct history *h, const char *night)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, "DELETE FROM result WHERE night = ?", -1, &s, NULL);

	if (code != SQLITE_OK)
		return code;
	bind_text(s, 1, night);
	code = sqlite3_step(s);
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int add_night(struct history *h, struct json_object *report)
{
	struct json_object *base = json_get(report, "baseline"), *limits = json_get(report, "limits");
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, "INSERT OR REPLACE INTO night VALUES (?,?,?,?,?,?,?,?,?)",
				      -1, &s, NULL);

	if (code != SQLITE_OK)
		return code;
	bind_text(s, 1, json_str(report, "night", "?"));
	bind_text(s, 2, night_time(report));
	bind_text(s, 3, json_str(report, "set", ""));
	bind_text(s, 4, json_str(base, "label", "?"));
	bind_text(s, 5, json_str(base, "version", NULL));
	sqlite3_bind_int(s, 6, is_kept(base));
	bind_real(s, 7, limits, "message_percent");
	bind_real(s, 8, limits, "unsteady_percent");
	bind_number(s, 9, report, "exit_status");
	code = sqlite3_step(s);
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

bool history_is_report(struct json_object *o)
{
	return json_str(o, "night", NULL) && json_str(json_get(o, "baseline"), "label", NULL) &&
	       json_object_is_type(json_get(o, "kernels"), json_type_array);
}

int history_add(struct history *h, struct json_object *report, char *why, size_t size)
{
	struct json_object *kernels = json_get(report, "kernels"), *base = json_get(report, "baseline");
	int code = sqlite3_exec(h->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), err;

	if (code == SQLITE_OK)
		code = forget_night(h, json_str(report, "night", "?"));
	if (code == SQLITE_OK)
		code = add_night(h, report);
	if (code == SQLITE_OK && !is_kept(base))
		code = add_kernel(h, report, base);
	for (size_t i = 0; i < json_length(kernels) && code == SQLITE_OK; i++)
		code = add_kernel(h, report, json_at(kernels, i));
	if (code == SQLITE_OK)
		code = sqlite3_exec(h->db, "COMMIT", NULL, NULL, NULL);
	err = fail(h, code, why, size);
	if (err)
		sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

static const char *column(sqlite3_stmt *s, int i)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	return text ? text : "";
}

static double real(sqlite3_stmt *s, int i, double none)
{
	return sqlite3_column_type(s, i) == SQLITE_NULL ? none : sqlite3_column_double(s, i);
}

static struct history_cost cost(sqlite3_stmt *s, int i)
{
	struct history_cost c = {
		.known = sqlite3_column_type(s, i + 3) != SQLITE_NULL,
		.steady = sqlite3_column_int(s, i + 3),
		.message = {sqlite3_column_double(s, i), sqlite3_column_double(s, i + 1),
			    sqlite3_column_double(s, i + 2)},
		.limits = LIMITS_DEFAULT,
	};

	c.limits.message = real(s, i + 4, 100 * c.limits.message) / 100;
	c.limits.unsteady = real(s, i + 5, 100 * c.limits.unsteady) / 100;
	return c;
}

static int prepare(struct history *h, const struct history_query *q, sqlite3_stmt **s)
{
	char sql[768];
	int code;

	snprintf(sql, sizeof(sql), "SELECT night, kernel, flow, version, %s, instructions,"
		 " middle_instructions, low_instructions, steady, steady_percent, unsteady_percent"
		 " FROM result JOIN night USING (night)"
		 " WHERE (?1 IS NULL OR kernel GLOB ?1) AND (?2 IS NULL OR flow GLOB ?2)"
		 " AND (?3 OR flow <> '-') ORDER BY %s", q->value->sql,
		 q->by_night ? "time, night, kernel, flow" : "kernel, flow, time, night");
	code = sqlite3_prepare_v2(h->db, sql, -1, s, NULL);
	if (code != SQLITE_OK)
		return code;
	bind_text(*s, 1, q->kernel);
	bind_text(*s, 2, q->flow);
	sqlite3_bind_int(*s, 3, q->value->whole);
	return SQLITE_OK;
}

int history_each(struct history *h, const struct history_query *q,
		 int (*fn)(const struct history_row *row, void *ctx), void *ctx)
{
	sqlite3_stmt *s = NULL;
	int code = prepare(h, q, &s), stop = 0;

	while (code == SQLITE_OK && !stop) {
		struct history_row row;

		if (sqlite3_step(s) != SQLITE_ROW) {
			code = sqlite3_reset(s);
			break;
		}
		row = (struct history_row){column(s, 0), column(s, 1), column(s, 2), column(s, 3),
					   column(s, 4), cost(s, 5)};
		stop = fn(&row, ctx);
	}
	sqlite3_finalize(s);
	return stop ? stop : errno_of(code);
}
