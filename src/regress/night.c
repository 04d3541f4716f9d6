// SPDX-License-Identifier: GPL-2.0-only
#include "regress/night.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "regress/censusdiff.h"
#include "regress/costdiff.h"
#include "regress/digest.h"
#include "regress/finding.h"

/* What a kernel is called in reports, without its flows and sites. */
static struct json_object *identity(struct json_object *digest)
{
	static const char *const keys[] = {"label",    "kernel", "version", "append", "setup", "set",
					   "identity", "status", "why",	    "retried", "time",
					   "seconds",  NULL};
	struct json_object *o = json_object_new_object();

	for (const char *const *k = keys; *k; k++)
		if (json_get(digest, *k))
			json_object_object_add(o, *k, json_object_get(json_get(digest, *k)));
	return o;
}

/* A flow's own figures: what tables, plots and the history show. */
static struct json_object *figures(struct json_object *flow)
{
	static const char *const keys[] = {
		"messages", "delivered", "payload_bytes", "copies", "copied_bytes", "copy_bytes",
		"emulated_bytes", "dead_copy_bytes", "gap", "accounted", "verdict", "why", "sites",
		"hops", "cost", NULL};
	struct json_object *o = json_object_new_object();

	for (const char *const *k = keys; *k; k++)
		if (json_get(flow, *k))
			json_object_object_add(o, *k, json_object_get(json_get(flow, *k)));
	return o;
}

static void add_suggestions(const char *kernel, const char *flow, struct json_object *findings)
{
	for (size_t i = 0; i < json_length(findings); i++) {
		struct json_object *f = json_at(findings, i);
		enum outcome o = outcome_parse(json_str(f, "class", ""));
		char *line;

		if (o != OUTCOME_REGRESSION && o != OUTCOME_NOT_COMPARABLE)
			continue;
		line = accept_suggest(kernel, flow, f);
		if (line)
			json_add_str(f, "accept", line);
		free(line);
	}
}

static void judge(const struct night_input *in, const char *kernel, const char *flow,
		  struct json_object *o, struct json_object *findings)
{
	if (in->accepts)
		accepts_apply(in->accepts, kernel, flow, findings);
	add_suggestions(kernel, flow, findings);
	json_add_str(o, "outcome", outcome_name(findings_outcome(findings)));
	json_object_object_add(o, "findings", findings);
}

/* Why a kernel did not run a flow stands in its digest; NULL: it does not. */
static const char *skip_reason(struct json_object *digest, const char *name)
{
	struct json_object *list = json_get(digest, "skipped");

	for (size_t i = 0; i < json_length(list); i++)
		if (!strcmp(json_str(json_at(list, i), "name", ""), name))
			return json_str(json_at(list, i), "why", "");
	return NULL;
}

/* Whichever kernel skipped the flow says better than the comparison why it is not there. */
static void tell_skipped(struct json_object *findings, struct json_object *base,
			 struct json_object *d, const char *name, bool here)
{
	const char *why = skip_reason(here ? base : d, name);
	char text[1024];

	if (!why || !json_length(findings))
		return;
	snprintf(text, sizeof(text), "%s%s", here ? "the baseline did not run it: " : "", why);
	json_add_str(json_at(findings, 0), "text", text);
}

static struct json_object *flow_report(const struct night_input *in, struct json_object *base,
				       struct json_object *d, struct json_object *from,
				       struct json_object *to)
{
	struct json_object *o = json_object_new_object(),
			   *findings = compare_flow(from, to, &in->limits);
	const char *name = json_str(to ? to : from, "name", "?");

	json_add_str(o, "name", name);
	json_object_object_add(o, "size", json_object_get(json_get(to ? to : from, "size")));
	json_object_object_add(o, "from", from ? figures(from) : NULL);
	json_object_object_add(o, "to", to ? figures(to) : NULL);
	json_object_object_add(o, "cost", cost_summary(from, to, &in->limits));
	if (!from || !to)
		tell_skipped(findings, base, d, name, to);
	judge(in, json_str(d, "label", "?"), name, o, findings);
	return o;
}

/* A flow that neither kernel could run: nothing to compare, and nothing that got lost. */
static void add_skipped(struct json_object *flows, struct json_object *base, struct json_object *d)
{
	struct json_object *list = json_get(d, "skipped");

	for (size_t i = 0; i < json_length(list); i++) {
		const char *name = json_str(json_at(list, i), "name", "?");
		struct json_object *o, *findings;

		if (digest_flow(base, name))
			continue;
		o = json_object_new_object();
		findings = json_object_new_array();
		json_add_str(o, "name", name);
		finding_add(findings, OUTCOME_NOT_COMPARABLE, "flow", "neither kernel ran it: %s",
			    json_str(json_at(list, i), "why", ""));
		json_add_str(o, "outcome", outcome_name(OUTCOME_NOT_COMPARABLE));
		json_object_object_add(o, "findings", findings);
		json_object_array_add(flows, o);
	}
}

static struct json_object *compare_flows(const struct night_input *in, struct json_object *base,
					 struct json_object *d)
{
	struct json_object *list = json_object_new_array(), *flows = json_get(base, "flows"),
			   *own = json_get(d, "flows");

	for (size_t i = 0; i < json_length(flows); i++) {
		struct json_object *from = json_at(flows, i);
		struct json_object *to = digest_flow(d, json_str(from, "name", ""));

		json_object_array_add(list, flow_report(in, base, d, from, to));
	}
	for (size_t i = 0; i < json_length(own); i++)
		if (!digest_flow(base, json_str(json_at(own, i), "name", "")))
			json_object_array_add(list,
					      flow_report(in, base, d, NULL, json_at(own, i)));
	add_skipped(list, base, d);
	return list;
}

