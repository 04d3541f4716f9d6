// SPDX-License-Identifier: GPL-2.0-only
/* The engine: event formats and bytes in, chains out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/vec.h"
#include "mkrun.h"

#define SENDER 100
#define RECEIVER 200
#define UA 0x7f0000001000ul /* the sender's buffer */
#define UB 0x7f0000009000ul /* the receiver's; the two live in different address spaces */
#define SK_A 0xffff888001000000ul
#define SK_B 0xffff888001001000ul
#define SK_TAP 0xffff888001002000ul
#define HEAD(n) (0xffff888002000000ul + (n) * 0x1000ul)
#define SKB(n) (0xffff888003000000ul + (n) * 0x100ul)
#define RX(n) (0xffff888004000000ul + (n) * 0x1000ul)
#define BOUNCE 0xffff888005000000ul
#define PAYLOAD 0x2cul /* of the payload in a head: room and headers before it */
#define NONCE 0x1122334455667788ul

#define AT_FILL 0xffffffff81000010ul
#define AT_RECV 0xffffffff81000110ul
#define AT_MEM 0xffffffff81000210ul
#define AT_ENTRY 0xffffffff81000310ul

struct world {
	struct mkrun *mk;
	struct analysis r;
	bool loaded;
	uint64_t nonce;
	unsigned long left, room; /* what the send has not copied yet, what the receive has room for */
};

static struct world *live;

static void end(struct world *w)
{
	if (w->loaded)
		analysis_free(&w->r);
	mkrun_free(w->mk);
	live = NULL;
}

/* Also of a test that has failed. */
static int end_live(void **state)
{
	(void)state;
	if (live)
		end(live);
	return 0;
}

static void begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	live = w;
	w->mk = mkrun_new();
	w->nonce = NONCE;
	mkrun_site(w->mk, AT_FILL, "getfrag", "probed", "call");
	mkrun_site(w->mk, AT_RECV, "recvmsg", "probed", "call");
	mkrun_site(w->mk, AT_MEM, "driver", "probed", "call");
	mkrun_site(w->mk, AT_ENTRY, "csum_entry", "probed", "entry");
}

static void load(struct world *w)
{
	mkrun_load(w->mk, &w->r);
	w->loaded = true;
}

/* ---- what happens ---- */

static void send_enter_at(struct world *w, unsigned long ip, unsigned long len)
{
	mkrun_event(w->mk, SENDER,
		    "send_enter __probe_ip=%#lx sk=%#lx sock=1 file=2 fam=2 proto=17 lport=1000 rport=%u laddr=0x0100007f "
		    "raddr=0x0100007f msg=0xffffc90000001000 len=%lu itype=%d icnt=%lu ibase=%#lx seg=%#lx",
		    ip, SK_A, 0xd007u, len, w->mk->ubuf, len, UA, w->nonce);
	w->left = len;
}

static void send_enter(struct world *w, unsigned long len)
{
	mkrun_event(w->mk, SENDER, "sys_enter_sendto fd=5");
	send_enter_at(w, 0xffffffff81000010UL, len);
}

static void send_exit(struct world *w, long ret)
{
	mkrun_event(w->mk, SENDER, "sys_exit_sendto ret=%ld", ret);
}

static void fill(struct world *w, unsigned long skb, unsigned long to, unsigned long len)
{
	mkrun_event(w->mk, SENDER, "skb_fill to=%#lx len=%lu skb=%#lx", to, len, skb);
}

/* From the sender's buffer, `off` bytes of which are sent already. */
static void copy_in(struct world *w, unsigned long to, unsigned long len, unsigned long off)
{
	unsigned long left = w->left < len ? len : w->left;

	mkrun_event(w->mk, SENDER,
		    "from_iter __probe_ip=%#lx dst=%#lx len=%lu itype=%d ioff=%lu icnt=%lu ibase=%#lx "
		    "seg=%#lx s=0xbad",
		    AT_FILL, to, len, w->mk->ubuf, off, left, UA, w->nonce);
	w->left = left - len;
}

/* dlen of the bytes are not in the head. */
static void pass_parts(struct world *w, const char *event, unsigned long skb, unsigned long head,
		       unsigned long len, unsigned long dlen)
{
	const char *dev = !strncmp(event, "dev_", 4) || !strncmp(event, "net", 3) ||
			  !strncmp(event, "gro", 3) ? " dev=lo" : "";
	char sk[32] = "";

	if (!strcmp(event, "sk_queue"))
		snprintf(sk, sizeof(sk), " sk=%#lx", SK_B);
	if (!strcmp(event, "tap_rcv"))
		snprintf(sk, sizeof(sk), " sk=%#lx", SK_TAP);
	mkrun_event(w->mk, SENDER, "%s skb=%#lx head=%#lx data=%#lx end=2048 len=%lu dlen=%lu mac=2%s%s",
		    event, skb, head, head + PAYLOAD - 28, len + 28, dlen, dev, sk);
}

static void pass(struct world *w, const char *event, unsigned long skb, unsigned long head,
		 unsigned long len)
{
	pass_parts(w, event, skb, head, len, 0);
}

static void recv_enter_flags(struct world *w, unsigned long room, int flags)
{
	w->room = room;
	mkrun_event(w->mk, RECEIVER, "sys_enter_recvfrom fd=6");
	mkrun_event(w->mk, RECEIVER,
		    "recv_enter sk=%#lx sock=3 file=4 fam=2 proto=17 lport=2000 len=%lu itype=%d icnt=%lu "
		    "ibase=%#lx flags=%d", SK_B, room, w->mk->ubuf, room, UB, flags);
}

static void recv_enter(struct world *w, unsigned long room)
{
	recv_enter_flags(w, room, 0);
}

static void copy_out(struct world *w, unsigned long from, unsigned long len, unsigned long off)
{
	unsigned long room = w->room < len ? len : w->room;

	mkrun_event(w->mk, RECEIVER,
		    "to_iter __probe_ip=%#lx src=%#lx len=%lu itype=%d ioff=%lu icnt=%lu ibase=%#lx s=%#lx",
		    AT_RECV, from, len, w->mk->ubuf, off, room, UB, w->nonce);
	w->room = room - len;
}

static void recv_exit(struct world *w, long ret)
{
	mkrun_event(w->mk, RECEIVER, "sys_exit_recvfrom ret=%ld", ret);
}

static void consume(struct world *w, unsigned long skb, unsigned long head)
{
	mkrun_event(w->mk, RECEIVER, "consume_skb skb=%#lx head=%#lx end=2048", skb, head);
}

/* From the device's queue up to the protocol. */
static void pass_lo(struct world *w, unsigned long skb, unsigned long head, unsigned long len)
{
	pass(w, "dev_queue", skb, head, len);
	pass(w, "dev_xmit", skb, head, len);
	pass(w, "netif_rx", skb, head, len);
	pass(w, "netif_receive", skb, head, len);
}

/* The way over lo up to the socket's queue. */
static void fill_and_send(struct world *w, unsigned long skb, unsigned long head, unsigned long len)
{
	fill(w, skb, head + PAYLOAD, len);
	copy_in(w, head + PAYLOAD, len, 0);
	pass_lo(w, skb, head, len);
	pass(w, "sk_queue", skb, head, len);
	send_exit(w, (long)len);
}

static void send_lo(struct world *w, unsigned long skb, unsigned long head, unsigned long len)
{
	send_enter(w, len);
	fill_and_send(w, skb, head, len);
}

static void receive(struct world *w, unsigned long skb, unsigned long head, unsigned long len)
{
	recv_enter(w, 4096);
	copy_out(w, head + PAYLOAD, len, 0);
	consume(w, skb, head);
	recv_exit(w, (long)len);
}

