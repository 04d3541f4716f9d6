// SPDX-License-Identifier: GPL-2.0-only
#include "regress/compare.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/vec.h"
#include "regress/costdiff.h"
#include "regress/finding.h"
#include "regress/sitediff.h"
#include "regress/finding_text.h"

/* A count of bytes that is told per payload byte, and which way is worse. */
static const struct {
	const char *what, *bytes, *unit;
	bool worse; /* false: a rise is a change, no regression */
} ratios[] = {
	{"copies", "copied_bytes", "copies per byte", true},
	{"amplification", "copy_bytes", "bytes copied per byte", true},
	{"emulated-dma", "emulated_bytes", "bytes of emulated DMA per byte", true},
	{"dead-copies", "dead_copy_bytes", "bytes of dead copies per byte", false},
};

#define RATIOS ARRAY_SIZE(ratios)

/* -1, 0, 1 as a/x is less, equal or more than b/y, without rounding. */
static int order(uint64_t a, uint64_t x, uint64_t b, uint64_t y)
{
	unsigned __int128 left = (unsigned __int128)a * y, right = (unsigned __int128)b * x;

	return left < right ? -1 : left > right;
}

static double share(uint64_t a, uint64_t x)
{
	return x ? (double)a / (double)x : 0;
}

/* Where nobody shares a copy, copies and amplification are one number and told once. */
static bool one_receiver(struct json_object *from, struct json_object *to)
{
	return json_uint(from, "copied_bytes", 0) == json_uint(from, "copy_bytes", 0) &&
	       json_uint(to, "copied_bytes", 0) == json_uint(to, "copy_bytes", 0);
}

static bool is_exact(struct json_object *flow)
{
	return !strcmp(json_str(flow, "verdict", ""), "exact");
}

/* Where the new count is a lower bound, that it fell is no merit: some may not have been seen. */
static enum outcome ratio_class(size_t i, bool rose, struct json_object *to)
{
	if (!ratios[i].worse)
		return OUTCOME_CHANGE;
	if (rose)
		return OUTCOME_REGRESSION;
	return is_exact(to) ? OUTCOME_IMPROVEMENT : OUTCOME_CHANGE;
}

static void compare_ratio(struct json_object *list, size_t i, struct json_object *from,
			  struct json_object *to)
{
	uint64_t a = json_uint(from, ratios[i].bytes, 0), x = json_uint(from, "payload_bytes", 0);
	uint64_t b = json_uint(to, ratios[i].bytes, 0), y = json_uint(to, "payload_bytes", 0);
	struct ratio_words words = ratio_words(share(a, x), share(b, y));
	int rose = order(b, y, a, x);
	struct json_object *f;

	if (!rose || (!strcmp(ratios[i].what, "amplification") && one_receiver(from, to)))
		return;
	f = finding_add(list, ratio_class(i, rose > 0, to), ratios[i].what, "%s: %s, was %s%s",
			ratios[i].unit, words.is, words.was,
			rose < 0 && !is_exact(to) ? " (a lower bound)" : "");
	json_add_double(f, "from", share(a, x), 6);
	json_add_double(f, "to", share(b, y), 6);
	json_add_uint(f, "from_bytes", a);
	json_add_uint(f, "from_of", x);
	json_add_uint(f, "to_bytes", b);
	json_add_uint(f, "to_of", y);
}

static int rank(const char *verdict)
{
	static const char *const names[] = {"exact", "at-least", "unlinked"};

	for (int i = 0; i < 3; i++)
		if (!strcmp(names[i], verdict))
			return i;
	return 3;
}

static void compare_verdict(struct json_object *list, struct json_object *from,
			    struct json_object *to)
{
	const char *a = json_str(from, "verdict", "?"), *b = json_str(to, "verdict", "?");
	const char *why = json_str(to, "why", "");
	struct json_object *f;

	if (rank(a) == rank(b))
		return;
	f = finding_add(list, rank(b) > rank(a) ? OUTCOME_REGRESSION : OUTCOME_IMPROVEMENT,
			"verdict", "verdict: %s, was %s%s%s", b, a, *why ? ": " : "", why);
	json_add_str(f, "from", a);
	json_add_str(f, "to", b);
}

