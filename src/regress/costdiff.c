// SPDX-License-Identifier: GPL-2.0-only
#include "regress/costdiff.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/json.h"
#include "regress/compare.h"
#include "regress/finding.h"
#include "regress/chaindiff.h"

/* A median and how well it is known. */
struct figure {
	uint64_t median, spread;
};

#define SPREADS 3 /* two medians this many widths of their interval apart differ */
#define KINDS 4 /* so many limits do messages of other kinds not account for: boots of a kernel differ by two */
#define UNSTEADY 0.01 /* of the median; more than that is said to lie within SPREADS of them */

static double allowed(const struct figure *a, const struct figure *b, double part,
		      unsigned long floor)
{
	uint64_t spread = a->spread > b->spread ? a->spread : b->spread;
	double by_part = part * (double)a->median, by_spread = SPREADS * (double)spread;
	double most = by_part > by_spread ? by_part : by_spread;

	return most > (double)floor ? most : (double)floor;
}

/* -1, 0, 1: it fell by more than is allowed, did not, rose by more. */
static int beyond(double rise, double allow)
{
	return rise > allow ? 1 : rise < -allow ? -1 : 0;
}

static int dearer(const struct figure *a, const struct figure *b, double allow)
{
	return beyond((double)b->median - (double)a->median, allow);
}

static double percent(const struct figure *a, const struct figure *b)
{
	return a->median ? 100 * ((double)b->median - (double)a->median) / (double)a->median : 0;
}

static void add(struct json_object *list, enum outcome class, const char *what,
		const struct figure *a, const struct figure *b, double allow, const char *name)
{
	double limit = a->median ? 100 * allow / (double)a->median : 0;
	struct json_object *f =
		finding_add(list, class, what, "%s: %llu instructions, was %llu (%+.1f %%, limit %.1f %%)",
			    name, (unsigned long long)b->median, (unsigned long long)a->median,
			    percent(a, b), limit);

	json_add_uint(f, "from", a->median);
	json_add_uint(f, "to", b->median);
	json_add_double(f, "percent", percent(a, b), 3);
	json_add_double(f, "limit_percent", limit, 3);
}

static enum outcome class_of(int sign)
{
	return sign > 0 ? OUTCOME_REGRESSION : OUTCOME_IMPROVEMENT;
}

static struct json_object *bare_of(struct json_object *flow)
{
	return json_get(json_get(flow, "cost"), "bare");
}

bool cost_known(struct json_object *bare, const struct limits *limits)
{
	return json_uint(bare, "messages", 0) >= limits->messages && json_uint(bare, "median", 0);
}

bool cost_unsteady(struct json_object *bare)
{
	return SPREADS * (double)json_uint(bare, "spread", 0) >
	       UNSTEADY * (double)json_uint(bare, "median", 0);
}

double cost_allowed(double instructions, bool unsteady, const struct limits *limits)
{
	double part = (unsteady ? limits->unsteady : limits->message) * instructions;

	return part > (double)limits->message_floor ? part : (double)limits->message_floor;
}

int cost_moved(const struct message_cost *was, const struct message_cost *is, bool unsteady,
	       const struct limits *limits)
{
	double a = unsteady ? was->middle : was->median, b = unsteady ? is->middle : is->median;
	double allow = cost_allowed(a, unsteady, limits), low = is->low - was->low;
	int sign = beyond(b - a, allow);

	if (!sign || !unsteady || was->low <= 0 || is->low <= 0 || beyond(b - a, KINDS * allow))
		return sign;
	return beyond(low, allow / 2 * was->low / a) == sign ? sign : 0;
}

/* What is compared of two flows' messages, and by what measure. */
struct messages {
	struct message_cost from, to;
	struct figure was, is;
	double allow;
	bool unsteady;
};

