// SPDX-License-Identifier: GPL-2.0-only
#include "regress/history.h"

#include <errno.h>
#include <json-c/json.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "regress/ways.h"
#include "regress/sitediff.h"

#define SCHEMA 1
#define APPLICATION 0x6363686e /* "cchn" */
#define BUSY_MS 10000

static const char create_sql[] =
	"CREATE TABLE IF NOT EXISTS night ("
	" night TEXT PRIMARY KEY, flows TEXT NOT NULL, baseline TEXT NOT NULL,"
	" baseline_version TEXT, exit_status INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS result ("
	" night TEXT NOT NULL REFERENCES night(night), kernel TEXT NOT NULL, flow TEXT NOT NULL,"
	" version TEXT, outcome TEXT NOT NULL, why TEXT,"
	" messages INTEGER, delivered INTEGER, payload_bytes INTEGER, copied_bytes INTEGER,"
	" copy_bytes INTEGER, emulated_bytes INTEGER, dead_copy_bytes INTEGER, verdict TEXT,"
	" instructions INTEGER, probed_instructions INTEGER, sites TEXT, hops TEXT,"
	" PRIMARY KEY (night, kernel, flow)) WITHOUT ROWID;"
	"PRAGMA application_id = 1667459182; PRAGMA user_version = 1;";

_Static_assert(APPLICATION == 1667459182, "as in create_sql");

struct history {
	sqlite3 *db;
};