/* IP and UDP header and the first bytes of payload; ttl and checksums differ at the far end. */
static const char *headers(bool eth, unsigned ttl, unsigned id)
{
	static char text[160];

	snprintf(text, sizeof(text),
		 "@%s45000584%04x0000%02x11%s0a4d02010a4d020203e807d00570%s8877665544332211",
		 eth ? "5254000000015254000000020800" : "", id, ttl, eth ? "1111" : "2222",
		 eth ? "3333" : "4444");
	return text;
}

static void frame(struct world *w, const char *event, unsigned long skb, unsigned long head,
		  unsigned long data, unsigned long len, unsigned ttl, unsigned id)
{
	bool sent = !strncmp(event, "dev_", 4);

	mkrun_event(w->mk, sent ? SENDER : 0,
		    "%s skb=%#lx head=%#lx data=%#lx end=2048 len=%lu mac=%lu dev=%s hdr=%s", event, skb,
		    head, data, len, sent ? data - head : data - head - 14, sent ? "eth0" : "eth1",
		    headers(sent, ttl, id));
}

/* Headers of Ethernet, IP and UDP before the payload. */
#define HEADERS 42ul

enum { MAP_ENTRY, MAP_POINT };

static void map_tx(struct world *w, int how, unsigned long va, unsigned long dma, unsigned long size)
{
	if (how == MAP_POINT) {
		mkrun_event(w->mk, SENDER, "dma_mapped phys=%#lx dma=%#lx size=%lu dir=1",
			    mkrun_phys(va), dma, size);
		return;
	}
	mkrun_event(w->mk, SENDER, "dma_map page=%#lx off=%lu size=%lu dir=1", mkrun_page(va),
		    va % 4096, size);
	mkrun_event(w->mk, SENDER, "dma_map_ret dma=%#lx", dma);
}

static void unmap(struct world *w, unsigned long dma, unsigned long size, int dir)
{
	mkrun_event(w->mk, 0, "dma_unmap dma=%#lx size=%lu dir=%d", dma, size, dir);
}

/* A send up to the device's having read the frame. */
static void send_wire(struct world *w, int how, unsigned n, unsigned long len)
{
	send_enter(w, len);
	fill(w, SKB(n), HEAD(n) + PAYLOAD, len);
	copy_in(w, HEAD(n) + PAYLOAD, len, 0);
	frame(w, "dev_queue", SKB(n), HEAD(n), HEAD(n) + PAYLOAD - HEADERS, len + HEADERS, 64, n);
	frame(w, "dev_xmit", SKB(n), HEAD(n), HEAD(n) + PAYLOAD - HEADERS, len + HEADERS, 64, n);
	map_tx(w, how, HEAD(n) + PAYLOAD - HEADERS, mkrun_phys(HEAD(n)) + PAYLOAD - HEADERS,
	       len + HEADERS);
	send_exit(w, (long)len);
}

static void sent_wire(struct world *w, unsigned n, unsigned long len)
{
	unmap(w, mkrun_phys(HEAD(n)) + PAYLOAD - HEADERS, len + HEADERS, 1);
	consume(w, SKB(n), HEAD(n));
}

/* Up from the driver, with the frame at RX or wherever head is; then to the receiver. */
static void receive_wire(struct world *w, unsigned n, unsigned long head, unsigned long len)
{
	unsigned long payload = head + 64 + HEADERS;

	frame(w, "gro_receive", SKB(100 + n), head, head + 64 + 14, len + 28, 63, n);
	frame(w, "netif_receive", SKB(100 + n), head, head + 64 + 14, len + 28, 63, n);
	pass(w, "sk_queue", SKB(100 + n), head, len);
	recv_enter(w, 4096);
	copy_out(w, payload, len, 0);
	consume(w, SKB(100 + n), head);
	recv_exit(w, (long)len);
}

/* ---- what is expected ---- */

static struct flow *flow(struct world *w, unsigned n)
{
	struct flow *f = w->r.engine.flows;

	while (f && n--)
		f = f->next;
	if (!f)
		fail_msg("no such flow");
	return f;
}

static const char *shape(const struct chain_view *v)
{
	static char text[64];
	size_t i;

	for (i = 0; i < v->count && i < sizeof(text) - 1; i++)
		text[i] = "sc?thpdiewxgu"[v->steps[i].kind];
	text[i] = 0;
	return text;
}

static void why(struct world *w, enum verdict verdict, const char *reason)
{
	char text[1024];

	flow_why(&w->r, flow(w, 0), text, sizeof(text));
	if (flow_verdict(&w->r, flow(w, 0)) != verdict)
		fail_msg("verdict is %s: %s", verdict_name(flow_verdict(&w->r, flow(w, 0))), text);
	if (reason ? !strstr(text, reason) : *text)
		fail_msg("why is '%s'", text);
}

static void exact(struct world *w)
{
	why(w, VERDICT_EXACT, NULL);
}

static void counts(struct world *w, unsigned messages, unsigned delivered, unsigned chains,
		   unsigned min, unsigned max)
{
	const struct flow *f = flow(w, 0);

	assert_int_equal(f->messages, messages);
	assert_int_equal(f->delivered, delivered);
	assert_int_equal(f->chains, chains);
	assert_int_equal(f->figures[FIGURE_COPIES].min, min);
	assert_int_equal(f->figures[FIGURE_COPIES].max, max);
}

static void shapes(struct world *w, const char *expected)
{
	const struct flow *f = flow(w, 0);
	char all[512] = "";

	for (size_t i = 0; i < f->view_count; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? " " : "",
			 shape(&f->views[i]));
	assert_string_equal(all, expected);
}

/* ---- one machine ---- */

static void test_lo(void **state)
{
	static struct world w;
	const struct chain_view *v;

	(void)state;
	begin(&w);
	mkrun_event(w.mk, SENDER, "sys_enter_sendto fd=5");
	mkrun_event(w.mk, SENDER, "fd_file ret=3 priv=7 priv1=8 priv3=1");
	send_lo(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	shapes(&w, "schhhhhc");
	v = &flow(&w, 0)->views[0];
	assert_int_equal(v->steps[0].src, UA);
	assert_int_equal(v->steps[1].src, UA);
	assert_int_equal(v->steps[1].dst, HEAD(1) + PAYLOAD);
	assert_string_equal(v->steps[1].site->function, "getfrag");
	assert_int_equal(v->steps[7].src, HEAD(1) + PAYLOAD);
	assert_int_equal(v->steps[7].dst, UB);
	assert_true(v->steps[1].checked && v->steps[7].checked);
	assert_string_equal(v->steps[7].site->function, "recvmsg");
	assert_int_equal(flow(&w, 0)->sport, 1000);
	assert_int_equal(flow(&w, 0)->dport, 2000);
	assert_int_equal(flow(&w, 0)->payload_bytes, 1400);
	assert_int_equal(flow(&w, 0)->accounted_bytes, 1400);
	assert_int_equal(flow(&w, 0)->dead_bytes, 0);
	assert_int_equal(flow(&w, 0)->sender.fd, 5);
	end(&w);
}

/* The receiver asks for less than there is: the rest of a datagram is dead copy to nobody. */
static void test_partial_read(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 500);
	copy_out(&w, HEAD(1) + PAYLOAD, 500, 0);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 500);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	assert_int_equal(flow(&w, 0)->payload_bytes, 500);
	assert_int_equal(flow(&w, 0)->figures[FIGURE_COPIES].bytes, 500);
	assert_int_equal(flow(&w, 0)->dead_bytes, 900);
	end(&w);
}

/* Told a length that the buffer had no room for (MSG_TRUNC): only what fits was delivered. */
static void test_truncated_length(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 500);
	copy_out(&w, HEAD(1) + PAYLOAD, 500, 0);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 1400);
	load(&w);
	exact(&w);
	assert_int_equal(flow(&w, 0)->expected_bytes, 500);
	end(&w);
}

