// SPDX-License-Identifier: GPL-2.0-only
#include "regress/censusdiff.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "regress/finding.h"
#include "regress/finding_text.h"

/* All sites of a function that call one primitive, or are it. */
struct row {
	const char *module, *function, *primitive;
	unsigned long sites;
	unsigned long seen, blind; /* of them: those whose copies a probe sees, and that none can see */
	bool paired;
};

struct rows {
	struct row *row;
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->primitive, y->primitive);

	if (!order)
		order = strcmp(x->module, y->module);
	return order ? order : strcmp(x->function, y->function);
}

static bool is_copy(struct json_object *site)
{
	const char *kind = json_str(site, "kind", "");

	return !strcmp(kind, "call") || !strcmp(kind, "jump") || !strcmp(kind, "inlined");
}

static bool among(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words))
		words++;
	return *words;
}

static const char *const seen_words[] = {"probed", "covered", "inside", "wrapper", NULL};
static const char *const blind_words[] = {"blind", "refused", NULL};

static struct row row_of(struct json_object *site)
{
	const char *status = json_str(site, "status", "");

	return (struct row){.module = json_str(site, "module", ""),
			    .function = json_str(site, "function", ""),
			    .primitive = json_str(site, "primitive", ""),
			    .sites = 1,
			    .seen = among(status, seen_words),
			    .blind = among(status, blind_words)};
}

static void fold(struct rows *r)
{
	size_t n = 0;

	qsort(r->row, r->count, sizeof(*r->row), by_name);
	for (size_t i = 0; i < r->count; i++) {
		if (n && !by_name(&r->row[n - 1], &r->row[i])) {
			r->row[n - 1].sites += r->row[i].sites;
			r->row[n - 1].seen += r->row[i].seen;
			r->row[n - 1].blind += r->row[i].blind;
		} else {
			r->row[n++] = r->row[i];
		}
	}
	r->count = n;
}

static struct json_object *row_json(const struct row *x)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "primitive", x->primitive);
	json_add_str(o, "module", x->module);
	json_add_str(o, "function", x->function);
	json_add_uint(o, "sites", x->sites);
	json_add_uint(o, "seen", x->seen);
	json_add_uint(o, "blind", x->blind);
	return o;
}

struct json_object *census_digest(struct json_object *sites)
{
	struct json_object *list = json_get(sites, "sites"), *out = json_object_new_array();
	struct rows r = {calloc(json_length(list) + 1, sizeof(*r.row)), 0};

	for (size_t i = 0; r.row && i < json_length(list); i++) {
		struct json_object *s = json_at(list, i);

		if (is_copy(s))
			r.row[r.count++] = row_of(s);
	}
	if (r.row)
		fold(&r);
	for (size_t i = 0; i < r.count; i++)
		json_object_array_add(out, row_json(&r.row[i]));
	free(r.row);
	return out;
}

static struct rows load(struct json_object *list)
{
	struct rows r = {calloc(json_length(list) + 1, sizeof(*r.row)), 0};

	for (size_t i = 0; r.row && i < json_length(list); i++) {
		struct json_object *o = json_at(list, i);
		const char *function = json_str(o, "function", "");
		char *name = strndup(function, function_length(function));

		if (!name)
			break;
		r.row[r.count++] = (struct row){.module = json_str(o, "module", ""),
						.function = name,
						.primitive = json_str(o, "primitive", ""),
						.sites = json_uint(o, "sites", 0),
						.seen = json_uint(o, "seen", 0),
						.blind = json_uint(o, "blind", 0)};
	}
	return r;
}

static void unload(struct rows *r, char **names)
{
	for (size_t i = 0; names[i]; i++)
		free(names[i]);
	free(names);
	free(r->row);
}

/* The rows are folded after their names were taken, so those are kept apart to be freed. */
static char **names_of(const struct rows *r)
{
	char **names = calloc(r->count + 1, sizeof(*names));

	for (size_t i = 0; names && i < r->count; i++)
		names[i] = (char *)r->row[i].function;
	return names;
}

static void add_pair(struct json_object *out, const char *list, const struct row *a,
		     const struct row *b)
{
	struct json_object *o = row_json(b);

	json_add_str(o, "from_primitive", a->primitive);
	json_add_str(o, "from_module", a->module);
	json_add_str(o, "from_function", a->function);
	json_add_uint(o, "from_sites", a->sites);
	json_add_uint(o, "from_seen", a->seen);
	json_object_array_add(json_get(out, list), o);
}

/* Of both sides: more or fewer sites, or sites that lost their probe. */
static void compare_rows(struct json_object *out, const struct row *a, const struct row *b)
{
	if (b->sites > a->sites)
		add_pair(out, "more", a, b);
	else if (b->sites < a->sites)
		add_pair(out, "fewer", a, b);
	if (b->blind > a->blind)
		add_pair(out, "blind", a, b);
}

