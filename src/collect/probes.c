// SPDX-License-Identifier: GPL-2.0-only
#include "collect/probes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"

#define DYNAMIC_EVENTS "dynamic_events"

/* Blocked receivers each hold one return instance; beyond this many, returns are missed (and
 * counted as such). */
#define MAX_ACTIVE 256

const struct point points[] = {
#define POINT(how, event, target, choice, rank, args)                                              \
	{POINT_##how, event, target, choice, rank, args},
#include "collect/points.def"
#undef POINT
};
const size_t point_count = sizeof(points) / sizeof(points[0]);

void probes_init(struct probes *p)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->group, sizeof(p->group), "copychain_%d", (int)getpid());
}

static int add_string(char ***list, size_t *count, const char *s)
{
	char **more;

	for (size_t i = 0; i < *count; i++)
		if (!strcmp((*list)[i], s))
			return 0;
	more = realloc(*list, (*count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	*list = more;
	more[*count] = strdup(s);
	return more[*count] ? ((*count)++, 0) : -ENOMEM;
}

static int add_refusal(struct probes *p, const char *event, const char *target, const char *why)
{
	struct refusal *more = realloc(p->refused, (p->refused_count + 1) * sizeof(*more));
	struct refusal r = {strdup(event), strdup(target), strdup(why)};

	if (more)
		p->refused = more;
	if (!more || !r.event || !r.target || !r.why) {
		free(r.event);
		free(r.target);
		free(r.why);
		return -ENOMEM;
	}
	more[p->refused_count++] = r;
	return 0;
}

/* The kernel's own words: the part after "error: " of the last entry in error_log. */
static void kernel_reason(int err, char *buf, size_t size)
{
	char *log = tracefs_error_last(NULL);
	char *from = log ? strstr(log, "error: ") : NULL;

	if (from)
		snprintf(buf, size, "%.*s", (int)strcspn(from + 7, "\n"), from + 7);
	else
		snprintf(buf, size, "%s", strerror(err));
	free(log);
}

/* Writes one definition; on refusal why gets the kernel's reason. */
static int define(const char *line, char *why, size_t size)
{
	if (tracefs_instance_file_append(NULL, DYNAMIC_EVENTS, line) < 0) {
		int err = errno ? errno : EINVAL;

		kernel_reason(err, why, size);
		return -err;
	}
	return 0;
}

static void site_target(const struct site *s, const struct kallsyms *ks, char *buf, size_t size)
{
	if (kallsyms_count(ks, s->func->name) == 1)
		site_name(s, buf, size);
	else
		snprintf(buf, size, "0x%llx", (unsigned long long)s->addr);
}

static int place_site(struct probes *p, struct site *s, const struct kallsyms *ks,
		      struct ktypes *kt)
{
	const struct shape *shape = &shapes[primitives[s->prim].shape];
	char args[1024], target[KSYM_NAME + 64], line[3072], why[160];
	int err;

	err = ktypes_expand(kt, shape->args, args, sizeof(args));
	if (err) {
		snprintf(why, sizeof(why), "this kernel's BTF has no %.120s", args);
	} else {
		site_target(s, ks, target, sizeof(target));
		snprintf(line, sizeof(line), "p:%s/%s %s %s%s", p->group, shape->event, target,
			 args, shape == &shapes[SHAPE_CSUM] ? " caller=$stack0:x64" : "");
		err = define(line, why, sizeof(why));
	}
	if (err) {
		s->status = SITE_REFUSED;
		s->why = strdup(why);
		return s->why ? 0 : -ENOMEM;
	}
	p->site_probes++;
	return add_string(&p->events, &p->event_count, shape->event);
}

static bool tracepoint_exists(const char *target)
{
	char path[160];

	snprintf(path, sizeof(path), "events/%s/format", target);
	return tracefs_file_exists(NULL, path);
}

static bool point_exists(const struct point *pt, const struct kallsyms *ks)
{
	if (pt->how == POINT_TPOINT || pt->how == POINT_PLAIN)
		return tracepoint_exists(pt->target);
	return kallsyms_find_base(ks, pt->target) != NULL;
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

static int define_point(struct probes *p, const struct point *pt, const struct kallsyms *ks,
			struct ktypes *kt, char *why, size_t size)
{
	char args[1536], line[3072], target[KSYM_NAME];
	int err = ktypes_expand(kt, pt->args, args, sizeof(args));

	if (err) {
		snprintf(why, size, "this kernel's BTF has no %.120s", args);
		return err;
	}
	if (pt->how == POINT_TPOINT) {
		snprintf(target, sizeof(target), "%s", pt->target);
		*strchr(target, '/') = '.';
		snprintf(line, sizeof(line), "e:%s/%s %s %s", p->group, pt->event, target, args);
	} else if (pt->how == POINT_RETURN) {
		snprintf(line, sizeof(line), "r%d:%s/%s %s %s", MAX_ACTIVE, p->group, pt->event,
			 kallsyms_find_base(ks, pt->target)->name, args);
	} else {
		snprintf(line, sizeof(line), "p:%s/%s %s %s", p->group, pt->event,
			 kallsyms_find_base(ks, pt->target)->name, args);
	}
	return define(line, why, size);
}

static int place_point(struct probes *p, const struct point *pt, const struct kallsyms *ks,
		       struct ktypes *kt)
{
	char why[160];

	if (!point_exists(pt, ks) || outranked(pt, ks))
		return 0;
	if (pt->how == POINT_PLAIN)
		return add_string(&p->plain, &p->plain_count, pt->target);
	if (define_point(p, pt, ks, kt, why, sizeof(why)))
		return add_refusal(p, pt->event, pt->target, why);
	p->point_probes++;
	return add_string(&p->events, &p->event_count, pt->event);
}

/* Functions that know the address of a primitive nobody can see: if one runs, that is told. */
static int place_guards(struct probes *p, const struct census *c)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->count; i++) {
		const struct site *s = &c->sites[i];
		char line[KSYM_NAME + 128], why[160];

		if (s->kind != SITE_TAKEN || c->covers[s->prim] != COVER_GUARD)
			continue;
		snprintf(line, sizeof(line), "p:%s/guard %s prim=\\%u:u32", p->group,
			 s->func->name, s->prim);
		if (define(line, why, sizeof(why))) {
			c->covers[s->prim] = COVER_NONE;
			err = add_refusal(p, "guard", s->func->name, why);
		} else {
			err = add_string(&p->events, &p->event_count, "guard");
		}
	}
	return err;
}

int probes_place(struct probes *p, struct census *c, const struct kallsyms *ks, struct ktypes *kt)
{
	int err = 0;

	for (size_t i = 0; !err && i < point_count; i++)
		err = place_point(p, &points[i], ks, kt);
	for (size_t i = 0; !err && i < c->count; i++)
		if (c->sites[i].status == SITE_PROBED)
			err = place_site(p, &c->sites[i], ks, kt);
	if (!err)
		err = place_guards(p, c);
	if (!err && !p->site_probes) {
		msg_error("the kernel refused every probe on a copy site: %s",
			  p->refused_count ? p->refused[0].why : "see 'collect sites'");
		err = -ENODEV;
	}
	return err;
}

int probes_enable(struct probes *p, struct tracefs_instance *instance)
{
	char path[128];

	for (size_t i = 0; i < p->plain_count; i++) {
		snprintf(path, sizeof(path), "events/%s/enable", p->plain[i]);
		if (tracefs_instance_file_write(instance, path, "1") < 0)
			return msg_errno(-errno, "cannot enable %s", p->plain[i]);
	}
	for (size_t i = 0; i < p->event_count; i++) {
		snprintf(path, sizeof(path), "events/%s/%s/enable", p->group, p->events[i]);
		if (tracefs_instance_file_write(instance, path, "1") < 0)
			return msg_errno(-errno, "cannot enable %s/%s", p->group, p->events[i]);
	}
	return 0;
}

void probes_remove(struct probes *p)
{
	for (size_t i = 0; i < p->event_count; i++) {
		char line[128];

		snprintf(line, sizeof(line), "-:%s/%s", p->group, p->events[i]);
		tracefs_instance_file_append(NULL, DYNAMIC_EVENTS, line);
	}
}

void probes_free(struct probes *p)
{
	for (size_t i = 0; i < p->event_count; i++)
		free(p->events[i]);
	for (size_t i = 0; i < p->plain_count; i++)
		free(p->plain[i]);
	for (size_t i = 0; i < p->refused_count; i++) {
		free(p->refused[i].event);
		free(p->refused[i].target);
		free(p->refused[i].why);
	}
	free(p->events);
	free(p->plain);
	free(p->refused);
	memset(p, 0, sizeof(*p));
}
