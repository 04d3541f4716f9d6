// SPDX-License-Identifier: GPL-2.0-only
/* Network cards whose drivers do not map each packet, or hand it up by another way: chains over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "mkrun.h"
#include "proofcheck/proofcheck.h"
#include "report/report.h"

#define SENDER 100
#define RECEIVER 200
#define IRQ 0
#define UA 0x7f0000001000ul
#define UB 0x7f0000009000ul
#define SK_A 0xffff888001000000ul
#define SK_B 0xffff888001001000ul
#define HEAD(n) (0xffff888002000000ul + (n) * 0x1000ul)
#define SKB(n) (0xffff888003000000ul + (n) * 0x100ul)
#define RX(n) (0xffff888004000000ul + (n) * 0x1000ul) /* buffers for devices to write */
#define RING 0xffff888005000000ul		      /* memory that a device reads by itself */
#define BOUNCE 0xffff888006000000ul
#define NONCE 0x1122334455667788ul

/* Where frames begin in a head, and how they do: Ethernet, IP and UDP. */
#define ROOM 64ul
#define ETH 14ul
#define HEADERS 42ul
#define VIRTIO 12ul /* the device's own header before a frame */

#define AT_FILL 0xffffffff81000010ul
#define AT_RECV 0xffffffff81000110ul
#define AT_MEM 0xffffffff81000210ul

struct world {
	struct mkrun *mk;
	struct analysis r;
	bool loaded;
};

static struct world *live;

static void end(struct world *w)
{
	if (w->loaded)
		analysis_free(&w->r);
	mkrun_free(w->mk);
	live = NULL;
}

static int end_live(void **state)
{
	(void)state;
	if (live)
		end(live);
	return 0;
}

static struct world *begin(void)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	live = &w;
	w.mk = mkrun_new();
	mkrun_site(w.mk, AT_FILL, "getfrag", "probed", "call");
	mkrun_site(w.mk, AT_RECV, "recvmsg", "probed", "call");
	mkrun_site(w.mk, AT_MEM, "driver", "probed", "call");
	return &w;
}

/* ---- what happens ---- */

/* The headers of packet `id` and the first bytes of its payload, behind `before` bytes of others. */
static const char *headers(unsigned before, unsigned id)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "@%.*s45000584%04x0000401111110a4d02010a4d020203e807d0057033338877665544332211",
		 (int)before * 2, "5254000000015254000000020800000000000000000000000000", id);
	return text;
}

static void on_dev(struct world *w, const char *event, unsigned skb, unsigned long head,
		   unsigned long data, unsigned long len, unsigned long paged, const char *hdr)
{
	bool sent = !strncmp(event, "dev_", 4);

	mkrun_event(w->mk, sent ? SENDER : IRQ,
		    "%s skb=%#lx head=%#lx data=%#lx end=2048 len=%lu dlen=%lu mac=%lu dev=%s hdr=%s", event,
		    SKB(skb), head, data, len, paged, sent ? data - head : ROOM, sent ? "eth0" : "eth1", hdr);
}

/* A send up to the driver, which finds the frame at ROOM in HEAD(1). */
static void to_driver(struct world *w, unsigned long len)
{
	unsigned long frame = HEAD(1) + ROOM, payload = frame + HEADERS;

	mkrun_event(w->mk, SENDER, "sys_enter_sendto fd=5");
	mkrun_event(w->mk, SENDER,
		    "send_enter __probe_ip=%#lx sk=%#lx sock=1 file=2 fam=2 proto=17 lport=1000 rport=%u laddr=0x0100007f "
		    "raddr=0x0100007f msg=0xffffc90000001000 len=%lu itype=%d icnt=%lu ibase=%#lx seg=%#lx",
		    AT_FILL, SK_A, 0xd007u, len, w->mk->ubuf, len, UA, NONCE);
	mkrun_event(w->mk, SENDER, "skb_fill to=%#lx len=%lu skb=%#lx", payload, len, SKB(1));
	mkrun_event(w->mk, SENDER,
		    "from_iter __probe_ip=%#lx dst=%#lx len=%lu itype=%d icnt=%lu ibase=%#lx seg=%#lx",
		    AT_FILL, payload, len, w->mk->ubuf, len, UA, NONCE);
	on_dev(w, "dev_queue", 1, HEAD(1), frame, len + HEADERS, 0, headers(ETH, 1));
	on_dev(w, "dev_xmit", 1, HEAD(1), frame, len + HEADERS, 0, headers(ETH, 1));
	mkrun_event(w->mk, SENDER, "sys_exit_sendto ret=%lu", len);
}

