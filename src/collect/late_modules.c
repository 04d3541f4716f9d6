// SPDX-License-Identifier: GPL-2.0-only
#include "collect/late_modules.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect/module_symbols.h"
#include "common/file.h"
#include "common/json.h"
#include "common/msg.h"
#include "common/vec.h"

#define WAIT_MS 20
#define EVENT "module/module_load"
#define MARK ": module_load: "

struct late_module {
	char name[64];
	uint64_t loaded_ns, live_ns;
	size_t sites, probed, unseen;
	struct kallsyms *ks; /* NULL: still to be looked at */
	bool gone;
};

struct late_modules {
	struct tracefs_instance *instance;
	int pipe;
	struct late_module *modules;
	size_t count, room;
};

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int start_instance(struct late_modules *l, const char *group)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_modules", group);
	l->instance = tracefs_instance_create(name);
	if (!l->instance ||
	    tracefs_instance_file_write(l->instance, "trace_clock", "mono") < 0 ||
	    tracefs_instance_file_write(l->instance, "buffer_size_kb", "64") < 0 ||
	    tracefs_instance_file_write(l->instance, "events/" EVENT "/enable", "1") < 0)
		return -errno;
	/* Wake up for the first event, not for half a buffer; else, WAIT_MS does. */
	tracefs_instance_file_write(l->instance, "buffer_percent", "0");
	l->pipe = tracefs_instance_file_open(l->instance, "trace_pipe", O_RDONLY | O_NONBLOCK);
	return l->pipe < 0 ? -errno : 0;
}

int late_modules_watch(const char *group, struct late_modules **out)
{
	struct late_modules *l = calloc(1, sizeof(*l));
	int err;

	*out = l;
	if (!l)
		return -ENOMEM;
	l->pipe = -1;
	err = start_instance(l, group);
	if (err)
		msg_note("cannot watch modules being loaded: %s; none will be probed", strerror(-err));
	return 0;
}

static struct late_module *find(struct late_modules *l, const char *name)
{
	for (size_t i = l->count; i-- > 0;)
		if (!strcmp(l->modules[i].name, name) && !l->modules[i].gone)
			return &l->modules[i];
	return NULL;
}

bool late_modules_parse(const char *line, char *name, size_t size, uint64_t *loaded_ns)
{
	const char *mark = strstr(line, MARK), *from, *time = mark;
	unsigned long long sec, usec;

	while (time && time > line && time[-1] != ' ')
		time--;
	if (!mark || sscanf(time, "%llu.%llu", &sec, &usec) != 2)
		return false;
	from = mark + strlen(MARK);
	snprintf(name, size, "%.*s", (int)strcspn(from, " \n"), from);
	*loaded_ns = sec * 1000000000ULL + usec * 1000;
	return true;
}

static int take_line(struct late_modules *l, const char *line)
{
	struct late_module m = {0};
	int err;

	if (!late_modules_parse(line, m.name, sizeof(m.name), &m.loaded_ns))
		return 0;
	err = vec_reserve(&l->modules, &l->room, l->count + 1);
	if (!err)
		l->modules[l->count++] = m;
	return err;
}

static int read_pipe(struct late_modules *l)
{
	char buf[4096], *save = NULL;
	int err = 0;
	ssize_t got = l->pipe < 0 ? 0 : read(l->pipe, buf, sizeof(buf) - 1);

	if (got <= 0)
		return 0;
	buf[got] = '\0';
	for (char *line = strtok_r(buf, "\n", &save); line && !err; line = strtok_r(NULL, "\n", &save))
		err = take_line(l, line);
	return err;
}

/* Its initialisation is over, or it failed. */
static bool is_settled(struct late_module *m)
{
	char path[128], *state = NULL;
	bool live;

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", m->name);
	if (file_read(path, &state, NULL)) {
		m->gone = true;
		return true;
	}
	live = !strncmp(state, "live", 4);
	free(state);
	return live;
}

