// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/stores.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>

#include "analyze/core/engine.h"
#include "analyze/rundir.h"
#include "analyze/trafficlog.h"
#include "common/auditfile.h"
#include "common/file.h"
#include "common/mark.h"
#include "common/vec.h"

static struct stores_flow *flow_of_mark(struct stores *s, uint32_t mark)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->flows[i].mark == mark)
			return &s->flows[i];
	if (vec_reserve(&s->flows, &s->cap, s->count + 1))
		return NULL;
	s->flows[s->count] = (struct stores_flow){.mark = mark};
	return &s->flows[s->count++];
}

static struct stored_at *stored_at(struct stores_flow *f, const struct site *site, uint64_t pc)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->at[i].site == site && (site || f->at[i].pc == pc))
			return &f->at[i];
	if (vec_reserve(&f->at, &f->cap, f->count + 1))
		return NULL;
	f->at[f->count] = (struct stored_at){.site = site, .pc = pc};
	return &f->at[f->count++];
}

/* Runs of one flow by the same instruction, called from the same places, in the same address space or in another. */
struct group {
	struct audit_run like;
	uint64_t bytes;
	bool own; /* the recorder's address space */
};

static uint64_t key_of(const struct audit_run *r, bool own)
{
	uint64_t h = mix(r->flow, r->flags, r->pc);

	for (size_t i = 0; i < AUDIT_CALLERS; i++)
		h = mix(h, r->callers[i], i);
	return mix(h, own, 0);
}

static bool is_like(const struct group *g, const struct audit_run *r, bool own)
{
	return g->like.flow == r->flow && g->like.flags == r->flags && g->like.pc == r->pc && g->own == own &&
	       !memcmp(g->like.callers, r->callers, sizeof(r->callers));
}

static int add_run(struct stores *s, const struct audit_run *r, bool own)
{
	uint64_t key = key_of(r, own);
	struct group *g = hashmap_find(&s->groups, key);

	while (g && !is_like(g, r, own))
		g = hashmap_find(&s->groups, ++key);
	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g || hashmap_set(&s->groups, key, g)) {
			free(g);
			return -ENOMEM;
		}
		g->like = *r;
		g->own = own;
	}
	g->bytes += r->bytes;
	return 0;
}

static struct audit_run run_at(const char *data, size_t i)
{
	struct audit_run r;

	memcpy(&r, data + AUDIT_HEAD + i * sizeof(r), sizeof(r));
	return r;
}

static uint64_t recorder_space(const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct audit_run r = run_at(data, i);

		if (r.flow == AUDIT_RECORDER)
			return r.space;
	}
	return 0;
}

/* Before the recording nothing bears marks; behind it there is nothing to compare with. */
static int read_runs(struct stores *s, const char *data, size_t size)
{
	size_t n = (size - AUDIT_HEAD) / sizeof(struct audit_run);
	uint64_t space = recorder_space(data, n);
	bool recording = true;
	int err = 0;

	for (size_t i = 0; !err && !s->whole && i < n; i++) {
		struct audit_run r = run_at(data, i);

		if (r.flags & AUDIT_END)
			s->whole = r.pc == i && i + 1 == n;
		else if (r.flow == AUDIT_RECORDER)
			recording = r.bytes < AUDIT_ENDS;
		else if (recording)
			err = add_run(s, &r, r.space == space);
	}
	return err;
}

int stores_load(struct stores *s, const struct rundir *run, char *why, size_t size)
{
	char path[PATH_MAX], *data = NULL;
	size_t len = 0;
	int err;

	memset(s, 0, sizeof(*s));
	snprintf(path, sizeof(path), "%s/audit.dat", run->dir);
	err = file_read(path, &data, &len);
	if (err == -ENOENT)
		return 0;
	if (!err && (len < AUDIT_HEAD || strncmp(data, AUDIT_MAGIC, AUDIT_HEAD)))
		err = -EBADMSG;
	if (err)
		snprintf(why, size, "%s: %s", path,
			 err == -EBADMSG ? "is no record of an audit" : file_strerror(err));
	s->present = !err;
	if (!err)
		err = read_runs(s, data, len);
	free(data);
	return err;
}

static void free_group(void *group, void *ctx)
{
	(void)ctx;
	free(group);
}

