// SPDX-License-Identifier: GPL-2.0-only
#include "proofcheck/record.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>

#include "common/json.h"
#include "common/vec.h"

static const char *const kind_names[R_KINDS] = {
	[R_FROM_ITER] = "from_iter", [R_TO_ITER] = "to_iter", [R_PAGE_FROM_ITER] = "page_from_iter",
	[R_PAGE_TO_ITER] = "page_to_iter", [R_MEM] = "mem", [R_CSUM] = "csum", [R_SEND] = "send_enter",
	[R_RECEIVE] = "recv_enter", [R_FD_FILE] = "fd_file", [R_FILL] = "skb_fill", [R_DEV_QUEUE] = "dev_queue",
	[R_DEV_XMIT] = "dev_xmit", [R_NETIF_RX] = "netif_rx", [R_GRO] = "gro_receive",
	[R_NETIF_RECEIVE] = "netif_receive", [R_SK_QUEUE] = "sk_queue", [R_TAP] = "tap_rcv",
	[R_CLONE] = "skb_clone", [R_MORPH] = "skb_morph", [R_COALESCE] = "coalesce",
	[R_CONSUME] = "consume_skb", [R_DEFER_FREE] = "defer_free", [R_DROP] = "drop_skb",
	[R_DMA_MAP] = "dma_map", [R_DMA_MAP_RET] = "dma_map_ret", [R_DMA_MAPPED] = "dma_mapped",
	[R_DMA_UNMAP] = "dma_unmap", [R_DMA_SYNC] = "dma_sync",
	[R_DMA_ALLOC] = "dma_alloc", [R_DMA_FREE] = "dma_free", [R_DEV_OUT] = "dev_out", [R_DEV_IN] = "dev_in",
	[R_DEV_DONE] = "dev_done", [R_DEV_WROTE] = "dev_wrote", [R_MEM_REP] = "mem_rep", [R_PIO_OUT] = "pio_out",
	[R_PIO_IN] = "pio_in", [R_ENCRYPT] = "encrypt", [R_DECRYPT] = "decrypt",
	[R_GUARD] = "guard",
};

static const char *const field_names[N_FIELDS] = {
	"common_pid", "__probe_ip", "__probe_func", "dst", "src", "len", "page", "off", "itype", "ioff", "icnt",
	"ibase", "seg", "caller", "skb", "head", "data", "end", "dlen", "mac", "dev", "hdr", "sk", "sock", "file",
	"fd", "ret", "priv", "priv1", "priv3", "to", "dma", "phys", "size", "dir",
	"va", "hlen", "token", "n", "width", "sg", "fam", "proto", "lport", "rport", "raddr", "raddr6", "name",
	"nport", "naddr", "naddr6", "msg",
};

static enum record_kind kind_of(const struct tep_event *e)
{
	if (!strcmp(e->system, "syscalls"))
		return !strncmp(e->name, "sys_enter_", 10) ? R_CALL :
		       !strncmp(e->name, "sys_exit_", 9) ? R_RETURN : R_OTHER;
	if (strncmp(e->system, "copychain_", 10) != 0)
		return R_OTHER;
	for (int k = 1; k < R_KINDS; k++)
		if (kind_names[k] && !strcmp(kind_names[k], e->name))
			return (enum record_kind)k;
	return R_OTHER;
}

static int read_formats(struct world *w, struct tep_handle *tep)
{
	struct tep_event *e;

	for (int i = 0; (e = tep_get_event(tep, i)); i++)
		if (e->id < 1 << 16 && e->id >= w->format_count)
			w->format_count = e->id + 1;
	w->formats = calloc((size_t)w->format_count + 1, sizeof(struct format *));
	if (!w->formats)
		return -ENOMEM;
	for (int i = 0; (e = tep_get_event(tep, i)); i++) {
		struct format *f;

		if (kind_of(e) == R_OTHER || e->id < 0 || e->id >= w->format_count || w->formats[e->id])
			continue;
		f = calloc(1, sizeof(*f));
		if (!f)
			return -ENOMEM;
		w->formats[e->id] = f;
		f->kind = kind_of(e);
		f->name = e->name;
		f->event = e;
		for (int k = 0; k < N_FIELDS; k++)
			field_find(e, field_names[k], &f->fields[k]);
	}
	return 0;
}