/* All symbols known by now, those of module i last. */
static size_t known_symbols(const struct late_modules *l, const struct session *s, size_t i,
			    const struct kallsyms **known)
{
	size_t n = 0;

	known[n++] = &s->ks;
	for (size_t k = 0; k < l->count; k++)
		if (k != i && l->modules[k].ks)
			known[n++] = l->modules[k].ks;
	known[n++] = l->modules[i].ks;
	return n;
}

/* The census of module i in m, a session that has its symbols in the place of all others. */
static int take_census(struct late_modules *l, size_t i, const struct session *s, struct session *m,
		       const struct opt_list *excluded)
{
	const struct kallsyms **known = calloc(l->count + 1, sizeof(*known));
	int err = -ENOMEM;

	if (!known)
		return err;
	err = census_take_module(&m->census, known, known_symbols(l, s, i, known), &s->kc,
				 l->modules[i].name, &s->wanted);
	free(known);
	if (!err)
		err = module_traceable(m, &m->census, &m->traceable);
	return err ? err : plan_module(&m->census, s->census.covers, &m->kt, &m->traceable,
				       &s->emulating, excluded);
}

/* Calls through an address that is taken here are seen only where all calls of the primitive are. */
static bool is_hidden_taking(const struct session *s, const struct site *site)
{
	return site->kind == SITE_TAKEN && primitives[site->prim].scope == SCOPE_ALL &&
	       s->census.covers[site->prim] == COVER_SITES;
}

/* Gives the module's sites to the session's census. */
static int keep_sites(struct session *s, struct session *m, struct late_module *late)
{
	int err = 0;

	for (size_t i = 0; !err && i < m->census.count; i++) {
		struct site *site = &m->census.sites[i];

		late->sites += site->kind != SITE_TAKEN;
		late->probed += site->status == SITE_PROBED;
		late->unseen += is_hidden_taking(s, site);
		err = census_add(&s->census, site);
		site->why = NULL;
		site->inlined = NULL;
	}
	return err;
}

/* Has it been probed before? The kernel keeps such probes, and places them as the module comes back. */
static bool was_probed(const struct late_modules *l, size_t i, const struct session *s)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(l->modules[k].name, l->modules[i].name) && l->modules[k].live_ns)
			return true;
	return kallsyms_has_module(&s->ks, l->modules[i].name);
}

/* The function of the module where it stands now: pages are placed elsewhere, their content is not. */
static const struct ksym *find_again(const struct kallsyms *ks, const struct ksym *was)
{
	for (size_t i = 0; i < ks->count; i++)
		if (!((ks->by_addr[i].addr ^ was->addr) & 4095) && ks->by_addr[i].module &&
		    !strcmp(ks->by_addr[i].name, was->name))
			return &ks->by_addr[i];
	return NULL;
}

/* Is it the module's, and of the last time that it was loaded? */
static bool is_last(const struct late_modules *l, size_t i, const struct session *s,
		    const struct site *site)
{
	const struct kallsyms *last = &s->ks;
	const char *name = l->modules[i].name;

	for (size_t k = 0; k < i; k++)
		if (!strcmp(l->modules[k].name, name) && l->modules[k].ks)
			last = l->modules[k].ks;
	return site->func->module && !strcmp(site->func->module, name) &&
	       site->func >= last->by_addr && site->func < last->by_addr + last->count;
}

/* Its sites at their new addresses, with the probes that they had. */
static int move_sites(struct late_modules *l, size_t i, struct session *s)
{
	struct late_module *late = &l->modules[i];
	size_t count = s->census.count;
	int err = 0;

	for (size_t k = 0; !err && k < count; k++) {
		struct site site = s->census.sites[k];
		const struct ksym *func = NULL;
		uint64_t by;

		if (is_last(l, i, s, &site))
			func = find_again(late->ks, site.func);
		if (!func)
			continue;
		by = func->addr - site.func->addr;
		site.func = func;
		site.addr += by;
		site.ret += by;
		site.probe += site.probe ? by : 0;
		site.why = NULL;
		site.inlined = NULL;
		late->sites += site.kind != SITE_TAKEN;
		late->probed += site.status == SITE_PROBED;
		err = census_add(&s->census, &site);
	}
	late->live_ns = late->loaded_ns;
	return err;
}