static void map(struct world *w, unsigned long va, unsigned long at, unsigned long size, int dir)
{
	mkrun_event(w->mk, SENDER, "dma_mapped phys=%#lx dma=%#lx size=%lu dir=%d", mkrun_phys(va),
		    mkrun_phys(at), size, dir);
}

static void unmap(struct world *w, unsigned long at, unsigned long size, int dir)
{
	mkrun_event(w->mk, IRQ, "dma_unmap dma=%#lx size=%lu dir=%d", mkrun_phys(at), size, dir);
}

static void copy(struct world *w, unsigned long src, unsigned long dst, unsigned long len)
{
	mkrun_event(w->mk, IRQ, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=%lu s=0x5254", AT_MEM, dst, src, len);
}

static void freed(struct world *w, unsigned skb, unsigned long head)
{
	mkrun_event(w->mk, IRQ, "consume_skb skb=%#lx head=%#lx end=2048", SKB(skb), head);
}

/* The sender's card has read the frame by a map. */
static void sent_by_map(struct world *w, unsigned long len)
{
	to_driver(w, len);
	map(w, HEAD(1) + ROOM, HEAD(1) + ROOM, len + HEADERS, 1);
	unmap(w, HEAD(1) + ROOM, len + HEADERS, 1);
	freed(w, 1, HEAD(1));
}

/* A frame with its headers in the head at `head`, of whose payload `paged` bytes are not there. */
static void comes_up(struct world *w, const char *event, unsigned long head, unsigned long len,
		     unsigned long paged)
{
	on_dev(w, event, 2, head, head + ROOM + ETH, len + HEADERS - ETH, paged, headers(0, 1));
}

static void queued(struct world *w, unsigned long head, unsigned long len, unsigned long paged)
{
	mkrun_event(w->mk, IRQ, "sk_queue skb=%#lx head=%#lx data=%#lx end=2048 len=%lu dlen=%lu mac=64 sk=%#lx",
		    SKB(2), head, head + ROOM + HEADERS, len, paged, SK_B);
}

static void read_at(struct world *w, unsigned long payload, unsigned long head, unsigned long len)
{
	mkrun_event(w->mk, RECEIVER, "sys_enter_recvfrom fd=6");
	mkrun_event(w->mk, RECEIVER,
		    "recv_enter sk=%#lx sock=3 file=4 fam=2 proto=17 lport=2000 len=4096 itype=%d icnt=4096 "
		    "ibase=%#lx", SK_B, w->mk->ubuf, UB);
	mkrun_event(w->mk, RECEIVER,
		    "to_iter __probe_ip=%#lx src=%#lx len=%lu itype=%d icnt=4096 ibase=%#lx s=%#lx", AT_RECV,
		    payload, len, w->mk->ubuf, UB, NONCE);
	freed(w, 2, head);
	mkrun_event(w->mk, RECEIVER, "sys_exit_recvfrom ret=%lu", len);
}

/* Up to the receiver, all of it in the head at `head`. */
static void received(struct world *w, unsigned long head, unsigned long len)
{
	comes_up(w, "gro_receive", head, len, 0);
	comes_up(w, "netif_receive", head, len, 0);
	queued(w, head, len, 0);
	read_at(w, head + ROOM + HEADERS, head, len);
}

/* The far card wrote the frame to ROOM in RX(1), and it is received there. */
static void arrives_by_map(struct world *w, unsigned long len)
{
	unmap(w, RX(1) + ROOM, 1536, 2);
	received(w, RX(1), len);
}

static void alloc(struct world *w, unsigned long va, unsigned long size)
{
	mkrun_event(w->mk, IRQ, "dma_alloc va=%#lx size=%lu", va, size);
}

/* ---- virtio ---- */

static void give(struct world *w, const char *event, unsigned long token, unsigned long va,
		 unsigned long len)
{
	mkrun_event(w->mk, IRQ, "%s queue=0xffff888007000000 token=%#lx n=1 sg=%#lx,%#lx", event, token,
		    mkrun_page(va) | 2, (unsigned long)(va % 4096 | (uint64_t)len << 32));
}

static void done(struct world *w, unsigned long token)
{
	mkrun_event(w->mk, IRQ, "dev_done token=%#lx", token);
}

/* The driver finds the frame, behind the device's header, at va. */
static void wrote(struct world *w, unsigned long va, unsigned long len)
{
	mkrun_event(w->mk, IRQ, "dev_wrote va=%#lx len=%lu hlen=%lu hdr=%s", va, len + HEADERS + VIRTIO,
		    VIRTIO, headers(VIRTIO + ETH, 1));
}

/* The device's header is put into the room before the frame. */
static void sent_by_queue(struct world *w, unsigned long len)
{
	to_driver(w, len);
	give(w, "dev_out", SKB(1), HEAD(1) + ROOM - VIRTIO, len + HEADERS + VIRTIO);
	freed(w, 1, HEAD(1));
}

/* ---- what is expected ---- */

static void load(struct world *w)
{
	mkrun_load(w->mk, &w->r);
	w->loaded = true;
}

static void is(struct world *w, enum verdict verdict, const char *reason)
{
	struct flow *f = w->r.engine.flows;
	char text[1024];

	assert_non_null(f);
	flow_why(&w->r, f, text, sizeof(text));
	if (flow_verdict(&w->r, f) != verdict || (reason ? !strstr(text, reason) : *text))
		fail_msg("verdict is %s: '%s'", verdict_name(flow_verdict(&w->r, f)), text);
}

static void shapes(struct world *w, const char *expected)
{
	const struct flow *f = w->r.engine.flows;
	char all[256] = "";

	for (size_t i = 0; i < f->view_count; i++) {
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s", i ? " " : "");
		for (size_t k = 0; k < f->views[i].count; k++)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%c",
				 "sc?thpdiewxgu"[f->views[i].steps[k].kind]);
	}
	assert_string_equal(all, expected);
}

