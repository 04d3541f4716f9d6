// SPDX-License-Identifier: GPL-2.0-only
/* What all reports say in the same words: the columns of the table, kernels, rows of the census. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/json.h"
#include "common/vec.h"
#include "regress/finding.h"
#include "regress/night_report.h"
#include "regress/finding_text.h"

static void put_name(struct json_object *flow, char *buf, size_t size)
{
	snprintf(buf, size, "%s", json_str(flow, "name", "?"));
}

static double ratio(struct json_object *side, const char *bytes)
{
	uint64_t of = json_uint(side, "payload_bytes", 0);

	return of ? (double)json_uint(side, bytes, 0) / (double)of : 0;
}

/* One number where both kernels agree. */
static void put_ratio(struct json_object *flow, const char *bytes, char *buf, size_t size)
{
	struct json_object *from = json_get(flow, "from"), *to = json_get(flow, "to");
	struct ratio_words w = ratio_words(ratio(from, bytes), ratio(to, bytes));

	if (!from || !to)
		snprintf(buf, size, "%s", to ? w.is : from ? w.was : "-");
	else if (!strcmp(w.was, w.is))
		snprintf(buf, size, "%s", w.is);
	else
		snprintf(buf, size, "%s>%s", w.was, w.is);
}

static void put_copies(struct json_object *flow, char *buf, size_t size)
{
	put_ratio(flow, "copied_bytes", buf, size);
}

static void put_amplification(struct json_object *flow, char *buf, size_t size)
{
	put_ratio(flow, "copy_bytes", buf, size);
}

static void put_emulated(struct json_object *flow, char *buf, size_t size)
{
	put_ratio(flow, "emulated_bytes", buf, size);
}

static uint64_t median(struct json_object *side, const char *which)
{
	return json_uint(json_get(json_get(side, "cost"), which), "median", 0);
}

/* As compared; ~ marks the mean of the middle half. */
static void put_cost(struct json_object *flow, char *buf, size_t size)
{
	struct json_object *cost = json_get(flow, "cost");
	bool middle = !strcmp(json_str(cost, "measure", ""), "middle");
	uint64_t n = json_uint(cost, "to", median(json_get(flow, "to"), "bare"));

	if (n)
		snprintf(buf, size, "%s%llu", middle ? "~" : "", (unsigned long long)n);
	else
		snprintf(buf, size, "-");
}

static void put_rise(struct json_object *flow, char *buf, size_t size)
{
	struct json_object *percent = json_get(json_get(flow, "cost"), "percent");

	if (percent)
		snprintf(buf, size, "%+.1f%%", json_object_get_double(percent));
	else
		snprintf(buf, size, "-");
}

static void put_probes(struct json_object *flow, char *buf, size_t size)
{
	struct json_object *to = json_get(flow, "to");
	uint64_t bare = median(to, "bare"), probed = median(to, "probed");

	if (bare && probed > bare)
		snprintf(buf, size, "%llu", (unsigned long long)(probed - bare));
	else
		snprintf(buf, size, "-");
}

static void put_verdict(struct json_object *flow, char *buf, size_t size)
{
	snprintf(buf, size, "%s", json_str(json_get(flow, "to"), "verdict", "-"));
}

static void put_outcome(struct json_object *flow, char *buf, size_t size)
{
	snprintf(buf, size, "%s", json_str(flow, "outcome", "-"));
}

const struct night_column night_columns[] = {
	{"flow", -20, put_name},	   {"copies", 11, put_copies},
	{"amplif.", 11, put_amplification}, {"emulated", 8, put_emulated},
	{"instr.", 8, put_cost},	   {"rise", 7, put_rise},
	{"+probes", 8, put_probes},	   {"verdict", -8, put_verdict},
	{"outcome", -14, put_outcome},
};
const size_t night_column_count = ARRAY_SIZE(night_columns);

void night_kernel_text(struct json_object *kernel, char *buf, size_t size)
{
	const char *append = json_str(kernel, "append", NULL);
	const char *setup = json_str(kernel, "setup", NULL);
	const char *version = json_str(kernel, "version", NULL);

	snprintf(buf, size, "%s%s%s%s%s%s%s", version && *version ? "linux " : "",
		 version && *version ? version : "version unknown", append ? ", " : "",
		 append ? append : "", setup ? ", after '" : "", setup ? setup : "",
		 setup ? "'" : "");
}

void night_outcomes_text(struct json_object *kernel, char *buf, size_t size)
{
	struct json_object *flows = json_get(kernel, "flows");
	size_t counts[OUTCOMES] = {0}, used;

	for (size_t i = 0; i < json_length(flows); i++) {
		enum outcome o = outcome_parse(json_str(json_at(flows, i), "outcome", ""));

		if (o != OUTCOMES)
			counts[o]++;
	}
	used = (size_t)snprintf(buf, size, "%zu flows", json_length(flows));
	for (int o = OUTCOMES - 1; o >= 0; o--)
		if (counts[o] && used < size)
			used += (size_t)snprintf(buf + used, size - used, ", %zu %s", counts[o],
						 outcome_name((enum outcome)o));
}

int night_census_in_scope(struct json_object *row)
{
	return json_uint(row, "seen", 0) || json_uint(row, "from_seen", 0) ||
	       json_uint(row, "blind", 0);
}

static void function_text(struct json_object *row, const char *from, char *buf, size_t size)
{
	char key[3][32];
	const char *module;

	snprintf(key[0], sizeof(key[0]), "%smodule", from);
	snprintf(key[1], sizeof(key[1]), "%sfunction", from);
	snprintf(key[2], sizeof(key[2]), "%sprimitive", from);
	module = json_str(row, key[0], "");
	snprintf(buf, size, "%s%s%s by %s", module, *module ? ":" : "",
		 json_str(row, key[1], "?"), json_str(row, key[2], "?"));
}

void night_census_text(struct json_object *row, char *buf, size_t size)
{
	unsigned long long now = json_uint(row, "sites", 0), was = json_uint(row, "from_sites", 0);
	char to[512], from[512];

	function_text(row, "", to, sizeof(to));
	if (!json_str(row, "from_function", NULL)) {
		if (now > 1)
			snprintf(buf, size, "%s, %llu sites", to, now);
		else
			snprintf(buf, size, "%s", to);
		return;
	}
	function_text(row, "from_", from, sizeof(from));
	if (strcmp(from, to))
		snprintf(buf, size, "%s, was %s", to, from);
	else
		snprintf(buf, size, "%s, %llu, was %llu", to, now, was);
}
