// SPDX-License-Identifier: GPL-2.0-only
/* Places the probe points of points.def. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/primitives.h"
#include "collect/probes.h"
#include "common/vec.h"

const struct point points[] = {
#define POINT(how, event, target, choice, rank, args)                                              \
	{POINT_##how, EV_##event, target, choice, rank, args},
#define FILTER(event, passes)
#include "collect/points.def"
#undef POINT
#undef FILTER
};
const size_t point_count = ARRAY_SIZE(points);

const char *point_filter(const char *event)
{
	static const struct {
		enum event_kind event;
		const char *passes;
	} filters[] = {
#define POINT(how, event, target, choice, rank, args)
#define FILTER(event, passes) {EV_##event, passes},
#include "collect/points.def"
#undef POINT
#undef FILTER
	};

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		if (!strcmp(event_kind_name(filters[i].event), event))
			return filters[i].passes;
	return NULL;
}

void point_function(const struct point *pt, char *name, size_t size, const char **pattern)
{
	const char *at = strchr(pt->target, '@');

	snprintf(name, size, "%.*s", (int)(at ? at - pt->target : (long)strlen(pt->target)),
		 pt->target);
	*pattern = at ? at + 1 : "*";
}

bool point_is_call(const struct point *pt)
{
	return pt->how == POINT_CALL || pt->how == POINT_AFTER;
}

/* The function of an ENTRY, in the module that the target names, if any; NULL: there is none. */
static const struct ksym *point_entry(const struct point *pt, const struct kallsyms *ks)
{
	const char *colon = strchr(pt->target, ':');
	char module[64];

	if (!colon)
		return kallsyms_find_base(ks, NULL, pt->target);
	snprintf(module, sizeof(module), "%.*s", (int)(colon - pt->target), pt->target);
	return kallsyms_find_base(ks, module, colon + 1);
}

bool point_expected(const struct point *pt, const struct kallsyms *ks)
{
	const char *at = strchr(pt->target, '@'), *from = at ? at + 1 : pt->target;
	const char *colon = strchr(from, ':');
	char module[64];

	if (!colon)
		return true;
	snprintf(module, sizeof(module), "%.*s", (int)(colon - from), from);
	return kallsyms_has_module(ks, module);
}

static bool tracepoint_exists(const char *target)
{
	char path[160];

	snprintf(path, sizeof(path), "events/%s/format", target);
	return tracefs_file_exists(NULL, path);
}

static bool point_exists(const struct point *pt, const struct kallsyms *ks)
{
	char name[128];
	const char *pattern;

	if (pt->how == POINT_TPOINT || pt->how == POINT_PLAIN)
		return tracepoint_exists(pt->target);
	if (pt->how == POINT_ENTRY)
		return point_entry(pt, ks) != NULL;
	point_function(pt, name, sizeof(name), &pattern);
	return kallsyms_find_base(ks, NULL, name) != NULL;
}

/* Is there a better-ranked point of the same choice that this kernel has? */
static bool outranked(const struct point *pt, const struct kallsyms *ks)
{
	for (size_t i = 0; pt->choice && i < point_count; i++)
		if (points[i].choice == pt->choice && points[i].rank < pt->rank &&
		    point_exists(&points[i], ks))
			return true;
	return false;
}

static int define_tpoint(struct probes *p, const struct point *pt, const char *args, char *why,
			 size_t size)
{
	char line[3072], target[128];

	snprintf(target, sizeof(target), "%s", pt->target);
	*strchr(target, '/') = '.';
	snprintf(line, sizeof(line), "e:%s/%s %s %s", p->group, event_kind_name(pt->event), target, args);
	return probes_define_event(p, event_kind_name(pt->event), line, why, size);
}

/* The arguments with the offsets that the types of a module, or of the kernel alone, give them. */
static int expand(struct session *s, const struct point *pt, const char *module, char *args,
		  size_t args_size, char *why, size_t size)
{
	int err = ktypes_use_module(&s->kt, module);

	if (err) {
		snprintf(why, size, "no types of module %s: %s", module, strerror(-err));
		return err;
	}
	err = ktypes_expand(&s->kt, pt->args, args, args_size);
	if (err)
		snprintf(why, size, "this kernel's BTF has no %.120s", args);
	return err;
}

#define ARGS_MAX 1536

static int define_call(struct probes *p, struct session *s, const struct point *pt,
		       const struct call *c, char *why, size_t size)
{
	char args[ARGS_MAX];
	int err = expand(s, pt, c->func->module, args, sizeof(args), why, size);

	return err ? err : probes_define_at(p, s, c->func,
					    pt->how == POINT_CALL ? c->addr : c->ret,
					    event_kind_name(pt->event), args, NULL, why, size);
}

/* Is a function among those that a pattern means? */
static bool matches(const struct ksym *func, const char *pattern)
{
	char name[KSYM_NAME + 64];
	bool whole = strchr(pattern, ':');

	snprintf(name, sizeof(name), "%s%s%s", whole && func->module ? func->module : "",
		 whole && func->module ? ":" : "", func->name);
	return !fnmatch(pattern, name, FNM_EXTMATCH);
}

