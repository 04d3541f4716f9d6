// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/rundir.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checksum.h"
#include "common/file.h"
#include "common/json.h"
#include "common/vec.h"

/* Where a run does not tell its last page: what 4-level paging can map (mm/kaslr.c). */
#define DIRECT_MAP_MAX (1ULL << 46)

static struct json_object *read_part(const char *dir, const char *name, char *why, size_t size,
				     int *err)
{
	struct json_object *o;
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		*err = -ENOMEM;
		return NULL;
	}
	o = json_read_file(path, err);
	if (!o && *err == -EBADMSG)
		snprintf(why, size, "%s is damaged: no valid JSON; record again", path);
	else if (!o)
		snprintf(why, size, "cannot read %s: %s", path, file_strerror(*err));
	else if (json_uint(o, "schema", 0) != 1) {
		snprintf(why, size, "%s has schema %llu, this analyze reads 1", path,
			 (unsigned long long)json_uint(o, "schema", 0));
		json_object_put(o);
		o = NULL;
		*err = -ENOTSUP;
	}
	free(path);
	return o;
}

static const char *const absences[] = {"refused", "missing", "excluded"};

static bool holds(struct json_object *list, const char *text)
{
	for (size_t i = 0; i < json_length(list); i++)
		if (!strcmp(json_object_get_string(json_at(list, i)) ?: "", text))
			return true;
	return false;
}

/* Runs recorded before collect wrote traits have only the names of what was probed. */
static bool has_trait(struct json_object *probes, const char *name, const char *target)
{
	struct json_object *traits = json_get(probes, "traits"), *placed = json_get(probes, "placed");

	if (traits)
		return json_object_get_boolean(json_get(traits, name));
	if (!json_object_is_type(placed, json_type_object))
		return false;
	json_object_object_foreach(placed, event, list) {
		(void)event;
		if (holds(list, target))
			return true;
	}
	return false;
}

static void read_manifest(struct rundir *run)
{
	struct json_object *m = run->manifest, *mem = json_get(m, "memory"),
			   *btf = json_get(m, "btf");

	run->kernel = json_str(m, "kernel", "unknown");
	run->machine = json_str(m, "machine", "unknown");
	run->page_offset = json_hex(mem, "page_offset_base", 0);
	run->vmemmap = json_hex(mem, "vmemmap_base", 0);
	run->page_size = json_uint(mem, "page_size", 0) ?: 4096;
	run->direct_map = json_uint(mem, "max_pfn", 0) * run->page_size ?: DIRECT_MAP_MAX;
	run->iommu = json_object_get_boolean(json_get(mem, "iommu"));
	run->page_struct = json_uint(btf, "sizeof.page", 64);
	run->lost = json_int(json_get(m, "loss"), "lost", -1);
	run->umem_sgt = json_uint(btf, "ib_umem.sgt_append", 0);
	run->sg = (struct sg_layout){json_uint(btf, "sizeof.scatterlist", 0),
				     json_uint(btf, "scatterlist.offset", 0),
				     json_uint(btf, "scatterlist.length", 0)};
	run->copy_to_region = json_uint(btf, "RXE_TO_MR_OBJ", 0);
	run->iter.iovec = (int)json_int(btf, "ITER_IOVEC", -1);
	run->iter.kvec = (int)json_int(btf, "ITER_KVEC", -1);
	run->iter.bvec = (int)json_int(btf, "ITER_BVEC", -1);
	run->iter.ubuf = (int)json_int(btf, "ITER_UBUF", -1);
	for (size_t i = 0; i < ARRAY_SIZE(absences); i++)
		run->partial |= json_length(json_get(json_get(m, "probes"), absences[i])) > 0;
#define TRAIT(name, target) run->name = has_trait(json_get(m, "probes"), #name, target);
#include "trace/traits.def"
#undef TRAIT
}

static int cmp_probe(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	return x->probe < y->probe ? -1 : x->probe > y->probe;
}

static int cmp_ret(const void *a, const void *b)
{
	const struct site *x = *(struct site *const *)a, *y = *(struct site *const *)b;

	return x->ret < y->ret ? -1 : x->ret > y->ret;
}

static void read_site(struct json_object *o, struct site *s)
{
	const char *status = json_str(o, "status", "");

	s->addr = json_hex(o, "addr", 0);
	s->probe = json_hex(o, "probe", s->addr);
	s->ret = json_hex(o, "ret", 0);
	s->offset = json_uint(o, "offset", 0);
	s->function = json_str(o, "function", "?");
	s->module = json_str(o, "module", NULL);
	s->primitive = json_str(o, "primitive", "?");
	s->jumps = !strcmp(json_str(o, "kind", ""), "jump");
	s->inlined = !strcmp(json_str(o, "kind", ""), "inlined");
	s->ragged = json_object_get_boolean(json_get(o, "ragged"));
	s->entry = !strcmp(json_str(o, "kind", ""), "entry");
	s->probed = strcmp(status, "unprobed") && strcmp(status, "blind") && strcmp(status, "reference");
	s->left_out = !strcmp(status, "excluded") || !strcmp(status, "refused");
	s->counted = strcmp(status, "inside") != 0;
	s->emulates = json_object_get_boolean(json_get(o, "emulates"));
}

static int read_sites(struct rundir *run)
{
	struct json_object *list = json_get(run->census, "sites");
	size_t n = json_length(list);

	run->sites = calloc(n + 1, sizeof(*run->sites));
	run->by_ret = calloc(n + 1, sizeof(*run->by_ret));
	if (!run->sites || !run->by_ret)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		read_site(json_at(list, i), &run->sites[i]);
	run->site_count = n;
	if (n)
		qsort(run->sites, n, sizeof(*run->sites), cmp_probe);
	for (size_t i = 0; i < n; i++)
		run->by_ret[i] = &run->sites[i];
	if (n)
		qsort(run->by_ret, n, sizeof(*run->by_ret), cmp_ret);
	return 0;
}

