// SPDX-License-Identifier: GPL-2.0-only
#include "proofrun.h"

#include <stdio.h>
#include <string.h>

#define SENDER 100
#define RECEIVER 200
#define UA 0x7f0000001000ul
#define UB 0x7f0000009000ul
#define SK_A 0xffff888001000000ul
#define SK_B 0xffff888001001000ul
#define HEAD 0xffff888002000000ul
#define SKB 0xffff888003000000ul
#define PAYLOAD 0x2cul
#define AT_FILL 0xffffffff81000010ul
#define AT_RECV 0xffffffff81000110ul

static void pass(struct mkrun *mk, const struct onemessage *m, const char *event, const char *more, unsigned long len)
{
	if (m->without && !strcmp(m->without, event))
		return;
	mkrun_event(mk, SENDER, "%s skb=%#lx head=%#lx data=%#lx end=2048 len=%lu mac=2 %s", event, SKB, HEAD,
		    HEAD + PAYLOAD - 28, len + 28, more);
}

void proof_message(struct mkrun *mk, const struct onemessage *m)
{
	unsigned long len = m->len, nonce = m->nonce;
	char sk[64];

	snprintf(sk, sizeof(sk), "sk=%#lx", SK_B);
	mkrun_event(mk, SENDER, "sys_enter_sendto fd=4");
	mkrun_event(mk, SENDER,
		    "send_enter __probe_ip=0x10 sk=%#lx sock=1 file=2 fam=2 proto=17 lport=1000 rport=%u laddr=0x0100007f "
		    "raddr=0x0100007f msg=0xffffc90000001000 len=%lu itype=%d icnt=%lu ibase=%#lx seg=%#lx", SK_A, 0xd007u,
		    len, mk->ubuf, len, UA, nonce);
	mkrun_event(mk, SENDER, "skb_fill to=%#lx len=%lu skb=%#lx", HEAD + PAYLOAD, len, SKB);
	mkrun_event(mk, SENDER,
		    "from_iter __probe_ip=%#lx dst=%#lx len=%lu itype=%d icnt=%lu ibase=%#lx seg=%#lx", AT_FILL,
		    HEAD + PAYLOAD, len, mk->ubuf, len, UA, nonce);
	pass(mk, m, "dev_queue", "dev=lo", len);
	pass(mk, m, "dev_xmit", "dev=lo", len);
	pass(mk, m, "netif_rx", "dev=lo", len);
	pass(mk, m, "netif_receive", "dev=lo", len);
	pass(mk, m, "sk_queue", sk, len);
	mkrun_event(mk, SENDER, "sys_exit_sendto ret=%lu", len);
	mkrun_event(mk, RECEIVER,
		    "recv_enter sk=%#lx sock=3 file=4 fam=2 proto=17 lport=2000 len=4096 itype=%d icnt=4096 ibase=%#lx",
		    SK_B, mk->ubuf, UB);
	mkrun_event(mk, RECEIVER,
		    "to_iter __probe_ip=%#lx src=%#lx len=%lu itype=%d icnt=4096 ibase=%#lx s=%#lx", AT_RECV,
		    HEAD + PAYLOAD, len, mk->ubuf, UB, nonce);
	mkrun_event(mk, RECEIVER, "consume_skb skb=%#lx head=%#lx end=2048", SKB, HEAD);
	mkrun_event(mk, RECEIVER, "sys_exit_recvfrom ret=%lu", len);
}

void proof_sites(struct mkrun *mk)
{
	mkrun_site(mk, AT_FILL, "getfrag", "probed", "call");
	mkrun_site(mk, AT_RECV, "recvmsg", "probed", "call");
}

struct mkrun *proof_run(void)
{
	struct mkrun *mk = mkrun_new();

	proof_sites(mk);
	proof_message(mk, &(struct onemessage){64, 0x1122334455667788ul, NULL});
	mkrun_write(mk);
	return mk;
}