static void test_recycled_head(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	for (unsigned i = 0; i < 3; i++) {
		w.nonce = NONCE + i;
		send_lo(&w, SKB(1), HEAD(1), 1400);
		receive(&w, SKB(1), HEAD(1), 1400);
	}
	load(&w);
	exact(&w);
	counts(&w, 3, 3, 3, 2, 2);
	end(&w);
}

/* As above, but the first free is not recorded. */
static void test_recycled_without_free(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 4096);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	recv_exit(&w, 1400);
	w.nonce++;
	send_lo(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "without a recorded free (1)");
	counts(&w, 2, 2, 2, 2, 2);
	end(&w);
}

/*
 * TCP frees what was acknowledged without a word (net/core/skbuff.c: __kfree_skb by tcp_wmem_free_skb): the
 * head that it shared with a clone seems to be owned still when a message is filled into it.
 */
static void test_filled_into_a_silently_freed_head(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	pass(&w, "dev_queue", SKB(2), HEAD(1), 100);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	end(&w);
}

/* What another filled in before is no news of this one. */
static void test_filled_by_another(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	pass(&w, "dev_queue", SKB(2), HEAD(1), 100);
	send_enter(&w, 1400);
	fill(&w, SKB(3), HEAD(1) + PAYLOAD, 1400);
	copy_in(&w, HEAD(1) + PAYLOAD, 1400, 0);
	pass_lo(&w, SKB(1), HEAD(1), 1400);
	pass(&w, "sk_queue", SKB(1), HEAD(1), 1400);
	send_exit(&w, 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "without a recorded free (1)");
	end(&w);
}

static void test_never_freed(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 4096);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	recv_exit(&w, 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "free is not recorded (1)");
	end(&w);
}

/* The struct sk_buff was used again with other memory, and that use was freed. */
static void test_free_of_another_life(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 4096);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	recv_exit(&w, 1400);
	consume(&w, SKB(1), HEAD(9));
	load(&w);
	why(&w, VERDICT_AT_LEAST, "free");
	end(&w);
}

static void test_moved_to_another_head(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 4096);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	recv_exit(&w, 1400);
	pass(&w, "netif_receive", SKB(1), HEAD(9), 100);
	consume(&w, SKB(1), HEAD(9));
	load(&w);
	why(&w, VERDICT_AT_LEAST, "free");
	end(&w);
}

/* pskb_expand_head: the payload is copied to a new head, and the old one is freed silently. */
static void test_expand_head(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1400);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1400);
	copy_in(&w, HEAD(1) + PAYLOAD, 1400, 0);
	mkrun_event(w.mk, SENDER, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=2048 s=0x77", AT_MEM, HEAD(2),
		    HEAD(1));
	pass_lo(&w, SKB(1), HEAD(2), 1400);
	pass(&w, "sk_queue", SKB(1), HEAD(2), 1400);
	send_exit(&w, 1400);
	receive(&w, SKB(1), HEAD(2), 1400);
	load(&w);
	counts(&w, 1, 1, 1, 3, 3);
	shapes(&w, "scchhhhhc");
	exact(&w);
	end(&w);
}

static void crypt(struct world *w, const char *event, unsigned long len)
{
	mkrun_event(w->mk, 0, "%s skb=%#lx head=%#lx data=%#lx end=2048 len=%lu", event, SKB(1),
		    HEAD(1), HEAD(1) + PAYLOAD - 28, len + 28);
}

/* A way over lo on which the packet is encrypted, copied as it is then, and decrypted. */
static void send_encrypted(struct world *w, bool encrypts, bool decrypts)
{
	send_enter(w, 1000);
	fill(w, SKB(1), HEAD(1) + PAYLOAD, 1000);
	copy_in(w, HEAD(1) + PAYLOAD, 1000, 0);
	if (encrypts)
		crypt(w, "encrypt", 1000);
	mkrun_event(w->mk, 0, "mem __probe_ip=%#lx src=%#lx dst=%#lx len=1000 s=0x5ec4e7", AT_MEM,
		    HEAD(1) + PAYLOAD, HEAD(1) + PAYLOAD + 8);
	mkrun_event(w->mk, 0, "mem __probe_ip=%#lx src=%#lx dst=%#lx len=1000 s=0x5ec4e7", AT_MEM,
		    HEAD(1) + PAYLOAD + 8, HEAD(1) + PAYLOAD);
	pass_lo(w, SKB(1), HEAD(1), 1000);
	if (decrypts)
		crypt(w, "decrypt", 1000);
	pass(w, "sk_queue", SKB(1), HEAD(1), 1000);
	send_exit(w, 1000);
	receive(w, SKB(1), HEAD(1), 1000);
	load(w);
}

/* The same place has other bytes, whose content is none of the message's, and back. */
static void test_transform(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_encrypted(&w, true, true);
	counts(&w, 1, 1, 1, 4, 4);
	assert_int_equal(flow(&w, 0)->figures[FIGURE_TRANSFORMS].min, 2);
	assert_int_equal(flow(&w, 0)->figures[FIGURE_TRANSFORMS].max, 2);
	shapes(&w, "sctcchhhhthc");
	exact(&w);
	for (size_t i = 0; i < flow(&w, 0)->views[0].count; i++)
		if (flow(&w, 0)->views[0].steps[i].site &&
		    !strcmp(flow(&w, 0)->views[0].steps[i].site->function, "recvmsg"))
			assert_true(flow(&w, 0)->views[0].steps[i].checked);
}

static void test_encrypt_unseen(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_encrypted(&w, false, true);
	why(&w, VERDICT_AT_LEAST, "still encrypted, or were never");
}

static void test_decrypt_unseen(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_encrypted(&w, true, false);
	why(&w, VERDICT_AT_LEAST, "still encrypted, or were never");
}

static void test_two_in_one_range(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	for (unsigned i = 0; i < 2; i++) {
		w.nonce = NONCE + i;
		send_enter(&w, 100);
		fill(&w, SKB(1), HEAD(1) + PAYLOAD + i * 100, 100);
		copy_in(&w, HEAD(1) + PAYLOAD + i * 100, 100, 0);
		send_exit(&w, 100);
	}
	pass_lo(&w, SKB(1), HEAD(1), 200);
	pass(&w, "sk_queue", SKB(1), HEAD(1), 200);
	recv_enter(&w, 4096);
	w.nonce = NONCE;
	copy_out(&w, HEAD(1) + PAYLOAD, 200, 0);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 200);
	load(&w);
	exact(&w);
	counts(&w, 2, 2, 2, 2, 2);
	assert_int_equal(flow(&w, 0)->payload_bytes, 200);
	end(&w);
}

static void test_peek(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter_flags(&w, 4096, 2 /* MSG_PEEK */);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	recv_exit(&w, 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 2, 2, 2);
	shapes(&w, "schhhhhc schhhhhc");
	assert_int_equal(flow(&w, 0)->payload_bytes, 2800);
	/* Three copies of 1400 bytes: the first one serves both chains. */
	assert_int_equal(flow(&w, 0)->chain_copy_bytes, 4200);
	end(&w);
}

/* A packet socket on the way out: its clone shares the head. */
static void send_tapped(struct world *w, bool with_tap)
{
	send_enter(w, 1400);
	fill(w, SKB(1), HEAD(1) + PAYLOAD, 1400);
	copy_in(w, HEAD(1) + PAYLOAD, 1400, 0);
	pass(w, "dev_queue", SKB(1), HEAD(1), 1400);
	pass(w, "skb_clone", SKB(2), HEAD(1), 1400);
	if (with_tap)
		pass(w, "tap_rcv", SKB(2), HEAD(1), 1400);
	pass(w, "dev_xmit", SKB(1), HEAD(1), 1400);
	pass(w, "netif_rx", SKB(1), HEAD(1), 1400);
	pass(w, "netif_receive", SKB(1), HEAD(1), 1400);
	pass(w, "sk_queue", SKB(1), HEAD(1), 1400);
	send_exit(w, 1400);
	receive(w, SKB(1), HEAD(1), 1400);
}