static struct json_object *read_json(const char *run, const char *name, char *why, size_t size, int *err)
{
	char path[PATH_MAX + 32];
	struct json_object *o;

	snprintf(path, sizeof(path), "%s/%s", run, name);
	o = json_read_file(path, err);
	if (!o)
		snprintf(why, size, "cannot read %s: %s", path, strerror(-*err));
	return o;
}

/* Was any code that may copy payload without a probe at any time? */
static bool lacks_probes(struct json_object *probes, struct json_object *census)
{
	static const char *const absences[] = {"refused", "missing", "excluded"};
	struct json_object *prims = json_get(census, "primitives");

	for (size_t i = 0; i < ARRAY_SIZE(absences); i++)
		if (json_length(json_get(probes, absences[i])))
			return true;
	for (size_t i = 0; i < json_length(prims); i++)
		if (!strcmp(json_str(json_at(prims, i), "cover", ""), "none"))
			return true;
	return false;
}

/* May a module that came late have copied between two times what no probe saw? */
static bool may_have_copied(struct json_object *module, uint64_t from, uint64_t to)
{
	int64_t sites = json_int(module, "sites", -1);
	uint64_t unseen = json_uint(module, "unseen", 0), live = json_uint(module, "live_ns", 0);

	if (!sites && !unseen)
		return false;
	if (sites < 0 || !live)
		return true;
	return to >= json_uint(module, "loaded_ns", 0) && (unseen || (json_uint(module, "probed", 0) && from < live));
}

bool world_is_sure(const struct world *w, uint64_t from, uint64_t to)
{
	struct json_object *late = json_get(json_get(w->manifest, "probes"), "late_modules");

	for (size_t i = 0; i < json_length(late); i++)
		if (may_have_copied(json_at(late, i), from, to))
			return false;
	return !w->unsure;
}

int world_open(struct world *w, const char *run, struct tracedat *td, char *why, size_t size)
{
	struct json_object *mem, *btf;
	int err = 0;

	*w = (struct world){0};
	w->manifest = read_json(run, "run.json", why, size, &err);
	if (w->manifest)
		w->census = read_json(run, "sites.json", why, size, &err);
	if (err)
		return err;
	mem = json_get(w->manifest, "memory");
	btf = json_get(w->manifest, "btf");
	w->page_offset = json_hex(mem, "page_offset_base", 0);
	w->vmemmap = json_hex(mem, "vmemmap_base", 0);
	w->page_size = json_uint(mem, "page_size", 4096);
	w->page_struct = json_uint(btf, "sizeof.page", 64) ?: 64;
	w->iommu = json_object_get_boolean(json_get(mem, "iommu"));
	w->iovec = (int)json_int(btf, "ITER_IOVEC", -1);
	w->kvec = (int)json_int(btf, "ITER_KVEC", -1);
	w->bvec = (int)json_int(btf, "ITER_BVEC", -1);
	w->ubuf = (int)json_int(btf, "ITER_UBUF", -1);
	w->sg_size = json_uint(btf, "sizeof.scatterlist", 0);
	w->sg_offset = json_uint(btf, "scatterlist.offset", 0);
	w->sg_length = json_uint(btf, "scatterlist.length", 0);
	w->unsure = json_int(json_get(w->manifest, "loss"), "lost", -1) != 0 ||
		    lacks_probes(json_get(w->manifest, "probes"), w->census);
	return read_formats(w, tracedat_tep(td));
}

void world_close(struct world *w)
{
	for (int i = 0; w->formats && i < w->format_count; i++)
		free(w->formats[i]);
	free(w->formats);
	json_object_put(w->manifest);
	json_object_put(w->census);
	*w = (struct world){0};
}

bool record_of(const struct world *w, const struct td_event *raw, struct record *r)
{
	if (raw->type < 0 || raw->type >= w->format_count || !w->formats[raw->type])
		return false;
	*r = (struct record){w->formats[raw->type], *raw};
	return true;
}

uint64_t record_get(const struct record *r, enum record_field f)
{
	const struct field *where = &r->format->fields[f];

	return where->is_array || where->is_dynamic ? 0 : field_u64(&r->raw, where, NULL);
}