/* Writes the proof and holds it against the run. */
static size_t prove(struct world *w)
{
	char dir[] = "/tmp/copychain-cards-XXXXXX", path[64], why[512] = "";
	struct report rep = {.r = &w->r, .dir = dir};
	size_t conclusions = 0;
	int err;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(report_write(&rep, "proof"), 0);
	snprintf(path, sizeof(path), "%s/proof.md", dir);
	err = proof_check(path, w->mk->dir, &conclusions, NULL, why, sizeof(why));
	unlink(path);
	rmdir(dir);
	/* Where there is no conclusion, no line of it is left. */
	if (err && !strstr(why, "concludes nothing"))
		fail_msg("the proof does not hold: %s", why);
	return conclusions;
}

/* Exact, with each byte copied so often, and the device at both ends. */
static void counts(struct world *w, unsigned min, unsigned max, const char *shape)
{
	const struct flow *f;

	load(w);
	is(w, VERDICT_EXACT, NULL);
	f = w->r.engine.flows;
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->delivered, 1);
	assert_int_equal(f->dropped, 0);
	assert_int_equal(f->figures[FIGURE_COPIES].min, min);
	assert_int_equal(f->figures[FIGURE_COPIES].max, max);
	assert_int_equal(f->figures[FIGURE_DMAS].min, 2 - f->figures[FIGURE_PIOS].min);
	assert_int_equal(f->figures[FIGURE_DMAS].max, 2 - f->figures[FIGURE_PIOS].min);
	assert_int_equal(f->figures[FIGURE_PIOS].min, f->figures[FIGURE_PIOS].max);
	assert_int_equal(f->figures[FIGURE_WIRES].min, 1);
	shapes(w, shape);
}

