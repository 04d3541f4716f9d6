// SPDX-License-Identifier: GPL-2.0-only
#include "common/vec.h"
#include "mkrun.h"

#include <assert.h>
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ITER "u64 iter; u8 itype; u64 ioff; u64 icnt; u64 ibase; u64[8] seg; "
#define SKB "u64 skb; u64 head; u64 data; u32 end; u32 len; u32 dlen; u16 mac; u16 net"
#define ON_DEV SKB "; u32 ifindex; __data_loc char[] dev; u64[8] hdr"
#define SOCKET "u64 sk; u64 sock; u64 file; u16 fam; u16 proto; u16 lport; u16 rport; u32 laddr; u32 raddr; "

/* As src/collect/points.def and shapes.def lay them out. */
static const struct {
	const char *system, *name, *fields;
} formats[] = {
	{"copychain_1", "from_iter", "u64 __probe_ip; u64 dst; u64 len; " ITER "u64 s"},
	{"copychain_1", "to_iter", "u64 __probe_ip; u64 src; u64 len; " ITER "u64 s; u64 caller"},
	{"copychain_1", "page_from_iter", "u64 __probe_ip; u64 page; u64 off; u64 len; " ITER "u64 s"},
	{"copychain_1", "page_to_iter", "u64 __probe_ip; u64 page; u64 off; u64 len; " ITER "u64 x"},
	{"copychain_1", "mem", "u64 __probe_ip; u64 dst; u64 src; u64 len; u64 s"},
	{"copychain_1", "csum", "u64 __probe_ip; u64 src; u64 dst; u32 len; u64 s; u64 caller"},
	{"copychain_1", "send_enter", "u64 __probe_ip; " SOCKET "u64 msg; u64 name; u16 nport; u32 naddr; u64 len; " ITER "u64 x"},
	{"copychain_1", "recv_enter", "u64 __probe_ip; " SOCKET "u64 msg; u64 len; u32 flags; " ITER "u64 x"},
	{"copychain_1", "fd_file", "u64 __probe_ip; u64 ret; u64 priv; u64 priv1; u64 priv3"},
	{"copychain_1", "skb_fill", "u64 __probe_ip; u64 to; u32 off; u32 len; u64 skb"},
	{"copychain_1", "dev_queue", ON_DEV},
	{"copychain_1", "dev_xmit", ON_DEV},
	{"copychain_1", "netif_rx", ON_DEV},
	{"copychain_1", "gro_receive", ON_DEV},
	{"copychain_1", "netif_receive", ON_DEV},
	{"copychain_1", "sk_queue", "u64 __probe_ip; u64 sk; " SKB},
	{"copychain_1", "tap_rcv", "u64 __probe_ip; u64 sk; " SKB},
	{"copychain_1", "skb_clone", "u64 __probe_ip; " SKB},
	{"copychain_1", "skb_morph", "u64 __probe_ip; u64 to; " SKB},
	{"copychain_1", "coalesce", "u64 __probe_ip; u64 to; " SKB},
	{"copychain_1", "consume_skb", SKB},
	{"copychain_1", "drop_skb", SKB "; u32 reason; u64 where"},
	{"copychain_1", "dma_map", "u64 __probe_ip; u64 page; u64 off; u64 size; u32 dir"},
	{"copychain_1", "dma_map_ret", "u64 __probe_ip; u64 dma"},
	{"copychain_1", "dma_mapped", "u64 phys; u64 dma; u64 size; u32 dir"},
	{"copychain_1", "dma_unmap", "u64 __probe_ip; u64 dma; u64 size; u32 dir"},
	{"copychain_1", "dma_sync", "u64 __probe_ip; u64 dma; u64 size; u32 dir"},
	{"copychain_1", "rdma_qp", "u64 __probe_ip; u64 qp; u32 qpn; u8 user; u64 scq; u64 rcq; __data_loc char[] dev"},
	{"copychain_1", "rdma_post", "u64 __probe_ip; u64 qp; u32 qpn; u8 user"},
	{"copychain_1", "rdma_copy", "u64 __probe_ip; u64 mr; u32 lkey; u32 rkey; u64 base; u64 umem; u64 iova; u64 to; u32 len; u32 dir"},
	{"copychain_1", "rdma_xmit", "u64 __probe_ip; u64 qp; u32 qpn; u8 user; u32 mtu; u8 opcode; u32 psn; u16 plen; u64 bth; u64 wqe; u64 wr_id; u32 wr_flags; u32 sig; u32 total; " ON_DEV},
	{"copychain_1", "rdma_rcv", "u64 __probe_ip; " SKB},
	{"copychain_1", "rdma_done", "u64 __probe_ip; u64 cq; u8 user; u64 wr_id; u32 status; u32 wc_op; u32 len; u32 qpn"},
	{"copychain_1", "umem_pages", "u64 __probe_ip; u64 sgt; u64 va; u64 size; u32 n; u32 left; u32 first; u64[8] pages"},
	{"copychain_1", "umem_pinned", "u64 __probe_ip; s32 ret"},
	{"copychain_1", "umem_release", "u64 __probe_ip; u64 umem"},
	{"copychain_1", "guard", "u64 __probe_ip; u64 prim"},
	{"task", "task_newtask", "s32 pid; char[16] comm; u64 clone_flags"},
	{"sched", "sched_process_exec", "__data_loc char[] filename; s32 pid"},
	{"syscalls", "sys_enter_sendto", "s32 nr; u64 fd"},
	{"syscalls", "sys_enter_sendmmsg", "s32 nr; u64 fd"},
	{"syscalls", "sys_enter_recvfrom", "s32 nr; u64 fd"},
	{"syscalls", "sys_enter_recvmmsg", "s32 nr; u64 fd"},
	{"syscalls", "sys_exit_sendto", "s32 nr; s64 ret"},
	{"syscalls", "sys_exit_sendmmsg", "s32 nr; s64 ret"},
	{"syscalls", "sys_exit_recvfrom", "s32 nr; s64 ret"},
	{"syscalls", "sys_exit_recvmmsg", "s32 nr; s64 ret"},
	{"other_group", "mem", "u64 __probe_ip; u64 dst; u64 src; u64 len; u64 s"},
};