/* A call that the census found is of a function, whichever of the points it was found for. */
static bool calls(const struct point *pt, const char *name)
{
	const char *pattern;
	char of[128];

	point_function(pt, of, sizeof(of), &pattern);
	return !strcmp(of, name);
}

/* The calls that a point is for, and where its probes go. */
struct placing {
	struct probes *p;
	struct session *s;
	const struct point *pt;
	const char *pattern;
	size_t placed;
};

static int place_call(struct placing *to, const struct call *c, char *why, size_t size)
{
	int err = -ENOENT;

	if (!matches(c->func, to->pattern))
		return 0;
	if (ktypes_names_has(&to->s->traceable, c->func->name))
		err = define_call(to->p, to->s, to->pt, c, why, size);
	to->placed += !err;
	to->p->unseen_calls += !!err;
	return err == -ENOMEM ? err : 0;
}

/* The census has the calls of a copy primitive among its sites. */
static int place_sites(struct placing *to, const char *name, char *why, size_t size)
{
	const struct census *c = &to->s->census;
	int err = 0;

	for (size_t i = 0; i < c->count && !err; i++)
		if (c->sites[i].kind == SITE_CALL && !strcmp(primitives[c->sites[i].prim].name, name))
			err = place_call(to, &(struct call){.addr = c->sites[i].addr,
							    .ret = c->sites[i].ret,
							    .func = c->sites[i].func}, why, size);
	return err;
}

/*
 * At or behind every call of it that the census found: all, or those whose function matches. Where
 * a function may not be probed, what its calls gave is not recorded, and a chain through it breaks.
 */
static int define_calls(struct probes *p, struct session *s, const struct point *pt, char *why,
			size_t size)
{
	struct placing to = {.p = p, .s = s, .pt = pt};
	char name[128];
	int err;

	snprintf(why, size, "no call of it was found");
	point_function(pt, name, sizeof(name), &to.pattern);
	err = place_sites(&to, name, why, size);
	for (size_t i = 0; i < s->census.call_count && !err; i++)
		if (calls(&points[s->census.calls[i].wanted], name))
			err = place_call(&to, &s->census.calls[i], why, size);
	if (err)
		return err;
	return to.placed ? 0 : -ENOENT;
}

static int define_point(struct probes *p, struct session *s, const struct point *pt, char *why,
			size_t size)
{
	const struct ksym *func;
	char args[ARGS_MAX];
	int err;

	if (point_is_call(pt))
		return define_calls(p, s, pt, why, size);
	func = pt->how == POINT_ENTRY ? point_entry(pt, &s->ks) : NULL;
	err = expand(s, pt, func ? func->module : NULL, args, sizeof(args), why, size);
	if (err)
		return err;
	if (pt->how == POINT_TPOINT)
		return define_tpoint(p, pt, args, why, size);
	return probes_define_at(p, s, func, func->addr, event_kind_name(pt->event), args, NULL, why, size);
}

static int place_point(struct probes *p, struct session *s, const struct point *pt)
{
	char why[160];
	int err;

	if (!point_exists(pt, &s->ks) || outranked(pt, &s->ks))
		return 0;
	if (pt->how == POINT_PLAIN)
		return probes_enable_later(p, pt->target);
	err = define_point(p, s, pt, why, sizeof(why));
	if (err == -ENOMEM)
		return err;
	/* Who uses it may be in a module that is not loaded. */
	if (err == -ENOENT && point_is_call(pt) && (pt->choice || !point_expected(pt, &s->ks)))
		return 0;
	if (err)
		return probes_refuse(p, event_kind_name(pt->event), pt->target, why);
	p->point_probes++;
	p->placed[pt - points] = true;
	return 0;
}

/*
 * In a module, functions that it has and calls that it makes. Tracepoints have been placed, and
 * what has a better choice has it in the kernel image.
 */
static int place_in_module(struct probes *p, struct session *m, const struct point *pt)
{
	char why[160];
	int err;

	if (pt->how == POINT_PLAIN || pt->how == POINT_TPOINT ||
	    (!point_is_call(pt) && !point_exists(pt, &m->ks)) || outranked(pt, &m->ks))
		return 0;
	err = define_point(p, m, pt, why, sizeof(why));
	if (err == -ENOENT && point_is_call(pt))
		return 0;
	if (err)
		return err == -ENOMEM ? err :
			       probes_refuse(p, event_kind_name(pt->event), pt->target, why);
	p->point_probes += !p->placed[pt - points];
	p->placed[pt - points] = true;
	return 0;
}

int points_place_module(struct probes *p, struct session *m)
{
	int err = 0;

	for (size_t i = 0; !err && i < point_count; i++)
		err = place_in_module(p, m, &points[i]);
	return err;
}

int points_place(struct probes *p, struct session *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < point_count; i++)
		err = place_point(p, s, &points[i]);
	return err;
}
