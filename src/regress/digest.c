// SPDX-License-Identifier: GPL-2.0-only
#include "regress/digest.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "regress/logged_cost.h"
#include "regress/censusdiff.h"

struct sources {
	struct json_object *analysis, *sites;
	struct logged_costs bare, probed;
	bool timed;
};

static int path_in(const struct digest_job *job, const char *name, char *path, size_t size)
{
	return snprintf(path, size, "%s/%s", job->dir, name) < (int)size ? 0 : -ENAMETOOLONG;
}

static int read_json(const struct digest_job *job, const char *name, struct json_object **out,
		     char *why, size_t size)
{
	char path[PATH_MAX];
	int err = path_in(job, name, path, sizeof(path));

	if (!err)
		*out = json_read_file(path, &err);
	if (err)
		snprintf(why, size, "%s of %s: %s", name, job->label,
			 err == -EBADMSG ? "no JSON" : strerror(-err));
	return err;
}

static int read_log(const struct digest_job *job, const char *name, struct logged_costs *b, char *why,
		    size_t size)
{
	char path[PATH_MAX];
	int err = path_in(job, name, path, sizeof(path));

	if (!err)
		err = logged_costs_read(path, b);
	if (err)
		snprintf(why, size, "%s of %s: %s", name, job->label,
			 err == -EBADMSG ? "no log of traffic" : strerror(-err));
	return err;
}

/* The instructions that ns stand for. */
static uint64_t instructions(const struct digest_job *job, uint64_t ns)
{
	return ns >> job->shift;
}

static void copy_members(struct json_object *to, struct json_object *from, const char *const *keys)
{
	for (; *keys; keys++)
		json_object_object_add(to, *keys, json_object_get(json_get(from, *keys)));
}

static struct json_object *sites_of(struct json_object *flow)
{
	static const char *const keys[] = {"kind", "symbol", "module", "primitive", "bytes",
					   "hits", NULL};
	struct json_object *list = json_object_new_array(), *sites = json_get(flow, "sites");

	for (size_t i = 0; i < json_length(sites); i++) {
		struct json_object *o = json_object_new_object();

		copy_members(o, json_at(sites, i), keys);
		json_object_array_add(list, o);
	}
	return list;
}

/*
 * "ip_generic_getfrag+0x5d" → "ip_generic_getfrag": offsets change with every build. "cc217-a" → "cc-a":
 * the links that traffic makes carry its process in their names.
 */
static struct json_object *plain_where(const char *where)
{
	const char *plus = strstr(where, "+0x");
	size_t len = plus ? (size_t)(plus - where) : strlen(where), n = 0;
	char text[320];

	for (size_t i = 0; i < len && n < sizeof(text) - 1;) {
		text[n++] = where[i++];
		if (n >= 2 && !memcmp(&text[n - 2], "cc", 2) && (n == 2 || text[n - 3] == ' ')) {
			size_t digits = strspn(where + i, "0123456789");

			i += where[i + digits] == '-' ? digits : 0;
		}
	}
	return json_object_new_string_len(text, (int)n);
}

static struct json_object *hops_of(const struct digest_job *job, struct json_object *cost)
{
	struct json_object *list = json_object_new_array(), *hops = json_get(cost, "hops");