static struct message_cost message_cost(struct json_object *bare)
{
	return (struct message_cost){(double)json_uint(bare, "median", 0),
				     (double)json_uint(bare, "middle", 0),
				     (double)json_uint(bare, "low", 0)};
}

/* false: there is nothing to compare. */
static bool messages_of(struct json_object *from, struct json_object *to,
			const struct limits *limits, struct messages *m)
{
	struct json_object *was = bare_of(from), *is = bare_of(to);
	const char *key;

	if (!cost_known(was, limits) || !cost_known(is, limits))
		return false;
	m->unsteady = cost_unsteady(was) || cost_unsteady(is);
	key = m->unsteady ? "middle" : "median";
	m->from = message_cost(was);
	m->to = message_cost(is);
	m->was = (struct figure){json_uint(was, key, 0), 0};
	m->is = (struct figure){json_uint(is, key, 0), 0};
	m->allow = cost_allowed((double)m->was.median, m->unsteady, limits);
	return true;
}

static void lacks_median(struct json_object *list, const char *who, struct json_object *bare,
			 const struct limits *limits)
{
	uint64_t n = json_uint(bare, "messages", 0);

	if (n >= limits->messages)
		finding_add(list, OUTCOME_NOT_COMPARABLE, "cost",
			    "%s has no cost: the median of its %llu messages is 0", who,
			    (unsigned long long)n);
	else
		finding_add(list, OUTCOME_NOT_COMPARABLE, "cost",
			    "%s has no cost: %llu messages were timed, a median takes %lu", who,
			    (unsigned long long)n, limits->messages);
}

/* A cost that one kernel lacks: who was not timed at all was not asked to be. */
static void compare_timed(struct json_object *list, struct json_object *from,
			  struct json_object *to, const struct limits *limits)
{
	bool was = cost_known(bare_of(from), limits), is = cost_known(bare_of(to), limits);

	if (was == is)
		return;
	if (!json_get(was ? to : from, "cost"))
		finding_add(list, OUTCOME_CHANGE, "cost",
			    "cost was measured on one side only: %s",
			    was ? "the baseline's" : "this kernel's");
	else if (was)
		lacks_median(list, "this kernel", bare_of(to), limits);
	else
		lacks_median(list, "the baseline", bare_of(from), limits);
}

/* The wider limit is no reason to say nothing of why it applies. */
static void tell_unsteady(struct json_object *list, struct json_object *from,
			  struct json_object *to, const struct limits *limits)
{
	if (!cost_unsteady(bare_of(from)) && cost_unsteady(bare_of(to)))
		finding_add(list, OUTCOME_CHANGE, "cost",
			    "messages are of several kinds now, and were not: their limit is %.1f %% therefore",
			    100 * limits->unsteady);
}

static void compare_messages(struct json_object *list, struct json_object *from,
			     struct json_object *to, const struct limits *limits)
{
	struct messages m;
	int sign;

	if (!messages_of(from, to, limits, &m)) {
		compare_timed(list, from, to, limits);
		return;
	}
	sign = cost_moved(&m.from, &m.to, m.unsteady, limits);
	if (sign)
		add(list, class_of(sign), "cost", &m.was, &m.is, m.allow,
		    m.unsteady ? "per message, mean of the middle half" : "per message");
	else if (dearer(&m.was, &m.is, m.allow))
		add(list, OUTCOME_CHANGE, "cost", &m.was, &m.is, m.allow,
		    "other kinds of messages are usual, each as dear as before; mean of the middle half");
	tell_unsteady(list, from, to, limits);
}

struct json_object *cost_summary(struct json_object *from, struct json_object *to,
				 const struct limits *limits)
{
	struct json_object *o;
	struct messages m;

	if (!messages_of(from, to, limits, &m))
		return NULL;
	o = json_object_new_object();
	json_add_str(o, "measure", m.unsteady ? "middle" : "median");
	json_add_uint(o, "from", m.was.median);
	json_add_uint(o, "to", m.is.median);
	json_add_double(o, "percent", percent(&m.was, &m.is), 3);
	return o;
}

