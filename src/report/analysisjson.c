// SPDX-License-Identifier: GPL-2.0-only
/* analysis.json: everything the screen says and the numbers behind it, for programs. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "analyze/cost.h"
#include "common/json.h"
#include "report/report.h"

static const char *figure_member(enum figure figure)
{
	static const char *const members[FIGURES] = {
#define FIGURE(id, member, ...) member,
#include "analyze/core/figures.def"
#undef FIGURE
	};

	return members[figure];
}

static void add_range(struct json_object *o, const char *key, const struct range_stat *s)
{
	struct json_object *v = json_object_new_object();

	json_add_uint(v, "min", s->min);
	json_add_double(v, "mean", range_mean(s), 6);
	json_add_uint(v, "max", s->max);
	json_object_object_add(o, key, v);
}

static struct json_object *site_json(const struct site_stat *s)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "kind", hop_kind_name((enum hop_kind)s->kind));
	if (s->site) {
		json_add_str(o, "symbol", s->site->function);
		json_add_uint(o, "offset", s->site->offset);
		json_add_str(o, "module", s->site->module);
		json_add_str(o, "primitive", s->site->primitive);
	}
	json_add_uint(o, "bytes", s->bytes);
	json_add_uint(o, "hits", s->hits);
	return o;
}

static struct json_object *step_json(const struct analysis *r, const struct flow *f,
				     const struct step *s)
{
	struct json_object *o = json_object_new_object();
	uint64_t src = step_phys(r, f, s, false), dst = step_phys(r, f, s, true);
	char name[320];

	json_add_str(o, "kind", hop_kind_name((enum hop_kind)s->kind));
	json_add_str(o, "holder", holder_name((enum hand)s->holder));
	json_add_str(o, "event", s->event ? event_kind_name((enum event_kind)s->event) : NULL);
	json_add_uint(o, "time_ns", s->ts);
	json_add_uint(o, "file_offset", s->file_off);
	json_add_uint(o, "cpu", s->cpu);
	json_add_int(o, "tid", s->tid);
	json_add_uint(o, "offset", s->off);
	json_add_uint(o, "length", s->len);
	if (s->src)
		json_add_hex(o, "src", s->src);
	if (s->dst)
		json_add_hex(o, "dst", s->dst);
	if (src)
		json_add_hex(o, "src_phys", src);
	if (dst)
		json_add_hex(o, "dst_phys", dst);
	json_add_bool(o, "src_user", s->src_user);
	json_add_bool(o, "dst_user", s->dst_user);
	if (s->site) {
		rundir_site_name(s->site, s->ip, name, sizeof(name));
		json_add_str(o, "site", name);
		json_add_str(o, "primitive", s->site->primitive);
	}
	if (s->skb)
		json_add_hex(o, "skb", s->skb);
	if (s->sk)
		json_add_hex(o, "sk", s->sk);
	if (*s->dev)
		json_add_str(o, "dev", s->dev);
	if (s->why)
		json_add_str(o, "why", s->why);
	json_add_bool(o, "sampled", s->sampled);
	json_add_bool(o, "content_agrees", s->checked);
	return o;
}

static struct json_object *views_json(const struct analysis *r, const struct flow *f)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < f->view_count; i++) {
		struct json_object *o = json_object_new_object(), *hops = json_object_new_array();
		const struct chain_view *v = &f->views[i];

		json_add_uint(o, "message", f->shown_seq);
		json_add_uint(o, "bytes", v->bytes);
		json_add_uint(o, "pieces", v->pieces);
		for (size_t k = 0; k < v->count; k++)
			json_object_array_add(hops, step_json(r, f, &v->steps[k]));
		json_object_object_add(o, "hops", hops);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *socket_json(const struct socket_view *s)
{
	struct json_object *o = json_object_new_object();
	char addr[64];

	json_add_int(o, "fd", s->fd);
	json_add_hex(o, "file", s->file);
	json_add_hex(o, "socket", s->socket);
	json_add_hex(o, "sock", s->sk);
	json_add_bool(o, "linked", s->linked);
	socket_text(s, false, addr, sizeof(addr));
	json_add_str(o, "local", addr);
	socket_text(s, true, addr, sizeof(addr));
	json_add_str(o, "remote", addr);
	return o;
}

static struct json_object *region_json(const struct analysis *r, const struct rdma_region *g,
				       const struct logged_pages *p)
{
	struct json_object *o = json_object_new_object(), *pages = json_object_new_array();

	json_add_hex(o, "va", g->va);
	json_add_uint(o, "length", g->len);
	json_add_hex(o, "lkey", g->lkey);
	json_add_hex(o, "rkey", g->rkey);
	json_add_uint(o, "pinned", g->pinned);
	for (size_t i = 0; i < g->page_count; i++) {
		char text[24];

		snprintf(text, sizeof(text), "0x%llx",
			 (unsigned long long)rundir_phys(&r->run, g->pages[i].kva));
		json_object_array_add(pages, json_object_new_string(text));
	}
	json_object_object_add(o, "pages", pages);
	if (p)
		json_add_uint(o, "pages_as_in_pagemap", region_agreed(r, g, p));
	return o;
}

static struct json_object *queue_json(const struct analysis *r, const struct rdma_view *v,
				      const struct logged_pages *p)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "pid", v->tgid);
	json_add_hex(o, "qp", v->qp);
	json_add_uint(o, "qpn", v->qpn);
	json_add_str(o, "dev", v->dev);
	json_add_uint(o, "packets", v->packets);
	json_object_object_add(o, "region", v->region ? region_json(r, v->region, p) : NULL);
	return o;
}

/* {device: {counter: difference}}, as traffic read them before and after the flow. */
static struct json_object *counters_json(const struct logged *l)
{
	struct json_object *all = json_object_new_object();