static void receive_tap_seen(struct world *w, unsigned long skb, bool copy)
{
	mkrun_event(w->mk, RECEIVER, "sys_enter_recvfrom fd=6");
	mkrun_event(w->mk, RECEIVER, "recv_enter sk=%#lx fam=17 len=4096 itype=%d icnt=4096 ibase=%#lx",
		    SK_TAP, w->mk->ubuf, UB + 0x10000);
	if (copy)
		mkrun_event(w->mk, RECEIVER, "to_iter __probe_ip=%#lx src=%#lx len=1442 itype=%d icnt=4096 "
		    "ibase=%#lx s=0x99", AT_RECV, HEAD(1) + PAYLOAD - HEADERS, w->mk->ubuf, UB + 0x10000);
	consume(w, skb, HEAD(1));
	recv_exit(w, 1442);
}

static void receive_tap(struct world *w, unsigned long skb)
{
	receive_tap_seen(w, skb, true);
}

/* What the observer read is missing: its copy would be counted beside the receiver's. */
static void test_tap_read_unseen(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_tapped(&w, true);
	receive_tap_seen(&w, SKB(2), false);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "what a packet socket copied of a frame is not recorded (1)");
	end(&w);
}

/* An interrupt in the observer's call frees what another socket had, which the observer never saw. */
static void test_freed_in_an_observers_call(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1400);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1400);
	copy_in(&w, HEAD(1) + PAYLOAD, 1400, 0);
	pass_lo(&w, SKB(1), HEAD(1), 1400);
	pass(&w, "skb_clone", SKB(2), HEAD(1), 1400);
	pass(&w, "sk_queue", SKB(2), HEAD(1), 1400);
	pass(&w, "sk_queue", SKB(1), HEAD(1), 1400);
	send_exit(&w, 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	mkrun_event(w.mk, RECEIVER, "sys_enter_recvfrom fd=6");
	mkrun_event(w.mk, RECEIVER, "recv_enter sk=%#lx fam=17 len=4096 itype=%d icnt=4096 ibase=%#lx",
		    SK_TAP, w.mk->ubuf, UB + 0x10000);
	consume(&w, SKB(2), HEAD(1));
	recv_exit(&w, -11);
	load(&w);
	exact(&w);
	end(&w);
}

static void test_tap(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_tapped(&w, true);
	receive_tap(&w, SKB(2));
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 2, 2, 2);
	shapes(&w, "schhhhhc schhc");
	assert_int_equal(flow(&w, 0)->header_bytes, 42);
	end(&w);
}

static void test_tap_unseen(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_tapped(&w, false);
	receive_tap(&w, SKB(2));
	load(&w);
	why(&w, VERDICT_AT_LEAST, "not explained");
	end(&w);
}

/* A packet socket sees frames of lo twice: each of its two reads needs a hand-off of its own. */
static void tap_twice(struct world *w, int missing)
{
	send_enter(w, 1400);
	fill(w, SKB(1), HEAD(1) + PAYLOAD, 1400);
	copy_in(w, HEAD(1) + PAYLOAD, 1400, 0);
	pass(w, "dev_queue", SKB(1), HEAD(1), 1400);
	pass(w, "skb_clone", SKB(2), HEAD(1), 1400);
	if (missing != 0)
		pass(w, "tap_rcv", SKB(2), HEAD(1), 1400);
	pass(w, "dev_xmit", SKB(1), HEAD(1), 1400);
	pass(w, "netif_rx", SKB(1), HEAD(1), 1400);
	pass(w, "netif_receive", SKB(1), HEAD(1), 1400);
	pass(w, "skb_clone", SKB(3), HEAD(1), 1400);
	if (missing != 1)
		pass(w, "tap_rcv", SKB(3), HEAD(1), 1400);
	pass(w, "sk_queue", SKB(1), HEAD(1), 1400);
	send_exit(w, 1400);
	receive(w, SKB(1), HEAD(1), 1400);
	receive_tap(w, SKB(2));
	receive_tap(w, SKB(3));
	load(w);
}

static void test_tap_twice(void **state)
{
	(void)state;
	for (int missing = -1; missing < 2; missing++) {
		static struct world w;

		begin(&w);
		tap_twice(&w, missing);
		counts(&w, 1, 1, 3, 2, 2);
		if (missing < 0)
			exact(&w);
		else
			why(&w, VERDICT_AT_LEAST, "not explained by any recorded event (1)");
		end(&w);
	}
}

/* ---- what is missing ---- */

static void test_missing_step(void **state)
{
	static const char *const steps[] = {"skb_fill", "dev_queue", "dev_xmit", "netif_rx", "netif_receive",
					    "sk_queue"};

	(void)state;
	for (size_t skip = 0; skip < ARRAY_SIZE(steps); skip++) {
		static struct world w;

		begin(&w);
		send_enter(&w, 1400);
		if (skip)
			fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1400);
		copy_in(&w, HEAD(1) + PAYLOAD, 1400, 0);
		for (size_t i = 1; i < ARRAY_SIZE(steps); i++)
			if (i != skip)
				pass(&w, steps[i], SKB(1), HEAD(1), 1400);
		send_exit(&w, 1400);
		receive(&w, SKB(1), HEAD(1), 1400);
		load(&w);
		why(&w, VERDICT_AT_LEAST, "not explained by any recorded event (1)");
		counts(&w, 1, 1, 1, 2, 2);
		assert_int_equal(flow(&w, 0)->figures[FIGURE_GAPS].max, 1);
		end(&w);
	}
}

/* What the thread filled before must not stand for a hand-off that is missing now. */
static void test_stale_fill(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	w.nonce++;
	send_enter(&w, 1400);
	copy_in(&w, HEAD(1) + PAYLOAD, 1400, 0);
	pass_lo(&w, SKB(1), HEAD(1), 1400);
	pass(&w, "sk_queue", SKB(1), HEAD(1), 1400);
	send_exit(&w, 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "not explained by any recorded event (1)");
	end(&w);
}

/* Nothing else tells how many messages a program without a log sent. */
static void test_missing_send(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned missing = 1; missing <= 3; missing++) {
		begin(&w);
		for (unsigned i = 1; i <= 3; i++) {
			if (i != missing)
				send_enter(&w, 1400);
			fill_and_send(&w, SKB(i), HEAD(i), 1400);
			receive(&w, SKB(i), HEAD(i), 1400);
		}
		load(&w);
		assert_true(flow_verdict(&w.r, flow(&w, 0)) != VERDICT_EXACT);
		end(&w);
	}
}

static void test_missing_copies(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1400);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1400);
	pass(&w, "dev_queue", SKB(1), HEAD(1), 1400);
	pass(&w, "sk_queue", SKB(1), HEAD(1), 1400);
	send_exit(&w, 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	why(&w, VERDICT_UNLINKED, "no chain explains");
	end(&w);

	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 4096);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 1400);
	load(&w);
	why(&w, VERDICT_UNLINKED, "no chain explains");
	end(&w);
}

static void test_missing_entries(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter_at(&w, 0xffffffff81000010UL, 1400);
	fill_and_send(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "the beginning of a system call is not recorded (1)");
	end(&w);
}

/* Another thread fills a packet, and what it is at is not recorded. */
static void send_unheard(struct world *w, int tid)
{
	mkrun_event(w->mk, tid, "skb_fill to=%#lx len=%u skb=%#lx", HEAD(9) + PAYLOAD, 100u, SKB(9));
	mkrun_event(w->mk, tid, "from_iter __probe_ip=%#lx dst=%#lx len=100 itype=%d icnt=100 ibase=%#lx",
		    AT_FILL, HEAD(9) + PAYLOAD, w->mk->ubuf, UA);
	mkrun_event(w->mk, tid, "sys_exit_sendto ret=100");
}