/* The first site of an audited flow that stored other bytes than were recorded, as far as it is named. */
static const char *unrecorded(struct json_object *stores)
{
	struct json_object *sites = json_get(stores, "sites");

	for (size_t i = 0; i < json_length(sites); i++)
		if (json_uint(json_at(sites, i), "stored_bytes", 0) != json_uint(json_at(sites, i), "recorded_bytes", 0))
			return json_str(json_at(sites, i), "site", "?");
	return "an emulator that did not write to its end";
}

/* Where both were audited. */
static void compare_stores(struct json_object *list, struct json_object *from, struct json_object *to)
{
	struct json_object *was = json_get(from, "stores"), *is = json_get(to, "stores");
	bool a = json_object_get_boolean(json_get(was, "closed")), b = json_object_get_boolean(json_get(is, "closed"));

	if (!was || !is || a == b)
		return;
	if (a)
		finding_add(list, OUTCOME_REGRESSION, "stores", "the audit is not closed, and was: %s", unrecorded(is));
	else
		finding_add(list, OUTCOME_IMPROVEMENT, "stores", "the audit is closed, and was not: %s", unrecorded(was));
}

/* false: an older digest, which lacks it. */
static bool have_number(struct json_object *o, const char *key, double *value)
{
	struct json_object *v = json_get(o, key);

	*value = json_object_get_double(v);
	return json_object_is_type(v, json_type_double) || json_object_is_type(v, json_type_int);
}

static void less_certain(struct json_object *list, double was, double is, const char *text)
{
	struct json_object *f = finding_add(list, OUTCOME_REGRESSION, "verdict", "%s", text);

	json_add_double(f, "from", was, 6);
	json_add_double(f, "to", is, 6);
}

/* One verdict may hide more than it did: fewer bytes with a chain, or more steps unexplained. */
static void compare_certainty(struct json_object *list, struct json_object *from,
			      struct json_object *to)
{
	struct json_object *gap_was = json_get(from, "gap"), *gap_is = json_get(to, "gap");
	struct ratio_words w;
	char text[256];
	double was, is;

	if (rank(json_str(to, "verdict", "?")) > rank(json_str(from, "verdict", "?")))
		return;
	if (have_number(from, "accounted", &was) && have_number(to, "accounted", &is) && is < was &&
	    is < 1) {
		w = percent_words(100 * was, 100 * is);
		snprintf(text, sizeof(text),
			 "%s %% of the delivered bytes have a chain, were %s %%", w.is, w.was);
		less_certain(list, was, is, text);
	}
	if (have_number(gap_was, "mean", &was) && have_number(gap_is, "mean", &is) && is > was) {
		w = ratio_words(was, is);
		snprintf(text, sizeof(text), "steps per byte that no event explains: %s, were %s",
			 w.is, w.was);
		less_certain(list, was, is, text);
	}
}

/* Figures that are known by their mean only. */
static const char *const means[] = {
#define MEAN(member) member
#define BYTES(member) NULL
#define FIGURE(id, member, column, heading, width, style, line, compared) compared(member),
#include "analyze/core/figures.def"
#undef FIGURE
#undef MEAN
#undef BYTES
};

static void compare_mean(struct json_object *list, const char *member, struct json_object *from,
			 struct json_object *to)
{
	struct ratio_words words;
	struct json_object *f;
	double was, is;

	if (!have_number(json_get(from, member), "mean", &was) ||
	    !have_number(json_get(to, member), "mean", &is) || was == is)
		return;
	words = ratio_words(was, is);
	f = finding_add(list, OUTCOME_CHANGE, "figure", "%s per byte: %s, was %s", member, words.is,
			words.was);
	json_add_double(f, "from", was, 6);
	json_add_double(f, "to", is, 6);
}

/*
 * As shares: the two kernels need not have been sent as many messages. Of those that no longer arrive
 * the baseline has figures that this kernel has not.
 */
static void compare_delivery(struct json_object *list, struct json_object *from,
			     struct json_object *to)
{
	uint64_t a = json_uint(from, "delivered", 0), x = json_uint(from, "messages", 0);
	uint64_t b = json_uint(to, "delivered", 0), y = json_uint(to, "messages", 0);
	int rose = order(b, y, a, x);