static int read_late(struct rundir *run)
{
	struct json_object *list = json_get(json_get(run->manifest, "probes"), "late_modules");
	size_t n = json_length(list);

	run->late = calloc(n + 1, sizeof(*run->late));
	if (!run->late)
		return -ENOMEM;
	for (; run->late_count < n; run->late_count++) {
		struct json_object *o = json_at(list, run->late_count);

		run->late[run->late_count] = (struct late_module){
			.name = json_str(o, "module", "?"),
			.loaded_ns = json_uint(o, "loaded_ns", 0),
			.live_ns = json_uint(o, "live_ns", 0),
			.sites = json_int(o, "sites", -1),
			.probed = json_uint(o, "probed", 0),
			.unseen = json_uint(o, "unseen", 0),
		};
	}
	return 0;
}

int rundir_open(const char *dir, struct rundir *run, char *why, size_t size)
{
	int err = 0;

	memset(run, 0, sizeof(*run));
	run->dir = strdup(dir);
	if (!run->dir)
		return -ENOMEM;
	run->manifest = read_part(dir, "run.json", why, size, &err);
	if (err == -ENOENT || err == -ENOTDIR)
		snprintf(why, size, "%s is no run: it has no run.json; './collect.sh run' makes one",
			 dir);
	if (err)
		return err;
	read_manifest(run);
	run->census = read_part(dir, "sites.json", why, size, &err);
	if (!err)
		err = read_sites(run);
	return err ? err : read_late(run);
}

static int verify_part(const char *dir, const char *part, const char *recorded, char *why, size_t size)
{
	char path[PATH_MAX], text[CHECKSUM_TEXT];
	int err;

	snprintf(path, sizeof(path), "%s/%s", dir, part);
	err = checksum_file(path, text);
	if (err == -ENOENT && !recorded)
		return 0;
	if (err) {
		snprintf(why, size, "%s: %s", path, file_strerror(err));
		return err;
	}
	if (recorded && !strcmp(recorded, text))
		return 0;
	snprintf(why, size, "%s is not the file that was recorded (--unverified takes it all the same)", path);
	return -EBADMSG;
}

int rundir_verify(const char *dir, char *why, size_t size)
{
	static const char *const parts[] = {
#define PART(name) name,
#include "common/run_parts.def"
#undef PART
	};
	int err = 0;
	struct json_object *manifest = read_part(dir, "run.json", why, size, &err);
	struct json_object *sums = json_get(manifest, "checksums");

	for (size_t i = 0; sums && !err && i < ARRAY_SIZE(parts); i++)
		err = verify_part(dir, parts[i], json_str(sums, parts[i], NULL), why, size);
	json_object_put(manifest);
	/* What is wrong with a folder that holds no run is told by whoever opens it. */
	return manifest ? err : 0;
}

void rundir_close(struct rundir *run)
{
	json_object_put(run->manifest);
	json_object_put(run->census);
	free(run->sites);
	free(run->by_ret);
	free(run->late);
	free(run->dir);
	memset(run, 0, sizeof(*run));
}

const struct site *rundir_site(const struct rundir *run, uint64_t probe)
{
	struct site key = {.probe = probe};

	return run->site_count ? bsearch(&key, run->sites, run->site_count, sizeof(key), cmp_probe) :
				 NULL;
}

const struct site *rundir_site_at(const struct rundir *run, uint64_t addr)
{
	size_t low = 0, high = run->site_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (run->by_ret[mid]->ret <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < run->site_count && run->by_ret[low]->addr == addr ? run->by_ret[low] : NULL;
}

const struct site *rundir_site_returning(const struct rundir *run, uint64_t ret)
{
	struct site key = {.ret = ret}, *pkey = &key, **found;

	found = run->site_count ?
			bsearch(&pkey, run->by_ret, run->site_count, sizeof(*found), cmp_ret) : NULL;
	return found ? *found : NULL;
}

void rundir_site_name(const struct site *s, uint64_t addr, char *buf, size_t size)
{
	if (s)
		snprintf(buf, size, "%s%s%s+0x%llx", s->module ? s->module : "",
			 s->module ? ":" : "", s->function, (unsigned long long)s->offset);
	else if (addr)
		snprintf(buf, size, "address 0x%llx", (unsigned long long)addr);
	else
		snprintf(buf, size, "site unknown");
}

const char *rundir_drop_reason(const struct rundir *run, uint64_t value)
{
	struct json_object *btf = json_get(run->manifest, "btf");

	if (!json_object_is_type(btf, json_type_object))
		return NULL;
	json_object_object_foreach(btf, key, val)
		if (!strncmp(key, "SKB_DROP_REASON_", 16) &&
		    json_object_get_uint64(val) == value)
			return key + 16;
	return NULL;
}

uint64_t rundir_page_va(const struct rundir *run, uint64_t page, uint64_t off)
{
	if (page < run->vmemmap || !run->page_struct)
		return 0;
	return run->page_offset + (page - run->vmemmap) / run->page_struct * run->page_size + off;
}

uint64_t rundir_phys(const struct rundir *run, uint64_t va)
{
	return run->page_offset && va >= run->page_offset && va - run->page_offset < run->direct_map ?
		       va - run->page_offset : 0;
}

uint64_t rundir_phys_va(const struct rundir *run, uint64_t phys)
{
	return run->page_offset + phys;
}
