// SPDX-License-Identifier: GPL-2.0-only
#include "collect/probes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/inlined.h"
#include "collect/probe_place.h"
#include "common/msg.h"

#define DYNAMIC_EVENTS "dynamic_events"

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

int probes_refuse(struct probes *p, const char *event, const char *target, const char *why)
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

/*
 * The kernel's own words: the part after "error: " of the last entry in error_log, if that is
 * about this definition; not every refusal is logged.
 */
static void kernel_reason(const char *line, int err, char *buf, size_t size)
{
	char *log = tracefs_error_last(NULL);
	char *from = log ? strstr(log, "error: ") : NULL;

	if (from && strstr(from, line))
		snprintf(buf, size, "%.*s", (int)strcspn(from + 7, "\n"), from + 7);
	else
		snprintf(buf, size, "%s", strerror(err));
	free(log);
}

/* Writes one definition; on refusal why gets the kernel's reason. */
int probes_define(const char *line, char *why, size_t size)
{
	if (tracefs_instance_file_append(NULL, DYNAMIC_EVENTS, line) < 0) {
		int err = errno ? errno : EINVAL;

		kernel_reason(line, err, why, size);
		return -err;
	}
	return 0;
}

/*
 * kprobe_events takes all probes by bare address for the same one
 * (kernel/trace/trace_kprobe.c: trace_kprobe_has_same_kprobe). Where func's own name is not taken for it
 * alone, an earlier function's and a larger offset lead to the same instruction.
 */
static void address_text(const struct kallsyms *ks, const struct ksym *func, uint64_t addr,
			 char *buf, size_t size)
{
	const struct ksym *base = kallsyms_anchor(ks, func);

	snprintf(buf, size, "%s%s%s+0x%llx", func->module ? func->module : "",
		 func->module ? ":" : "", base->name, (unsigned long long)(addr - base->addr));
}

/*
 * Where to probe for the values that stand in registers at `from` (a function's entry or the
 * instruction after a call): there, or a little later where nothing can be missed.
 */
static int choose_place(struct probes *p, const struct session *s, const struct ksym *func,
			uint64_t from, const char *args, struct probe_place *out)
{
	uint8_t *code;
	size_t size;
	int err = census_read_function(&s->ks, &s->kc, func, &code, &size);

	if (err)
		return err;
	if (probe_place_find(code, size, func->addr, from, args, out))
		err = add_string(&p->interruptible, &p->interruptible_count, func->name);
	free(code);
	return err;
}

int probes_define_at(struct probes *p, const struct session *s, const struct ksym *func,
		     uint64_t from, const char *event, const char *args, uint64_t *at, char *why,
		     size_t size)
{
	char line[3072], target[KSYM_NAME + 64], moved[1536];
	struct probe_place place;
	int err = choose_place(p, s, func, from, args, &place);

	if (!err)
		err = probe_place_rewrite(&place, args, moved, sizeof(moved));
	if (err) {
		snprintf(why, size, "cannot read its text: %s", strerror(-err));
		return err;
	}
	if (at)
		*at = place.addr;
	address_text(&s->ks, func, place.addr, target, sizeof(target));
	snprintf(line, sizeof(line), "p:%s/%s %s %s", p->group, event, target, moved);
	return probes_define_event(p, event, line, why, size);
}

int probes_define_event(struct probes *p, const char *event, const char *line, char *why,
			size_t size)
{
	int err = probes_define(line, why, size);

	return err ? err : add_string(&p->events, &p->event_count, event);
}

int probes_enable_later(struct probes *p, const char *tracepoint)
{
	return add_string(&p->plain, &p->plain_count, tracepoint);
}

/* The shape of the same event for single bytes: what a whole inlined copy is told in. */
static const struct shape *byte_shape(const struct shape *of)
{
	for (size_t i = 0; i < primitive_count; i++)
		if (primitives[i].width == 1 && shapes[primitives[i].shape].event == of->event)
			return &shapes[primitives[i].shape];
	return of;
}

static const struct shape *shape_of(const struct site *site)
{
	const struct shape *shape = &shapes[primitives[site->prim].shape];

	return site->inlined && site->inlined->whole ? byte_shape(shape) : shape;
}

static int define_site(struct probes *p, const struct session *s, struct site *site,
		       const char *args, char *why, size_t size)
{
	const char *event = event_kind_name(shape_of(site)->event);
	char target[KSYM_NAME + 64], line[3072], moved[1024];

	if (site->kind == SITE_ENTRY)
		return probes_define_at(p, s, site->func, site->addr, event, args, &site->probe,
					why, size);
	site->probe = site->addr;
	if (site->inlined && !probe_place_rewrite(&site->inlined->place, args, moved, sizeof(moved))) {
		site->probe = site->inlined->place.addr;
		args = moved;
	}
	address_text(&s->ks, site->func, site->probe, target, sizeof(target));
	snprintf(line, sizeof(line), "p:%s/%s %s %s", p->group, event, target, args);
	return probes_define_event(p, event, line, why, size);
}

/* Works out where to probe an inlined copy, from text without any int3 of ours. */
static int look_around(struct probes *p, const struct session *s, struct site *site)
{
	const char *args = shapes[primitives[site->prim].shape].args;
	uint8_t *code;
	size_t size;
	int err = census_read_function(&s->ks, &s->kc, site->func, &code, &size);

	if (err)
		return err == -ENOMEM ? err : 0;
	site->inlined = malloc(sizeof(*site->inlined));
	if (!site->inlined)
		err = -ENOMEM;
	else
		inlined_find(code, size, site->func->addr, site->addr, args, site->inlined);
	if (!err && site->inlined->interruptible)
		err = add_string(&p->interruptible, &p->interruptible_count, site->func->name);
	free(code);
	return err;
}

