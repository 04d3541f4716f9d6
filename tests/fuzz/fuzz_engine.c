// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile run folders. An input whose first byte is even is a stream of events for the engine,
 * with addresses out of small pools, so that they meet, or any at all; one whose first byte is
 * odd is the text of run.json, sites.json and traffic.jsonl, with NUL between them.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/analysis.h"
#include "analyze/paths.h"
#include "report/report.h"
#include "common/vec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *nowhere;
static char dir[64];

static void remove_dir(void)
{
	static const char *const names[] = {"run.json", "sites.json", "traffic.jsonl"};
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void prepare(void)
{
	if (nowhere)
		return;
	nowhere = fopen("/dev/null", "we");
	snprintf(dir, sizeof(dir), "%s/copychain-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!nowhere || !mkdtemp(dir))
		abort();
	atexit(remove_dir);
}

/* All that is said of the result; what it says must at least make sense. */
static void report(struct analysis *r)
{
	char why[1024];

	engine_finish(&r->engine);
	for (struct flow *f = r->engine.flows; f; f = f->next) {
		flow_why(r, f, why, sizeof(why));
		if (flow_verdict(r, f) == VERDICT_EXACT && *why)
			abort();
		if (f->delivered + f->dropped + f->undelivered != f->messages)
			abort();
		if ((f->chain_copy_bytes || f->chain_emulated_bytes) && !f->chains)
			abort();
	}
	screen_print(r, NULL, nowhere);
}

/* ---- events ---- */

#define EVENT_BYTES 16
#define PAGE_OFFSET 0xffff888000000000u
#define VMEMMAP 0xffffea0000000000u

struct input {
	const uint8_t *at;
	uint64_t wild; /* in the place of the pools' addresses where the event says so */
};

/* An address in one of 8 buffers of 256 bytes, at one of 32 offsets. */
static uint64_t kernel_at(uint8_t b)
{
	return PAGE_OFFSET + 0x1000 + (b & 7) * 256u + (b >> 3) * 8u;
}

static uint64_t user_at(uint8_t b)
{
	return 0x7f0000001000u + (b & 3) * 256u + (b >> 2) * 4u;
}

static uint64_t any_at(uint8_t b)
{
	return b & 0x80 ? user_at(b & 0x7f) : kernel_at(b);
}

/* Two queue pairs that talk to each other, two regions, opcodes of all classes. */
static void fill_rdma(struct event *ev, const uint8_t *b)
{
	static const uint8_t codes[] = {0, 1, 2, 4, 6, 0x0a, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x64, 0xff};
	bool far = b[10] & 1;

	ev->v[F_qp] = PAGE_OFFSET + 0x300000 + far * 256u;
	ev->v[F_cq] = ev->v[F_scq] = ev->v[F_rcq] = PAGE_OFFSET + 0x300080 + far * 256u;
	ev->v[F_qpn] = b[10] & 2 ? 17 : 17 + far;
	ev->v[F_mtu] = b[5] & 8 ? 64 : 0;
	ev->v[F_opcode] = codes[b[2] % sizeof(codes)];
	ev->v[F_psn] = b[3] % 8;
	ev->v[F_plen] = b[4] + 32u;
	ev->v[F_bth] = ev->v[F_data] + 28;
	ev->v[F_user] = !(b[14] & 16);
	ev->v[F_wqe] = PAGE_OFFSET + 0x400000;
	ev->v[F_wr_id] = b[6] % 4;
	ev->v[F_total] = b[4] + (b[6] & 0x80 ? 64u : 0);
	ev->v[F_umem] = PAGE_OFFSET + 0x500000 + (b[7] & 1u) * 256;
	ev->v[F_sgt] = ev->v[F_umem];
	ev->v[F_iova] = ev->v[F_va] = user_at(b[7]);
	ev->v[F_base] = user_at(0);
	ev->v[F_n] = b[6] % 4;
	ev->v[F_left] = b[6] / 4 % 4;
	ev->v[F_first] = b[6] / 16 % 2 * 64u;
	ev->v[F_status] = b[13] & 0x40;
	ev->v[F_wc_op] = b[13] & 0x20 ? 128 : 0;
	if (ev->kind == EV_RDMA_COPY || ev->kind == EV_RDMA_XMIT)
		ev->v[F_to] = kernel_at(b[2]);
	if (ev->kind == EV_UMEM_PAGES)
		ev->v[F_size] = b[4] * 64u;
}

static void fill_event(struct event *ev, const uint8_t *b, uint64_t *seg, uint8_t *hdr)
{
	uint64_t len = b[4];

	memset(ev, 0, sizeof(*ev));
	ev->kind = (enum event_kind)(b[0] % EV_COUNT);
	ev->tid = 100 + b[1] % 5;
	ev->cpu = b[1] >> 6 == 3 ? 5000 : b[1] >> 6;
	ev->ip = 0xffffffff81000000u + (b[12] & 7u) * 16;
	ev->v[F_common_pid] = (uint64_t)ev->tid;
	ev->v[F_dst] = any_at(b[2]);
	ev->v[F_src] = any_at(b[3]);
	ev->v[F_to] = ev->kind == EV_SKB_FILL ? kernel_at(b[2]) : PAGE_OFFSET + 0x100000 + b[2] % 4 * 256u;
	ev->v[F_len] = len;
	ev->v[F_dlen] = b[5] & 0x40 ? b[5] & 63u : 0;
	ev->v[F_page] = VMEMMAP + 64 + (b[2] & 1u) * 64;
	ev->v[F_off] = b[3] * 8u;
	ev->v[F_itype] = b[5] % 7;
	ev->v[F_ioff] = b[6] % 32;
	ev->v[F_icnt] = b[6] / 32 * 64u;
	ev->v[F_ibase] = user_at(b[7]);
	ev->v[F_s] = b[13] % 4;
	ev->v[F_caller] = b[13] & 0x80 ? 0xffffffff81000005u + (b[13] & 7u) * 16 : 0;
	ev->v[F_skb] = PAGE_OFFSET + 0x100000 + b[8] % 4 * 256u;
	ev->v[F_head] = b[8] & 0x80 ? 0 : PAGE_OFFSET + 0x1000 + (b[8] >> 2 & 7u) * 256;
	ev->v[F_data] = ev->v[F_head] + b[9] % 64;
	ev->v[F_mac] = b[9] % 64;
	ev->v[F_end] = b[9] & 0x80 ? 4096 : 256;
	ev->v[F_sk] = PAGE_OFFSET + 0x200000 + (b[10] & 3u) * 256;
	ev->v[F_fam] = b[10] & 0x80 ? 17 : 2;
	ev->v[F_proto] = b[10] & 0x40 ? 17 : 1;
	ev->v[F_lport] = 1000 + (b[10] >> 2 & 3u);
	ev->v[F_rport] = 0xe803 + (b[10] >> 4 & 3u) * 256;
	ev->v[F_msg] = b[10] & 0x20;
	ev->v[F_name] = b[10] & 0x10;
	ev->v[F_ret] = b[11] & 0x80 ? (uint64_t)-(int64_t)b[11] : b[11] * 4u;
	ev->v[F_dma] = kernel_at(b[2]) - PAGE_OFFSET;
	ev->v[F_phys] = kernel_at(b[3]) - PAGE_OFFSET;
	ev->v[F_size] = len;
	ev->v[F_dir] = b[5] % 4;
	ev->v[F_reason] = b[5];
	ev->v[F_pid] = 100 + b[2] % 5;
	ev->v[F_clone_flags] = (uint64_t)b[3] << 8 | (uint64_t)b[4] << 16;
	ev->v[F_fd] = b[2];
	fill_rdma(ev, b);
	for (unsigned i = 0; i < 4; i++) {
		seg[2 * i] = b[5] & 1 ? user_at((uint8_t)(b[7] + i)) : kernel_at((uint8_t)(b[7] + i));
		seg[2 * i + 1] = b[6] >> i & 63u;
	}
	memset(hdr, 0, 64);
	hdr[b[14] & 32 ? 0 : 14] = b[14] & 64 ? 0x60 : (uint8_t)(0x40 | (b[14] & 15));
	hdr[b[14] & 32 ? 4 : 18] = b[15] & 7;
	ev->array[A_seg] = (const unsigned char *)seg;
	ev->array_len[A_seg] = b[12] & 0x80 ? b[12] & 63u : 64;
	ev->array[A_hdr] = hdr;
	ev->array_len[A_hdr] = b[14] & 0x80 ? b[15] & 63u : 64;
	ev->array[A_pages] = (const unsigned char *)seg;
	ev->array_len[A_pages] = b[12] & 0x20 ? b[12] & 63u : 64;
	ev->array[A_dev] = (const unsigned char *)"eth0aaaaaaaaaaaaaaaaaaaaaaaa" + (b[15] & 3);
	ev->array_len[A_dev] = b[15] >> 3 & 15;
}

/* One number of the event becomes anything at all. */
static void make_wild(struct event *ev, uint8_t which, const uint8_t *value)
{
	static const enum event_field may[] = {F_dst, F_src, F_len, F_page, F_off, F_ioff, F_icnt, F_ibase,
					       F_head, F_data, F_end, F_dlen, F_mac, F_to, F_dma, F_phys,
					       F_size, F_dir, F_ret, F_skb, F_reason, F_pid, F_itype,
					       F_bth, F_plen, F_total, F_mtu, F_psn, F_n, F_left, F_first,
					       F_va, F_iova, F_base, F_sgt, F_umem, F_wqe};

	memcpy(&ev->v[may[which % ARRAY_SIZE(may)]], value, 8);
}

static void fuzz_events(const uint8_t *data, size_t size)
{
	static struct analysis r;
	static struct site sites[8];
	static struct site *by_ret[8];
	struct event two[2], *ev = two;
	uint64_t seg[8];
	uint8_t hdr[64];

	if (size < 3)
		return;
	memset(&r, 0, sizeof(r));
	r.run.dir = (char[]){"fuzz"};
	r.run.kernel = r.run.machine = "fuzz";
	r.run.page_offset = PAGE_OFFSET;
	r.run.vmemmap = VMEMMAP;
	r.run.page_struct = data[0] & 1 ? 0 : 64;
	r.run.page_size = 4096;
	r.run.iommu = data[0] & 2;
	r.run.sync_always = data[0] & 4;
	r.run.partial = data[0] & 16;
	r.run.iter = data[0] & 8 ? (struct iter_types){1, 3, 2, 0} : (struct iter_types){0, 1, 2, 6};
	for (unsigned i = 0; i < 8; i++) {
		uint64_t at = 0xffffffff81000000u + i * 16;

		sites[i] = (struct site){.addr = at, .ret = at + 5, .probe = at, .function = "f",
					 .primitive = "p", .entry = i & 1, .counted = i & 2,
					 .emulates = i == 6};
		by_ret[i] = &sites[i];
	}
	r.run.sites = sites;
	r.run.by_ret = by_ret;
	r.run.site_count = 8;
	if (engine_init(&r.engine, &r.run, paths))
		abort();
	r.engine.ledger.want_message = data[1] & 0x80 ? data[1] & 7u : UINT64_MAX;
	data += 2;
	size -= 2;
	for (uint64_t ts = 1000; size >= EVENT_BYTES; ts += 10) {
		const uint8_t *b = data;
		bool wild = b[12] & 0x40 && size >= 2 * EVENT_BYTES;

		ev = ev == two ? two + 1 : two;
		fill_event(ev, b, seg, hdr);
		ev->ts = ev->file_off = ts;
		data += EVENT_BYTES;
		size -= EVENT_BYTES;
		if (wild) {
			make_wild(ev, data[8], data);
			data += EVENT_BYTES;
			size -= EVENT_BYTES;
		}
		if (engine_event(&r.engine, ev))
			abort();
	}
	report(&r);
	engine_free(&r.engine);
}

/* ---- files ---- */

static void write_part(const char *name, const uint8_t *data, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		abort();
}

static void fuzz_files(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"run.json", "sites.json", "traffic.jsonl"};
	static struct analysis r;
	char name[320];

	for (size_t i = 0; i < 3; i++) {
		const uint8_t *nul = memchr(data, 0, size);
		size_t n = nul && i < 2 ? (size_t)(nul - data) : size;

		write_part(names[i], data, n);
		data += n + (nul && i < 2);
		size -= n + (nul && i < 2);
	}
	memset(&r, 0, sizeof(r));
	if (rundir_open(dir, &r.run, r.problem, sizeof(r.problem)) ||
	    trafficlog_load(dir, &r.log, r.problem, sizeof(r.problem))) {
		if (!*r.problem || strchr(r.problem, '\n'))
			abort();
		goto out;
	}
	if (engine_init(&r.engine, &r.run, paths))
		abort();
	for (size_t i = 0; i < r.run.site_count; i++) {
		rundir_site(&r.run, r.run.sites[i].probe);
		rundir_site_returning(&r.run, r.run.sites[i].ret);
		rundir_site_name(&r.run.sites[i], 0, name, sizeof(name));
	}
	for (uint64_t i = 0; i < 80; i++)
		rundir_drop_reason(&r.run, i);
	for (size_t i = 0; i < r.log.count; i++) {
		const struct logged *f = &r.log.flows[i];

		logged_phys(&f->send, f->send.va + 4100, r.run.page_size);
		logged_phys(&f->recv, f->recv.va, r.run.page_size);
		trafficlog_find(&r.log, f->send_pid, f->sport, f->dport);
	}
	report(&r);
out:
	analysis_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	prepare();
	if (!size)
		return 0;
	if (*data & 1)
		fuzz_files(data + 1, size - 1);
	else
		fuzz_events(data + 1, size - 1);
	return 0;
}
