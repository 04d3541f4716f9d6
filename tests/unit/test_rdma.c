// SPDX-License-Identifier: GPL-2.0-only
/* RDMA in the engine: event formats and bytes in; regions, messages and chains out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/cost.h"
#include <json-c/json.h>

#include "mkrun.h"

#define A 100 /* the process on the near device, with the region RA */
#define B 200 /* the one on the far device, with the region RB */
#define KWORKER 7
#define VA_A 0x7f0000001000ul
#define VA_B 0x7f0000009000ul
#define UMEM_A 0xffff888007000000ul
#define UMEM_B 0xffff888007001000ul
#define SGT 80 /* as run.json says */
#define PAGE_A(n) (0xffff888010000000ul + (n) * 0x3000ul) /* not next to each other */
#define PAGE_B(n) (0xffff888020000000ul + (n) * 0x5000ul)
#define QP_A 0xffff888006000000ul
#define QP_B 0xffff888006100000ul
#define CQ_A 0xffff888006001000ul
#define CQ_B 0xffff888006101000ul
#define QPN_A 17
#define QPN_B 23
#define IP_A 0x0a000001u
#define IP_B 0x0a000002u
#define SKB(n) (0xffff888003000000ul + (n) * 0x100ul)
#define HEAD(n) (0xffff888002000000ul + (n) * 0x2000ul)
#define IP_AT 30  /* of the IP header in a head */
#define BTH_AT 58 /* of the transport header */
#define RING 0xffffc90000010000ul
#define WQE RING
#define MTU 1024
#define AT_COPY 0xffffffffc0000112ul
#define AT_INLINE 0xffffffffc0000558ul

enum { WRITE_IMM = 0x0b, UC_WRITE = 0x2a, SEND_FIRST = 0, SEND_MIDDLE = 1, SEND_LAST = 2, SEND_ONLY = 4, WRITE_ONLY = 0x0a,
       READ_REQUEST = 0x0c, READ_FIRST = 0x0d, READ_LAST = 0x0f, READ_ONLY = 0x10, ACK = 0x11,
       UD_ONLY = 0x64 };
enum { WC_SEND = 0, WC_WRITE = 1, WC_READ = 2, WC_RECV = 128 };
enum { TO_REGION = 0, FROM_REGION = 1 };

static struct mkrun *mk;
static unsigned long base_a, base_b; /* where in the regions the message lies */
static int wr_id;
static bool signaled;
static int user; /* 0: the queue pairs are the kernel's own */
static struct analysis r;
static bool loaded;

/* ---- what happens ---- */

static void site(unsigned long at, const char *name)
{
	mkrun_site(mk, at, name, "emulates", "call");
}

/* pages[] has the first pages of two; the region begins `lead` bytes into the first. */
static void registered(int tid, unsigned long umem, unsigned long va, unsigned long len,
		       unsigned long page0, unsigned long page1)
{
	unsigned long n = (va % 4096 + len + 4095) / 4096;

	mkrun_event(mk, tid, "umem_pinned ret=%lu", n);
	mkrun_event(mk, tid, "umem_pages sgt=%#lx va=%#lx size=%lu n=%lu left=0 first=64", umem + SGT,
		    va, len, n);
	mkrun_event(mk, tid, "umem_pages sgt=%#lx va=%#lx size=%lu n=%lu left=0 first=0 pages=%#lx,%#lx",
		    umem + SGT, va, len, n, mkrun_page(page0), mkrun_page(page1));
}

static void queue_pairs(void)
{
	mkrun_event(mk, A, "rdma_qp user=1 qp=%#lx qpn=%d scq=%#lx rcq=%#lx dev=rxe_a", QP_A, QPN_A, CQ_A, CQ_A);
	mkrun_event(mk, B, "rdma_qp user=1 qp=%#lx qpn=%d scq=%#lx rcq=%#lx dev=rxe_b", QP_B, QPN_B, CQ_B, CQ_B);
}

static int begin(void **state)
{
	(void)state;
	mk = mkrun_new();
	loaded = false;
	base_a = base_b = 0;
	wr_id = 7;
	signaled = true;
	user = 1;
	site(AT_COPY, "rxe_mr_copy");
	site(AT_INLINE, "rxe_requester");
	registered(A, UMEM_A, VA_A, 8192, PAGE_A(0), PAGE_A(1));
	registered(B, UMEM_B, VA_B, 8192, PAGE_B(0), PAGE_B(1));
	queue_pairs();
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (loaded)
		analysis_free(&r);
	mkrun_free(mk);
	return 0;
}

static struct flow *load(void)
{
	mkrun_load(mk, &r);
	loaded = true;
	return r.engine.flows;
}

static unsigned long page_of(bool a, unsigned long off)
{
	return a ? PAGE_A(off / 4096) + off % 4096 : PAGE_B(off / 4096) + off % 4096;
}

static void announced(bool a, unsigned long off, unsigned long packet, unsigned long len, int dir)
{
	mkrun_event(mk, KWORKER, "rdma_copy mr=1 lkey=0x21d rkey=0x21d base=%#lx umem=%#lx iova=%#lx to=%#lx "
		    "len=%lu dir=%d", a ? VA_A : VA_B, a ? UMEM_A : UMEM_B, (a ? VA_A : VA_B) + off, packet,
		    len, dir);
}

static unsigned long sample_of(unsigned long off)
{
	return 0x1122334455667700ul + off / 8;
}

/* Between a region and a packet, page by page as the kernel does. */
static void copied(bool a, unsigned long off, unsigned long packet, unsigned long len, int dir)
{
	for (unsigned long at = 0; at < len;) {
		unsigned long n = 4096 - (off + at) % 4096, page = page_of(a, off + at);

		n = n < len - at ? n : len - at;
		mkrun_event(mk, KWORKER, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=%lu s=%#lx", AT_COPY,
			    dir == FROM_REGION ? packet + at : page, dir == FROM_REGION ? page : packet + at, n,
			    sample_of(off + at - (a ? base_a : base_b)));
		at += n;
	}
}

