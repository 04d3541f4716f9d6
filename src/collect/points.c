// SPDX-License-Identifier: GPL-2.0-only
/* Places the probe points of points.def. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/probes.h"

const struct point points[] = {
#define POINT(how, event, target, choice, rank, args)                                              \
	{POINT_##how, event, target, choice, rank, args},
#include "collect/points.def"
#undef POINT
};
const size_t point_count = sizeof(points) / sizeof(points[0]);

void point_function(const struct point *pt, char *name, size_t size, const char **pattern)
{
	const char *at = strchr(pt->target, '@');

	snprintf(name, size, "%.*s", (int)(at ? at - pt->target : (long)strlen(pt->target)),
		 pt->target);
	*pattern = at ? at + 1 : "*";
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
	point_function(pt, name, sizeof(name), &pattern);
	return kallsyms_find_base(ks, name) != NULL;
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
	snprintf(line, sizeof(line), "e:%s/%s %s %s", p->group, pt->event, target, args);
	return probes_define_event(p, pt->event, line, why, size);
}

/*
 * Behind every call of it that the census found: all, or those whose function matches. Where a
 * function may not be probed, what its calls gave is not recorded, and a chain through it breaks.
 */
static int define_after(struct probes *p, struct session *s, const struct point *pt,
			const char *args, char *why, size_t size)
{
	size_t placed = 0;
	const char *pattern;
	char name[128];

	snprintf(why, size, "no call of it was found");
	point_function(pt, name, sizeof(name), &pattern);
	for (size_t i = 0; i < s->census.call_count; i++) {
		const struct call *c = &s->census.calls[i];
		int err;

		if (&points[c->wanted] != pt || fnmatch(pattern, c->func->name, FNM_EXTMATCH))
			continue;
		if (!ktypes_names_has(&s->traceable, c->func->name)) {
			p->unseen_calls++;
			continue;
		}
		err = probes_define_at(p, s, c->func, c->ret, pt->event, args, NULL, why, size);
		if (err == -ENOMEM)
			return err;
		placed += !err;
		p->unseen_calls += !!err;
	}
	return placed ? 0 : -ENOENT;
}

static int define_point(struct probes *p, struct session *s, const struct point *pt, char *why,
			size_t size)
{
	char args[1536];
	int err = ktypes_expand(&s->kt, pt->args, args, sizeof(args));
	const struct ksym *func;

	if (err) {
		snprintf(why, size, "this kernel's BTF has no %.120s", args);
		return err;
	}
	if (pt->how == POINT_TPOINT)
		return define_tpoint(p, pt, args, why, size);
	if (pt->how == POINT_AFTER)
		return define_after(p, s, pt, args, why, size);
	func = kallsyms_find_base(&s->ks, pt->target);
	return probes_define_at(p, s, func, func->addr, pt->event, args, NULL, why, size);
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
	if (err)
		return probes_refuse(p, pt->event, pt->target, why);
	p->point_probes++;
	p->placed[pt - points] = true;
	return 0;
}

int points_place(struct probes *p, struct session *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < point_count; i++)
		err = place_point(p, s, &points[i]);
	return err;
}