/* What was in the middle of a send when the recording began lost nothing; a second time, it has. */
static void test_older_than_the_recording(void **state)
{
	static struct world w;
	static const struct {
		int pid, times;
		bool exact;
	} cases[] = {{RECEIVER, 1, true}, {RECEIVER, 2, false}, {SENDER, 1, false}, {0, 1, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(&w);
		w.mk->pid = cases[i].pid;
		for (int n = 0; n < cases[i].times; n++)
			send_unheard(&w, 101);
		send_lo(&w, SKB(1), HEAD(1), 1400);
		receive(&w, SKB(1), HEAD(1), 1400);
		load(&w);
		if (cases[i].exact)
			exact(&w);
		else
			why(&w, VERDICT_AT_LEAST, "the send itself is not recorded");
		end(&w);
	}
}

/* What nobody is known to have sent may be what another flow misses, and not what this one has. */
static void test_bytes_of_nobody(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	receive(&w, SKB(9), HEAD(9), 100);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	exact(&w);
	end(&w);

	begin(&w);
	receive(&w, SKB(9), HEAD(9), 100);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	why(&w, VERDICT_UNLINKED, "bytes were delivered that no chain explains");
	end(&w);
}

/* An iterator that does not go on where it was is another message's. */
static void test_uneven_receive(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 4096);
	w.room = 5000;
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "contradict each other (1)");
	end(&w);
}

/* The same bytes copied twice, and a return of less or more than was sent. */
static void test_lengths_that_contradict(void **state)
{
	static const struct {
		unsigned long len, again, ret;
	} cases[] = {{1400, 8, 1400}, {1400, 0, 1399}, {1400, 0, 1401}};
	static struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&w);
		send_enter(&w, 1400);
		fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1508);
		mkrun_event(w.mk, SENDER, "from_iter __probe_ip=%#lx dst=%#lx len=%lu itype=%d icnt=1400 ibase=%#lx",
			    AT_FILL, HEAD(1) + PAYLOAD, cases[i].len, w.mk->ubuf, UA);
		w.left = cases[i].again;
		if (cases[i].again)
			copy_in(&w, HEAD(1) + PAYLOAD + 1400, cases[i].again, 1400 - cases[i].again);
		pass(&w, "dev_queue", SKB(1), HEAD(1), 1400);
		pass(&w, "dev_xmit", SKB(1), HEAD(1), 1400);
		pass(&w, "netif_rx", SKB(1), HEAD(1), 1400);
		pass(&w, "netif_receive", SKB(1), HEAD(1), 1400);
		pass(&w, "sk_queue", SKB(1), HEAD(1), 1400);
		send_exit(&w, (long)cases[i].ret);
		receive(&w, SKB(1), HEAD(1), 1400);
		load(&w);
		why(&w, VERDICT_AT_LEAST, "lengths that were recorded contradict each other (1)");
		end(&w);
	}
}

/* The same event again is told of the whole run. */
static void test_doubled(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 4096);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 1400);
	w.mk->ts -= MKRUN_STEP;
	recv_exit(&w, 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "an event stands in the recording twice");
	end(&w);
}

static void test_missing_calls(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "outside any recorded receive call (1)");
	end(&w);

	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	recv_enter(&w, 4096);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	consume(&w, SKB(1), HEAD(1));
	load(&w);
	why(&w, VERDICT_AT_LEAST, "return of a system call is not recorded (1)");
	counts(&w, 1, 1, 1, 2, 2);
	end(&w);
}

static void test_lost_events(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		static struct world w;

		begin(&w);
		send_lo(&w, SKB(1), HEAD(1), 1400);
		receive(&w, SKB(1), HEAD(1), 1400);
		if (how == 0)
			w.mk->lost = 5;
		else if (how == 1)
			w.mk->lost = -1;
		else
			mktrace_missed(w.mk->trace, 0, how == 2 ? 7 : -1);
		load(&w);
		why(&w, VERDICT_AT_LEAST, "events were lost");
		end(&w);
	}
}

static void test_refused_probe(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	w.mk->refused = true;
	send_lo(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "a probe was refused");
	end(&w);
}

static void test_content_mismatch(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	w.nonce++;
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "content differs");
	assert_int_equal(flow(&w, 0)->mismatches, 1);
	end(&w);
}

static void test_nothing(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	mkrun_event(w.mk, SENDER, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=64", AT_MEM, HEAD(1), HEAD(2));
	load(&w);
	assert_null(w.r.engine.flows);
	assert_int_equal(run_verdict(&w.r, NULL), VERDICT_UNLINKED);
	assert_int_equal(w.r.engine.others.count, 1);
	end(&w);
}

static void test_failed_send(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1400);
	send_exit(&w, -EAGAIN);
	load(&w);
	counts(&w, 0, 0, 0, 0, 0);
	assert_int_equal(flow(&w, 0)->failed, 1);
	end(&w);
}

static void test_drop(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	send_enter(&w, 1400);
	fill(&w, SKB(2), HEAD(2) + PAYLOAD, 1400);
	copy_in(&w, HEAD(2) + PAYLOAD, 1400, 0);
	pass(&w, "dev_queue", SKB(2), HEAD(2), 1400);
	mkrun_event(w.mk, SENDER, "drop_skb skb=%#lx head=%#lx end=2048 reason=2", SKB(2), HEAD(2));
	send_exit(&w, 1400);
	load(&w);
	exact(&w);
	counts(&w, 2, 1, 1, 2, 2);
	assert_int_equal(flow(&w, 0)->dropped, 1);
	assert_int_equal(flow(&w, 0)->reasons[2], 1);
	assert_string_equal(rundir_drop_reason(&w.r.run, 2), "NO_SOCKET");
	end(&w);
}

/* Events of another tracer's group and copies of other data lie on no chain. */
static void test_foreign_events(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1400);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1400);
	copy_in(&w, HEAD(1) + PAYLOAD, 1400, 0);
	mkrun_event(w.mk, SENDER, "other_group/mem __probe_ip=1 dst=%#lx src=%#lx len=1400", HEAD(2),
		    HEAD(1) + PAYLOAD);
	mkrun_event(w.mk, 777, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=1400", AT_MEM, HEAD(6), HEAD(7));
	pass_lo(&w, SKB(1), HEAD(1), 1400);
	pass(&w, "sk_queue", SKB(1), HEAD(1), 1400);
	send_exit(&w, 1400);
	/* The same user address in another process is another buffer. */
	mkrun_event(w.mk, 777, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=1400", AT_MEM, HEAD(8), UA);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	assert_int_equal(flow(&w, 0)->dead_bytes, 0);
	end(&w);
}

/* ---- iterators ---- */

static void test_numbering_of_6_12(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	w.mk->ubuf = 0;
	w.mk->iovec = 1;
	send_lo(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	/* kvec is 1 as well in this run.json; what is first in the enum wins nothing here. */
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	end(&w);
}

static void on_lo(struct world *w, unsigned long len)
{
	pass_lo(w, SKB(1), HEAD(1), len);
	pass(w, "sk_queue", SKB(1), HEAD(1), len);
	send_exit(w, (long)len);
}

/* 100 + 0 + 200 + 300 bytes in four segments; both copies span them, in two calls each. */
static void test_iovec(void **state)
{
	static const char *const segs = "0x7f0000001000,100,0,0,0x7f0000003000,200,0x7f0000005000,300";
	static struct world w;
	const struct flow *f;

	(void)state;
	begin(&w);
	mkrun_event(w.mk, SENDER, "sys_enter_sendmsg fd=5");
	mkrun_event(w.mk, SENDER, "send_enter sk=%#lx fam=2 proto=17 lport=1000 rport=%u msg=9 len=600 itype=%d "
		    "icnt=600 ibase=0xffffc90000000000 seg=%s", SK_A, 0xd007u, MKRUN_IOVEC_6_1, segs);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 600);
	mkrun_event(w.mk, SENDER, "from_iter __probe_ip=%#lx dst=%#lx len=150 itype=%d icnt=600 ibase=1 seg=%s s=%#lx",
		    AT_FILL, HEAD(1) + PAYLOAD, MKRUN_IOVEC_6_1, segs, w.nonce);
	mkrun_event(w.mk, SENDER, "from_iter __probe_ip=%#lx dst=%#lx len=450 itype=%d ioff=50 icnt=450 ibase=1 "
		    "seg=0x7f0000003000,200,0x7f0000005000,300 s=1", AT_FILL, HEAD(1) + PAYLOAD + 150,
		    MKRUN_IOVEC_6_1);
	on_lo(&w, 600);
	recv_enter(&w, 4096);
	mkrun_event(w.mk, RECEIVER, "to_iter __probe_ip=%#lx src=%#lx len=600 itype=%d icnt=4096 ibase=1 seg=%s s=%#lx",
		    AT_RECV, HEAD(1) + PAYLOAD, MKRUN_IOVEC_6_1, "0x7f0000009000,350,0x7f000000c000,4096", w.nonce);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 600);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	f = flow(&w, 0);
	assert_int_equal(f->payload_bytes, 600);
	assert_int_equal(f->mismatches, 0);
	assert_int_equal(f->views[0].bytes, 600);
	end(&w);
}