#define FORMATS ARRAY_SIZE(formats)
#define FIRST_ID 100

struct place {
	char name[32];
	unsigned at, width, count;
	bool dynamic, text;
};

struct mkrun *mkrun_new(void)
{
	struct mkrun *mk = calloc(1, sizeof(*mk));

	if (!mk)
		err(1, "mkrun");
	mk->trace = mktrace_new(4);
	for (unsigned i = 0; i < FORMATS; i++)
		mktrace_event_format(mk->trace, formats[i].system,
				     mktrace_format(formats[i].name, FIRST_ID + i, formats[i].fields));
	snprintf(mk->dir, sizeof(mk->dir), "/tmp/copychain-mkrun-XXXXXX");
	if (!mkdtemp(mk->dir))
		err(1, "%s", mk->dir);
	mk->ts = 1000000;
	mk->ubuf = MKRUN_UBUF_6_1;
	mk->iovec = MKRUN_IOVEC_6_1;
	return mk;
}

static void remove_file(const struct mkrun *mk, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", mk->dir, name);
	unlink(path);
}

void mkrun_free(struct mkrun *mk)
{
	remove_file(mk, "trace.dat");
	remove_file(mk, "run.json");
	remove_file(mk, "sites.json");
	remove_file(mk, "traffic.jsonl");
	rmdir(mk->dir);
	mktrace_free(mk->trace);
	free(mk->sites);
	free(mk);
}

/* ---- events ---- */

static unsigned width_of(const char *type)
{
	return strstr(type, "64") ? 8 : strstr(type, "_loc") || strstr(type, "32") ? 4 :
	       strstr(type, "16") ? 2 : 1;
}

/* The places of the fields in a payload, as mktrace_format lays them out. */
static unsigned places(const char *fields, struct place *out, unsigned *n)
{
	char *copy = strdup(fields), *save = NULL;
	unsigned at = MKTRACE_COMMON;

	*n = 0;
	for (char *f = strtok_r(copy, ";", &save); f; f = strtok_r(NULL, ";", &save)) {
		struct place *p = &out[(*n)++];
		char *name = strrchr(f, ' '), *open = strchr(f, '[');

		*p = (struct place){.width = width_of(f), .dynamic = strstr(f, "_loc"),
				    .text = strstr(f, "char")};
		p->count = open && !p->dynamic ? (unsigned)atoi(open + 1) : 1;
		snprintf(p->name, sizeof(p->name), "%s", name + 1);
		at = (at + p->width - 1) / p->width * p->width;
		p->at = at - MKTRACE_COMMON;
		at += p->width * p->count;
	}
	free(copy);
	return at - MKTRACE_COMMON;
}