static unsigned header_of(int opcode)
{
	switch (opcode) {
	case WRITE_IMM:
		return 32;
	case WRITE_ONLY:
	case UC_WRITE:
	case READ_REQUEST:
		return 28;
	case READ_FIRST:
	case READ_LAST:
	case READ_ONLY:
	case ACK:
		return 16;
	case UD_ONLY:
		return 20;
	default:
		return 12;
	}
}

static unsigned long payload_at(unsigned n, int opcode)
{
	return HEAD(n) + BTH_AT + header_of(opcode);
}

/* IPv4, UDP and the base transport header of a packet, as hex. */
static void headers(bool from_a, int opcode, unsigned psn, unsigned long len, char *text)
{
	unsigned char h[64] = {0x45};
	uint32_t ips[2] = {from_a ? IP_A : IP_B, from_a ? IP_B : IP_A}, qpn = from_a ? QPN_B : QPN_A;

	for (int i = 0; i < 4; i++) {
		h[12 + i] = ips[0] >> (24 - 8 * i) & 0xff;
		h[16 + i] = ips[1] >> (24 - 8 * i) & 0xff;
	}
	h[28] = (unsigned char)opcode;
	h[29] = (unsigned char)((-len & 3) << 4);
	for (int i = 0; i < 3; i++) {
		h[33 + i] = qpn >> (16 - 8 * i) & 0xff;
		h[37 + i] = psn >> (16 - 8 * i) & 0xff;
	}
	for (int i = 0; i < 64; i++)
		sprintf(text + 2 * i, "%02x", h[i]);
}

static void sent(bool from_a, unsigned n, int opcode, unsigned psn, unsigned long len,
		 unsigned long total)
{
	char hdr[129];

	headers(from_a, opcode, psn, len, hdr);
	mkrun_event(mk, KWORKER, "rdma_xmit user=%d qp=%#lx qpn=%d mtu=%d opcode=%d psn=%u plen=%lu bth=%#lx wqe=%#lx "
		    "wr_id=%d sig=%d total=%lu skb=%#lx head=%#lx data=%#lx end=4096 len=%lu dev=v0 hdr=@%s",
		    user, from_a ? QP_A : QP_B, from_a ? QPN_A : QPN_B, MTU, opcode, psn,
		    header_of(opcode) + len + (-len & 3) + 4, HEAD(n) + BTH_AT, WQE, wr_id, !signaled, total,
		    SKB(n), HEAD(n),
		    HEAD(n) + IP_AT, len + 60, hdr);
}

static void crossed(unsigned n)
{
	static const char *const steps[] = {"dev_queue", "dev_xmit", "netif_rx", "netif_receive"};

	for (int i = 0; i < 4; i++)
		mkrun_event(mk, KWORKER, "%s skb=%#lx head=%#lx data=%#lx end=4096 len=100 dev=v%d", steps[i],
			    SKB(n), HEAD(n), HEAD(n) + IP_AT, i / 2);
	mkrun_event(mk, KWORKER, "rdma_rcv skb=%#lx head=%#lx data=%#lx end=4096 len=100", SKB(n), HEAD(n),
		    HEAD(n) + BTH_AT);
}

/* On its way: as it was handed on last. */
static void lost(unsigned n, unsigned long len)
{
	mkrun_event(mk, KWORKER, "drop_skb skb=%#lx head=%#lx data=%#lx end=4096 len=%lu reason=2", SKB(n),
		    HEAD(n), HEAD(n) + IP_AT, len + 60);
}

static void freed(unsigned n)
{
	mkrun_event(mk, KWORKER, "drop_skb skb=%#lx head=%#lx data=%#lx end=4096 len=100 reason=2", SKB(n),
		    HEAD(n), HEAD(n) + BTH_AT);
}

static void post(bool a)
{
	mkrun_event(mk, a ? A : B, "rdma_post user=%d qp=%#lx", user, a ? QP_A : QP_B);
}

static void done(bool a, int op, unsigned long len, int status)
{
	mkrun_event(mk, KWORKER, "rdma_done user=%d cq=%#lx wr_id=%d status=%d wc_op=%d len=%lu qpn=%d",
		    user, a ? CQ_A : CQ_B, wr_id, status, op, len, a ? QPN_A : QPN_B);
}

/* Out of the region of one end, into a packet that is sent. */
static void out_packet(bool a, unsigned n, int opcode, unsigned psn, unsigned long off,
		       unsigned long len, unsigned long total)
{
	announced(a, off, payload_at(n, opcode), len, FROM_REGION);
	copied(a, off, payload_at(n, opcode), len, FROM_REGION);
	sent(a, n, opcode, psn, len, total);
}

static void in_packet(bool a, unsigned n, int opcode, unsigned long off, unsigned long len)
{
	announced(a, off, payload_at(n, opcode), len, TO_REGION);
	copied(a, off, payload_at(n, opcode), len, TO_REGION);
}

static void whole_send(unsigned n, unsigned psn, unsigned long len)
{
	post(true);
	out_packet(true, n, SEND_ONLY, psn, 0, len, len);
	crossed(n);
	in_packet(false, n, SEND_ONLY, 0, len);
	done(false, WC_RECV, len, 0);
	done(true, WC_SEND, len, 0);
	freed(n);
}

/* ---- what came out ---- */

static void assert_counts(const struct flow *f, unsigned messages, unsigned long bytes)
{
	assert_non_null(f);
	assert_int_equal(f->messages, messages);
	assert_int_equal(f->delivered, messages);
	assert_int_equal(f->chains, messages);
	assert_int_equal(f->payload_bytes, bytes);
	assert_int_equal(f->figures[FIGURE_COPIES].max, 0);
	assert_int_equal(f->figures[FIGURE_EMULATED].min, 2);
	assert_int_equal(f->figures[FIGURE_EMULATED].max, 2);
	assert_int_equal(f->chain_emulated_bytes, 2 * bytes);
	assert_true(flow_accounted(f) == 1.0);
}