static struct figure hop_figure(struct json_object *hop)
{
	return (struct figure){json_uint(hop, "cost", 0), json_uint(hop, "spread", 0)};
}

static bool many(struct json_object *flow, const struct limits *limits)
{
	struct json_object *cost = json_get(flow, "cost");

	return cost && json_uint(cost, "way_messages", 0) >= limits->messages;
}

/*
 * Probes are in it, and what a probe costs is the kernel's doing as well: so this tells where a
 * path grew, and the messages without probes decide whether that is a regression.
 */
static void compare_way(struct json_object *list, const struct chaindiff *d,
			const struct limits *limits)
{
	struct figure a = {0}, b = {0};
	double allow;
	int sign;

	for (size_t i = 0; i < d->count; i++) {
		struct figure was = hop_figure(d->steps[i].from), is = hop_figure(d->steps[i].to);

		a.median += was.median;
		b.median += is.median;
		a.spread += was.spread;
		b.spread += is.spread;
	}
	/* Spreads of many hops do not all fall to one side: their sum is no multiple more. */
	a.spread /= SPREADS;
	b.spread /= SPREADS;
	allow = allowed(&a, &b, limits->message, limits->hop_floor);
	sign = dearer(&a, &b, allow);
	if (sign)
		add(list, OUTCOME_CHANGE, "way-cost", &a, &b, allow, "over all hops, with probes");
}

void compare_cost(struct json_object *list, struct json_object *from, struct json_object *to,
		  const struct limits *limits)
{
	struct chaindiff d;

	compare_messages(list, from, to, limits);
	if (!many(from, limits) || !many(to, limits) ||
	    chaindiff_make(json_get(from, "hops"), json_get(to, "hops"), &d))
		return;
	/* A hop more has a probe more: only the same hops can be summed and compared. */
	if (!d.changes)
		compare_way(list, &d, limits);
	chaindiff_free(&d);
}

static void add_hop(struct json_object *list, const struct chaindiff *d, size_t i)
{
	const struct chain_step_pair *s = &d->steps[i];
	char name[400], after[400] = "the start";
	struct json_object *f;

	hop_text(s->to ? s->to : s->from, name, sizeof(name));
	for (size_t k = i; k-- > 0;) {
		struct json_object *before = s->to ? d->steps[k].to : d->steps[k].from;

		if (before) {
			hop_text(before, after, sizeof(after));
			break;
		}
	}
	f = finding_add(list, OUTCOME_CHANGE, "hop", "%s: %s, after %s", s->to ? "new" : "gone",
			name, after);
	json_add_str(f, "hop", name);
}

static void compare_hop(struct json_object *list, const struct chain_step_pair *s,
			const struct limits *limits)
{
	struct figure a = hop_figure(s->from), b = hop_figure(s->to);
	double allow = allowed(&a, &b, limits->hop, limits->hop_floor);
	int sign = dearer(&a, &b, allow);
	char name[400], text[420];

	if (!sign)
		return;
	hop_text(s->to, name, sizeof(name));
	snprintf(text, sizeof(text), "up to %s", name);
	/* What one hop costs more another may cost less: here, too, the whole decides. */
	add(list, OUTCOME_CHANGE, "hop-cost", &a, &b, allow, text);
}

void compare_hops(struct json_object *list, struct json_object *from, struct json_object *to,
		  const struct limits *limits)
{
	bool timed = many(from, limits) && many(to, limits);
	struct chaindiff d;

	if (chaindiff_make(json_get(from, "hops"), json_get(to, "hops"), &d))
		return;
	for (size_t i = 0; i < d.count; i++)
		if (d.steps[i].change != STEP_KEPT)
			add_hop(list, &d, i);
		else if (timed)
			compare_hop(list, &d.steps[i], limits);
	chaindiff_free(&d);
}