/* What fails here leaves the module without probes, and its live_ns 0. */
static int take_in(struct late_modules *l, size_t i, struct probes *p, struct session *s,
		   struct tracefs_instance *instance, const struct opt_list *excluded)
{
	struct late_module *late = &l->modules[i];
	struct session m = {.kc = s->kc};
	int err;

	late->ks = calloc(1, sizeof(*late->ks));
	if (!late->ks)
		return -ENOMEM;
	err = module_symbols(s, late->name, late->ks);
	if (!err && was_probed(l, i, s))
		return move_sites(l, i, s);
	m.ks = *late->ks;
	m.kt = s->kt;
	if (!err)
		err = take_census(l, i, s, &m, excluded);
	if (!err)
		err = probes_place_module(p, &m, instance);
	if (!err)
		err = keep_sites(s, &m, late);
	if (!err)
		late->live_ns = monotonic_ns();
	else if (err != -ENOMEM)
		msg_note("cannot probe module %s: %s", late->name, strerror(-err));
	s->kt = m.kt;
	census_free(&m.census);
	ktypes_names_free(&m.traceable);
	return err == -ENOMEM ? err : 0;
}

int late_modules_poll(struct late_modules *l, struct probes *p, struct session *s,
		      struct tracefs_instance *instance, const struct opt_list *excluded)
{
	struct pollfd fd = {.fd = l->pipe, .events = POLLIN};
	int err;

	poll(&fd, 1, WAIT_MS);
	err = read_pipe(l);
	for (size_t i = 0; !err && i < l->count; i++)
		if (!l->modules[i].ks && !l->modules[i].gone && is_settled(&l->modules[i]) &&
		    !l->modules[i].gone)
			err = take_in(l, i, p, s, instance, excluded);
	return err;
}

static struct json_object *module_json(const struct late_module *m)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "module", m->name);
	json_object_object_add(o, "loaded_ns", m->loaded_ns ? json_object_new_uint64(m->loaded_ns) : NULL);
	json_object_object_add(o, "live_ns", m->live_ns ? json_object_new_uint64(m->live_ns) : NULL);
	json_add_int(o, "sites", m->live_ns ? (int64_t)m->sites : -1);
	json_add_uint(o, "probed", m->probed);
	json_add_uint(o, "unseen", m->unseen);
	return o;
}

/* Those in /proc/modules whose loading was not seen. */
static void add_unseen(struct json_object *list, const struct late_modules *l,
		       const struct session *s)
{
	char *text = NULL, *save = NULL;

	if (file_read("/proc/modules", &text, NULL))
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct late_module unseen = {0};

		line[strcspn(line, " ")] = '\0';
		if (kallsyms_has_module(&s->ks, line) || find((struct late_modules *)l, line))
			continue;
		snprintf(unseen.name, sizeof(unseen.name), "%s", line);
		json_object_array_add(list, module_json(&unseen));
	}
	free(text);
}

struct json_object *late_modules_json(const struct late_modules *l, const struct session *s)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < l->count; i++)
		json_object_array_add(list, module_json(&l->modules[i]));
	add_unseen(list, l, s);
	return list;
}

void late_modules_free(struct late_modules *l)
{
	if (!l)
		return;
	if (l->pipe >= 0)
		close(l->pipe);
	if (l->instance) {
		tracefs_instance_file_write(l->instance, "events/enable", "0");
		tracefs_instance_destroy(l->instance);
		tracefs_instance_free(l->instance);
	}
	for (size_t i = 0; i < l->count; i++)
		if (l->modules[i].ks) {
			kallsyms_free(l->modules[i].ks);
			free(l->modules[i].ks);
		}
	free(l->modules);
	free(l);
}