static void assert_exact(const struct flow *f)
{
	char why[1024];

	flow_why(&r, f, why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(flow_verdict(&r, f), VERDICT_EXACT);
}

static void assert_at_least(const struct flow *f, enum caveat d)
{
	assert_int_equal(flow_verdict(&r, f), VERDICT_AT_LEAST);
	assert_true(f->caveats[d] || r.run_caveat[d]);
}

/* ---- tests ---- */

static void test_send(void **state)
{
	const struct flow *f;
	const struct step *s;

	(void)state;
	whole_send(0, 500, 100);
	f = load();
	assert_counts(f, 1, 100);
	assert_exact(f);
	assert_string_equal(f->op, "send");
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->view_count, 1);
	s = f->views[0].steps;
	assert_int_equal(f->views[0].count, 9);
	assert_int_equal(s[0].kind, HOP_START);
	assert_int_equal(s[0].event, EV_RDMA_POST);
	assert_int_equal(s[0].tid, A);
	assert_int_equal(s[0].src, VA_A);
	assert_int_equal(s[1].kind, HOP_EMULATED_DMA);
	assert_int_equal(s[1].dst, payload_at(0, SEND_ONLY));
	assert_int_equal(step_phys(&r, f, &s[1], false), mkrun_phys(PAGE_A(0)));
	assert_int_equal(s[2].holder, BY_RDMA_OUT);
	assert_int_equal(s[7].holder, BY_RDMA_IN);
	assert_int_equal(s[8].kind, HOP_EMULATED_DMA);
	assert_int_equal(s[8].src, payload_at(0, SEND_ONLY));
	assert_int_equal(s[8].dst, VA_B);
	assert_int_equal(step_phys(&r, f, &s[8], true), mkrun_phys(PAGE_B(0)));
	assert_true(flow_content(f) == 1.0);
}

static void test_regions(void **state)
{
	const struct flow *f;

	(void)state;
	whole_send(0, 500, 100);
	f = load();
	assert_non_null(f->from.region);
	assert_non_null(f->to.region);
	assert_int_equal(f->from.region->tgid, A);
	assert_int_equal(f->from.region->va, VA_A);
	assert_int_equal(f->from.region->len, 8192);
	assert_int_equal(f->from.region->pinned, 2);
	assert_int_equal(f->from.region->lkey, 0x21d);
	assert_int_equal(f->from.region->page_count, 2);
	assert_int_equal(f->from.region->pages[0].kva, PAGE_A(0));
	assert_int_equal(f->from.region->pages[1].kva, PAGE_A(1));
	assert_int_equal(f->to.region->tgid, B);
	assert_int_equal(f->to.region->pages[1].kva, PAGE_B(1));
	assert_int_equal(f->from.qpn, QPN_A);
	assert_string_equal(f->from.dev, "rxe_a");
	assert_int_equal(f->to.qpn, QPN_B);
	assert_string_equal(f->to.dev, "rxe_b");
}

/* The second batch of a registration comes with its own pages; batches' events come in any order. */
static void test_region_batches(void **state)
{
	const struct rdma_region *g;
	uint64_t off = 0;

	(void)state;
	mkrun_event(mk, A, "umem_pinned ret=1");
	mkrun_event(mk, A, "umem_pages sgt=%#lx va=0x10800 size=6144 n=1 left=1 first=0 pages=%#lx",
		    0xffff888007003000ul + SGT, mkrun_page(PAGE_A(5)));
	mkrun_event(mk, A, "umem_pinned ret=1");
	mkrun_event(mk, A, "umem_pages sgt=%#lx va=0x10800 size=6144 n=1 left=0 first=0 pages=%#lx",
		    0xffff888007003000ul + SGT, mkrun_page(PAGE_A(4)));
	load();
	g = region_at(&r.engine, PAGE_A(5) + 0x800, &off);
	assert_non_null(g);
	assert_int_equal(g->va, 0x10800);
	assert_int_equal(off, 0);
	assert_int_equal(g->pinned, 2);
	assert_ptr_equal(region_at(&r.engine, PAGE_A(4), &off), g);
	assert_int_equal(off, 0x800);
	assert_ptr_equal(region_at(&r.engine, PAGE_A(4) + 0xfff, &off), g);
	assert_null(region_at(&r.engine, PAGE_A(5) + 0x7ff, &off));
}

static void test_region_gone(void **state)
{
	uint64_t off;

	(void)state;
	mkrun_event(mk, A, "umem_release umem=%#lx", UMEM_A);
	load();
	assert_null(region_at(&r.engine, PAGE_A(0), &off));
	assert_non_null(region_at(&r.engine, PAGE_B(0), &off));
}

/* A registration that failed after its first batch was never released; its umem serves another. */
static void test_region_failed(void **state)
{
	const struct rdma_region *g;
	uint64_t off;

	(void)state;
	mkrun_event(mk, A, "umem_pages sgt=%#lx va=0x400000 size=4194304 n=512 left=512 first=0 pages=%#lx",
		    UMEM_A + 0x2000 + SGT, mkrun_page(PAGE_A(5)));
	mkrun_event(mk, A, "umem_pinned ret=-14");
	mkrun_event(mk, A, "umem_pages sgt=%#lx va=0x10000 size=4096 n=1 left=0 first=0 pages=%#lx",
		    UMEM_A + 0x2000 + SGT, mkrun_page(PAGE_A(6)));
	load();
	g = region_of_umem(&r.engine, UMEM_A + 0x2000);
	assert_non_null(g);
	assert_int_equal(g->va, 0x10000);
	assert_int_equal(g->page_count, 1);
	assert_ptr_equal(region_at(&r.engine, PAGE_A(6), &off), g);
	assert_null(region_at(&r.engine, PAGE_A(5), &off));
}