const struct history_value history_values[] = {
	{"copies", "round(copied_bytes * 1.0 / payload_bytes, 6)", "copies of each delivered byte",
	 true, 0},
	{"amplification", "round(copy_bytes * 1.0 / payload_bytes, 6)",
	 "bytes copied per byte delivered", true, 0},
	{"emulated-dma", "round(emulated_bytes * 1.0 / payload_bytes, 6)",
	 "bytes copied by emulated devices per byte delivered", true, 0},
	{"instructions", "instructions", "per message, without probes", true, 0.01},
	{"probes", "probed_instructions - instructions", "instructions that the probes add", true,
	 0.03},
	{"verdict", "verdict", "how sure the counts are", false, 0},
	{"sites", "sites", "where payload is copied", false, 0},
	{"hops", "hops", "the way of most messages", false, 0},
	{"version", "version", "of the kernel", false, 0},
	{"outcome", "outcome", "against that night's baseline", false, 0},
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
		snprintf(why, size, "it has schema %lld, this program knows %d", (long long)schema,
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

static void bind_median(sqlite3_stmt *s, int at, struct json_object *side, const char *which)
{
	struct json_object *m = json_get(json_get(side, "cost"), which);

	if (json_uint(m, "messages", 0))
		sqlite3_bind_int64(s, at, json_int(m, "median", 0));
	else
		sqlite3_bind_null(s, at);
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

/* The first sentence of what was found worst. */
static const char *reason(struct json_object *o)
{
	struct json_object *list = json_get(o, "findings");
	const char *outcome = json_str(o, "outcome", "");

	for (size_t i = 0; i < json_length(list); i++)
		if (!strcmp(json_str(json_at(list, i), "class", ""), outcome))
			return json_str(json_at(list, i), "text", NULL);
	return NULL;
}

static int add_row(struct history *h, const char *night, struct json_object *kernel,
		   const char *flow, const char *outcome, struct json_object *judged)
{
	static const char *const numbers[] = {"messages", "delivered", "payload_bytes",
					      "copied_bytes", "copy_bytes", "emulated_bytes",
					      "dead_copy_bytes"};
	struct json_object *side = json_get(judged, "to");
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, "INSERT OR REPLACE INTO result VALUES "
				      "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", -1, &s, NULL);

	if (code != SQLITE_OK)
		return code;
	bind_text(s, 1, night);
	bind_text(s, 2, json_str(kernel, "label", "?"));
	bind_text(s, 3, flow);
	bind_text(s, 4, json_str(kernel, "version", NULL));
	bind_text(s, 5, outcome);
	bind_text(s, 6, reason(judged));
	for (int i = 0; i < 7; i++)
		bind_number(s, 7 + i, side, numbers[i]);
	bind_text(s, 14, json_str(side, "verdict", NULL));
	bind_median(s, 15, side, "bare");
	bind_median(s, 16, side, "probed");
	bind_list(s, 17, json_get(side, "sites"), site_text);
	bind_list(s, 18, json_get(side, "hops"), hop_text);
	code = sqlite3_step(s);
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* The kernel as a whole has a row too, flow "-". */
static int add_kernel(struct history *h, const char *night, struct json_object *kernel, bool base)
{
	struct json_object *flows = json_get(kernel, "flows");
	int code = add_row(h, night, kernel, "-",
			   base ? "baseline" : json_str(kernel, "outcome", "?"), kernel);

	for (size_t i = 0; i < json_length(flows) && code == SQLITE_OK; i++) {
		struct json_object *f = json_at(flows, i);

		code = add_row(h, night, kernel, json_str(f, "name", "?"),
			       base ? "baseline" : json_str(f, "outcome", "?"), f);
	}
	return code;
}

static int add_night(struct history *h, const char *night, struct json_object *report)
{
	struct json_object *base = json_get(report, "baseline");
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, "DELETE FROM result WHERE night = ?", -1, &s, NULL);

	if (code == SQLITE_OK) {
		bind_text(s, 1, night);
		code = sqlite3_step(s);
	}
	sqlite3_finalize(s);
	s = NULL;
	if (code == SQLITE_DONE)
		code = sqlite3_prepare_v2(h->db, "INSERT OR REPLACE INTO night VALUES (?,?,?,?,?)",
					  -1, &s, NULL);
	if (code == SQLITE_OK) {
		bind_text(s, 1, night);
		bind_text(s, 2, json_str(report, "set", ""));
		bind_text(s, 3, json_str(base, "label", "?"));
		bind_text(s, 4, json_str(base, "version", NULL));
		bind_number(s, 5, report, "exit_status");
		code = sqlite3_step(s);
	}
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

int history_add(struct history *h, struct json_object *report, char *why, size_t size)
{
	struct json_object *kernels = json_get(report, "kernels");
	const char *night = json_str(report, "night", "?");
	int code = sqlite3_exec(h->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), err;

	if (code == SQLITE_OK)
		code = add_night(h, night, report);
	if (code == SQLITE_OK)
		code = add_kernel(h, night, json_get(report, "baseline"), true);
	for (size_t i = 0; i < json_length(kernels) && code == SQLITE_OK; i++)
		code = add_kernel(h, night, json_at(kernels, i), false);
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

int history_each(struct history *h, const struct history_query *q,
		 int (*fn)(const struct history_row *row, void *ctx), void *ctx)
{
	sqlite3_stmt *s = NULL;
	char sql[512];
	int code, stop = 0;

	snprintf(sql, sizeof(sql), "SELECT night, kernel, flow, version, %s FROM result "
		 "WHERE (?1 IS NULL OR kernel GLOB ?1) AND (?2 IS NULL OR flow GLOB ?2) AND flow <> '-' "
		 "ORDER BY kernel, flow, night", q->value->sql);
	code = sqlite3_prepare_v2(h->db, sql, -1, &s, NULL);
	if (code == SQLITE_OK) {
		bind_text(s, 1, q->kernel);
		bind_text(s, 2, q->flow);
	}
	while (code == SQLITE_OK && !stop) {
		struct history_row row;

		if (sqlite3_step(s) != SQLITE_ROW) {
			code = sqlite3_reset(s);
			break;
		}
		row = (struct history_row){column(s, 0), column(s, 1), column(s, 2), column(s, 3),
					   column(s, 4)};
		stop = fn(&row, ctx);
	}
	sqlite3_finalize(s);
	return stop ? stop : errno_of(code);
}