void stores_free(struct stores *s)
{
	hashmap_each(&s->groups, free_group, NULL);
	hashmap_free(&s->groups);
	for (size_t i = 0; i < s->count; i++)
		free(s->flows[i].at);
	free(s->flows);
	memset(s, 0, sizeof(*s));
}

struct placing {
	struct stores *s;
	const struct rundir *run;
	struct tep_handle *tep;
	int err;
};

/* ---- by which code ---- */

/* Is the code in a function that records? */
static bool is_recorder(const struct placing *p, uint64_t code)
{
	static const char *const starts[] = {
#define RECORDER(start) start,
#include "analyze/recorders.def"
#undef RECORDER
	};
	const char *name = tep_find_function(p->tep, code);

	for (size_t i = 0; name && i < ARRAY_SIZE(starts); i++)
		if (!strncmp(name, starts[i], strlen(starts[i])))
			return true;
	return false;
}

/* What happens inside a primitive belongs to the call of that. */
static bool is_counted(const struct site *s)
{
	return s && s->counted && s->probed;
}

/* Is it by a probe's doing, itself or one call away? What lies higher on the stack may be long over. */
static bool is_record(const struct placing *p, const struct audit_run *r)
{
	return is_recorder(p, r->pc) || is_recorder(p, r->callers[0]);
}

/* Has the name of a function to do with a primitive? There are several of some, to choose from at boot. */
static bool is_named(const char *function, const char *primitive)
{
	return !strncmp(function, primitive, strlen(primitive));
}

static bool is_primitive(const struct placing *p, const char *function)
{
	for (size_t i = 0; function && i < p->run->site_count; i++)
		if (!strcmp(p->run->sites[i].primitive, function))
			return true;
	return false;
}

/* The site whose call returns to an address on the stack. */
static const struct site *returning(const struct placing *p, uint64_t word)
{
	const struct site *s = rundir_site_returning(p->run, word);

	/* To the entry of a function nobody returns: that is a pointer to it. */
	return s && !s->entry ? s : NULL;
}

/*
 * A primitive that was not called but jumped to leaves no return address of its site: where the first
 * caller that is no primitive is none, it was a site of that kind, if such a one is recorded.
 */
static const struct site *jumped_from(const struct placing *p, const struct stores_flow *f, const struct audit_run *r)
{
	const char *primitive = tep_find_function(p->tep, r->pc);
	size_t i = 0;

	for (; i < AUDIT_CALLERS && r->callers[i]; i++) {
		const char *function = tep_find_function(p->tep, r->callers[i]);

		if (!is_primitive(p, function))
			break;
		primitive = function;
	}
	if (i == AUDIT_CALLERS || !primitive || is_counted(returning(p, r->callers[i])))
		return NULL;
	for (size_t k = 0; k < f->count; k++)
		if (f->at[k].recorded && f->at[k].site->jumps && is_named(primitive, f->at[k].site->primitive))
			return f->at[k].site;
	return NULL;
}

/* A primitive that is probed at its entry, in which the code is. */
static const struct site *entered(const struct placing *p, uint64_t code)
{
	uint64_t start = tep_find_function_address(p->tep, code);
	const struct site *s = start && start != code ? rundir_site_returning(p->run, start) : NULL;

	return s && s->entry && is_counted(s) ? s : NULL;
}

/*
 * An instruction that carries a probe runs where the kernel has put a copy of it, in no function: it is that
 * of the one inlined site that is recorded of the flow.
 */
static const struct site *out_of_line(const struct placing *p, const struct stores_flow *f, const struct audit_run *r)
{
	const char *function = tep_find_function(p->tep, r->pc);
	const struct site *only = NULL;

	for (size_t k = 0; function && is_named(function, "kprobe_") && k < f->count; k++) {
		if (!f->at[k].recorded || !f->at[k].site->inlined)
			continue;
		if (only)
			return NULL;
		only = f->at[k].site;
	}
	return only;
}