/* What else is registered in a page is there still when a neighbour in it is released. */
static void test_region_neighbour_gone(void **state)
{
	uint64_t off;

	(void)state;
	mkrun_event(mk, A, "umem_pages sgt=%#lx va=0x10800 size=64 n=1 left=0 first=0 pages=%#lx",
		    UMEM_A + 0x2000 + SGT, mkrun_page(PAGE_A(5)));
	mkrun_event(mk, A, "umem_pages sgt=%#lx va=0x10900 size=64 n=1 left=0 first=0 pages=%#lx",
		    UMEM_A + 0x3000 + SGT, mkrun_page(PAGE_A(5)));
	mkrun_event(mk, A, "umem_release umem=%#lx", UMEM_A + 0x3000);
	load();
	assert_non_null(region_at(&r.engine, PAGE_A(5) + 0x800, &off));
	assert_null(region_at(&r.engine, PAGE_A(5) + 0x900, &off));
}

/* Memory that two processes registered: its owner is who the key belongs to, also when one is gone. */
static void test_region_shared(void **state)
{
	const struct flow *f;

	(void)state;
	mkrun_event(mk, 300, "umem_pages sgt=%#lx va=0x10000 size=4096 n=1 left=0 first=0 pages=%#lx",
		    UMEM_A + 0x2000 + SGT, mkrun_page(PAGE_A(0)));
	whole_send(0, 500, 100);
	mkrun_event(mk, 300, "umem_release umem=%#lx", UMEM_A + 0x2000);
	whole_send(1, 501, 100);
	f = load();
	assert_counts(f, 2, 200);
	assert_exact(f);
	assert_int_equal(f->tgid, A);
	assert_int_equal(f->from.region->va, VA_A);
}

/* That the first message's region is known says nothing of the second's. */
static void test_region_unknown_later(void **state)
{
	const struct flow *f;

	(void)state;
	whole_send(0, 500, 100);
	mkrun_event(mk, A, "umem_release umem=%#lx", UMEM_A);
	whole_send(1, 501, 100);
	f = load();
	assert_counts(f, 2, 200);
	assert_at_least(f, CAVEAT_REGION);
	assert_int_equal(f->caveats[CAVEAT_REGION], 1);
}

/* A region registered under another address than its own: the key's address is not the user's. */
static void test_iova(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	mkrun_event(mk, KWORKER, "rdma_copy mr=1 lkey=1 base=0x5000 umem=%#lx iova=0x5040 to=%#lx len=64 dir=1",
		    UMEM_A, payload_at(0, SEND_ONLY));
	base_a = 64;
	copied(true, 64, payload_at(0, SEND_ONLY), 64, FROM_REGION);
	sent(true, 0, SEND_ONLY, 500, 64, 64);
	crossed(0);
	in_packet(false, 0, SEND_ONLY, 0, 64);
	done(false, WC_RECV, 64, 0);
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_int_equal(f->views[0].steps[0].src, VA_A + 64);
}

static void test_many_packets(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	for (unsigned i = 0; i < 4; i++)
		out_packet(true, i, i == 0 ? SEND_FIRST : i == 3 ? SEND_LAST : SEND_MIDDLE, 0xfffffe + i,
			   i * MTU, i == 3 ? 100 : MTU, 3 * MTU + 100);
	for (unsigned i = 0; i < 4; i++) {
		crossed(i);
		in_packet(false, i, SEND_MIDDLE, i * MTU, i == 3 ? 100 : MTU);
	}
	done(false, WC_RECV, 3 * MTU + 100, 0);
	done(true, WC_SEND, 3 * MTU + 100, 0);
	for (unsigned i = 0; i < 4; i++)
		freed(i);
	f = load();
	assert_counts(f, 1, 3 * MTU + 100);
	assert_exact(f);
	assert_int_equal(f->view_count, 1);
	assert_int_equal(f->views[0].pieces, 4);
	assert_int_equal(f->resent_packets, 0);
	/* Four packets, one message: its time ends with the last of them. */
	assert_int_equal(f->cost->latency.count, 1);
	assert_int_equal(cost_main_way(f->cost)->whole.count, 1);
	assert_true(f->cost->latency.max > f->views[0].steps[f->views[0].count - 1].ts - f->views[0].steps[0].ts);
}

/* A packet whose payload spans two pages takes two copies on each side. */
static void test_page_border(void **state)
{
	const struct flow *f;

	(void)state;
	base_a = 4000;
	base_b = 4050;
	post(true);
	out_packet(true, 0, SEND_ONLY, 1, 4000, 200, 200);
	crossed(0);
	in_packet(false, 0, SEND_ONLY, 4050, 200);
	done(false, WC_RECV, 200, 0);
	done(true, WC_SEND, 200, 0);
	freed(0);
	f = load();
	assert_counts(f, 1, 200);
	assert_exact(f);
}

static void test_read_direction(void **state)
{
	const struct flow *f;
	const struct step *s;

	(void)state;
	post(true);
	sent(true, 0, READ_REQUEST, 900, 0, 1500);
	crossed(0);
	freed(0);
	out_packet(false, 1, READ_FIRST, 900, 0, MTU, 0);
	out_packet(false, 2, READ_LAST, 901, MTU, 476, 0);
	crossed(1);
	in_packet(true, 1, READ_FIRST, 0, MTU);
	freed(1);
	crossed(2);
	in_packet(true, 2, READ_LAST, MTU, 476);
	done(true, WC_READ, 1500, 0);
	freed(2);
	f = load();
	assert_counts(f, 1, 1500);
	assert_exact(f);
	assert_string_equal(f->op, "read");
	assert_int_equal(f->tgid, B);
	assert_int_equal(f->from.qpn, QPN_B);
	assert_int_equal(f->from.region->tgid, B);
	assert_int_equal(f->to.qpn, QPN_A);
	assert_int_equal(f->to.region->tgid, A);
	s = f->views[0].steps;
	assert_int_equal(s[0].src, VA_B);
	assert_int_equal(s[f->views[0].count - 1].dst, VA_A);
	assert_int_equal(f->views[0].bytes, 1500);
}

