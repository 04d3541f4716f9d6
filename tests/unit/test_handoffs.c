// SPDX-License-Identifier: GPL-2.0-only
/* Hand-offs from device to device: which may follow which, and that one which is missing shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/vec.h"
#include "mkrun.h"

#define SENDER 100
#define RECEIVER 200
#define UA 0x7f0000001000ul
#define UB 0x7f0000009000ul
#define SK_A 0xffff888001000000ul
#define SK_B 0xffff888001001000ul
#define SKB 0xffff888003000000ul
#define HEAD 0xffff888002000000ul
#define PAYLOAD (HEAD + 100)
#define LEN 1000ul
#define NONCE 0x1122334455667788ul
#define AT_FILL 0xffffffff81000010ul
#define AT_RECV 0xffffffff81000110ul

struct journey {
	const char *name;
	const char
		*steps[10]; /* "EVENT DEVICE", between the sender's copy and the socket's queue */
	const char *silent; /* a step after which nothing names its device again */
};

/* As they were seen on kernels 6.1 to 7.3. */
static const struct journey routes[] = {
	{.name = "lo", .steps = {"dev_queue lo", "dev_xmit lo", "netif_rx lo", "netif_receive lo"}},
	{.name = "veth", .steps = {"dev_queue a", "dev_xmit a", "netif_rx b", "netif_receive b"}},
	{.name = "veth with NAPI",
	 .steps = {"dev_queue a", "dev_xmit a", "gro_receive b", "netif_receive b"}},
	{.name = "VLAN",
	 .steps = {"dev_queue vlan", "dev_xmit vlan", "dev_queue a", "dev_xmit a", "netif_rx b",
		   "netif_receive b"}},
	{.name = "router",
	 .steps = {"dev_queue a", "dev_xmit a", "netif_rx b", "netif_receive b", "dev_queue c",
		   "dev_xmit c", "netif_rx d", "netif_receive d"}},
	{.name = "tunnel",
	 .steps = {"dev_queue tun", "dev_xmit tun", "dev_queue a", "dev_xmit a", "netif_rx b",
		   "netif_receive b", "gro_receive tunb", "netif_receive tunb"}},
	{.name = "macvlan bridge",
	 .steps = {"dev_queue mv", "dev_xmit mv", "netif_rx low", "netif_receive low"}},
	{.name = "bridge up",
	 .steps = {"dev_queue a", "dev_xmit a", "netif_rx b", "netif_receive b",
		   "netif_receive br"},
	 .silent = "netif_receive br"},
	{.name = "ifb",
	 .steps = {"dev_queue a", "dev_xmit a", "netif_rx b", "netif_receive b", "dev_queue ifb",
		   "dev_xmit ifb", "netif_receive b"}},
};

static void pass(struct mkrun *mk, const char *step)
{
	const char *dev = strchr(step, ' ');
	/* What a tunnel carries begins behind the tunnel's own headers. */
	unsigned long outer = dev && strstr(dev, "tunb") ? 50 : 0;
	char text[64] = "";

	if (dev)
		snprintf(text, sizeof(text), "dev=%s", dev + 1);
	else
		snprintf(text, sizeof(text), "sk=%#lx", SK_B);
	mkrun_event(mk, SENDER, "%.*s skb=%#lx head=%#lx data=%#lx end=2048 len=%lu mac=2 %s",
		    dev ? (int)(dev - step) : (int)strlen(step), step, SKB, HEAD,
		    PAYLOAD - 78 + outer, LEN + 78 - outer, text);
}

static void send_and_copy(struct mkrun *mk)
{
	mkrun_event(mk, SENDER, "sys_enter_sendto fd=5");
	mkrun_event(mk, SENDER,
		    "send_enter sk=%#lx sock=1 file=2 fam=2 proto=17 lport=1000 rport=2000 "
		    "laddr=0x0100007f "
		    "raddr=0x0100007f msg=0xffffc90000001000 len=%lu itype=%d icnt=%lu ibase=%#lx "
		    "seg=%#lx",
		    SK_A, LEN, mk->ubuf, LEN, UA, NONCE);
	mkrun_event(mk, SENDER, "skb_fill to=%#lx len=%lu skb=%#lx", PAYLOAD, LEN, SKB);
	mkrun_event(
		mk, SENDER,
		"from_iter __probe_ip=%#lx dst=%#lx len=%lu itype=%d icnt=%lu ibase=%#lx seg=%#lx",
		AT_FILL, PAYLOAD, LEN, mk->ubuf, LEN, UA, NONCE);
}

static void receive(struct mkrun *mk)
{
	mkrun_event(mk, RECEIVER, "sys_enter_recvfrom fd=6");
	mkrun_event(mk, RECEIVER,
		    "recv_enter sk=%#lx sock=3 file=4 fam=2 proto=17 lport=2000 len=%lu itype=%d "
		    "icnt=%lu ibase=%#lx",
		    SK_B, LEN, mk->ubuf, LEN, UB);
	mkrun_event(mk, RECEIVER,
		    "to_iter __probe_ip=%#lx src=%#lx len=%lu itype=%d icnt=%lu ibase=%#lx s=%#lx",
		    AT_RECV, PAYLOAD, LEN, mk->ubuf, LEN, UB, NONCE);
	mkrun_event(mk, RECEIVER, "consume_skb skb=%#lx head=%#lx end=2048", SKB, HEAD);
	mkrun_event(mk, RECEIVER, "sys_exit_recvfrom ret=%lu", LEN);
}

/* One message that goes the route, but for step `missing`. */
static void go(const struct journey *route, size_t missing, struct analysis *r, struct mkrun **out)
{
	struct mkrun *mk = mkrun_new();

	*out = mk;
	mkrun_site(mk, AT_FILL, "getfrag", "probed", "call");
	mkrun_site(mk, AT_RECV, "recvmsg", "probed", "call");
	send_and_copy(mk);
	for (size_t i = 0; route->steps[i]; i++)
		if (i != missing)
			pass(mk, route->steps[i]);
	pass(mk, "sk_queue");
	mkrun_event(mk, SENDER, "sys_exit_sendto ret=%lu", LEN);
	receive(mk);
	mkrun_load(mk, r);
}

static void test_every_route_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		struct analysis r;
		struct mkrun *mk;
		char why[512];

		go(&routes[i], SIZE_MAX, &r, &mk);
		flow_why(&r, r.engine.flows, why, sizeof(why));
		if (flow_verdict(&r, r.engine.flows) != VERDICT_EXACT)
			fail_msg("%s: %s", routes[i].name, why);
		analysis_free(&r);
		mkrun_free(mk);
	}
}

static void test_every_missing_step_shows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		for (size_t missing = 0; routes[i].steps[missing]; missing++) {
			struct analysis r;
			struct mkrun *mk;

			if (routes[i].silent && !strcmp(routes[i].steps[missing], routes[i].silent))
				continue;
			go(&routes[i], missing, &r, &mk);
			if (flow_verdict(&r, r.engine.flows) == VERDICT_EXACT)
				fail_msg("%s: exact without %s", routes[i].name,
					 routes[i].steps[missing]);
			analysis_free(&r);
			mkrun_free(mk);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_route_is_exact),
		cmocka_unit_test(test_every_missing_step_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