/* And so says the proof. */
static void exact(struct world *w, unsigned min, unsigned max, const char *shape)
{
	counts(w, min, max, shape);
	assert_int_equal(prove(w), 1);
	end(w);
}

static void at_least(struct world *w, const char *reason)
{
	load(w);
	is(w, VERDICT_AT_LEAST, reason);
	prove(w);
	end(w);
}

static void unlinked(struct world *w)
{
	load(w);
	assert_int_equal(w->r.engine.flows->chains, 0);
	is(w, VERDICT_UNLINKED, "no chain explains");
	end(w);
}

/* ---- without GRO ---- */

static void test_without_gro(void **state)
{
	static const char *const ways[] = {"netif_receive", "netif_rx"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world *w = begin();

		sent_by_map(w, 1384);
		unmap(w, RX(1) + ROOM, 1536, 2);
		if (i)
			comes_up(w, ways[i], RX(1), 1384, 0);
		comes_up(w, ways[0], RX(1), 1384, 0);
		queued(w, RX(1), 1384, 0);
		read_at(w, RX(1) + ROOM + HEADERS, RX(1), 1384);
		exact(w, 2, 2, i ? "schhdwdhhhc" : "schhdwdhhc");
	}
}

/* kfree_skb frees what was transmitted, too: nothing is dropped. */
static void test_freed_like_dropped(void **state)
{
	struct world *w = begin();

	(void)state;
	to_driver(w, 1384);
	map(w, HEAD(1) + ROOM, HEAD(1) + ROOM, 1384 + HEADERS, 1);
	unmap(w, HEAD(1) + ROOM, 1384 + HEADERS, 1);
	mkrun_event(w->mk, IRQ, "drop_skb skb=%#lx head=%#lx end=2048 reason=1", SKB(1), HEAD(1));
	arrives_by_map(w, 1384);
	exact(w, 2, 2, "schhdwdhhhc");
}

/* A ring's buffer is freed when its device goes; whoever gets the memory has no frame of that device. */
static void test_freed_ring(void **state)
{
	struct world *w = begin();

	(void)state;
	unmap(w, RX(1) + ROOM, 1536, 2);
	freed(w, 7, RX(1));
	sent_by_map(w, 1384);
	comes_up(w, "netif_receive", RX(1), 1384, 0);
	queued(w, RX(1), 1384, 0);
	read_at(w, RX(1) + ROOM + HEADERS, RX(1), 1384);
	unlinked(w);
}

/* Its IP header alone is in the head; what follows it there is another packet's. */
static void pulled(struct world *w, unsigned long linear)
{
	sent_by_map(w, 1384);
	unmap(w, RX(1) + ROOM, 1536, 2);
	mkrun_event(w->mk, IRQ, "gro_receive skb=%#lx head=%#lx data=%#lx end=704 len=1412 dlen=1412 mac=64 dev=eth1 hdr=%s",
		    SKB(2), HEAD(9), HEAD(9) + ROOM + ETH, headers(0, 1));
	copy(w, RX(1) + ROOM + ETH, HEAD(9) + ROOM + ETH, 20);
	mkrun_event(w->mk, IRQ,
		    "netif_receive skb=%#lx head=%#lx data=%#lx end=704 len=1412 dlen=%lu mac=64 dev=eth1 "
		    "hdr=@4500058400010000401111110a4d02010a4d0202ffffffffffffffffffff",
		    SKB(2), HEAD(9), HEAD(9) + ROOM + ETH, 1412 - linear);
	mkrun_event(w->mk, IRQ, "sk_queue skb=%#lx head=%#lx data=%#lx end=704 len=1384 dlen=1384 mac=64 sk=%#lx",
		    SKB(2), HEAD(9), HEAD(9) + ROOM + HEADERS, SK_B);
	read_at(w, RX(1) + ROOM + HEADERS, HEAD(9), 1384);
}

static void test_short_head(void **state)
{
	struct world *w = begin();

	(void)state;
	pulled(w, 20);
	counts(w, 2, 2, "schhdwdhhhc");
	/* Of which memory the driver made the packet is not told. */
	assert_int_equal(prove(w), 0);
	end(w);
	/* Not even the IP header. */
	w = begin();
	pulled(w, 19);
	unlinked(w);
}