	for (size_t i = 0; i < json_length(hops); i++) {
		struct json_object *h = json_at(hops, i), *o = json_object_new_object();

		json_add_str(o, "kind", json_str(h, "kind", ""));
		json_object_object_add(o, "where", plain_where(json_str(h, "where", "")));
		if (job->shift >= 0) {
			json_add_uint(o, "cost", instructions(job, json_uint(h, "median_ns", 0)));
			json_add_uint(o, "spread", instructions(job, json_uint(h, "spread_ns", 0)));
		}
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *median_of(const struct digest_job *job, const struct dist *d)
{
	struct json_object *o = json_object_new_object();

	json_add_uint(o, "messages", d ? d->count : 0);
	json_add_uint(o, "median", d ? instructions(job, dist_percentile(d, 50)) : 0);
	json_add_uint(o, "spread", d ? instructions(job, dist_spread(d)) : 0);
	json_add_uint(o, "middle", d ? instructions(job, dist_middle(d)) : 0);
	json_add_uint(o, "low", d ? instructions(job, dist_percentile(d, 10)) : 0);
	return o;
}

/* `bare` without any probe, `probed` with all of them, both of the whole message. */
static struct json_object *cost_of(const struct digest_job *job, const struct sources *s,
				   struct json_object *flow)
{
	struct json_object *o = json_object_new_object(), *cost = json_get(flow, "cost");
	const char *name = json_str(flow, "name", "");

	json_object_object_add(o, "bare", median_of(job, logged_cost_find(&s->bare, name)));
	json_object_object_add(o, "probed", median_of(job, logged_cost_find(&s->probed, name)));
	json_add_uint(o, "way_messages", json_uint(cost, "count", 0));
	return o;
}

static struct json_object *flow_digest(const struct digest_job *job, const struct sources *s,
				       struct json_object *flow)
{
	static const char *const keys[] = {
		"name", "proto", "path", "size", "messages", "delivered", "dropped",
		"payload_bytes", "copied_bytes", "copy_bytes", "emulated_bytes", "dead_copy_bytes",
#define FIGURE(id, member, ...) member,
#include "analyze/core/figures.def"
#undef FIGURE
		"accounted", "verdict", "why", "stores", NULL};
	struct json_object *o = json_object_new_object();

	copy_members(o, flow, keys);
	json_add_bool(o, "lost", json_int(s->analysis, "lost", -1) != 0);
	json_object_object_add(o, "sites", sites_of(flow));
	json_object_object_add(o, "hops", hops_of(job, json_get(flow, "cost")));
	if (s->timed)
		json_object_object_add(o, "cost", cost_of(job, s, flow));
	return o;
}

static void add_job(struct json_object *o, const struct digest_job *job)
{
	char now[32];
	time_t t = time(NULL);
	struct tm tm;

	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	json_add_uint(o, "schema", DIGEST_SCHEMA);
	json_add_str(o, "label", job->label);
	json_add_str(o, "kernel", job->kernel);
	json_add_str(o, "version", job->version);
	json_add_str(o, "append", job->append && *job->append ? job->append : NULL);
	json_add_str(o, "setup", job->setup && *job->setup ? job->setup : NULL);
	json_add_str(o, "set", job->set);
	json_add_str(o, "identity", job->identity);
	json_add_str(o, "time", now);
	json_add_uint(o, "seconds", job->seconds);
	json_add_str(o, "status", job->failed ? "failed" : "measured");
	json_add_str(o, "why", job->failed ? job->failed : "");
	json_add_str(o, "retried", job->retried && *job->retried ? job->retried : NULL);
	if (job->shift >= 0)
		json_add_int(o, "icount_shift", job->shift);
}

static void add_flows(struct json_object *o, const struct digest_job *job, const struct sources *s)
{
	struct json_object *list = json_object_new_array(), *flows = json_get(s->analysis, "flows");

	json_add_int(o, "lost", json_int(s->analysis, "lost", -1));
	for (size_t i = 0; i < json_length(flows); i++)
		json_object_array_add(list, flow_digest(job, s, json_at(flows, i)));
	json_object_object_add(o, "flows", list);
	json_object_object_add(o, "skipped", json_object_get(json_get(s->analysis, "skipped")));
}

static int read_sources(const struct digest_job *job, struct sources *s, char *why, size_t size)
{
	bool traffic = strcmp(job->set, "none") != 0;
	int err = read_json(job, traffic ? "run/sites.json" : "sites.json", &s->sites, why, size);

	if (!err && traffic)
		err = read_json(job, "analysis.json", &s->analysis, why, size);
	s->timed = traffic && job->shift >= 0;
	if (!err && s->timed)
		err = read_log(job, "bare.jsonl", &s->bare, why, size);
	if (!err && s->timed)
		err = read_log(job, "run/traffic.jsonl", &s->probed, why, size);
	return err;
}

struct json_object *digest_make(const struct digest_job *job, char *why, size_t size)
{
	struct json_object *o = NULL;
	struct sources *s = calloc(1, sizeof(*s));
	int err = s ? 0 : -ENOMEM;

	if (!err && !job->failed)
		err = read_sources(job, s, why, size);
	if (!err) {
		o = json_object_new_object();
		add_job(o, job);
		if (s->analysis)
			add_flows(o, job, s);
		if (s->sites)
			json_object_object_add(o, "census", census_digest(s->sites));
	}
	if (s) {
		json_object_put(s->analysis);
		json_object_put(s->sites);
		logged_costs_free(&s->bare);
		logged_costs_free(&s->probed);
	}
	free(s);
	return o;
}

struct json_object *digest_load(const char *path, char *why, size_t size)
{
	struct json_object *o;
	int err;

	o = json_read_file(path, &err);
	if (err) {
		snprintf(why, size, "%s: %s", path, err == -EBADMSG ? "no JSON" : strerror(-err));
	} else if (!json_str(o, "label", NULL) || !json_str(o, "status", NULL) ||
		   json_uint(o, "schema", 0) == 0) {
		snprintf(why, size, "%s is no digest of a kernel", path);
		json_object_put(o);
		o = NULL;
	} else if (json_uint(o, "schema", 0) != DIGEST_SCHEMA) {
		snprintf(why, size, "%s has schema %llu, this program reads %d: measure anew", path,
			 (unsigned long long)json_uint(o, "schema", 0), DIGEST_SCHEMA);
		json_object_put(o);
		o = NULL;
	}
	return o;
}

struct json_object *digest_flow(struct json_object *digest, const char *name)
{
	struct json_object *flows = json_get(digest, "flows");

	for (size_t i = 0; i < json_length(flows); i++)
		if (!strcmp(json_str(json_at(flows, i), "name", ""), name))
			return json_at(flows, i);
	return NULL;
}