static void test_write(void **state)
{
	const struct flow *f;

	(void)state;
	base_b = 128;
	post(true);
	out_packet(true, 0, WRITE_ONLY, 1, 0, 64, 64);
	crossed(0);
	in_packet(false, 0, WRITE_ONLY, 128, 64);
	sent(false, 1, ACK, 1, 0, 0);
	done(true, WC_WRITE, 64, 0);
	freed(0);
	f = load();
	assert_counts(f, 1, 64);
	assert_exact(f);
	assert_string_equal(f->op, "write");
	assert_int_equal(f->views[0].steps[f->views[0].count - 1].dst, VA_B + 128);
	assert_string_equal(f->to.dev, "rxe_b");
	assert_int_equal(f->from.packets, 1);
	assert_int_equal(f->to.packets, 1);
}

/* A message of two packets, n and n + 1, as it is sent, and as it arrives and completes. */
static void send_two(unsigned n)
{
	out_packet(true, n, SEND_FIRST, 10, 0, MTU, MTU + 64);
	out_packet(true, n + 1, SEND_LAST, 11, MTU, 64, MTU + 64);
}

static void two_arrive(unsigned n)
{
	crossed(n);
	in_packet(false, n, SEND_FIRST, 0, MTU);
	crossed(n + 1);
	in_packet(false, n + 1, SEND_LAST, MTU, 64);
	done(false, WC_RECV, MTU + 64, 0);
	done(true, WC_SEND, MTU + 64, 0);
	freed(n);
	freed(n + 1);
}

/* The first packet is lost, all is sent again; the bytes of the lost one lie on no chain. */
static void test_sent_again(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	send_two(0);
	lost(0, MTU);
	lost(1, 64);
	send_two(2);
	two_arrive(2);
	f = load();
	assert_counts(f, 1, MTU + 64);
	assert_exact(f);
	assert_int_equal(f->resent_packets, 2);
	assert_int_equal(f->resent_bytes, MTU + 64);
}

/* A duplicate that arrives is thrown away by the receiver: what is delivered stays the same. */
static void test_duplicate(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	out_packet(true, 0, SEND_ONLY, 10, 0, 64, 64);
	out_packet(true, 1, SEND_ONLY, 10, 0, 64, 64);
	crossed(0);
	in_packet(false, 0, SEND_ONLY, 0, 64);
	done(false, WC_RECV, 64, 0);
	crossed(1);
	freed(1);
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_counts(f, 1, 64);
	assert_exact(f);
	assert_int_equal(f->resent_packets, 1);
	assert_int_equal(f->resent_bytes, 64);
}

/* A retry that was under way when the acknowledgement came: its packets follow the completion. */
static void test_sent_again_after_completion(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	send_two(0);
	two_arrive(0);
	send_two(2);
	freed(2);
	freed(3);
	f = load();
	assert_counts(f, 1, MTU + 64);
	assert_exact(f);
	assert_int_equal(f->resent_packets, 2);
	assert_int_equal(f->resent_bytes, MTU + 64);
	assert_null(f->next);
}

/* The numbers of two messages that wrap around belong to two messages. */
static void test_numbers_wrap(void **state)
{
	const struct flow *f;

	(void)state;
	whole_send(0, 0xffffff, 64);
	whole_send(1, 0, 64);
	f = load();
	assert_counts(f, 2, 128);
	assert_exact(f);
	assert_int_equal(f->resent_packets, 0);
}

static void test_inside_one_device(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	out_packet(true, 0, SEND_ONLY, 10, 0, 64, 64);
	mkrun_event(mk, KWORKER, "rdma_rcv skb=%#lx head=%#lx data=%#lx end=4096 len=100", SKB(0), HEAD(0),
		    HEAD(0) + BTH_AT);
	in_packet(false, 0, SEND_ONLY, 0, 64);
	done(false, WC_RECV, 64, 0);
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_counts(f, 1, 64);
	assert_exact(f);
	assert_int_equal(f->hops.max, 4);
}

static void test_datagram(void **state)
{
	const struct flow *f;

	(void)state;
	base_b = 40;
	post(true);
	out_packet(true, 0, UD_ONLY, 10, 0, 64, 64);
	crossed(0);
	announced(false, 0, 0xffffc90000100000ul, 40, TO_REGION); /* the header, from the stack */
	copied(false, 0, 0xffffc90000100000ul, 40, TO_REGION);
	in_packet(false, 0, UD_ONLY, 40, 64);
	done(false, WC_RECV, 104, 0);
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_counts(f, 1, 64);
	assert_exact(f);
	assert_int_equal(f->header_bytes, 40);
	assert_int_equal(f->views[0].steps[f->views[0].count - 1].dst, VA_B + 40);
}

/* Longer than the MTU that its queue pair was never given, and the next behind it at once. */
static void test_datagrams_at_once(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	for (unsigned i = 0; i < 3; i++)
		out_packet(true, i, UD_ONLY, 10 + i, 0, 2 * MTU, 2 * MTU);
	for (unsigned i = 0; i < 3; i++) {
		crossed(i);
		in_packet(false, i, UD_ONLY, 0, 2 * MTU);
		done(false, WC_RECV, 2 * MTU + 40, 0);
		done(true, WC_SEND, 2 * MTU, 0);
		freed(i);
	}
	f = load();
	assert_counts(f, 3, 6 * MTU);
	assert_exact(f);
	assert_int_equal(f->resent_packets, 0);
}