/* Two packets under way that differ where one side does not see. */
static void test_short_head_alike(void **state)
{
	struct world *w = begin();

	(void)state;
	mkrun_event(w->mk, SENDER,
		    "dev_xmit skb=%#lx head=%#lx data=%#lx end=2048 len=1426 dlen=1384 mac=64 dev=eth0 "
		    "hdr=@52540000000152540000000208004500058400010000401111110a4d02010a4d020203e807d105703333",
		    SKB(8), HEAD(8), HEAD(8) + ROOM);
	pulled(w, 20);
	load(w);
	is(w, VERDICT_UNLINKED, "cannot be told apart");
	end(w);
}

/* ---- memory that a device reads by itself ---- */

static void test_copied_to_device(void **state)
{
	struct world *w = begin();

	(void)state;
	alloc(w, RING, 65536);
	to_driver(w, 64);
	copy(w, HEAD(1) + ROOM, RING + 0x280, 64 + HEADERS);
	freed(w, 1, HEAD(1));
	arrives_by_map(w, 64);
	exact(w, 3, 3, "schhcdwdhhhc");
}

/* The headers are copied, the rest is mapped. */
static void test_headers_copied_to_device(void **state)
{
	struct world *w = begin();

	(void)state;
	alloc(w, RING, 65536);
	to_driver(w, 1384);
	copy(w, HEAD(1) + ROOM, RING + 0x280, HEADERS);
	map(w, HEAD(1) + ROOM + HEADERS, HEAD(1) + ROOM + HEADERS, 1384, 1);
	unmap(w, HEAD(1) + ROOM + HEADERS, 1384, 1);
	freed(w, 1, HEAD(1));
	arrives_by_map(w, 1384);
	exact(w, 2, 2, "schhdwdhhhc");
}

static void test_part_copied_to_device(void **state)
{
	struct world *w = begin();

	(void)state;
	alloc(w, RING, 65536);
	to_driver(w, 1384);
	copy(w, HEAD(1) + ROOM, RING + 0x280, 128);
	map(w, HEAD(1) + ROOM + 128, HEAD(1) + ROOM + 128, 1384 + HEADERS - 128, 1);
	unmap(w, HEAD(1) + ROOM + 128, 1384 + HEADERS - 128, 1);
	freed(w, 1, HEAD(1));
	arrives_by_map(w, 1384);
	load(w);
	assert_int_equal(w->r.engine.flows->figures[FIGURE_COPIES].sum, 2 * 1384 + 128 - HEADERS);
	w->loaded = false;
	analysis_free(&w->r);
	exact(w, 2, 3, "schhcdwdhhhc schhdwdhhhc");
}

/* The same ring again and again: what was there before is nobody's loss. */
static void test_ring_used_again(void **state)
{
	struct world *w = begin();

	(void)state;
	alloc(w, RING, 4096);
	for (int i = 0; i < 3; i++) {
		to_driver(w, 64);
		copy(w, HEAD(1) + ROOM, RING, 64 + HEADERS);
		freed(w, 1, HEAD(1));
		arrives_by_map(w, 64);
	}
	load(w);
	is(w, VERDICT_EXACT, NULL);
	assert_int_equal(w->r.engine.flows->delivered, 3);
	end(w);
}

/* Where the memory is not known to be the device's, it is not known to have read it. */
static void test_copied_elsewhere(void **state)
{
	struct world *w;

	(void)state;
	for (int i = 0; i < 2; i++) {
		w = begin();
		if (i) {
			alloc(w, RING, 65536);
			mkrun_event(w->mk, IRQ, "dma_free va=%#lx size=65536", RING);
		}
		to_driver(w, 64);
		copy(w, HEAD(1) + ROOM, RING + 0x280, 64 + HEADERS);
		freed(w, 1, HEAD(1));
		arrives_by_map(w, 64);
		at_least(w, "not explained");
	}
}

