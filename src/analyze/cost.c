// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/cost.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analysis.h"
#include "analyze/hop.h"
#include "common/json.h"

static bool same_step(const struct step *s, const struct hop *h)
{
	return s->kind == (int)h->kind && s->holder == (int)h->holder &&
	       s->event == (int)h->event && s->site == h->site &&
	       (s->site || s->ip == h->ip) && !strcmp(s->dev, h->dev);
}

static bool goes(const struct way *w, const struct hop *h)
{
	size_t n = w->view.count;

	if (n != (size_t)h->depth + 1)
		return false;
	for (; h && n; h = h->prev)
		if (!same_step(&w->view.steps[--n], h))
			return false;
	return true;
}

static int new_way(struct way *w, const struct hop *end)
{
	int err = chain_view_take(&w->view, end);

	if (err)
		return err;
	w->hops = calloc(w->view.count, sizeof(*w->hops));
	return w->hops ? 0 : -ENOMEM;
}

/* A hop may carry the time of a later one (a wire is known at the far end): never below 0. */
static uint64_t since(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

static int add_hops(struct way *w, const struct hop *end, uint64_t whole)
{
	size_t n = w->view.count;
	int err = dist_add(&w->whole, whole);

	for (const struct hop *h = end; h->prev && !err; h = h->prev)
		err = dist_add(&w->hops[--n], since(h->prev->ts, h->ts));
	return err;
}

int cost_add(struct flow *f, const struct hop *end)
{
	const struct hop *start = end;
	struct cost *c = f->cost;
	size_t i = 0;
	int err;

	while (start->prev)
		start = start->prev;
	/* A way that does not begin at its sender has no beginning in time either. */
	if (start->kind != HOP_START)
		return 0;
	if (!c)
		c = f->cost = calloc(1, sizeof(*c));
	err = c ? dist_add(&c->latency, since(start->ts, end->ts)) : -ENOMEM;
	if (err)
		return err;
	while (i < c->way_count && !goes(&c->ways[i], end))
		i++;
	if (i == COST_WAYS) {
		c->elsewhere++;
		return 0;
	}
	if (i == c->way_count) {
		c->way_count++;
		err = new_way(&c->ways[i], end);
	}
	return err ? err : add_hops(&c->ways[i], end, since(start->ts, end->ts));
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