static void put_hex(uint8_t *to, const char *text, unsigned max)
{
	for (unsigned i = 0; i < max && text[0] && text[1]; i++, text += 2) {
		char two[3] = {text[0], text[1], 0};

		to[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

static void put_value(uint8_t *payload, unsigned *size, const struct place *p, char *value)
{
	if (p->dynamic) {
		uint32_t len = (uint32_t)strlen(value) + 1, loc = (MKTRACE_COMMON + *size) | len << 16;

		memcpy(payload + p->at, &loc, 4);
		memcpy(payload + *size, value, len);
		*size += (len + 3) & ~3u;
	} else if (p->text) {
		strncpy((char *)payload + p->at, value, p->count - 1);
	} else if (p->count > 1 && *value == '@') {
		put_hex(payload + p->at, value + 1, p->width * p->count);
	} else {
		for (unsigned i = 0; i < p->count && value && *value; i++) {
			uint64_t v = strtoull(value, &value, 0);

			memcpy(payload + p->at + i * p->width, &v, p->width);
			value += *value == ',';
		}
	}
}

void mkrun_event(struct mkrun *mk, int tid, const char *fmt, ...)
{
	char text[2048], *save = NULL, *name;
	uint8_t payload[512] = {0};
	struct place at[48];
	unsigned n, size, id = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	name = strtok_r(text, " ", &save);
	/* "GROUP/NAME", or NAME of the first group that has it. */
	while (id < FORMATS && strcmp(formats[id].name, strchr(name, '/') ? strchr(name, '/') + 1 : name))
		id++;
	if (strchr(name, '/'))
		for (id = 0; id < FORMATS; id++)
			if (!strncmp(formats[id].system, name, (size_t)(strchr(name, '/') - name)) &&
			    !strcmp(formats[id].name, strchr(name, '/') + 1))
				break;
	if (id == FORMATS)
		errx(1, "mkrun: no event %s", name);
	size = places(formats[id].fields, at, &n);
	for (char *word; (word = strtok_r(NULL, " ", &save));) {
		char *value = strchr(word, '=');
		unsigned i = 0;

		assert(value);
		*value++ = 0;
		while (i < n && strcmp(at[i].name, word))
			i++;
		if (i == n)
			errx(1, "mkrun: %s has no field %s", name, word);
		put_value(payload, &size, &at[i], value);
	}
	mk->ts += MKRUN_STEP;
	mktrace_add_pid(mk->trace, mk->cpu, mk->ts, FIRST_ID + id, tid, payload, size);
}

/* ---- the folder ---- */

void mkrun_site(struct mkrun *mk, uint64_t addr, const char *function, const char *status,
		const char *kind)
{
	bool emulates = !strcmp(status, "emulates");
	char *more;

	if (asprintf(&more, "%s%s{\"addr\":\"%#lx\",\"ret\":\"%#lx\",\"function\":\"%s\",\"offset\":16,"
		     "\"primitive\":\"some_copy\",\"kind\":\"%s\",\"status\":\"%s\",\"emulates\":%s}",
		     mk->sites ? mk->sites : "", mk->sites ? "," : "", addr, addr + 5, function, kind,
		     emulates ? "probed" : status, emulates ? "true" : "false") < 0)
		err(1, "mkrun");
	free(mk->sites);
	mk->sites = more;
}

static void write_text(const struct mkrun *mk, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", mk->dir, name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		err(1, "%s", path);
}

static void write_made(const struct mkrun *mk, const char *name, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		err(1, "mkrun");
	va_end(ap);
	write_text(mk, name, text);
	free(text);
}

static void write_manifest(const struct mkrun *mk)
{
	write_made(mk, "run.json",
		   "{\"schema\":1,\"kernel\":\"6.1.0-test\",\"machine\":\"vm\","
		   "\"memory\":{\"page_offset_base\":\"%#lx\",\"vmemmap_base\":\"%#lx\",\"page_size\":4096,"
		   "\"iommu\":%s},"
		   "\"btf\":{\"ITER_IOVEC\":%d,\"ITER_KVEC\":%d,\"ITER_BVEC\":%d,\"ITER_UBUF\":%d,"
		   "\"SKB_DROP_REASON_NO_SOCKET\":2,\"ib_umem.sgt_append\":80,\"RXE_TO_MR_OBJ\":0,\"sizeof.page\":64},"
		   "\"probes\":{\"placed\":{\"dma_sync\":[\"%s\"]},\"refused\":[%s],\"missing\":[],"
		   "\"excluded\":[]},\"loss\":{\"lost\":%ld},"
		   "\"tasks\":[[100,100,\"sender\"],[101,100,\"sender\"],[200,200,\"receiver\"]]}\n",
		   MKRUN_PAGE_OFFSET, MKRUN_VMEMMAP, mk->iommu ? "true" : "false", mk->iovec, MKRUN_KVEC,
		   MKRUN_BVEC, mk->ubuf,
		   mk->sync_always ? "dma_sync_single_for_cpu" : "__dma_sync_single_for_cpu",
		   mk->refused ? "{\"target\":\"x\",\"why\":\"y\"}" : "", (long)mk->lost);
}

void mkrun_write(struct mkrun *mk)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/trace.dat", mk->dir);
	mktrace_write(mk->trace, path);
	if (mk->sites_json)
		write_text(mk, "sites.json", mk->sites_json);
	else
		write_made(mk, "sites.json", "{\"schema\":1,\"primitives\":[],\"sites\":[%s]}\n",
			   mk->sites ? mk->sites : "");
	if (mk->traffic)
		write_text(mk, "traffic.jsonl", mk->traffic);
	if (mk->run_json)
		write_text(mk, "run.json", mk->run_json);
	else
		write_manifest(mk);
}

void mkrun_load(struct mkrun *mk, struct analysis *r)
{
	int e;

	mkrun_write(mk);
	e = analysis_load(r, mk->dir, UINT64_MAX);
	if (e)
		errx(1, "mkrun: %s (%d)", r->problem, e);
}

uint64_t mkrun_page(uint64_t va)
{
	return MKRUN_VMEMMAP + (va - MKRUN_PAGE_OFFSET) / 4096 * 64;
}

uint64_t mkrun_phys(uint64_t va)
{
	return va - MKRUN_PAGE_OFFSET;
}
