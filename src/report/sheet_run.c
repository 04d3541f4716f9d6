// SPDX-License-Identifier: GPL-2.0-only
/* Tables about the run: what was not followed, the census, what was lost. */
#include <json-c/json.h>
#include <string.h>

#include "common/json.h"
#include "report/sheet_parts.h"

/* ---- what was not followed ---- */

PUT(put_logged_name)
{
	(void)rep;
	snprintf(buf, size, "%s", ((const struct logged *)row->item)->name);
}

PUT(put_logged_why)
{
	const struct logged *l = row->item;

	(void)rep;
	snprintf(buf, size, "%s", l->skipped ? l->why : "sent by the log, not followed in the trace");
}

static const struct sheet_column skipped_columns[] = {
	{"flow", COL_TEXT, put_logged_name},
	{"why", COL_TEXT, put_logged_why},
};

static void each_skipped(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	(void)only;
	for (size_t i = 0; i < rep->r->log.count; i++) {
		const struct logged *l = &rep->r->log.flows[i];

		if (l->skipped || logged_absent(l))
			fn(ctx, &(struct row){.item = l});
	}
}

static const struct other *other_of(const struct row *row)
{
	return row->item;
}

PUT(put_other_site)
{
	(void)rep;
	rundir_site_name(other_of(row)->site, other_of(row)->ip, buf, size);
}

PUT(put_other_thread)
{
	const struct thread *t = thread_find(&rep->r->engine, other_of(row)->tid);

	snprintf(buf, size, "%d%s%.16s", other_of(row)->tid, t && *t->comm ? " " : "",
		 t ? t->comm : "");
}

PUT(put_other_length)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(other_of(row)->len));
}

PUT(put_other_hits)
{
	(void)rep;
	snprintf(buf, size, "%llu", ULL(other_of(row)->hits));
}

static const struct sheet_column unlinked_columns[] = {
	{"site", COL_TEXT, put_other_site},
	{"thread", COL_TEXT, put_other_thread},
	{"length", COL_NUMBER, put_other_length},
	{"hits", COL_NUMBER, put_other_hits},
};

struct other_walk {
	row_fn fn;
	void *ctx;
};

static void show_other(void *value, void *ctx)
{
	const struct other_walk *w = ctx;

	w->fn(w->ctx, &(struct row){.item = value});
}

static void each_unlinked(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	struct other_walk w = {fn, ctx};

	(void)only;
	hashmap_each(&rep->r->engine.others, show_other, &w);
}

const struct sheet sheet_skipped = SHEET("skipped", "Not run, or not followed", skipped_columns, each_skipped);

const struct sheet sheet_unlinked = SHEET("unlinked", "Copies on no chain", unlinked_columns, each_unlinked);

/* ---- the census ---- */

static struct json_object *census_site(const struct report *rep, const struct row *row)
{
	return json_at(json_get(rep->r->run.census, "sites"), row->i);
}

PUT(put_census_site)
{
	struct json_object *o = census_site(rep, row);
	const char *module = json_str(o, "module", "");

	snprintf(buf, size, "%s%s%s+0x%llx", module, *module ? ":" : "", json_str(o, "function", "?"),
		 ULL(json_uint(o, "offset", 0)));
}

#define CENSUS_WORD(name, key)                                                                     \
	PUT(name)                                                                                  \
	{                                                                                          \
		snprintf(buf, size, "%s", json_str(census_site(rep, row), key, ""));               \
	}

CENSUS_WORD(put_census_primitive, "primitive")
CENSUS_WORD(put_census_kind, "kind")
CENSUS_WORD(put_census_status, "status")
CENSUS_WORD(put_census_why, "why")

static const struct sheet_column census_columns[] = {
	{"site", COL_TEXT, put_census_site},	 {"primitive", COL_TEXT, put_census_primitive},
	{"kind", COL_TEXT, put_census_kind},	 {"status", COL_TEXT, put_census_status},
	{"why", COL_TEXT, put_census_why},
};

static void each_census(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	size_t n = json_length(json_get(rep->r->run.census, "sites"));

	(void)only;
	for (size_t i = 0; i < n; i++)
		fn(ctx, &(struct row){.i = i, .word = json_str(json_at(json_get(
			rep->r->run.census, "sites"), i), "status", "")});
}

const struct sheet sheet_census = SHEET("census", "Census of copy sites", census_columns, each_census);

/* ---- loss ---- */

PUT(put_word)
{
	(void)rep;
	snprintf(buf, size, "%s", row->word);
}

PUT(put_item)
{
	(void)rep;
	snprintf(buf, size, "%s", (const char *)row->item);
}

PUT(put_lost)
{
	(void)rep;
	if ((int64_t)row->number < 0)
		snprintf(buf, size, "unknown");
	else
		snprintf(buf, size, "%llu", ULL(row->number));
}

static const struct sheet_column loss_columns[] = {
	{"where", COL_TEXT, put_word},
	{"what", COL_TEXT, put_item},
	{"events", COL_NUMBER, put_lost},
};

static void loss_of_cpu(struct json_object *cpu, row_fn fn, void *ctx)
{
	char where[32];

	snprintf(where, sizeof(where), "CPU %lld", (long long)json_int(cpu, "cpu", -1));
	json_object_object_foreach(cpu, key, value)
		if (strcmp(key, "cpu"))
			fn(ctx, &(struct row){.word = where, .item = key,
					      .number = (uint64_t)json_object_get_int64(value)});
}

static void each_loss(const struct report *rep, const struct flow *only, row_fn fn, void *ctx)
{
	struct json_object *loss = json_get(rep->r->run.manifest, "loss"),
			   *cpus = json_get(loss, "cpus"), *missed = json_get(loss, "missed");

	(void)only;
	for (size_t i = 0; i < json_length(cpus); i++)
		if (json_object_is_type(json_at(cpus, i), json_type_object))
			loss_of_cpu(json_at(cpus, i), fn, ctx);
	if (json_object_is_type(missed, json_type_object)) {
		json_object_object_foreach(missed, key, value)
			fn(ctx, &(struct row){.word = key, .item = "missed by its probe",
					      .number = (uint64_t)json_object_get_int64(value)});
	}
	fn(ctx, &(struct row){.word = "trace.dat", .item = "told lost in its pages",
			      .number = rep->r->missed_unknown ? (uint64_t)-1 : rep->r->missed});
	fn(ctx, &(struct row){.word = "run", .item = "lost in all",
			      .number = (uint64_t)json_int(loss, "lost", -1)});
}

const struct sheet sheet_loss = SHEET("loss", "Loss", loss_columns, each_loss);
