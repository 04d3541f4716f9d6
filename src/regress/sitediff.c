// SPDX-License-Identifier: GPL-2.0-only
#include "regress/sitediff.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "regress/finding.h"
#include "regress/words.h"

static bool same_function(const char *a, const char *b)
{
	size_t n = function_length(a);

	return n == function_length(b) && !memcmp(a, b, n);
}

static bool same_word(struct json_object *a, struct json_object *b, const char *key)
{
	return !strcmp(json_str(a, key, ""), json_str(b, key, ""));
}

static bool same_site(struct json_object *a, struct json_object *b)
{
	return same_word(a, b, "kind") && same_word(a, b, "module") &&
	       same_word(a, b, "primitive") &&
	       same_function(json_str(a, "symbol", ""), json_str(b, "symbol", ""));
}

/* Bytes of all sites of the flow that are this one but for the offset. */
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

static void compare_site(struct json_object *list, struct json_object *site,
			 struct json_object *from, struct json_object *to)
{
	uint64_t a = bytes_at(from, site), x = json_uint(from, "payload_bytes", 0);
	uint64_t b = bytes_at(to, site), y = json_uint(to, "payload_bytes", 0);
	double was = (double)a / (double)x, is = (double)b / (double)y;
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

/* Is one of the first n sites this one but for the offset? */
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

	for (size_t i = 0; i < json_length(now); i++)
		if (!among_first(now, i, json_at(now, i)))
			compare_site(list, json_at(now, i), from, to);
	for (size_t i = 0; i < json_length(before); i++)
		if (!among_first(before, i, json_at(before, i)) &&
		    !among_first(now, json_length(now), json_at(before, i)))
			compare_site(list, json_at(before, i), from, to);
}