/* A device that fills a ring of its own, out of which the driver copies. */
static void test_copied_from_device(void **state)
{
	struct world *w = begin();

	(void)state;
	alloc(w, RING, 8192);
	sent_by_map(w, 1384);
	copy(w, RING + 4, HEAD(9) + ROOM, 1384 + HEADERS);
	received(w, HEAD(9), 1384);
	exact(w, 3, 3, "schhdwdchhhc");
}

/* ---- virtio ---- */

static void test_virtio_in_place(void **state)
{
	struct world *w = begin();

	(void)state;
	give(w, "dev_in", RX(1), RX(1) + ROOM - VIRTIO, 1536);
	sent_by_queue(w, 1384);
	done(w, RX(1));
	received(w, RX(1), 1384);
	exact(w, 2, 2, "schhdwdhhhc");
}

static void test_virtio_copied(void **state)
{
	struct world *w = begin();

	(void)state;
	give(w, "dev_in", RX(1), RX(1), 1536);
	sent_by_queue(w, 64);
	done(w, RX(1));
	wrote(w, RX(1), 64);
	copy(w, RX(1) + VIRTIO, HEAD(9) + ROOM, 64 + HEADERS);
	received(w, HEAD(9), 64);
	exact(w, 3, 3, "schhdwdchhhc");
}

/* The payload stays in the buffer; its headers reach the skb only in the stack, if at all. */
static void in_pages(struct world *w, bool told)
{
	sent_by_queue(w, 1384);
	done(w, RX(1));
	if (told)
		wrote(w, RX(1), 1384);
	comes_up(w, "gro_receive", HEAD(9), 1384, 1384 + HEADERS - ETH);
	comes_up(w, "netif_receive", HEAD(9), 1384, 1384 + HEADERS - ETH);
	queued(w, HEAD(9), 1384, 1384);
	read_at(w, RX(1) + VIRTIO + HEADERS, HEAD(9), 1384);
}

static void test_virtio_in_pages(void **state)
{
	struct world *w = begin();

	(void)state;
	give(w, "dev_in", RX(1), RX(1), 1536);
	in_pages(w, true);
	exact(w, 2, 2, "schhdwdhhhc");
	/* The ring was filled before the recording began. */
	w = begin();
	in_pages(w, true);
	exact(w, 2, 2, "schhdwdhhhc");
	w = begin();
	give(w, "dev_in", RX(1), RX(1), 1536);
	in_pages(w, false);
	unlinked(w);
}

/* The driver took the next skb up from elsewhere. */
static void test_virtio_another_skb(void **state)
{
	struct world *w = begin();

	(void)state;
	give(w, "dev_in", RX(1), RX(1), 1536);
	sent_by_queue(w, 1384);
	done(w, RX(1));
	wrote(w, RX(1), 1384);
	on_dev(w, "gro_receive", 2, HEAD(9), HEAD(9) + ROOM + ETH, 100, 80, headers(0, 1));
	comes_up(w, "netif_receive", HEAD(9), 1384, 1384 + HEADERS - ETH);
	queued(w, HEAD(9), 1384, 1384);
	read_at(w, RX(1) + VIRTIO + HEADERS, HEAD(9), 1384);
	at_least(w, "not explained");
}

/* What the device was given is not seen to come back. */
static void test_virtio_not_done(void **state)
{
	struct world *w = begin();

	(void)state;
	give(w, "dev_in", RX(1), RX(1) + ROOM - VIRTIO, 1536);
	sent_by_queue(w, 1384);
	received(w, RX(1), 1384);
	unlinked(w);
}

static void test_virtio_not_given(void **state)
{
	struct world *w = begin();

	(void)state;
	to_driver(w, 1384);
	freed(w, 1, HEAD(1));
	arrives_by_map(w, 1384);
	at_least(w, "not explained");
}

/* The device's header has memory of its own. */
static void test_virtio_header_apart(void **state)
{
	struct world *w = begin();

	(void)state;
	to_driver(w, 1384);
	mkrun_event(w->mk, SENDER, "dev_out queue=1 token=%#lx n=2 sg=%#lx,%#lx,0,0,%#lx,%#lx", SKB(1),
		    mkrun_page(SKB(1)), 0x28 | VIRTIO << 32, mkrun_page(HEAD(1)) | 2,
		    ROOM | (1384 + HEADERS) << 32);
	freed(w, 1, HEAD(1));
	arrives_by_map(w, 1384);
	exact(w, 2, 2, "schhdwdhhhc");
}