static enum outcome worst_of(struct json_object *list, enum outcome worst)
{
	for (size_t i = 0; i < json_length(list); i++) {
		enum outcome o = outcome_parse(json_str(json_at(list, i), "outcome", ""));

		if (o != OUTCOMES && o > worst)
			worst = o;
	}
	return worst;
}

static struct json_object *censuses(struct json_object *base, struct json_object *d)
{
	struct json_object *from = json_get(base, "census"), *to = json_get(d, "census");

	return from && to ? census_compare(from, to) : NULL;
}

static struct json_object *kernel_report(const struct night_input *in, struct json_object *base,
					 struct json_object *d)
{
	struct json_object *o = identity(d), *findings = compare_kernel(base, d), *flows;
	struct json_object *census = censuses(base, d);
	bool measured = !findings_have(findings, OUTCOME_NOT_COMPARABLE);

	if (measured && !strcmp(json_str(d, "set", ""), "none"))
		compare_censuses(findings, census);
	judge(in, json_str(d, "label", "?"), "-", o, findings);
	flows = measured ? compare_flows(in, base, d) : json_object_new_array();
	json_add_str(o, "outcome",
		     outcome_name(worst_of(flows, findings_outcome(findings))));
	json_object_object_add(o, "flows", flows);
	if (census)
		json_object_object_add(o, "census", census);
	return o;
}

/* What there is to call a kernel by whose digest cannot be read: the folder that the file is in. */
static void folder_of(const char *path, char *buf, size_t size)
{
	const char *end = strrchr(path, '/'), *name;
	char dir[PATH_MAX] = ".", whole[PATH_MAX];

	while (end && end > path && end[-1] == '/')
		end--;
	if (end)
		snprintf(dir, sizeof(dir), "%.*s", (int)(end - path), path);
	name = basename(dir);
	if ((!*name || *name == '.') && realpath(dir, whole))
		name = basename(whole);
	snprintf(buf, size, "%s", *name ? name : "?");
}

/* One kernel's file must not take the others' comparison with it. */
static struct json_object *damaged_report(const struct night_input *in, const char *path,
					  const char *why)
{
	struct json_object *o = json_object_new_object(), *findings = json_object_new_array();
	char label[256];

	folder_of(path, label, sizeof(label));
	json_add_str(o, "label", label);
	json_add_str(o, "status", "failed");
	json_add_str(o, "why", why);
	finding_add(findings, OUTCOME_NOT_COMPARABLE, "digest",
		    "no digest to compare: %s; the log beside it tells more", why);
	judge(in, label, "-", o, findings);
	json_object_object_add(o, "flows", json_object_new_array());
	return o;
}

static struct json_object *report_of(const struct night_input *in, struct json_object *base,
				     const char *path)
{
	char why[1024];
	struct json_object *d = digest_load(path, why, sizeof(why)), *o;

	o = d ? kernel_report(in, base, d) : damaged_report(in, path, why);
	json_object_put(d);
	return o;
}

static struct json_object *base_report(struct json_object *base)
{
	struct json_object *o = identity(base), *list = json_object_new_array(),
			   *flows = json_get(base, "flows");

	for (size_t i = 0; i < json_length(flows); i++) {
		struct json_object *f = json_object_new_object(), *flow = json_at(flows, i);

		json_add_str(f, "name", json_str(flow, "name", "?"));
		json_object_object_add(f, "to", figures(flow));
		json_object_array_add(list, f);
	}
	json_object_object_add(o, "flows", list);
	return o;
}

static struct json_object *unused_lines(const struct accepts *a)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; a && i < a->count; i++) {
		const struct accept_line *l = &a->lines[i];
		char text[1024];

		if (l->used)
			continue;
		snprintf(text, sizeof(text), "line %u: %s %s %s %s", l->number, l->kernel, l->flow,
			 l->what, l->limit);
		json_object_array_add(list, json_object_new_string(text));
	}
	return list;
}

static struct json_object *limits_json(const struct limits *l)
{
	struct json_object *o = json_object_new_object();

	json_add_double(o, "message_percent", 100 * l->message, 2);
	json_add_double(o, "unsteady_percent", 100 * l->unsteady, 2);
	json_add_uint(o, "message_instructions", l->message_floor);
	json_add_double(o, "hop_percent", 100 * l->hop, 2);
	json_add_uint(o, "hop_instructions", l->hop_floor);
	json_add_uint(o, "messages", l->messages);
	return o;
}

struct json_object *night_compare(const struct night_input *in, char *why, size_t size)
{
	struct json_object *base = digest_load(in->baseline, why, size), *o, *kernels;

	if (!base)
		return NULL;
	o = json_object_new_object();
	kernels = json_object_new_array();
	json_add_uint(o, "schema", 1);
	json_add_str(o, "night", in->name);
	json_add_str(o, "set", json_str(base, "set", ""));
	json_object_object_add(o, "limits", limits_json(&in->limits));
	json_object_object_add(o, "baseline", base_report(base));
	for (size_t i = 0; i < in->digests.count; i++)
		json_object_array_add(kernels, report_of(in, base, in->digests.items[i]));
	json_object_object_add(o, "kernels", kernels);
	json_object_object_add(o, "accepted_unused", unused_lines(in->accepts));
	json_add_uint(o, "compared", night_compared(o));
	json_add_int(o, "exit_status", night_status(o));
	json_object_put(base);
	return o;
}
