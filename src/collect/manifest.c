// SPDX-License-Identifier: GPL-2.0-only
#include "collect/manifest.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collect/loss.h"
#include "collect/sites.h"
#include "common/checksum.h"
#include "common/file.h"
#include "common/json.h"
#include "common/vec.h"

static void add_task(struct json_object *list, int tid, int tgid)
{
	struct json_object *t = json_object_new_array();
	char path[64], *comm = NULL;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", tgid, tid);
	if (!file_read(path, &comm, NULL))
		comm[strcspn(comm, "\n")] = '\0';
	json_object_array_add(t, json_object_new_int(tid));
	json_object_array_add(t, json_object_new_int(tgid));
	json_object_array_add(t, json_object_new_string(comm ? comm : ""));
	json_object_array_add(list, t);
	free(comm);
}

struct json_object *manifest_tasks(void)
{
	struct json_object *list = json_object_new_array();
	DIR *proc = opendir("/proc");
	struct dirent *p, *t;

	while (proc && (p = readdir(proc))) {
		char path[300];
		DIR *tasks;

		if (!isdigit((unsigned char)p->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task", p->d_name);
		tasks = opendir(path);
		while (tasks && (t = readdir(tasks)))
			if (isdigit((unsigned char)t->d_name[0]))
				add_task(list, atoi(t->d_name), atoi(p->d_name));
		if (tasks)
			closedir(tasks);
	}
	if (proc)
		closedir(proc);
	return list;
}

static void add_kernel(struct json_object *root)
{
	struct utsname uts;

	uname(&uts);
	json_add_str(root, "kernel", uts.release);
	json_add_str(root, "kernel_version", uts.version);
	json_add_str(root, "arch", uts.machine);
	json_add_str(root, "machine", getenv("COPYCHAIN_IN_GUEST") ? "vm" : "native");
}

static void add_workload(struct json_object *root, const struct manifest *m)
{
	struct json_object *command = json_object_new_array();
	int st = m->workload_status;

	for (char *const *a = m->command; *a; a++)
		json_object_array_add(command, json_object_new_string(*a));
	json_object_object_add(root, "command", command);
	json_add_int(root, "pid", m->workload_pid);
	json_add_int(root, "exit_status", WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st));
	json_add_bool(root, "interrupted", m->interrupted);
}

static void add_times(struct json_object *root, const struct manifest *m,
		      const struct session *s)
{
	struct json_object *o = json_object_new_object();
	char date[32];
	time_t now = time(NULL);

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	json_add_str(o, "date", date);
	json_add_uint(o, "start_ns", m->start_ns);
	json_add_uint(o, "end_ns", m->end_ns);
	json_add_double(o, "census_seconds", s->census_seconds, 3);
	json_object_object_add(root, "times", o);
}

/* Behind an IOMMU a DMA address is no physical one. */
static bool has_iommu(void)
{
	DIR *dir = opendir("/sys/kernel/iommu_groups");
	struct dirent *e;
	bool found = false;

	while (dir && (e = readdir(dir)))
		found |= e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return found;
}

static void add_memory(struct json_object *root, const struct session *s)
{
	struct json_object *o = json_object_new_object();
	static const char *const names[] = {"page_offset_base", "vmemmap_base", "phys_base"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_add_hex(o, names[i], session_variable(s, names[i]));
	json_add_uint(o, "max_pfn", session_variable(s, "max_pfn"));
	json_add_int(o, "page_size", sysconf(_SC_PAGESIZE));
	json_add_bool(o, "iommu", has_iommu());
	json_object_object_add(root, "memory", o);
}

static void add_types(struct json_object *root, struct ktypes *kt)
{
	struct json_object *o = json_object_new_object();

#define USED_ENUM(module, name)                                                                    \
	if (!ktypes_use_module(kt, module))                                                        \
		ktypes_use_enum(kt, name);
#define USED_SIZE(name) ktypes_sizeof(kt, name);
#define USED_OFFSET(path) ktypes_offset(kt, path);
#include "collect/used_types.def"
#undef USED_ENUM
#undef USED_SIZE
#undef USED_OFFSET
	for (size_t i = 0; i < kt->used_count; i++)
		json_add_int(o, kt->used[i].name, kt->used[i].value);
	json_object_object_add(root, "btf", o);
}

static void add_refused(struct json_object *list, const char *event, const char *target,
			const char *why)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "event", event);
	json_add_str(o, "target", target);
	json_add_str(o, "why", why);
	json_object_array_add(list, o);
}

static bool event_placed(const struct probes *p, const char *event)
{
	for (size_t i = 0; i < p->event_count; i++)
		if (!strcmp(p->events[i], event))
			return true;
	return false;
}

/* An event of a choice may be missing where its better-ranked sibling stands. */
static void add_missing(struct json_object *list, const struct probes *p,
			const struct kallsyms *ks)
{
	for (size_t i = 0; i < point_count; i++) {
		const char *event = event_kind_name(points[i].event);

		if (points[i].how != POINT_PLAIN && !points[i].choice && point_expected(&points[i], ks) &&
		    (!i || points[i].event != points[i - 1].event) && !event_placed(p, event))
			json_object_array_add(list, json_object_new_string(event));
	}
}

static struct json_object *strings(char *const *list, size_t count)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		json_object_array_add(o, json_object_new_string(list[i]));
	return o;
}