/* More buffers than are recorded. */
static void test_virtio_many(void **state)
{
	struct world *w = begin();

	(void)state;
	to_driver(w, 1384);
	mkrun_event(w->mk, SENDER, "dev_out queue=1 token=%#lx n=5 sg=%#lx,%#lx", SKB(1),
		    mkrun_page(HEAD(1)), ROOM | (1384 + HEADERS) << 32);
	freed(w, 1, HEAD(1));
	arrives_by_map(w, 1384);
	at_least(w, "table of the analysis was full");
}

/* With the DMA API besides, and bounce buffers: the device reads and writes there, once. */
static void test_virtio_mapped(void **state)
{
	struct world *w = begin();

	(void)state;
	give(w, "dev_in", RX(1), RX(1) + ROOM - VIRTIO, 1536);
	map(w, RX(1) + ROOM - VIRTIO, BOUNCE + 0x10000, 1536, 2);
	to_driver(w, 1384);
	give(w, "dev_out", SKB(1), HEAD(1) + ROOM - VIRTIO, 1384 + HEADERS + VIRTIO);
	copy(w, HEAD(1) + ROOM - VIRTIO, BOUNCE, 1384 + HEADERS + VIRTIO);
	map(w, HEAD(1) + ROOM - VIRTIO, BOUNCE, 1384 + HEADERS + VIRTIO, 1);
	unmap(w, BOUNCE, 1384 + HEADERS + VIRTIO, 1);
	freed(w, 1, HEAD(1));
	unmap(w, BOUNCE + 0x10000, 1536, 2);
	copy(w, BOUNCE + 0x10000, RX(1) + ROOM - VIRTIO, 1536);
	done(w, RX(1));
	received(w, RX(1), 1384);
	exact(w, 4, 4, "schhcdwdchhhc");
}

/* The pointer of an skb that a device has read comes up again: its free is not recorded. */
static void test_read_and_not_freed(void **state)
{
	struct world *w = begin();
	unsigned long head = HEAD(9), frame = HEAD(9) + ROOM;

	(void)state;
	give(w, "dev_in", RX(1), RX(1), 1536);
	to_driver(w, 64);
	give(w, "dev_out", SKB(1), HEAD(1) + ROOM - VIRTIO, 64 + HEADERS + VIRTIO);
	done(w, RX(1));
	wrote(w, RX(1), 64);
	copy(w, RX(1) + VIRTIO, frame, 64 + HEADERS);
	on_dev(w, "gro_receive", 1, head, frame + ETH, 64 + HEADERS - ETH, 0, headers(0, 1));
	on_dev(w, "netif_receive", 1, head, frame + ETH, 64 + HEADERS - ETH, 0, headers(0, 1));
	mkrun_event(w->mk, IRQ, "sk_queue skb=%#lx head=%#lx data=%#lx end=2048 len=64 mac=64 sk=%#lx", SKB(1),
		    head, frame + HEADERS, SK_B);
	mkrun_event(w->mk, RECEIVER, "sys_enter_recvfrom fd=6");
	mkrun_event(w->mk, RECEIVER,
		    "recv_enter sk=%#lx sock=3 file=4 fam=2 proto=17 lport=2000 len=4096 itype=%d icnt=4096 "
		    "ibase=%#lx", SK_B, w->mk->ubuf, UB);
	mkrun_event(w->mk, RECEIVER,
		    "to_iter __probe_ip=%#lx src=%#lx len=64 itype=%d icnt=4096 ibase=%#lx s=%#lx", AT_RECV,
		    frame + HEADERS, w->mk->ubuf, UB, NONCE);
	freed(w, 1, head);
	mkrun_event(w->mk, RECEIVER, "sys_exit_recvfrom ret=64");
	at_least(w, "written again without a recorded free");
}

/* ---- what is written out in the driver ---- */