/* Marks what both have as paired, in one pass over the sorted rows. */
static void pair_equal(struct json_object *out, struct rows *a, struct rows *b)
{
	size_t i = 0, k = 0;

	while (i < a->count && k < b->count) {
		int order = by_name(&a->row[i], &b->row[k]);

		if (!order) {
			a->row[i].paired = b->row[k].paired = true;
			compare_rows(out, &a->row[i++], &b->row[k++]);
		} else if (order < 0) {
			i++;
		} else {
			k++;
		}
	}
}

static bool same_function(const struct row *a, const struct row *b)
{
	return !strcmp(a->function, b->function) && !strcmp(a->module, b->module);
}

static struct row *find_row(const struct rows *r, const struct row *key)
{
	return bsearch(key, r->row, r->count, sizeof(*r->row), by_name);
}

/* How many sites more it has than the row of its name on the other side. */
static unsigned long surplus(const struct row *x, const struct rows *other)
{
	const struct row *y = find_row(other, x);

	return !y ? x->sites : x->sites > y->sites ? x->sites - y->sites : 0;
}

static void take_sites(struct row *x, unsigned long n)
{
	x->sites -= n;
	x->seen = x->seen > n ? x->seen - n : 0;
	x->blind = x->blind < x->sites ? x->blind : x->sites;
	x->paired |= !x->sites;
}

/*
 * Of a row of inlined sites, those that are calls in the same function on the other side: the copy is
 * the same, the compiler another. out_of_line: the calls are what there is now.
 */
static void pair_calls(struct json_object *out, struct row *x, const struct rows *inlined,
		       struct rows *calls, bool out_of_line)
{
	for (size_t i = 0; i < calls->count; i++) {
		struct row *y = &calls->row[i], a, b;
		unsigned long n = surplus(x, calls), m = surplus(y, inlined);

		n = n < m ? n : m;
		if (!n || is_inlined(y->primitive) || !same_function(x, y))
			continue;
		a = out_of_line ? *x : *y;
		b = out_of_line ? *y : *x;
		a.sites = b.sites = n;
		add_pair(out, "inlining", &a, &b);
		take_sites(x, n);
		take_sites(y, n);
	}
}

static void pair_inlined(struct json_object *out, struct rows *inlined, struct rows *calls,
			 bool out_of_line)
{
	for (size_t i = 0; i < inlined->count; i++)
		if (is_inlined(inlined->row[i].primitive))
			pair_calls(out, &inlined->row[i], inlined, calls, out_of_line);
}

/* Names of a function and of what was split from it or wrapped around it contain each other. */
static bool alike(const char *a, const char *b)
{
	a += strspn(a, "_");
	b += strspn(b, "_");
	if (strlen(a) > strlen(b))
		return strlen(b) >= 6 && strstr(a, b);
	return strlen(a) >= 6 && strstr(b, a);
}

static bool moved(const struct row *a, const struct row *b)
{
	return !strcmp(a->primitive, b->primitive) && alike(a->function, b->function);
}

static bool other_primitive(const struct row *a, const struct row *b)
{
	return same_function(a, b);
}

static void pair_by(struct json_object *out, const char *list, struct rows *a, struct rows *b,
		    bool (*same)(const struct row *, const struct row *))
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count && !a->row[i].paired; k++) {
			if (b->row[k].paired || !same(&a->row[i], &b->row[k]))
				continue;
			a->row[i].paired = b->row[k].paired = true;
			add_pair(out, list, &a->row[i], &b->row[k]);
		}
}

static void add_rest(struct json_object *out, const char *list, const struct rows *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!r->row[i].paired)
			json_object_array_add(json_get(out, list), row_json(&r->row[i]));
}

const struct census_list census_lists[] = {
	{"new", "new"},
	{"gone", "gone"},
	{"moved", "moved to another function"},
	{"inlining", "moved in or out of line"},
	{"other_primitive", "copied by another primitive"},
	{"more", "more sites"},
	{"fewer", "fewer sites"},
	{"blind", "sites that no probe can see"},
	{NULL, NULL},
};

struct json_object *census_compare(struct json_object *from, struct json_object *to)
{
	struct json_object *out = json_object_new_object();
	struct rows a = load(from), b = load(to);
	char **a_names = names_of(&a), **b_names = names_of(&b);

	for (const struct census_list *l = census_lists; l->key; l++)
		json_object_object_add(out, l->key, json_object_new_array());
	fold(&a);
	fold(&b);
	pair_inlined(out, &a, &b, true);
	pair_inlined(out, &b, &a, false);
	pair_equal(out, &a, &b);
	pair_by(out, "moved", &a, &b, moved);
	pair_by(out, "other_primitive", &a, &b, other_primitive);
	add_rest(out, "gone", &a);
	add_rest(out, "new", &b);
	unload(&a, a_names);
	unload(&b, b_names);
	return out;
}

void compare_censuses(struct json_object *list, struct json_object *compared)
{
	char text[512] = "";
	size_t used = 0;

	for (const struct census_list *l = census_lists; l->key; l++) {
		size_t n = json_length(json_get(compared, l->key));

		if (n)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%zu %s",
						 used ? ", " : "", n, l->about);
	}
	if (used)
		finding_add(list, OUTCOME_CHANGE, "census", "functions with copy sites: %s", text);
}