/* {event: [target…]}: which function or tracepoint stands behind an event on this kernel. */
static struct json_object *placed_points(const struct probes *p)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < point_count; i++) {
		const char *event = event_kind_name(points[i].event);
		struct json_object *list = json_get(o, event);

		if (!p->placed[i])
			continue;
		if (!list) {
			list = json_object_new_array();
			json_object_object_add(o, event, list);
		}
		json_object_array_add(list, json_object_new_string(points[i].target));
	}
	return o;
}

static bool target_placed(const struct probes *p, const char *target)
{
	for (size_t i = 0; i < point_count; i++)
		if (p->placed[i] && !strcmp(points[i].target, target))
			return true;
	return false;
}

static struct json_object *traits(const struct probes *p)
{
	struct json_object *o = json_object_new_object();

#define TRAIT(name, target) json_add_bool(o, #name, target_placed(p, target));
#include "trace/traits.def"
#undef TRAIT
	return o;
}

static void add_probes(struct json_object *root, const struct manifest *m, const struct session *s,
		       const struct probes *p)
{
	struct json_object *o = json_object_new_object(), *refused = json_object_new_array(),
			   *missing = json_object_new_array(), *excluded = json_object_new_array();
	char name[KSYM_NAME + 64];

	json_add_str(o, "group", p->group);
	json_add_uint(o, "sites", p->site_probes);
	json_add_uint(o, "points", p->point_probes);
	json_add_str(o, "left_out", "copies that the recorder's own threads make outside interrupts");
	json_object_object_add(o, "interruptible", strings(p->interruptible,
							   p->interruptible_count));
	json_add_uint(o, "unseen_calls", p->unseen_calls);
	json_add_uint(o, "unprobed", sites_count(&s->census, SITE_UNPROBED));
	json_add_uint(o, "blind", sites_count(&s->census, SITE_BLIND));
	for (size_t i = 0; i < p->refused_count; i++)
		add_refused(refused, p->refused[i].event, p->refused[i].target, p->refused[i].why);
	for (size_t i = 0; i < s->census.count; i++) {
		const struct site *site = &s->census.sites[i];

		site_name(site, name, sizeof(name));
		if (site->status == SITE_REFUSED)
			add_refused(refused, event_kind_name(shapes[primitives[site->prim].shape].event), name,
				    site->why);
		if (site->status == SITE_EXCLUDED)
			json_object_array_add(excluded, json_object_new_string(name));
	}
	json_object_object_add(o, "placed", placed_points(p));
	json_object_object_add(o, "traits", traits(p));
	json_object_object_add(o, "refused", refused);
	add_missing(missing, p, &s->ks);
	json_object_object_add(o, "missing", missing);
	json_object_object_add(o, "excluded", excluded);
	json_object_object_add(o, "late_modules", json_object_get(m->late_modules));
	json_object_object_add(root, "probes", o);
}

/* Of the parts that are there and not in it yet. */
static int add_checksums(struct json_object *o, const char *dir)
{
	static const char *const parts[] = {
#define PART(name) name,
#include "common/run_parts.def"
#undef PART
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && !err; i++) {
		char path[PATH_MAX], text[CHECKSUM_TEXT];

		if (json_get(o, parts[i]))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		err = checksum_file(path, text);
		if (!err)
			json_add_str(o, parts[i], text);
		else if (err == -ENOENT)
			err = 0; /* a workload that wrote no log */
	}
	return err;
}

int manifest_seal(const char *dir)
{
	struct json_object *root = NULL, *sums;
	char path[PATH_MAX], *text = NULL;
	int err;

	snprintf(path, sizeof(path), "%s/run.json", dir);
	err = file_read(path, &text, NULL);
	if (!err)
		root = json_tokener_parse(text);
	sums = json_get(root, "checksums");
	if (!err && !json_object_is_type(sums, json_type_object))
		err = -EBADMSG;
	if (!err)
		err = add_checksums(sums, dir);
	if (!err)
		err = json_write_file(root, path);
	json_object_put(root);
	free(text);
	return err;
}

int manifest_write(const char *dir, const struct manifest *m, struct session *s,
		   const struct probes *p, int64_t *lost)
{
	struct json_object *root = json_object_new_object(), *loss = json_object_new_object(),
			   *devices = json_object_new_object(), *sums = json_object_new_object();
	char path[PATH_MAX];
	int err;

	json_add_uint(root, "schema", 1);
	add_kernel(root);
	add_workload(root, m);
	json_add_str(root, "clock", "mono");
	json_add_str(root, "tracer", m->tracer);
	json_add_uint(root, "buffer_kb", m->buffer_kb);
	add_times(root, m, s);
	add_memory(root, s);
	add_types(root, &s->kt);
	add_probes(root, m, s, p);
	*lost = loss_add_json(loss, m->stats, m->cpus, m->stopped, p);
	json_object_object_add(root, "loss", loss);
	json_object_object_add(root, "tasks", json_object_get(m->tasks));
	json_object_object_add(devices, "before", json_object_get(m->devices_before));
	json_object_object_add(devices, "after", json_object_get(m->devices_after));
	json_object_object_add(root, "rdma_devices", devices);
	json_object_object_add(root, "checksums", sums);
	err = add_checksums(sums, dir);
	snprintf(path, sizeof(path), "%s/run.json", dir);
	if (!err)
		err = json_write_file(root, path);
	json_object_put(root);
	return err;
}