/* It arrived, the receiver says, though its copy is not recorded: nobody dropped it. */
static void test_datagram_copy_lost(void **state)
{
	const struct flow *f;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		post(true);
		out_packet(true, i, UD_ONLY, 10 + i, 0, 64, 64);
		crossed(i);
		announced(false, 40, payload_at(i, UD_ONLY), 64, TO_REGION);
		if (!i)
			copied(false, 0, payload_at(i, UD_ONLY), 64, TO_REGION);
		done(false, WC_RECV, 104, 0);
		done(true, WC_SEND, 64, 0);
		freed(i);
	}
	f = load();
	assert_int_equal(f->messages, 2);
	assert_at_least(f, CAVEAT_UNACCOUNTED);
}

static void inline_send(unsigned long sample)
{
	post(true);
	mkrun_event(mk, KWORKER, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=64 s=%#lx", AT_INLINE,
		    payload_at(0, SEND_ONLY), WQE + 0xa0, sample);
	sent(true, 0, SEND_ONLY, 10, 64, 64);
	crossed(0);
	in_packet(false, 0, SEND_ONLY, 0, 64);
	done(false, WC_RECV, 64, 0);
	done(true, WC_SEND, 64, 0);
	freed(0);
}

#define LOGGED                                                                                     \
	"{\"kind\":\"flow\",\"flow\":1,\"name\":\"inlined\",\"proto\":\"rdma\",\"path\":\"veth\",\"size\":64,\"count\":1," \
	"\"send_pid\":100,\"recv_pid\":200,\"qpn_send\":17,\"qpn_recv\":23}\n"                      \
	"{\"kind\":\"send\",\"flow\":1,\"seq\":0,\"va\":\"0x7f0000001000\",\"head\":\"%s\"}\n"        \
	"{\"kind\":\"end\",\"flow\":1,\"sent\":1,\"received\":1,\"sent_bytes\":64,\"received_bytes\":64,\"bad\":0}\n"

static void test_inline(void **state)
{
	const struct flow *f;
	const struct step *s;
	char log[1024];

	(void)state;
	snprintf(log, sizeof(log), LOGGED, "0x1122334455667700");
	mk->traffic = log;
	inline_send(sample_of(0));
	f = load();
	assert_counts(f, 1, 64);
	assert_at_least(f, CAVEAT_USER_SPACE);
	assert_false(f->caveats[CAVEAT_GAP]);
	s = f->views[0].steps;
	assert_int_equal(s[0].src, VA_A);
	assert_int_equal(s[1].kind, HOP_GAP_USER);
	assert_int_equal(s[1].dst, WQE + 0xa0);
	assert_true(s[1].checked);
	assert_int_equal(s[2].kind, HOP_EMULATED_DMA);
	assert_string_equal(s[2].site->function, "rxe_requester");
}

static void test_inline_other_content(void **state)
{
	const struct flow *f;
	char log[1024];

	(void)state;
	snprintf(log, sizeof(log), LOGGED, "0xdead");
	mk->traffic = log;
	inline_send(sample_of(0));
	f = load();
	assert_at_least(f, CAVEAT_CONTENT);
	assert_false(f->views[0].steps[1].checked);
}

/* Without the copies' own events the calls still say that there were copies, not where. */
static void test_sites_left_out(void **state)
{
	const struct flow *f;

	(void)state;
	mk->refused = true;
	post(true);
	announced(true, 0, payload_at(0, SEND_ONLY), 64, FROM_REGION);
	sent(true, 0, SEND_ONLY, 10, 64, 64);
	crossed(0);
	announced(false, 0, payload_at(0, SEND_ONLY), 64, TO_REGION);
	done(false, WC_RECV, 64, 0);
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_counts(f, 1, 64);
	assert_at_least(f, CAVEAT_UNKNOWN);
	assert_at_least(f, CAVEAT_REFUSED);
	assert_null(f->sites[0].site);
}

/* Without the calls the pinned pages still say whose memory it is. */
static void test_calls_left_out(void **state)
{
	const struct flow *f;

	(void)state;
	mk->refused = true;
	base_a = 64;
	base_b = 4096;
	post(true);
	copied(true, 64, payload_at(0, SEND_ONLY), 64, FROM_REGION);
	sent(true, 0, SEND_ONLY, 10, 64, 64);
	crossed(0);
	copied(false, 4096, payload_at(0, SEND_ONLY), 64, TO_REGION);
	done(false, WC_RECV, 64, 0);
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_counts(f, 1, 64);
	assert_at_least(f, CAVEAT_REFUSED);
	assert_int_equal(f->views[0].steps[0].src, VA_A + 64);
	assert_int_equal(f->views[0].steps[f->views[0].count - 1].dst, VA_B + 4096);
}

static void test_copy_lost(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	sent(true, 0, SEND_ONLY, 10, 64, 64);
	crossed(0);
	in_packet(false, 0, SEND_ONLY, 0, 64);
	done(false, WC_RECV, 64, 0);
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_at_least(f, CAVEAT_GAP);
	assert_int_equal(f->figures[FIGURE_EMULATED].max, 1);
}

static void test_delivery_lost(void **state)
{
	const struct flow *f;

	(void)state;
	whole_send(0, 10, 64);
	post(true);
	out_packet(true, 1, WRITE_ONLY, 11, 0, 64, 64);
	crossed(1);
	done(true, WC_WRITE, 64, 0);
	freed(1);
	f = load();
	assert_exact(f);
	assert_int_equal(flow_verdict(&r, f->next), VERDICT_UNLINKED);
	assert_int_equal(f->next->expected_bytes, 64);
}