/* More segments than the recorder fetches: what it cannot tell it does not claim. */
static void test_too_many_segments(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	mkrun_event(w.mk, SENDER, "send_enter sk=%#lx fam=2 proto=17 lport=1000 rport=%u msg=9 len=500 itype=%d "
		    "icnt=500 ibase=1 seg=0x7f0000001000,100,0x7f0000002000,100,0x7f0000003000,100,0x7f0000004000,100",
		    SK_A, 0xd007u, MKRUN_IOVEC_6_1);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 500);
	mkrun_event(w.mk, SENDER, "from_iter __probe_ip=%#lx dst=%#lx len=500 itype=%d icnt=500 ibase=1 "
		    "seg=0x7f0000001000,100,0x7f0000002000,100,0x7f0000003000,100,0x7f0000004000,100", AT_FILL,
		    HEAD(1) + PAYLOAD, MKRUN_IOVEC_6_1);
	on_lo(&w, 500);
	receive(&w, SKB(1), HEAD(1), 500);
	load(&w);
	assert_true(flow_verdict(&w.r, flow(&w, 0)) != VERDICT_EXACT);
	end(&w);
}

/* Segments in the kernel (sendfile, io_uring's registered buffers): a page, and plain memory. */
static void test_kvec_and_bvec(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 600);
	/* The first 200 bytes through kernel memory: kvec in, bvec on. */
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 600);
	copy_in(&w, HEAD(4), 200, 0);
	mkrun_event(w.mk, SENDER, "from_iter __probe_ip=%#lx dst=%#lx len=200 itype=%d icnt=200 ibase=1 seg=%#lx,200 "
		    "s=%#lx", AT_FILL, HEAD(5) + 0x100, MKRUN_KVEC, HEAD(4), w.nonce);
	mkrun_event(w.mk, SENDER, "from_iter __probe_ip=%#lx dst=%#lx len=200 itype=%d icnt=200 ibase=1 seg=%#lx,%#lx",
		    AT_FILL, HEAD(1) + PAYLOAD, MKRUN_BVEC, mkrun_page(HEAD(5)), 0x100ul << 32 | 200);
	copy_in(&w, HEAD(1) + PAYLOAD + 200, 400, 200);
	on_lo(&w, 600);
	receive(&w, SKB(1), HEAD(1), 600);
	load(&w);
	counts(&w, 1, 1, 1, 2, 4);
	assert_int_equal(flow(&w, 0)->figures[FIGURE_COPIES].sum, 200 * 4 + 400 * 2);
	end(&w);
}

static void test_pages(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1400);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1400);
	mkrun_event(w.mk, SENDER, "page_from_iter __probe_ip=%#lx page=%#lx off=%lu len=1400 itype=%d icnt=1400 "
		    "ibase=%#lx seg=%#lx", AT_FILL, mkrun_page(HEAD(1)), PAYLOAD, w.mk->ubuf, UA, w.nonce);
	on_lo(&w, 1400);
	recv_enter(&w, 4096);
	mkrun_event(w.mk, RECEIVER, "page_to_iter __probe_ip=%#lx page=%#lx off=%lu len=1400 itype=%d icnt=4096 "
		    "ibase=%#lx", AT_RECV, mkrun_page(HEAD(1)), PAYLOAD, w.mk->ubuf, UB);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 1400);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	end(&w);
}

/* ---- calls ---- */

/* udpv6_sendmsg hands an IPv4 destination on to udp_sendmsg, with the same msghdr. */
static void test_nested_send(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1400);
	/* udpv6_sendmsg hands an IPv4 destination on to another function with the same msghdr. */
	send_enter_at(&w, 0xffffffff81234560UL, 1400);
	fill_and_send(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	end(&w);
}

static void test_recv_without_send(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	assert_null(w.r.engine.flows);
	assert_int_equal(w.r.engine.ledger.orphans, 1);
	end(&w);
}

static void test_failed_recv(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	recv_enter(&w, 4096);
	recv_exit(&w, -EAGAIN);
	send_lo(&w, SKB(1), HEAD(1), 1400);
	receive(&w, SKB(1), HEAD(1), 1400);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	end(&w);
}

/* ---- copies seen at a primitive's entry ---- */

static void csum_out(struct world *w, unsigned long caller)
{
	send_lo(w, SKB(1), HEAD(1), 1400);
	recv_enter(w, 4096);
	mkrun_event(w->mk, RECEIVER, "csum __probe_ip=%#lx src=%#lx dst=%#lx len=1400 s=%#lx caller=%#lx",
		    AT_ENTRY, HEAD(1) + PAYLOAD, UB, w->nonce, caller);
}

static void test_entry_and_caller(void **state)
{
	static struct world w;

	(void)state;
	/* Nobody known called: the copy is the primitive's own. */
	begin(&w);
	csum_out(&w, 0xffffffff81999995);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 1400);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	assert_string_equal(flow(&w, 0)->views[0].steps[7].site->function, "csum_entry");
	end(&w);

	/* A call in the census: it is the site. */
	begin(&w);
	mkrun_site(w.mk, 0xffffffff81000410, "caller", "covered", "call");
	csum_out(&w, 0xffffffff81000415);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 1400);
	load(&w);
	exact(&w);
	assert_string_equal(flow(&w, 0)->views[0].steps[7].site->function, "caller");
	end(&w);

	/* Called from inside a primitive that is counted itself: one copy, not two. */
	begin(&w);
	mkrun_site(w.mk, 0xffffffff81000510, "counted_primitive", "inside", "call");
	csum_out(&w, 0xffffffff81000515);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 1400);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	assert_int_equal(flow(&w, 0)->payload_bytes, 1400);
	end(&w);
}

/* ---- fragments ---- */

static void fragment(struct world *w, unsigned n, unsigned long off, unsigned long len)
{
	fill(w, SKB(n), HEAD(n) + PAYLOAD, len);
	copy_in(w, HEAD(n) + PAYLOAD, len, off);
	pass_lo(w, SKB(n), HEAD(n), len);
}