	if (rose)
		finding_add(list, rose > 0 ? OUTCOME_CHANGE : OUTCOME_NOT_COMPARABLE, "delivery",
			    "%llu of %llu messages arrived, were %llu of %llu",
			    (unsigned long long)b, (unsigned long long)y, (unsigned long long)a,
			    (unsigned long long)x);
}

/* Why the counts of a flow say nothing about its kernel, or NULL; what: the kind of finding. */
static const char *unfit(struct json_object *flow, const char **what)
{
	*what = "flow";
	if (!json_uint(flow, "messages", 0))
		return "no message was seen";
	if (!json_uint(flow, "payload_bytes", 0))
		return "no message arrived";
	/* Loss is the recorder's, whatever the kernel is like. */
	*what = "lost";
	if (json_object_get_boolean(json_get(flow, "lost")))
		return "events were lost while it was recorded";
	return NULL;
}

static bool is_fit(struct json_object *list, const char *whose, struct json_object *flow)
{
	const char *what, *why = unfit(flow, &what);

	if (why)
		finding_add(list, OUTCOME_NOT_COMPARABLE, what, "%s%s", whose, why);
	return !why;
}

static bool is_comparable(struct json_object *list, struct json_object *from,
			  struct json_object *to)
{
	const char *why;

	if (!from)
		why = "the baseline has no such flow";
	else if (!to)
		why = "this kernel did not run it";
	else if (!is_fit(list, "baseline: ", from) || !is_fit(list, "", to))
		return false;
	else if (!json_object_equal(json_get(from, "size"), json_get(to, "size")))
		why = "messages have another size than the baseline's";
	else
		return true;
	finding_add(list, OUTCOME_NOT_COMPARABLE, "flow", "%s", why);
	return false;
}

struct json_object *compare_flow(struct json_object *from, struct json_object *to,
				 const struct limits *limits)
{
	struct json_object *list = json_object_new_array();

	if (!is_comparable(list, from, to))
		return list;
	for (size_t i = 0; i < RATIOS; i++)
		compare_ratio(list, i, from, to);
	compare_verdict(list, from, to);
	for (size_t i = 0; i < ARRAY_SIZE(means); i++)
		if (means[i])
			compare_mean(list, means[i], from, to);
	compare_certainty(list, from, to);
	compare_stores(list, from, to);
	compare_cost(list, from, to, limits);
	compare_delivery(list, from, to);
	compare_sites(list, from, to);
	compare_hops(list, from, to, limits);
	return list;
}

static bool is_measured(struct json_object *digest)
{
	return !strcmp(json_str(digest, "status", ""), "measured");
}

/* Without traffic the censuses are all there is. */
static void compare_census_only(struct json_object *list, struct json_object *from,
				struct json_object *to)
{
	if (strcmp(json_str(to, "set", ""), "none"))
		return;
	if (!json_get(from, "census"))
		finding_add(list, OUTCOME_NOT_COMPARABLE, "baseline",
			    "the baseline's digest has no census");
	else if (!json_get(to, "census"))
		finding_add(list, OUTCOME_NOT_COMPARABLE, "kernel", "its digest has no census");
}

/* Second boots hide what only some boots die of: so they are told. */
static void compare_boot(struct json_object *list, struct json_object *to)
{
	const char *retried = json_str(to, "retried", NULL);

	if (retried && is_measured(to))
		finding_add(list, OUTCOME_CHANGE, "boot",
			    "the first boot died: %s; measured at the second", retried);
}

struct json_object *compare_kernel(struct json_object *from, struct json_object *to)
{
	struct json_object *list = json_object_new_array();

	if (!is_measured(to))
		finding_add(list, OUTCOME_NOT_COMPARABLE, "kernel", "not measured: %s",
			    json_str(to, "why", "no reason given"));
	else if (!is_measured(from))
		finding_add(list, OUTCOME_NOT_COMPARABLE, "baseline",
			    "the baseline was not measured: %s",
			    json_str(from, "why", "no reason given"));
	else if (strcmp(json_str(from, "set", ""), json_str(to, "set", "")))
		finding_add(list, OUTCOME_NOT_COMPARABLE, "baseline",
			    "the baseline was measured with flows '%s', this kernel with '%s'",
			    json_str(from, "set", ""), json_str(to, "set", ""));
	else
		compare_census_only(list, from, to);
	compare_boot(list, to);
	return list;
}