static void test_completion_lost(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	out_packet(true, 0, SEND_ONLY, 10, 0, 64, 64);
	crossed(0);
	in_packet(false, 0, SEND_ONLY, 0, 64);
	done(false, WC_RECV, 64, 0);
	freed(0);
	f = load();
	assert_at_least(f, CAVEAT_NO_COMPLETION);
}

/* Three WRITEs posted at once, of which only the last completes. Unsignaled ones are all numbered
 * alike, as perftest does. */
static void completed_by_the_last(void)
{
	post(true);
	for (unsigned i = 0; i < 3; i++) {
		wr_id = signaled ? (int)i : 0;
		signaled |= i == 2;
		out_packet(true, i, WRITE_ONLY, 10 + i, 0, 64, 64);
		crossed(i);
		in_packet(false, i, WRITE_ONLY, 0, 64);
		freed(i);
	}
	done(true, WC_WRITE, 64, 0);
}

/* Requests that asked for no completion are through when a later one is. */
static void test_unsignaled(void **state)
{
	const struct flow *f;

	(void)state;
	signaled = false;
	completed_by_the_last();
	f = load();
	assert_counts(f, 3, 192);
	assert_exact(f);
	assert_int_equal(f->calls, 1);
}

/* If they asked for one, it was lost. */
static void test_signaled(void **state)
{
	const struct flow *f;

	(void)state;
	completed_by_the_last();
	f = load();
	assert_counts(f, 3, 192);
	assert_at_least(f, CAVEAT_NO_COMPLETION);
	assert_int_equal(f->caveats[CAVEAT_NO_COMPLETION], 2);
}

static void test_receipt_lost(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	out_packet(true, 0, SEND_ONLY, 10, 0, 64, 64);
	crossed(0);
	in_packet(false, 0, SEND_ONLY, 0, 64);
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_counts(f, 1, 64);
	assert_at_least(f, CAVEAT_NO_COMPLETION);
}

static void test_error_completion(void **state)
{
	const struct flow *f;

	(void)state;
	whole_send(0, 10, 64);
	post(true);
	out_packet(true, 1, SEND_ONLY, 11, 0, 64, 64);
	lost(1, 64);
	done(true, WC_SEND, 64, 12);
	f = load();
	assert_int_equal(f->errors, 1);
	assert_int_equal(f->delivered, 1);
	assert_int_equal(f->messages, 2);
}

static void test_content_differs(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	out_packet(true, 0, SEND_ONLY, 10, 0, 64, 64);
	crossed(0);
	announced(false, 0, payload_at(0, SEND_ONLY), 64, TO_REGION);
	mkrun_event(mk, KWORKER, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=64 s=0xbad", AT_COPY, PAGE_B(0),
		    payload_at(0, SEND_ONLY));
	done(false, WC_RECV, 64, 0);
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_at_least(f, CAVEAT_CONTENT);
	assert_int_equal(f->mismatches, 1);
}

/* Devices number their queue pairs each for itself: the same number is not the same queue pair. */
static void test_same_numbers(void **state)
{
	const struct flow *f;

	(void)state;
	mkrun_event(mk, B, "rdma_qp user=1 qp=%#lx qpn=%d scq=%#lx rcq=%#lx dev=rxe_c", QP_B + 0x800, QPN_A,
		    CQ_B + 0x800, CQ_B + 0x800);
	mkrun_event(mk, KWORKER, "rdma_done user=1 cq=%#lx wr_id=7 status=5 wc_op=0 len=64 qpn=%d", CQ_B + 0x800, QPN_A);
	whole_send(0, 10, 64);
	f = load();
	assert_counts(f, 1, 64);
	assert_exact(f);
	assert_string_equal(f->from.dev, "rxe_a");
}

/* Soft interrupts on two idle CPUs, both in task 0: each tells the receiver of its own copy. */
static void test_idle_cpus(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	out_packet(true, 0, SEND_ONLY, 10, 0, 64, 64);
	crossed(0);
	post(false);
	out_packet(false, 1, SEND_ONLY, 20, 0, 64, 64);
	crossed(1);
	for (unsigned step = 0; step < 2; step++)
		for (unsigned cpu = 0; cpu < 2; cpu++) {
			mk->cpu = cpu;
			if (step)
				mkrun_event(mk, 0, "rdma_done user=1 cq=%#lx wr_id=1 wc_op=%d len=64 qpn=%d",
					    cpu ? CQ_A : CQ_B, WC_RECV, cpu ? QPN_A : QPN_B);
			else
				mkrun_event(mk, 0, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=64 s=%#lx", AT_COPY,
					    cpu ? PAGE_A(0) : PAGE_B(0), payload_at(cpu, SEND_ONLY), sample_of(0));
		}
	mk->cpu = 0;
	done(true, WC_SEND, 64, 0);
	done(false, WC_SEND, 64, 0);
	freed(0);
	freed(1);
	f = load();
	assert_counts(f, 1, 64);
	assert_exact(f);
	assert_counts(f->next, 1, 64);
	assert_exact(f->next);
}

static void test_copy_by_a_real_driver(void **state)
{
	const struct flow *f;

	(void)state;
	/* The same instruction elsewhere than in a software device: no emulated DMA, and no delivery. */
	mkrun_site(mk, AT_COPY + 0x1000, "real_driver", "probed", "call");
	post(true);
	out_packet(true, 0, SEND_ONLY, 10, 0, 64, 64);
	crossed(0);
	mkrun_event(mk, KWORKER, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=64 s=%#lx", AT_COPY + 0x1000,
		    PAGE_B(0), payload_at(0, SEND_ONLY), sample_of(0));
	done(true, WC_SEND, 64, 0);
	freed(0);
	f = load();
	assert_int_equal(f->payload_bytes, 0);
	assert_int_equal(flow_verdict(&r, f), VERDICT_UNLINKED);
}