static int look_around_inlined(struct probes *p, struct session *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->census.count; i++) {
		struct site *site = &s->census.sites[i];

		if (site->status == SITE_PROBED && site->kind == SITE_INLINED)
			err = look_around(p, s, site);
	}
	return err;
}

static int place_site(struct probes *p, struct session *s, struct site *site)
{
	char args[1024], why[160];
	int err = ktypes_expand(&s->kt, shape_of(site)->args, args, sizeof(args));

	if (err)
		snprintf(why, sizeof(why), "this kernel's BTF has no %.120s", args);
	else
		err = define_site(p, s, site, args, why, sizeof(why));
	if (err == -ENOMEM)
		return err;
	if (err) {
		site->status = SITE_REFUSED;
		site->why = strdup(why);
		return site->why ? 0 : -ENOMEM;
	}
	p->site_probes++;
	return 0;
}

/* Functions that know the address of a primitive nobody can see: if one runs, that is told. */
static int place_guards(struct probes *p, const struct session *s)
{
	const struct census *c = &s->census;

	for (size_t i = 0; i < c->count; i++) {
		const struct site *site = &c->sites[i];
		char args[32], why[160];
		int err;

		if (site->kind != SITE_TAKEN || c->covers[site->prim] != COVER_GUARD)
			continue;
		snprintf(args, sizeof(args), "prim=\\%u:u32", site->prim);
		if (!probes_define_at(p, s, site->func, site->func->addr,
				      event_kind_name(EV_GUARD), args, NULL, why, sizeof(why)))
			continue;
		c->covers[site->prim] = COVER_NONE;
		err = probes_refuse(p, event_kind_name(EV_GUARD), site->func->name, why);
		if (err)
			return err;
	}
	return 0;
}

static int place_sites(struct probes *p, struct session *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->census.count; i++)
		if (s->census.sites[i].status == SITE_PROBED)
			err = place_site(p, s, &s->census.sites[i]);
	return err;
}

int probes_place(struct probes *p, struct session *s)
{
	int err;

	p->placed = calloc(point_count, sizeof(*p->placed));
	if (!p->placed)
		return -ENOMEM;
	err = look_around_inlined(p, s);
	if (!err)
		err = points_place(p, s);
	if (!err)
		err = place_sites(p, s);
	if (!err)
		err = place_guards(p, s);
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

	for (; p->plain_enabled < p->plain_count; p->plain_enabled++) {
		const char *name = p->plain[p->plain_enabled];

		snprintf(path, sizeof(path), "events/%s/enable", name);
		if (tracefs_instance_file_write(instance, path, "1") < 0)
			return msg_errno(-errno, "cannot enable %s", name);
	}
	for (; p->enabled < p->event_count; p->enabled++) {
		const char *name = p->events[p->enabled];

		snprintf(path, sizeof(path), "events/%s/%s/enable", p->group, name);
		if (tracefs_instance_file_write(instance, path, "1") < 0)
			return msg_errno(-errno, "cannot enable %s/%s", p->group, name);
	}
	return 0;
}

static bool is_copy_event(const char *event)
{
	for (int k = EV_OTHER + 1; k < EV_COUNT; k++)
		if (event_info((enum event_kind)k)->category == CATEGORY_COPY &&
		    !strcmp(event_kind_name((enum event_kind)k), event))
			return true;
	return false;
}

/* Sets the filters of the events that have none yet. */
static int set_filters(struct probes *p, struct tracefs_instance *instance)
{
	for (; p->filtered < p->event_count; p->filtered++) {
		const char *event = p->events[p->filtered];
		const char *passes = is_copy_event(event) ? p->filter : point_filter(event);
		char path[128];

		snprintf(path, sizeof(path), "events/%s/%s/filter", p->group, event);
		if (passes && tracefs_instance_file_write(instance, path, passes) < 0)
			return msg_errno(-errno, "cannot set the filter of %s", event);
	}
	return 0;
}

/* Probes that join an event which is enabled are live at once (trace_kprobe.c: append_trace_kprobe). */
int probes_place_module(struct probes *p, struct session *m, struct tracefs_instance *instance)
{
	int err = look_around_inlined(p, m);

	if (!err)
		err = points_place_module(p, m);
	if (!err)
		err = place_sites(p, m);
	if (!err)
		err = set_filters(p, instance);
	return err ? err : probes_enable(p, instance);
}

int probes_filter(struct probes *p, struct tracefs_instance *instance, const int *tids,
		  size_t count)
{
	size_t room = count * 32 + 64, used;
	char *filter = malloc(room);

	if (!filter)
		return -ENOMEM;
	p->filter = filter;
	/* include/linux/trace_events.h: TRACE_FLAG_HARDIRQ | TRACE_FLAG_SOFTIRQ */
	used = (size_t)snprintf(filter, room, "common_flags & 24 || (");
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(filter + used, room - used, "%scommon_pid != %d",
					 i ? " && " : "", tids[i]);
	snprintf(filter + used, room - used, ")");
	return set_filters(p, instance);
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
	for (size_t i = 0; i < p->interruptible_count; i++)
		free(p->interruptible[i]);
	free(p->interruptible);
	free(p->filter);
	free(p->placed);
	free(p->events);
	free(p->plain);
	free(p->refused);
	memset(p, 0, sizeof(*p));
}