/* The innermost call that leads to it, of those that are to be probed; else of those that are not. */
static const struct site *called_from(const struct placing *p, const struct audit_run *r)
{
	const struct site *outer = NULL, *entry = entered(p, r->pc);

	for (size_t i = 0; i < AUDIT_CALLERS && r->callers[i]; i++) {
		const struct site *s = returning(p, r->callers[i]);

		/* Behind an entry only a call of just that function is nearer. */
		if (is_counted(s) && (!entry || !strcmp(s->primitive, entry->function)))
			return s;
		if (!entry)
			entry = entered(p, r->callers[i]);
		if (s && s->counted && !outer)
			outer = s;
	}
	return entry ? entry : outer;
}

/* The site that a run was stored by: the instruction itself, or what led to it. */
static const struct site *site_of(const struct placing *p, const struct stores_flow *f, const struct audit_run *r)
{
	const struct site *s = rundir_site_at(p->run, r->pc);

	if (is_counted(s))
		return s;
	s = out_of_line(p, f, r);
	if (!s)
		s = jumped_from(p, f, r);
	return s ? s : called_from(p, r);
}

static void name_function(struct stored_at *at, struct tep_handle *tep)
{
	const char *name = tep_find_function(tep, at->pc);

	if (name)
		snprintf(at->function, sizeof(at->function), "%s+%#llx", name,
			 (unsigned long long)(at->pc - tep_find_function_address(tep, at->pc)));
}

static void place_group(void *value, void *ctx)
{
	const struct group *g = value;
	struct placing *p = ctx;
	struct stores_flow *f = flow_of_mark(p->s, g->like.flow);
	struct stored_at *at;

	if (!f) {
		p->err = -ENOMEM;
		return;
	}
	if (g->like.flags & AUDIT_USER) {
		f->user += g->bytes;
		return;
	}
	/* Registers that an interrupt or a function saved, and what a probe keeps. */
	if (g->like.flags & AUDIT_STACK || is_record(p, &g->like))
		return;
	at = stored_at(f, site_of(p, f, &g->like), g->like.pc);
	if (!at) {
		p->err = -ENOMEM;
		return;
	}
	if (!at->site && !*at->function)
		name_function(at, p->tep);
	*(g->own ? &at->own : &at->seen) += g->bytes;
}

/* ---- beside the record ---- */

static int take_recorded(struct stores *s, const struct flow *f)
{
	struct stores_flow *of = flow_of_mark(s, (uint32_t)f->log->mark);

	for (size_t i = 0; of && i < f->stored_count; i++) {
		struct stored_at *at = stored_at(of, f->stored[i].site, 0);

		if (!at)
			return -ENOMEM;
		at->recorded += f->stored[i].bytes;
	}
	return of ? 0 : -ENOMEM;
}

static void judge(struct stores_flow *f, bool whole)
{
	size_t left = 0;

	f->closed = whole;
	for (size_t k = 0; k < f->count; k++) {
		struct stored_at *at = &f->at[k];

		/* What the recorder does with its own record is no copy of a flow's. */
		at->seen += at->recorded || (at->site && at->site->left_out) ? at->own : 0;
		f->seen += at->seen;
		f->closed &= at->seen == at->recorded && (at->site || !at->seen);
		if (at->seen || at->recorded)
			f->at[left++] = *at;
	}
	f->count = left;
}

int stores_judge(struct stores *s, const struct rundir *run, struct tep_handle *tep, const struct flow *flows)
{
	struct placing p = {s, run, tep, 0};

	for (const struct flow *f = flows; s->present && !p.err && f; f = f->next)
		if (f->log && f->log->mark >= 0)
			p.err = take_recorded(s, f);
	if (!p.err)
		hashmap_each(&s->groups, place_group, &p);
	for (size_t i = 0; i < s->count; i++)
		judge(&s->flows[i], s->whole);
	return p.err;
}

const struct stores_flow *stores_of(const struct stores *s, const struct flow *f)
{
	bool bears = s->present && f->log && f->log->mark >= 0 && f->min_size >= PAYLOAD_HEAD + MARK_LEAST;

	for (size_t i = 0; bears && i < s->count; i++)
		if (s->flows[i].mark == f->log->mark)
			return &s->flows[i];
	return NULL;
}

void stored_name(const struct stored_at *at, char *buf, size_t size)
{
	if (at->site || !*at->function)
		rundir_site_name(at->site, at->pc, buf, size);
	else
		snprintf(buf, size, "%s", at->function);
}
