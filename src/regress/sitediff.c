// SPDX-License-Identifier: GPL-2.0-only
#include "regress/sitediff.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "regress/finding.h"
#include "regress/finding_text.h"

static bool same_function(const char *a, const char *b)
{
	size_t n = function_length(a);

	return n == function_length(b) && !memcmp(a, b, n);
}

static bool same_word(struct json_object *a, struct json_object *b, const char *key)
{
	return !strcmp(json_str(a, key, ""), json_str(b, key, ""));
}

static bool same_place(struct json_object *a, struct json_object *b)
{
	return same_word(a, b, "kind") && same_word(a, b, "module") &&
	       same_function(json_str(a, "symbol", ""), json_str(b, "symbol", ""));
}

static bool same_site(struct json_object *a, struct json_object *b)
{
	return same_place(a, b) && same_word(a, b, "primitive");
}

/* The same copy, inlined on one side and a call on the other? */
static bool same_copy(struct json_object *a, struct json_object *b)
{
	return same_place(a, b) && is_inlined(json_str(a, "primitive", "")) !=
					   is_inlined(json_str(b, "primitive", ""));
}

/* Bytes of all sites of the flow that differ from this one at most in the offset. */
static uint64_t bytes_at(struct json_object *flow, struct json_object *site)
{
	struct json_object *sites = json_get(flow, "sites");
	uint64_t bytes = 0;

	for (size_t i = 0; i < json_length(sites); i++)
		if (same_site(json_at(sites, i), site))
			bytes += json_uint(json_at(sites, i), "bytes", 0);
	return bytes;
}

void site_text(struct json_object *site, char *buf, unsigned long size)
{
	const char *symbol = json_str(site, "symbol", NULL), *module = json_str(site, "module", "");

	if (!symbol)
		snprintf(buf, size, "%s", json_str(site, "kind", "?"));
	else
		snprintf(buf, size, "%s%s%.*s by %s", module, *module ? ":" : "",
			 (int)function_length(symbol), symbol, json_str(site, "primitive", "?"));
}

/* The site of the other flow that is the same copy, where neither flow has both; or NULL. */
static struct json_object *moved_site(struct json_object *site, struct json_object *flow,
				      struct json_object *other)
{
	struct json_object *sites = json_get(other, "sites"), *found = NULL;

	for (size_t i = 0; i < json_length(sites); i++) {
		struct json_object *x = json_at(sites, i);

		if (!same_copy(site, x) || !bytes_at(flow, site) || !bytes_at(other, x))
			continue;
		if (bytes_at(flow, x) || bytes_at(other, site) || (found && !same_site(found, x)))
			return NULL;
		found = x;
	}
	return found;
}

static double times(struct json_object *flow, struct json_object *site)
{
	return (double)bytes_at(flow, site) / (double)json_uint(flow, "payload_bytes", 0);
}

static void tell_moved(struct json_object *list, struct json_object *from, struct json_object *was,
		       struct json_object *to, struct json_object *is)
{
	double a = times(from, was), b = times(to, is);
	struct ratio_words words = ratio_words(a, b);
	struct json_object *f;
	char name[400];

	site_text(is, name, sizeof(name));
	f = finding_add(list, OUTCOME_CHANGE, "site",
			"moved: %s copies each byte %s times, was by %s %s times", name, words.is,
			json_str(was, "primitive", "?"), words.was);
	json_add_str(f, "site", name);
	json_add_double(f, "from", a, 6);
	json_add_double(f, "to", b, 6);
}

static void compare_site(struct json_object *list, struct json_object *site,
			 struct json_object *from, struct json_object *to)
{
	uint64_t a = bytes_at(from, site), x = json_uint(from, "payload_bytes", 0);
	uint64_t b = bytes_at(to, site), y = json_uint(to, "payload_bytes", 0);
	double was = times(from, site), is = times(to, site);
	struct ratio_words words = ratio_words(was, is);
	struct json_object *f;
	char name[400];

	if ((unsigned __int128)a * y == (unsigned __int128)b * x)
		return;
	site_text(site, name, sizeof(name));
	if (!a)
		f = finding_add(list, OUTCOME_CHANGE, "site", "new: %s copies each byte %s times",
				name, words.is);
	else if (!b)
		f = finding_add(list, OUTCOME_CHANGE, "site", "gone: %s copied each byte %s times",
				name, words.was);
	else
		f = finding_add(list, OUTCOME_CHANGE, "site", "%s copies each byte %s times, was %s",
				name, words.is, words.was);
	json_add_str(f, "site", name);
	json_add_double(f, "from", was, 6);
	json_add_double(f, "to", is, 6);
}

/* Does one of the first n sites differ from this one at most in the offset? */
static bool among_first(struct json_object *sites, size_t n, struct json_object *site)
{
	for (size_t i = 0; i < n; i++)
		if (same_site(json_at(sites, i), site))
			return true;
	return false;
}

void compare_sites(struct json_object *list, struct json_object *from, struct json_object *to)
{
	struct json_object *now = json_get(to, "sites"), *before = json_get(from, "sites");

	for (size_t i = 0; i < json_length(now); i++) {
		struct json_object *site = json_at(now, i), *was = moved_site(site, to, from);

		if (among_first(now, i, site))
			continue;
		if (was)
			tell_moved(list, from, was, to, site);
		else
			compare_site(list, site, from, to);
	}
	for (size_t i = 0; i < json_length(before); i++) {
		struct json_object *site = json_at(before, i);

		if (!among_first(before, i, site) && !moved_site(site, from, to) &&
		    !among_first(now, json_length(now), site))
			compare_site(list, site, from, to);
	}
}