static void write_with(int opcode)
{
	post(true);
	out_packet(true, 0, opcode, 1, 0, 64, 64);
	crossed(0);
	in_packet(false, 0, opcode, 0, 64);
}

/* A WRITE tells nobody but who posted it; a SEND of no byte behind it does, as many programs do. */
static void test_notified_by_nothing(void **state)
{
	const struct flow *f;

	(void)state;
	write_with(WRITE_ONLY);
	freed(0);
	sent(true, 1, SEND_ONLY, 2, 0, 0);
	crossed(1);
	done(false, WC_RECV, 0, 0);
	freed(1);
	done(true, WC_WRITE, 64, 0);
	done(true, WC_SEND, 0, 0);
	f = load();
	assert_counts(f, 1, 64);
	assert_exact(f);
	f = f->next;
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->delivered, 1);
	assert_exact(f);
	assert_int_equal(r.engine.ledger.orphans, 0);
}

static void test_immediate(void **state)
{
	(void)state;
	write_with(WRITE_IMM);
	done(false, WC_RECV + 1, 64, 0);
	freed(0);
	done(true, WC_WRITE, 64, 0);
	assert_exact(load());
}

static void test_immediate_receipt_lost(void **state)
{
	(void)state;
	write_with(WRITE_IMM);
	freed(0);
	done(true, WC_WRITE, 64, 0);
	assert_at_least(load(), CAVEAT_NO_COMPLETION);
}

/* Without acknowledgements a completion says no more than that it was sent. */
static void test_unreliable(void **state)
{
	const struct flow *f;

	(void)state;
	post(true);
	out_packet(true, 0, UC_WRITE, 1, 0, 64, 64);
	done(true, WC_WRITE, 64, 0);
	out_packet(true, 1, UC_WRITE, 2, 0, 64, 64);
	done(true, WC_WRITE, 64, 0);
	crossed(0);
	in_packet(false, 0, UC_WRITE, 0, 64);
	freed(0);
	lost(1, 64);
	f = load();
	assert_int_equal(f->messages, 2);
	assert_int_equal(f->delivered, 1);
	assert_int_equal(f->dropped, 1);
	assert_exact(f);
}

/* What completes is of the kind that was posted: an atomic operation of the same wr_id is not. */
static void test_other_kind_completes(void **state)
{
	(void)state;
	write_with(WRITE_ONLY);
	done(true, 4, 8, 0);
	freed(0);
	done(true, WC_WRITE, 64, 0);
	assert_exact(load());
}

static void test_kernels_own(void **state)
{
	(void)state;
	whole_send(0, 1, 64);
	user = 0;
	queue_pairs();
	whole_send(1, 2, 64);
	assert_counts(load(), 1, 64);
	assert_exact(r.engine.flows);
	assert_null(r.engine.flows->next);
	assert_int_equal(r.engine.ledger.orphans, 0);
	assert_int_equal(r.engine.flows->calls, 1);
}

/* A device in hardware: its counters moved, and nothing else tells of the data. */
static void test_counters_of_hardware(void **state)
{
	struct json_object *list, *o;
	char *text = NULL;
	size_t size;
	FILE *out;

	(void)state;
	mk->run_json = "{\"schema\":1,\"rdma_devices\":{"
		       "\"before\":[{\"dev\":\"mlx5_0\",\"port\":1,\"counters\":{\"port_xmit_data\":100,"
		       "\"port_rcv_data\":7,\"symbol_error\":3},\"hw_counters\":{\"out_of_sequence\":1}}],"
		       "\"after\":[{\"dev\":\"mlx5_0\",\"port\":1,\"counters\":{\"port_xmit_data\":1100,"
		       "\"port_rcv_data\":7,\"symbol_error\":3},\"hw_counters\":{\"out_of_sequence\":3}},"
		       "{\"dev\":\"new\",\"port\":1,\"counters\":{\"port_xmit_data\":5}}]}}";
	load();
	list = rdma_counters_moved(&r.run);
	assert_int_equal(json_object_array_length(list), 1);
	o = json_object_array_get_idx(list, 0);
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
			    "{\"dev\":\"mlx5_0\",\"port\":1,\"counters\":{\"port_xmit_data\":1000},"
			    "\"hw_counters\":{\"out_of_sequence\":2}}");
	json_object_put(list);
	out = open_memstream(&text, &size);
	rdma_counters_print(&r.run, out);
	fclose(out);
	assert_string_equal(text, "mlx5_0 port 1: 4000 bytes out, 0 bytes in by the device's own count; "
				  "no probe stands on its way\n");
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_send), TEST(test_regions), TEST(test_region_batches), TEST(test_region_gone), TEST(test_region_shared), TEST(test_region_neighbour_gone), TEST(test_region_unknown_later), TEST(test_region_failed),
		TEST(test_iova), TEST(test_many_packets), TEST(test_page_border), TEST(test_read_direction),
		TEST(test_write), TEST(test_sent_again), TEST(test_sent_again_after_completion),
		TEST(test_duplicate), TEST(test_numbers_wrap),
		TEST(test_inside_one_device), TEST(test_datagram), TEST(test_datagram_copy_lost), TEST(test_datagrams_at_once), TEST(test_inline),
		TEST(test_inline_other_content), TEST(test_sites_left_out), TEST(test_calls_left_out),
		TEST(test_copy_lost), TEST(test_delivery_lost), TEST(test_completion_lost),
		TEST(test_unsignaled), TEST(test_signaled), TEST(test_receipt_lost), TEST(test_error_completion), TEST(test_content_differs),
		TEST(test_same_numbers), TEST(test_idle_cpus), TEST(test_copy_by_a_real_driver),
		TEST(test_notified_by_nothing), TEST(test_immediate), TEST(test_immediate_receipt_lost),
		TEST(test_unreliable), TEST(test_other_kind_completes), TEST(test_kernels_own),
		TEST(test_counters_of_hardware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