static void test_fragments(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 2000);
	fragment(&w, 1, 0, 1400);
	fragment(&w, 2, 1400, 600);
	mkrun_event(w.mk, SENDER, "coalesce to=%#lx skb=%#lx head=%#lx end=2048", SKB(1), SKB(2), HEAD(2));
	pass_parts(&w, "sk_queue", SKB(1), HEAD(1), 2000, 600);
	send_exit(&w, 2000);
	recv_enter(&w, 4096);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	copy_out(&w, HEAD(2) + PAYLOAD, 600, 1400);
	consume(&w, SKB(1), HEAD(1));
	recv_exit(&w, 2000);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	assert_int_equal(flow(&w, 0)->payload_bytes, 2000);
	shapes(&w, "schhhhhc");
	assert_int_equal(flow(&w, 0)->views[0].pieces, 2);
	end(&w);
}

/* The fragment that arrives last becomes the head of the queue (net/ipv4/inet_fragment.c): it is
 * cloned, then made into a clone of the first one, whose own struct is freed. */
static void test_morph(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 2000);
	fragment(&w, 1, 0, 1400);
	fragment(&w, 2, 1400, 600);
	pass(&w, "skb_clone", SKB(3), HEAD(2), 600);
	mkrun_event(w.mk, SENDER, "skb_morph to=%#lx skb=%#lx head=%#lx end=2048", SKB(2), SKB(1), HEAD(1));
	consume(&w, SKB(1), HEAD(1));
	mkrun_event(w.mk, SENDER, "coalesce to=%#lx skb=%#lx head=%#lx end=2048", SKB(2), SKB(3), HEAD(2));
	pass_parts(&w, "sk_queue", SKB(2), HEAD(1), 2000, 600);
	send_exit(&w, 2000);
	recv_enter(&w, 4096);
	copy_out(&w, HEAD(1) + PAYLOAD, 1400, 0);
	copy_out(&w, HEAD(2) + PAYLOAD, 600, 1400);
	consume(&w, SKB(2), HEAD(1));
	recv_exit(&w, 2000);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 2, 2);
	assert_int_equal(flow(&w, 0)->payload_bytes, 2000);
	end(&w);
}

static void test_fragment_lost(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 2000);
	fragment(&w, 1, 0, 1400);
	mkrun_event(w.mk, SENDER, "drop_skb skb=%#lx head=%#lx end=2048 reason=2", SKB(1), HEAD(1));
	fragment(&w, 2, 1400, 600);
	mkrun_event(w.mk, SENDER, "drop_skb skb=%#lx head=%#lx end=2048 reason=2", SKB(2), HEAD(2));
	send_exit(&w, 2000);
	load(&w);
	assert_int_equal(flow(&w, 0)->dropped, 1);
	exact(&w);
	end(&w);
}

/* ---- over a wire ---- */

static void test_wire(void **state)
{
	(void)state;
	for (int how = MAP_ENTRY; how <= MAP_POINT; how++) {
		static struct world w;
		const struct flow *f;

		begin(&w);
		send_wire(&w, how, 1, 1384);
		/* In-place receive: the map lies before the recording. */
		unmap(&w, mkrun_phys(RX(1)) + 64, 1536, 2);
		sent_wire(&w, 1, 1384);
		receive_wire(&w, 1, RX(1), 1384);
		load(&w);
		exact(&w);
		counts(&w, 1, 1, 1, 2, 2);
		shapes(&w, "schhdwdhhhc");
		f = flow(&w, 0);
		assert_int_equal(f->figures[FIGURE_DMAS].min, 2);
		assert_int_equal(f->figures[FIGURE_WIRES].max, 1);
		assert_int_equal(f->views[0].steps[4].src, HEAD(1) + PAYLOAD);
		assert_int_equal(f->views[0].steps[6].dst, RX(1) + 64 + HEADERS);
		assert_string_equal(f->path, "eth0>eth1");
		end(&w);
	}
}

static void test_wire_many(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	for (unsigned i = 1; i < 40; i++) {
		w.nonce = NONCE + i;
		send_wire(&w, MAP_POINT, i, 1384);
	}
	for (unsigned i = 1; i < 40; i++) {
		w.nonce = NONCE + i;
		unmap(&w, mkrun_phys(RX(i)) + 64, 1536, 2);
		sent_wire(&w, i, 1384);
		receive_wire(&w, i, RX(i), 1384);
	}
	load(&w);
	exact(&w);
	counts(&w, 39, 39, 39, 2, 2);
	end(&w);
}

/* Without the map no DMA is claimed, and the frame's way is a gap. */
static void test_wire_no_map(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1384);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1384);
	copy_in(&w, HEAD(1) + PAYLOAD, 1384, 0);
	frame(&w, "dev_queue", SKB(1), HEAD(1), HEAD(1) + PAYLOAD - HEADERS, 1384 + HEADERS, 64, 1);
	frame(&w, "dev_xmit", SKB(1), HEAD(1), HEAD(1) + PAYLOAD - HEADERS, 1384 + HEADERS, 64, 1);
	send_exit(&w, 1384);
	unmap(&w, mkrun_phys(RX(1)) + 64, 1536, 2);
	consume(&w, SKB(1), HEAD(1));
	receive_wire(&w, 1, RX(1), 1384);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "not explained");
	assert_int_equal(flow(&w, 0)->figures[FIGURE_WIRES].max, 1);
	end(&w);
}

static void test_wire_not_unmapped(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_wire(&w, MAP_POINT, 1, 1384);
	unmap(&w, mkrun_phys(RX(1)) + 64, 1536, 2);
	consume(&w, SKB(1), HEAD(1));
	receive_wire(&w, 1, RX(1), 1384);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "while mapped for the device (1)");
	end(&w);
}

/* Bytes at an address that nothing recorded wrote: an inlined copybreak. */
static void test_unknown_copy(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_wire(&w, MAP_POINT, 1, 1384);
	sent_wire(&w, 1, 1384);
	receive_wire(&w, 1, HEAD(50), 1384);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "copy's site is unknown (1)");
	counts(&w, 1, 1, 1, 3, 3);
	shapes(&w, "schhdw?hhhc");
	end(&w);
}

static void copybreak(struct world *w, bool mapped_before, bool synced)
{
	if (mapped_before)
		mkrun_event(w->mk, 0, "dma_mapped phys=%#lx dma=%#lx size=1536 dir=2",
			    mkrun_phys(RX(1)) + 64, mkrun_phys(RX(1)) + 64);
	send_wire(w, MAP_POINT, 1, 150);
	if (synced)
		mkrun_event(w->mk, 0, "dma_sync dma=%#lx size=192 dir=2", mkrun_phys(RX(1)) + 64);
	mkrun_event(w->mk, 0, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=192 s=0x5254", AT_MEM,
		    HEAD(50) + 64, RX(1) + 64);
	sent_wire(w, 1, 150);
	receive_wire(w, 1, HEAD(50), 150);
	load(w);
}

static void test_copybreak(void **state)
{
	static struct world w;

	(void)state;
	/* 6.1: synced for the CPU, mapped before the recording. */
	begin(&w);
	w.mk->sync_always = true;
	copybreak(&w, false, true);
	exact(&w);
	counts(&w, 1, 1, 1, 3, 3);
	shapes(&w, "schhdwdchhhc");
	assert_string_equal(flow(&w, 0)->views[0].steps[7].site->function, "driver");
	end(&w);

	/* 6.12: no sync where the device needs none; the buffer is known to be the device's. */
	begin(&w);
	copybreak(&w, true, false);
	exact(&w);
	counts(&w, 1, 1, 1, 3, 3);
	shapes(&w, "schhdwdchhhc");
	end(&w);

	/* 6.1 without the sync that must be there: no DMA is proven. */
	begin(&w);
	w.mk->sync_always = true;
	copybreak(&w, true, false);
	assert_true(flow_verdict(&w.r, flow(&w, 0)) != VERDICT_EXACT);
	end(&w);

	/* Not known at all to be a device's buffer. */
	begin(&w);
	copybreak(&w, false, false);
	assert_true(flow_verdict(&w.r, flow(&w, 0)) != VERDICT_EXACT);
	end(&w);
}