/* A driver's own `rep movsb` or `rep movsl` out of a buffer that it may look at. */
static void test_copied_inline(void **state)
{
	static const unsigned widths[] = {1, 2, 4, 8};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct world *w = begin();

		sent_by_map(w, 118);
		mkrun_event(w->mk, IRQ, "dma_sync dma=%#lx size=160 dir=2", mkrun_phys(RX(1)));
		mkrun_event(w->mk, IRQ, "mem_rep __probe_ip=%#lx dst=%#lx src=%#lx n=%u width=%u s=0x5254", AT_MEM,
			    HEAD(9) + ROOM, RX(1), 160 / widths[i], widths[i]);
		received(w, HEAD(9), 118);
		exact(w, 3, 3, "schhdwdchhhc");
	}
}

static void test_copied_inline_to_device(void **state)
{
	struct world *w = begin();

	(void)state;
	alloc(w, RING, 65536);
	to_driver(w, 118);
	mkrun_event(w->mk, SENDER, "mem_rep __probe_ip=%#lx dst=%#lx src=%#lx n=20 width=8 s=0x5254", AT_MEM,
		    RING + 0x280, HEAD(1) + ROOM);
	freed(w, 1, HEAD(1));
	arrives_by_map(w, 118);
	exact(w, 3, 3, "schhcdwdhhhc");
}

/* ---- ports ---- */

static void through_port(struct world *w, unsigned out, unsigned in, unsigned long len)
{
	to_driver(w, len);
	mkrun_event(w->mk, SENDER, "pio_out __probe_ip=%#lx src=%#lx port=0xc110 n=%u width=4", AT_MEM,
		    HEAD(1) + ROOM, out);
	freed(w, 1, HEAD(1));
	mkrun_event(w->mk, IRQ, "pio_in __probe_ip=%#lx dst=%#lx port=0xc110 n=%u width=4", AT_MEM,
		    HEAD(9) + ROOM, in);
	comes_up(w, "netif_rx", HEAD(9), len, 0);
	comes_up(w, "netif_receive", HEAD(9), len, 0);
	queued(w, HEAD(9), len, 0);
	read_at(w, HEAD(9) + ROOM + HEADERS, HEAD(9), len);
}

/* Frames end where they end; what does not fill a unit goes by another instruction. */
static void test_port(void **state)
{
	(void)state;
	for (unsigned long len = 64; len < 68; len++) {
		struct world *w = begin();
		unsigned units = (unsigned)(len + HEADERS) / 4;

		through_port(w, units, units, len);
		counts(w, 2, 2, "schhiwihhhc");
		assert_int_equal(w->r.engine.flows->figures[FIGURE_PIOS].min, 2);
		assert_int_equal(prove(w), 0);
		end(w);
	}
}

/* Less went through the port than the frame has. */
static void test_port_short(void **state)
{
	struct world *w = begin();

	(void)state;
	through_port(w, 25, 26, 64);
	at_least(w, "delivered that no chain explains");
	w = begin();
	through_port(w, 26, 25, 64);
	load(w);
	assert_int_not_equal(flow_verdict(&w->r, w->r.engine.flows), VERDICT_EXACT);
	end(w);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_live)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_gro),
		TEST(test_freed_like_dropped),
		TEST(test_freed_ring),
		TEST(test_short_head),
		TEST(test_short_head_alike),
		TEST(test_copied_to_device),
		TEST(test_headers_copied_to_device),
		TEST(test_part_copied_to_device),
		TEST(test_ring_used_again),
		TEST(test_copied_elsewhere),
		TEST(test_copied_from_device),
		TEST(test_virtio_in_place),
		TEST(test_virtio_copied),
		TEST(test_virtio_in_pages),
		TEST(test_virtio_another_skb),
		TEST(test_virtio_not_done),
		TEST(test_virtio_not_given),
		TEST(test_virtio_header_apart),
		TEST(test_virtio_many),
		TEST(test_virtio_mapped),
		TEST(test_read_and_not_freed),
		TEST(test_copied_inline),
		TEST(test_copied_inline_to_device),
		TEST(test_port),
		TEST(test_port_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