int record_tid(const struct record *r)
{
	return (int)record_get(r, N_common_pid);
}

static uint64_t segment_word(const struct record *r, unsigned int i)
{
	bool ok = true;
	uint64_t v = field_elem(&r->raw, &r->format->fields[N_seg], 8, i, &ok);

	return ok ? v : 0;
}

static uint64_t page_address(const struct world *w, uint64_t page, uint64_t off)
{
	return page < w->vmemmap ? 0 :
	       w->page_offset + (page - w->vmemmap) / w->page_struct * w->page_size + off;
}

/* Segment i of an iterator: whose memory, where, how long. */
static bool one_segment(const struct world *w, const struct record *r, unsigned int i, struct move *m)
{
	int type = (int)record_get(r, N_itype), tid = record_tid(r);
	uint64_t a = segment_word(r, 2 * i), b = segment_word(r, 2 * i + 1);

	if (i > 3)
		return false;
	if (type == w->ubuf) {
		*m = (struct move){tid, 0, record_get(r, N_ibase), 0,
				   record_get(r, N_ioff) + record_get(r, N_icnt)};
		return i == 0;
	}
	if (type == w->iovec)
		*m = (struct move){tid, 0, a, 0, b};
	else if (type == w->kvec)
		*m = (struct move){0, 0, a, 0, b};
	else if (type == w->bvec)
		*m = (struct move){0, 0, page_address(w, a, b >> 32), 0, b & UINT32_MAX};
	else
		return false;
	return true;
}

unsigned int record_spans(const struct world *w, const struct record *r, uint64_t len, struct move *out)
{
	uint64_t passed = record_get(r, N_ioff);
	unsigned int n = 0;
	struct move m;

	for (unsigned int i = 0; len && n < MOVES_MAX; i++) {
		if (!one_segment(w, r, i, &m))
			return 0;
		if (passed >= m.n) {
			passed -= m.n;
			continue;
		}
		m.from += passed;
		m.n = m.n - passed < len ? m.n - passed : len;
		passed = 0;
		len -= m.n;
		out[n++] = m;
	}
	return n;
}

static bool is_kernels(uint64_t addr)
{
	return addr >> 63;
}

/* Bytes that a repeated string instruction moves. */
static uint64_t units(const struct record *r)
{
	return record_get(r, N_n) * record_get(r, N_width);
}

unsigned int record_moves(const struct world *w, const struct record *r, struct move *out)
{
	enum record_kind k = r->format->kind;
	uint64_t len = k == R_MEM_REP ? units(r) : record_get(r, N_len), at;
	int tid = record_tid(r);
	unsigned int n;

	if (k == R_MEM || k == R_MEM_REP || k == R_CSUM) {
		uint64_t src = record_get(r, N_src), dst = record_get(r, N_dst);

		out[0] = (struct move){is_kernels(src) ? 0 : tid, is_kernels(dst) ? 0 : tid, src, dst, len};
		return len != 0;
	}
	if (k != R_FROM_ITER && k != R_TO_ITER && k != R_PAGE_FROM_ITER && k != R_PAGE_TO_ITER)
		return 0;
	at = k == R_FROM_ITER ? record_get(r, N_dst) : k == R_TO_ITER ? record_get(r, N_src) :
	     page_address(w, record_get(r, N_page), record_get(r, N_off));
	n = record_spans(w, r, len, out);
	for (unsigned int i = 0; i < n; i++) {
		struct move s = out[i];

		if (k == R_FROM_ITER || k == R_PAGE_FROM_ITER)
			out[i] = (struct move){s.from_tid, 0, s.from, at, s.n};
		else
			out[i] = (struct move){0, s.from_tid, at, s.from, s.n};
		at += s.n;
	}
	return n;
}

uint64_t record_bus(const struct world *w, const struct record *r)
{
	return w->page_offset + record_get(r, N_dma);
}

uint64_t record_mapped(const struct world *w, const struct record *r)
{
	return r->format->kind == R_DMA_MAPPED ? w->page_offset + record_get(r, N_phys) :
		       page_address(w, record_get(r, N_page), record_get(r, N_off));
}