	for (size_t i = 0; l && i < l->counter_count; i++) {
		const struct logged_counter *c = &l->counters[i];
		struct json_object *dev = json_get(all, c->dev);

		if (!c->before || !c->after)
			continue;
		if (!dev) {
			dev = json_object_new_object();
			json_object_object_add(all, c->dev, dev);
		}
		json_add_int(dev, c->name, c->delta);
	}
	return all;
}

static void add_rdma(struct json_object *o, const struct analysis *r, const struct flow *f)
{
	struct json_object *resent = json_object_new_object();
	const struct logged *l = f->log;

	json_add_str(o, "op", f->op);
	json_add_uint(resent, "packets", f->resent_packets);
	json_add_uint(resent, "bytes", f->resent_bytes);
	json_object_object_add(o, "resent", resent);
	json_add_uint(o, "failed_requests", f->errors);
	json_object_object_add(o, "sender", queue_json(r, &f->from, l ? &l->send : NULL));
	json_object_object_add(o, "receiver", queue_json(r, &f->to, l ? &l->recv : NULL));
	json_object_object_add(o, "device_counters", counters_json(l));
}

static void add_counts(struct json_object *o, const struct flow *f)
{
	struct json_object *size = json_object_new_object();

	json_add_uint(size, "min", f->min_size);
	json_add_uint(size, "max", f->max_size);
	json_object_object_add(o, "size", size);
	json_add_uint(o, "messages", f->messages);
	json_add_uint(o, "delivered", f->delivered);
	json_add_uint(o, "dropped", f->dropped);
	json_add_uint(o, "undelivered", f->undelivered);
	json_add_uint(o, "failed_sends", f->failed);
	json_add_uint(o, "chains", f->chains);
	json_add_uint(o, "sent_bytes", f->sent_bytes);
	json_add_uint(o, "payload_bytes", f->payload_bytes);
	json_add_uint(o, "header_bytes", f->header_bytes);
	json_add_uint(o, "dead_copy_bytes", f->dead_bytes);
	json_add_uint(o, "copied_bytes", f->figures[FIGURE_COPIES].sum);
	json_add_uint(o, "copy_bytes", f->chain_copy_bytes);
	json_add_uint(o, "emulated_bytes", f->chain_emulated_bytes);
	for (int i = 0; i < FIGURES; i++)
		add_range(o, figure_member((enum figure)i), &f->figures[i]);
	json_add_double(o, "copies_per_message",
			flow_times(f, f->chain_copy_bytes + f->dead_bytes), 6);
	add_range(o, "hop_count", &f->hops);
	json_add_uint(o, "system_calls", f->calls);
	json_add_double(o, "amplification", flow_amplification(f), 6);
	json_add_double(o, "emulated_amplification", flow_emulated_amplification(f), 6);
	json_add_double(o, "accounted", flow_accounted(f), 6);
	json_add_double(o, "content_checked", flow_content(f), 6);
	json_add_bool(o, "content_weak", f->weak);
	json_add_uint(o, "content_mismatches", f->mismatches);
}

/* What an audit saw stored, beside the record; null: the flow was not audited. */
static struct json_object *stores_json(const struct stores_flow *s)
{
	struct json_object *o = s ? json_object_new_object() : NULL, *sites = s ? json_object_new_array() : NULL;

	for (size_t i = 0; s && i < s->count; i++) {
		struct json_object *site = json_object_new_object();
		char name[320];

		stored_name(&s->at[i], name, sizeof(name));
		json_add_str(site, "site", name);
		json_add_uint(site, "stored_bytes", s->at[i].seen);
		json_add_uint(site, "recorded_bytes", s->at[i].recorded);
		json_object_array_add(sites, site);
	}
	if (!s)
		return NULL;
	json_add_bool(o, "closed", s->closed);
	json_add_uint(o, "stored_bytes", s->seen);
	json_add_uint(o, "user_bytes", s->user);
	json_object_object_add(o, "sites", sites);
	return o;
}