/* swiotlb: the device reads and writes elsewhere, and the CPU copies there and back. */
static void test_bounce(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1384);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1384);
	copy_in(&w, HEAD(1) + PAYLOAD, 1384, 0);
	frame(&w, "dev_queue", SKB(1), HEAD(1), HEAD(1) + PAYLOAD - HEADERS, 1384 + HEADERS, 64, 1);
	frame(&w, "dev_xmit", SKB(1), HEAD(1), HEAD(1) + PAYLOAD - HEADERS, 1384 + HEADERS, 64, 1);
	mkrun_event(w.mk, SENDER, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=1426 s=0x5254", AT_MEM, BOUNCE,
		    HEAD(1) + PAYLOAD - HEADERS);
	map_tx(&w, MAP_POINT, HEAD(1) + PAYLOAD - HEADERS, mkrun_phys(BOUNCE), 1384 + HEADERS);
	send_exit(&w, 1384);
	/* The far end's buffer is bounced too: the unmap is told of it, then copies out of it. */
	unmap(&w, mkrun_phys(BOUNCE) + 0x10000, 1536, 2);
	mkrun_event(w.mk, 0, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=1536 s=0x5254", AT_MEM, RX(1) + 64,
		    BOUNCE + 0x10000);
	unmap(&w, mkrun_phys(BOUNCE), 1384 + HEADERS, 1);
	consume(&w, SKB(1), HEAD(1));
	receive_wire(&w, 1, RX(1), 1384);
	load(&w);
	exact(&w);
	counts(&w, 1, 1, 1, 4, 4);
	shapes(&w, "schhcdwdchhhc");
	end(&w);
}

/*
 * Synced, copied for the receiver, and when the ring goes down, long after the message has arrived,
 * copied out of the bounce buffer once more. n: of the lap around a ring of one buffer.
 */
static void bounce_and_break(struct world *w, unsigned n)
{
	send_wire(w, MAP_POINT, n, 128);
	mkrun_event(w->mk, 0, "dma_sync dma=%#lx size=170 dir=2", mkrun_phys(BOUNCE));
	mkrun_event(w->mk, 0, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=170 s=0x5254", AT_MEM, RX(1), BOUNCE);
	mkrun_event(w->mk, 0, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=170 s=0x5254", AT_MEM, RX(2 + n) + 64,
		    RX(1));
	sent_wire(w, n, 128);
	receive_wire(w, n, RX(2 + n), 128);
}

static void test_bounce_copybroken(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	mkrun_event(w.mk, 0, "dma_map page=%#lx off=%lu size=1522 dir=2", mkrun_page(RX(1)), RX(1) % 4096);
	mkrun_event(w.mk, 0, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=1522", AT_MEM, BOUNCE, RX(1));
	mkrun_event(w.mk, 0, "dma_map_ret dma=%#lx", mkrun_phys(BOUNCE));
	bounce_and_break(&w, 1);
	bounce_and_break(&w, 2);
	unmap(&w, mkrun_phys(BOUNCE), 1522, 2);
	mkrun_event(w.mk, 0, "mem __probe_ip=%#lx dst=%#lx src=%#lx len=1522 s=0x5254", AT_MEM, RX(1), BOUNCE);
	load(&w);
	exact(&w);
	counts(&w, 2, 2, 2, 4, 4);
	/* The ring's only buffer has the second message's bytes. */
	assert_int_equal(flow(&w, 0)->dead_bytes, 128);
	end(&w);
}

/* A bounce that no probe saw is still a copy. */
static void test_bounce_unseen(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_enter(&w, 1384);
	fill(&w, SKB(1), HEAD(1) + PAYLOAD, 1384);
	copy_in(&w, HEAD(1) + PAYLOAD, 1384, 0);
	frame(&w, "dev_queue", SKB(1), HEAD(1), HEAD(1) + PAYLOAD - HEADERS, 1384 + HEADERS, 64, 1);
	frame(&w, "dev_xmit", SKB(1), HEAD(1), HEAD(1) + PAYLOAD - HEADERS, 1384 + HEADERS, 64, 1);
	map_tx(&w, MAP_POINT, HEAD(1) + PAYLOAD - HEADERS, mkrun_phys(BOUNCE), 1384 + HEADERS);
	send_exit(&w, 1384);
	unmap(&w, mkrun_phys(RX(1)) + 64, 1536, 2);
	unmap(&w, mkrun_phys(BOUNCE), 1384 + HEADERS, 1);
	consume(&w, SKB(1), HEAD(1));
	receive_wire(&w, 1, RX(1), 1384);
	load(&w);
	why(&w, VERDICT_AT_LEAST, "copy's site is unknown (1)");
	counts(&w, 1, 1, 1, 3, 3);
	end(&w);
}

/* Another packet than the one sent: never joined. */
static void test_wire_other_identity(void **state)
{
	static struct world w;

	(void)state;
	begin(&w);
	send_wire(&w, MAP_POINT, 1, 1384);
	sent_wire(&w, 1, 1384);
	unmap(&w, mkrun_phys(RX(1)) + 64, 1536, 2);
	receive_wire(&w, 2, RX(1), 1384);
	load(&w);
	assert_int_equal(flow(&w, 0)->chains, 0);
	why(&w, VERDICT_UNLINKED, "no chain explains");
	end(&w);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_live)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_transform), TEST(test_encrypt_unseen), TEST(test_decrypt_unseen), TEST(test_lo),
		TEST(test_partial_read),
		TEST(test_truncated_length),
		TEST(test_recycled_head),
		TEST(test_recycled_without_free),
		TEST(test_filled_into_a_silently_freed_head),
		TEST(test_filled_by_another),
		TEST(test_never_freed),
		TEST(test_free_of_another_life),
		TEST(test_moved_to_another_head),
		TEST(test_expand_head),
		TEST(test_two_in_one_range),
		TEST(test_peek),
		TEST(test_tap_read_unseen),
		TEST(test_freed_in_an_observers_call),
		TEST(test_tap),
		TEST(test_tap_unseen),
		TEST(test_tap_twice),
		TEST(test_missing_step),
		TEST(test_stale_fill),
		TEST(test_missing_send),
		TEST(test_missing_copies),
		TEST(test_missing_entries),
		TEST(test_older_than_the_recording),
		TEST(test_bytes_of_nobody),
		TEST(test_uneven_receive),
		TEST(test_lengths_that_contradict),
		TEST(test_doubled),
		TEST(test_missing_calls),
		TEST(test_lost_events),
		TEST(test_refused_probe),
		TEST(test_content_mismatch),
		TEST(test_nothing),
		TEST(test_failed_send),
		TEST(test_drop),
		TEST(test_foreign_events),
		TEST(test_numbering_of_6_12),
		TEST(test_iovec),
		TEST(test_too_many_segments),
		TEST(test_kvec_and_bvec),
		TEST(test_pages),
		TEST(test_nested_send),
		TEST(test_recv_without_send),
		TEST(test_failed_recv),
		TEST(test_entry_and_caller),
		TEST(test_fragments),
		TEST(test_morph),
		TEST(test_fragment_lost),
		TEST(test_wire),
		TEST(test_wire_many),
		TEST(test_wire_no_map),
		TEST(test_wire_not_unmapped),
		TEST(test_unknown_copy),
		TEST(test_copybreak),
		TEST(test_bounce),
		TEST(test_bounce_copybroken),
		TEST(test_bounce_unseen),
		TEST(test_wire_other_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