bool record_memory(const struct world *w, const struct record *r, uint64_t *from, uint64_t *to)
{
	switch (r->format->kind) {
	case R_FILL:
		*from = record_get(r, N_to);
		*to = *from + record_get(r, N_len);
		break;
	case R_DMA_MAP:
	case R_DMA_MAPPED:
		*from = record_mapped(w, r);
		*to = *from + record_get(r, N_size);
		break;
	case R_DMA_ALLOC:
	case R_DMA_FREE:
		*from = record_get(r, N_va);
		*to = *from + record_get(r, N_size);
		break;
	case R_DEV_WROTE:
		*from = record_get(r, N_va);
		*to = *from + record_get(r, N_len);
		break;
	case R_PIO_OUT:
	case R_PIO_IN:
		*from = record_get(r, r->format->kind == R_PIO_OUT ? N_src : N_dst);
		*to = *from + units(r);
		break;
	case R_DMA_UNMAP:
	case R_DMA_SYNC:
		*from = w->iommu ? 0 : record_bus(w, r);
		*to = *from + record_get(r, N_size);
		break;
	case R_DEV_QUEUE: case R_DEV_XMIT: case R_NETIF_RX: case R_GRO: case R_NETIF_RECEIVE: case R_SK_QUEUE:
	case R_TAP: case R_CLONE: case R_MORPH: case R_COALESCE: case R_CONSUME: case R_DEFER_FREE: case R_DROP:
	case R_ENCRYPT: case R_DECRYPT:
		*from = record_get(r, N_skb) ? record_get(r, N_head) : 0;
		*to = *from + record_get(r, N_end);
		break;
	default:
		return false;
	}
	return is_kernels(*from) && *from < *to;
}

/* struct scatterlist: a page with flags in its lowest two bits, an offset, a length. */
unsigned int record_buffers(const struct world *w, const struct record *r, struct buffer out[MOVES_MAX])
{
	const struct field *f = &r->format->fields[N_sg];
	uint64_t count = record_get(r, N_n);
	uint32_t have = 0;
	const unsigned char *at = field_bytes(&r->raw, f, &have);
	unsigned int n = 0;

	if (r->format->kind != R_DEV_OUT && r->format->kind != R_DEV_IN)
		return 0;
	for (; at && w->sg_size && n < count && n < MOVES_MAX && (n + 1) * w->sg_size <= have; n++) {
		uint64_t page;
		uint32_t off, len;

		memcpy(&page, at + n * w->sg_size, sizeof(page));
		memcpy(&off, at + n * w->sg_size + w->sg_offset, sizeof(off));
		memcpy(&len, at + n * w->sg_size + w->sg_length, sizeof(len));
		out[n] = (struct buffer){page_address(w, page & ~3ULL, off), len};
	}
	return n;
}

static void name_site(struct json_object *o, char *buf, size_t size)
{
	const char *of = json_str(o, "module", "");

	snprintf(buf, size, "%s%s%s+0x%llx", of, *of ? ":" : "", json_str(o, "function", "?"),
		 (unsigned long long)json_uint(o, "offset", 0));
}

static struct json_object *find_site(const struct world *w, const char *key, uint64_t value)
{
	struct json_object *list = json_get(w->census, "sites");

	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *o = json_at(list, i);
		uint64_t have = json_hex(o, key, !strcmp(key, "probe") ? json_hex(o, "addr", 0) : 0);

		if (have && have == value)
			return o;
	}
	return NULL;
}

bool record_site(const struct world *w, const struct record *r, char *buf, size_t size)
{
	uint64_t ip = record_get(r, N___probe_ip) ?: record_get(r, N___probe_func);
	uint64_t caller = record_get(r, N_caller);
	struct json_object *o = find_site(w, "probe", ip), *by;

	/* A probe at a primitive's entry is told apart by whom it returns to. */
	if (o && caller && !strcmp(json_str(o, "kind", ""), "entry")) {
		by = find_site(w, "ret", caller);
		o = by ? by : o;
	}
	if (o)
		name_site(o, buf, size);
	else
		snprintf(buf, size, "address 0x%llx", (unsigned long long)ip);
	return json_object_get_boolean(json_get(o, "emulates"));
}