static struct json_object *drops_json(const struct analysis *r, const struct flow *f)
{
	struct json_object *o = json_object_new_object();

	for (unsigned int i = 0; i < 256; i++) {
		const char *name = rundir_drop_reason(&r->run, i);

		if (f->reasons[i])
			json_add_uint(o, name ? name : "unknown",
				      json_uint(o, name ? name : "unknown", 0) + f->reasons[i]);
	}
	return o;
}

#define EXAMPLES_MAX 256 /* flows that show a chain: a file must stay readable */

static struct json_object *flow_json(const struct analysis *r, const struct flow *f)
{
	struct json_object *o = json_object_new_object(), *sites = json_object_new_array();
	char why[1024];

	json_add_uint(o, "flow", f->index);
	json_add_str(o, "name", f->name);
	json_add_str(o, "proto", f->proto);
	json_add_str(o, "path", f->path);
	json_add_int(o, "pid", f->tgid);
	add_counts(o, f);
	for (size_t i = 0; i < f->site_count; i++)
		json_object_array_add(sites, site_json(&f->sites[i]));
	json_object_object_add(o, "sites", sites);
	json_object_object_add(o, "stores", stores_json(stores_of(&r->stores, f)));
	cost_json(o, f);
	json_object_object_add(o, "drops", drops_json(r, f));
	json_add_str(o, "verdict", verdict_name(flow_verdict(r, f)));
	flow_why(r, f, why, sizeof(why));
	json_add_str(o, "why", why);
	if (f->op) {
		add_rdma(o, r, f);
	} else {
		json_object_object_add(o, "sender", socket_json(&f->sender));
		json_object_object_add(o, "receiver", socket_json(&f->receiver));
	}
	if (f->index <= EXAMPLES_MAX)
		json_object_object_add(o, "example", views_json(r, f));
	return o;
}

struct other_list {
	const struct analysis *r;
	struct json_object *list;
};

static void add_other(void *value, void *ctx)
{
	const struct other *x = value;
	struct other_list *ol = ctx;
	const struct thread *t = thread_find(&ol->r->engine, x->tid);
	struct json_object *o = json_object_new_object();
	char name[320];

	rundir_site_name(x->site, x->ip, name, sizeof(name));
	json_add_str(o, "site", name);
	json_add_int(o, "tid", x->tid);
	json_add_int(o, "pid", t ? t->tgid : x->tid);
	json_add_uint(o, "length", x->len);
	json_add_uint(o, "hits", x->hits);
	json_object_array_add(ol->list, o);
}

static struct json_object *others_json(const struct analysis *r)
{
	struct other_list ol = {r, json_object_new_array()};

	hashmap_each(&r->engine.others, add_other, &ol);
	return ol.list;
}

static struct json_object *skipped_json(const struct analysis *r)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < r->log.count; i++) {
		const struct logged *l = &r->log.flows[i];
		struct json_object *o;

		if (!l->skipped)
			continue;
		o = json_object_new_object();
		json_add_str(o, "name", l->name);
		json_add_str(o, "why", l->why);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *events_json(const struct analysis *r)
{
	struct json_object *o = json_object_new_object();

	for (int k = EV_OTHER + 1; k < EV_COUNT; k++)
		if (r->engine.by_kind[k])
			json_add_uint(o, event_kind_name((enum event_kind)k),
				      r->engine.by_kind[k]);
	return o;
}

struct json_object *analysis_json(const struct analysis *r)
{
	struct json_object *root = json_object_new_object(), *flows = json_object_new_array();
	const char *base = strrchr(r->run.dir, '/');

	json_add_uint(root, "schema", 1);
	json_add_str(root, "run", base ? base + 1 : r->run.dir);
	json_add_str(root, "kernel", r->run.kernel);
	json_add_str(root, "machine", r->run.machine);
	json_add_str(root, "verdict", verdict_name(run_verdict(r, NULL)));
	json_add_uint(root, "events", r->events);
	json_object_object_add(root, "events_by_kind", events_json(r));
	json_add_int(root, "lost", r->missed_unknown ? -1 : r->run.lost < (int64_t)r->missed &&
		     r->run.lost >= 0 ? (int64_t)r->missed : r->run.lost);
	for (const struct flow *f = r->engine.flows; f; f = f->next)
		json_object_array_add(flows, flow_json(r, f));
	json_object_object_add(root, "flows", flows);
	json_object_object_add(root, "skipped", skipped_json(r));
	json_object_object_add(root, "unlinked_copies", others_json(r));
	json_add_uint(root, "orphan_receives", r->engine.ledger.orphans);
	json_object_object_add(root, "rdma_devices", rdma_counters_moved(&r->run));
	return root;
}

int analysis_write(const struct analysis *r, const char *path)
{
	struct json_object *root = analysis_json(r);
	int err = json_write_file(root, path);

	json_object_put(root);
	return err;
}
