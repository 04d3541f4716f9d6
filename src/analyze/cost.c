// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/cost.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analysis.h"
#include "analyze/core/chain.h"
#include "common/json.h"

static bool same_step(const struct step *s, const struct step *t)
{
	return s->kind == t->kind && s->holder == t->holder && s->event == t->event &&
	       s->site == t->site && (s->site || s->ip == t->ip) && !strcmp(s->dev, t->dev);
}

static bool goes(const struct way *w, const struct chain_view *v)
{
	if (w->view.count != v->count)
		return false;
	for (size_t i = 0; i < v->count; i++)
		if (!same_step(&w->view.steps[i], &v->steps[i]))
			return false;
	return true;
}

static int new_way(struct way *w, struct chain_view *v)
{
	w->hops = calloc(v->count, sizeof(*w->hops));
	if (!w->hops)
		return -ENOMEM;
	w->view = *v;
	*v = (struct chain_view){0};
	return 0;
}

/* A hop may carry the time of a later one (a wire is known at the far end): never below 0. */
static uint64_t since(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

static int add_hops(struct way *w, const uint64_t *times)
{
	int err = dist_add(&w->whole, since(times[0], times[w->view.count - 1]));

	for (size_t i = w->view.count; i-- > 1 && !err;)
		err = dist_add(&w->hops[i], since(times[i - 1], times[i]));
	return err;
}

static int add_chain(struct cost *c, struct chain_view *v, const uint64_t *times)
{
	size_t i = 0;

	while (i < c->way_count && !goes(&c->ways[i], v))
		i++;
	if (i == COST_WAYS) {
		c->elsewhere++;
		return 0;
	}
	if (i == c->way_count) {
		int err = new_way(&c->ways[i], v);

		if (err)
			return err;
		c->way_count++;
	}
	return add_hops(&c->ways[i], times);
}

static uint64_t *times_of(const struct chain_view *v)
{
	uint64_t *times = calloc(v->count, sizeof(*times));

	for (size_t i = 0; times && i < v->count; i++)
		times[i] = v->steps[i].ts;
	return times;
}

int cost_add(struct flow *f, const struct chain *ch)
{
	struct chain_view v = {0};
	uint64_t *times = NULL;
	struct cost *c = f->cost;
	int err;

	/* A chain that does not begin at its sender has no beginning in time either. */
	if (ch->links[0].kind != HOP_START)
		return 0;
	if (!c)
		c = f->cost = calloc(1, sizeof(*c));
	err = c ? chain_view_take(&v, ch) : -ENOMEM;
	if (!err)
		times = times_of(&v);
	if (!err && !times)
		err = -ENOMEM;
	if (!err)
		err = dist_add(&c->latency, since(times[0], times[v.count - 1]));
	if (!err)
		err = add_chain(c, &v, times);
	free(times);
	free(v.steps);
	return err;
}

static void free_way(struct way *w)
{
	for (size_t k = 0; w->hops && k < w->view.count; k++)
		dist_free(&w->hops[k]);
	free(w->hops);
	free(w->view.steps);
	dist_free(&w->whole);
}

void cost_free(struct cost *c)
{
	for (size_t i = 0; c && i < c->way_count; i++)
		free_way(&c->ways[i]);
	if (c)
		dist_free(&c->latency);
	free(c);
}

const struct way *cost_main_way(const struct cost *c)
{
	const struct way *most = NULL;

	for (size_t i = 0; c && i < c->way_count; i++)
		if (!most || c->ways[i].whole.count > most->whole.count)
			most = &c->ways[i];
	return most;
}

/* A bin per power of two, from the least to the most that occurred. */
static struct json_object *bins_json(const struct dist *d)
{
	struct json_object *list = json_object_new_array();
	uint64_t from = 0;

	for (unsigned int bit = 0; bit <= 64 && from <= d->max; bit++) {
		uint64_t to = bit < 64 ? 1ULL << bit : UINT64_MAX;

		if (to > d->min) {
			struct json_object *o = json_object_new_object();

			json_add_uint(o, "from", from);
			json_add_uint(o, "to", to);
			json_add_uint(o, "count", dist_between(d, from, to));
			json_object_array_add(list, o);
		}
		from = to;
	}
	return list;
}

static struct json_object *latency_json(const struct dist *d)
{
	struct json_object *o = json_object_new_object();

	json_add_uint(o, "count", d->count);
	json_add_uint(o, "min", d->min);
	json_add_uint(o, "p50", dist_percentile(d, 50));
	json_add_uint(o, "p90", dist_percentile(d, 90));
	json_add_uint(o, "p99", dist_percentile(d, 99));
	json_add_uint(o, "max", d->max);
	json_add_bool(o, "exact", dist_exact(d));
	json_object_object_add(o, "bins", bins_json(d));
	return o;
}

static struct json_object *hop_json(const struct step *s, const struct dist *d)
{
	struct json_object *o = json_object_new_object();
	char where[320];

	step_where(s, where, sizeof(where));
	json_add_str(o, "kind", hop_kind_name((enum hop_kind)s->kind));
	json_add_str(o, "where", where);
	json_add_uint(o, "median_ns", dist_percentile(d, 50));
	json_add_uint(o, "spread_ns", dist_spread(d));
	json_add_uint(o, "count", d->count);
	json_add_bool(o, "exact", dist_exact(d));
	return o;
}

static struct json_object *way_json(const struct cost *c, const struct way *w)
{
	struct json_object *o = json_object_new_object(), *hops = json_object_new_array();

	json_add_uint(o, "message_median_ns", dist_percentile(&w->whole, 50));
	json_add_uint(o, "count", w->whole.count);
	json_add_uint(o, "other_ways", c->latency.count - w->whole.count);
	json_add_bool(o, "exact", dist_exact(&w->whole));
	for (size_t i = 1; i < w->view.count; i++)
		json_object_array_add(hops, hop_json(&w->view.steps[i], &w->hops[i]));
	json_object_object_add(o, "hops", hops);
	return o;
}

void cost_json(struct json_object *o, const struct flow *f)
{
	const struct way *w = cost_main_way(f->cost);

	json_object_object_add(o, "latency_ns", w ? latency_json(&f->cost->latency) : NULL);
	json_object_object_add(o, "cost", w ? way_json(f->cost, w) : NULL);
}
