// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/exitcode.h"
#include "common/msg.h"
#include "traffic/group.h"
#include "traffic/offload.h"
#include "traffic/signals.h"
#include "traffic/udp.h"
#include "traffic/worker.h"

#define ALONE_RATE 100 /* a sender that cannot see its receiver has no lock-step */

#define AT(member) offsetof(struct tf_udp_args, member)
#define SEGMENTS TF_SEGMENTS_MAX

static const struct opt udp_opts[] = {
	{OPT_UINT, "size", AT(size), "N", "bytes of payload a message, default 64", 1, 65507, NULL},
	{OPT_UINT, "count", AT(count), "N", "messages, default 1000", 1, 10000000, NULL},
	{OPT_UINT, "rate", AT(rate), "N", "messages a second; 0, the default: lock-step", 0,
	 10000000, NULL},
	{OPT_UINT, "timeout", AT(timeout), "MS",
	 "a message not there by then is lost, default 2000", 1, 3600000, NULL},
	{OPT_STR, "fill", AT(fill), "WORD", "payload is this little-endian word, 8 hex digits", 0,
	 0, NULL},
	{OPT_STR, "bind", AT(bind), "ADDR[:PORT]", "address of the receiver, or of --send", 0, 0,
	 NULL},
	{OPT_STR, "to", AT(to), "ADDR:PORT", "where to send", 0, 0, NULL},
	{OPT_STR, "netns", AT(netns), "NAME", "network namespace to run in", 0, 0, NULL},
	{OPT_STR, "path", AT(path), "TESTBED", "lo (default), or another of traffic testbed --list",
	 0, 0, NULL},
	{OPT_FLAG, "send", AT(send), NULL, "only send", 0, 0, NULL},
	{OPT_FLAG, "recv", AT(recv), NULL, "only receive", 0, 0, NULL},
	{OPT_FLAG, "hold", AT(hold), NULL, "send all, wait for the user, then receive", 0, 0, NULL},
	{OPT_FLAG, "verify", AT(verify), NULL, "check contents; a mismatch exits 1", 0, 0, NULL},
	{OPT_FLAG, "aligned", AT(aligned), NULL, "payload starts a page; it always does", 0, 0,
	 NULL},
	{OPT_FLAG, "connected", AT(connected), NULL, "connect the sockets", 0, 0, NULL},
	{OPT_WORD, "send-call", AT(udp.send_call), "CALL", TF_SEND_CALLS, 0, 0, TF_SEND_CALLS},
	{OPT_WORD, "recv-call", AT(udp.recv_call), "CALL", TF_RECV_CALLS, 0, 0, TF_RECV_CALLS},
	{OPT_UINT, "send-segments", AT(udp.send_segments), "N",
	 "cut each message into N segments (iovecs)", 1, SEGMENTS, NULL},
	{OPT_UINT, "recv-segments", AT(udp.recv_segments), "N",
	 "receive it into N segments", 1, SEGMENTS, NULL},
	{OPT_UINT, "batch", AT(udp.batch), "N", "send N messages a call (sendmmsg)", 1, SEGMENTS,
	 NULL},
	{OPT_UINT, "recv-batch", AT(udp.recv_batch), "N", "receive up to N a call (recvmmsg)", 1,
	 SEGMENTS, NULL},
	{OPT_FLAG, "peek", AT(peek), NULL, "receive each message with MSG_PEEK first", 0, 0, NULL},
	{OPT_UINT, "recv-size", AT(udp.recv_size), "N",
	 "receive N bytes at most; the rest of a message is cut off", 1, 65535, NULL},
	{OPT_FLAG, "trunc", AT(udp.trunc), NULL, "receive with MSG_TRUNC: the true length", 0, 0,
	 NULL},
	{OPT_FLAG, "cork", AT(udp.cork), NULL, "build each datagram by several calls, with UDP_CORK",
	 0, 0, NULL},
	{OPT_FLAG, "more", AT(udp.more), NULL, "the same with MSG_MORE", 0, 0, NULL},
	{OPT_UINT, "parts", AT(udp.parts), "N", "calls a datagram of --cork and --more, default 2",
	 2, SEGMENTS, NULL},
	{OPT_UINT, "gso", AT(udp.gso), "SIZE",
	 "UDP_SEGMENT: the kernel cuts each message into datagrams of SIZE", 1, 65507, NULL},
	{OPT_FLAG, "gro", AT(udp.gro), NULL, "UDP_GRO: receive several datagrams as one", 0, 0,
	 NULL},
	{OPT_FLAG, "no-check", AT(udp.no_check), NULL, "send without UDP checksum", 0, 0, NULL},
	{OPT_UINT, "receivers", AT(udp.receivers), "N",
	 "receiving processes, of --multicast, --broadcast or --reuseport", 1, TF_RECEIVERS, NULL},
	{OPT_FLAG, "multicast", AT(udp.multicast), NULL, "send to a group that all receivers join",
	 0, 0, NULL},
	{OPT_FLAG, "broadcast", AT(udp.broadcast), NULL, "send to the network of all receivers", 0,
	 0, NULL},
	{OPT_FLAG, "reuseport", AT(udp.reuseport), NULL,
	 "SO_REUSEPORT: one of the receivers gets a message", 0, 0, NULL},
	{OPT_FLAG, "ipv6", AT(udp.ipv6), NULL, "over IPv6", 0, 0, NULL},
	{OPT_UINT, "mtu", AT(udp.mtu), "N", "IPV6_MTU of the sender: larger messages are fragmented",
	 1280, 65535, NULL},
	{OPT_STR, "ethtool", AT(udp.ethtool), "'WORD on|off ...'",
	 "switch rx, tx, sg, tso, gso, gro of the path's devices", 0, 0, NULL},
	{OPT_UINT, "threads", AT(udp.threads), "N", "threads of each end that use its socket at once",
	 1, TF_WORKERS, NULL},
	{OPT_WORD, "dup", AT(udp.dup), "HOW",
	 "a second user of each socket: dup, fork, exec, scm (over SCM_RIGHTS)", 0, 0, TF_DUPS},
	{OPT_WORD, "socket", AT(udp.socket), "KIND",
	 "udp, raw, ping, packet, ring (packets read from one), frame (packets to UDP)", 0, 0,
	 TF_SOCKETS},
	{OPT_WORD, "observe", AT(udp.observe), "KIND", "listen at the receiver's device: packet, ring",
	 0, 0, TF_OBSERVERS},
	{OPT_FLAG, "observe-src", AT(udp.observe_src), NULL, "at the sender's device", 0, 0, NULL},
	{OPT_STR, "log", AT(log), "FILE", "append to FILE, default $COPYCHAIN_TRAFFIC_LOG", 0, 0,
	 NULL},
	{OPT_END, NULL, 0, NULL, NULL, 0, 0, NULL},
};

const struct opt_command tf_udp_command = {
	.usage = "traffic udp [OPTIONS]",
	.about = "Sends UDP messages from one process to another and logs every call.\n"
		 "The next one is sent when the last was received, unless --rate says otherwise.",
	.opts = udp_opts,
};

static const struct tf_addr_option bind_option = {"--bind", 0, false, true};
static const struct tf_addr_option to_option = {"--to", 0, true, true};

static int wrong(const char *why)
{
	msg_error("%s", why);
	return -EINVAL;
}

static int check_ends(const struct tf_udp_args *a, enum tf_ends *ends)
{
	bool alone = a->send || a->recv;

	if (tf_check_ends(a->send, a->recv, a->to, a->hold, ends))
		return -EINVAL;
	if (alone && strcmp(a->path, "lo"))
		return wrong("--path sets up a testbed for both ends; one end takes --netns");
	if (a->netns && strcmp(a->path, "lo"))
		return wrong("--path makes namespaces of its own; leave out --netns");
	return 0;
}

static const char *check_call(const struct tf_spec *spec, bool sender)
{
	const struct tf_call *c = tf_udp_call(spec, sender);
	size_t size = sender || !spec->udp.recv_size ? spec->size : spec->udp.recv_size;

	if (!c->batch && tf_udp_batch(spec, sender) > 1)
		return sender ? "--batch takes sendmmsg" : "--recv-batch takes recvmmsg";
	if (!c->segments && (sender ? spec->udp.send_segments : spec->udp.recv_segments) > 1)
		return sender ? "--send-segments takes sendmsg, sendmmsg or writev" :
				"--recv-segments takes recvmsg, recvmmsg or readv";
	if (tf_udp_segments(spec, sender) > size)
		return sender ? "--send-segments: more segments than bytes" :
				"--recv-segments: more segments than bytes";
	if (sender && !c->named && !spec->connected)
		return "--send-call: a call without an address takes --connected";
	if (!c->flags && !sender && (spec->peek || spec->udp.trunc))
		return "--recv-call: a call without flags takes neither --peek nor --trunc";
	return NULL;
}

#define GSO_MAX 64 /* UDP_MAX_SEGMENTS of old kernels */

static const char *check_parts(const struct tf_spec *spec)
{
	const struct tf_udp_spec *u = &spec->udp;

	if (u->cork && u->more)
		return "--cork and --more: give one of them";
	if (u->parts && !u->cork && !u->more)
		return "--parts takes --cork or --more";
	if (tf_udp_parts(spec) == 1)
		return NULL;
	if (tf_udp_batch(spec, true) > 1 || u->gso)
		return "--cork and --more build one datagram: leave out --batch and --gso";
	if (u->more && !tf_udp_call(spec, true)->flags)
		return "--more takes a call with flags";
	return NULL;
}

static const char *check_offload(const struct tf_spec *spec)
{
	const struct tf_udp_spec *u = &spec->udp;

	if (u->gso > spec->size)
		return "--gso: a datagram is larger than the message";
	if (tf_udp_datagrams(spec) > GSO_MAX)
		return "--gso: more than 64 datagrams a message";
	if (u->gso && u->no_check)
		return "--gso needs checksums: leave out --no-check";
	if (u->gro && !tf_call_has_control(tf_udp_call(spec, false)))
		return "--gro takes recvmsg or recvmmsg";
	if (u->gro && (u->recv_size || spec->peek))
		return "--gro takes neither --recv-size nor --peek";
	return NULL;
}

static const char *check_receivers(const struct tf_spec *spec)
{
	const struct tf_udp_spec *u = &spec->udp;
	bool many = u->multicast || u->broadcast || u->reuseport || tf_socket_of(spec)->every;

	if (u->multicast + u->broadcast + u->reuseport > 1)
		return "--multicast, --broadcast, --reuseport: give one of them";
	if (u->receivers > 1 && !many)
		return "--receivers: how do they share? --multicast, --broadcast or --reuseport";
	if ((u->multicast || u->broadcast) && spec->connected)
		return "--connected is for one receiver";
	if (u->receivers + tf_flow_observers(spec) > TF_RECEIVERS)
		return "--receivers: with an observer, 15 at most";
	if (u->receivers > 1 && spec->ends == ENDS_SEND)
		return "--receivers is for who receives";
	if (u->multicast && spec->ends == ENDS_SEND && !tf_addr_is_group(&spec->to))
		return "--to: no multicast group";
	if (u->multicast && spec->bind.sa.sa_family && spec->ends != ENDS_SEND &&
	    !tf_addr_is_group(&spec->bind))
		return "--bind: no multicast group";
	return NULL;
}

static const char *check_testbed(const struct tf_spec *spec)
{
	const struct tf_udp_spec *u = &spec->udp;

	if (u->mtu && !u->ipv6)
		return "--mtu is for --ipv6";
	if (u->ipv6 && u->broadcast)
		return "--broadcast: IPv6 has none";
	if (u->ipv6 && (spec->bind.sa.sa_family == AF_INET || spec->to.sa.sa_family == AF_INET))
		return "--ipv6: the address given is of IPv4";
	if (u->ethtool && !strcmp(spec->path, "given"))
		return "--ethtool is for the devices of a --path";
	return NULL;
}

static const char *check_workers(const struct tf_spec *spec)
{
	if (spec->udp.dup && spec->udp.threads)
		return "--dup and --threads: give one of them";
	if (tf_workers_of(spec) > 1 && spec->peek)
		return "--peek takes one reader of a socket";
	if (tf_workers_of(spec) > 1 && tf_udp_parts(spec) > 1)
		return "--cork and --more take one writer of a socket";
	return NULL;
}

/* What only UDP sockets do. */
static bool is_plain(const struct tf_spec *spec)
{
	const struct tf_udp_spec *u = &spec->udp;

	return !u->gso && !u->gro && !u->no_check && !u->mtu && !u->reuseport && !u->multicast &&
	       !u->broadcast && !u->cork && !u->more;
}

static const char *check_socket(const struct tf_spec *spec)
{
	const struct tf_udp_spec *u = &spec->udp;
	const struct tf_socket *s = tf_socket_of(spec);

	if (u->observe_src && !u->observe)
		return "--observe-src takes --observe";
	if (u->observe && (spec->ends != ENDS_BOTH || spec->size < 20))
		return "--observe takes both ends, and messages of 20 bytes at least";
	if (!strcmp(s->word, "udp"))
		return NULL;
	if (spec->ends != ENDS_BOTH || !strcmp(spec->path, "given"))
		return "--socket takes both ends on a --path";
	if (!is_plain(spec))
		return "--socket: that is for UDP sockets";
	if (s->frames && (u->ipv6 || spec->connected || u->dup || u->threads))
		return "--socket: packets take neither --ipv6, --connected, --dup nor --threads";
	if (!strcmp(s->word, "ping") && (spec->connected || u->dup || u->threads))
		return "--socket ping takes neither --connected, --dup nor --threads";
	if (!strcmp(s->word, "frame") && !strcmp(spec->path, "lo"))
		return "--socket frame: lo takes no frames from outside";
	return NULL;
}

/* What does not go together. */
int tf_udp_check(const struct tf_spec *spec)
{
	const char *why = check_call(spec, true);

	if (!why)
		why = check_call(spec, false);
	if (!why && spec->peek && tf_udp_batch(spec, false) > 1)
		why = "--peek looks at one message: leave out --recv-batch";
	if (!why)
		why = check_parts(spec);
	if (!why)
		why = check_offload(spec);
	if (!why)
		why = check_receivers(spec);
	if (!why)
		why = check_testbed(spec);
	if (!why)
		why = check_workers(spec);
	if (!why)
		why = check_socket(spec);
	return why ? wrong(why) : 0;
}

int tf_udp_spec(const struct tf_udp_args *a, struct tf_spec *spec, char *name, size_t size)
{
	const char *model;
	enum tf_ends ends;
	char why[256];
	int err = check_ends(a, &ends);

	if (err)
		return err;
	if (tf_testbed_known(a->path, why, sizeof(why)))
		return wrong(why);
	*spec = (struct tf_spec){.name = name,
				 .proto = "udp",
				 .path = tf_testbed_name(a->path),
				 .testbed = a->path,
				 .size = a->size,
				 .count = a->count,
				 .rate = a->rate   ? a->rate
					 : a->send ? ALONE_RATE
						   : 0,
				 .timeout = a->timeout,
				 .ends = ends,
				 .has_fill = a->fill,
				 .verify = a->verify,
				 .peek = a->peek,
				 .connected = a->connected,
				 .hold = a->hold,
				 .udp = a->udp,
				 .netns = a->netns};
	if (a->fill && tf_payload_word(a->fill, &spec->fill)) {
		msg_error("--fill: '%s' is not 8 hex digits", a->fill);
		return -EINVAL;
	}
	if (a->bind && tf_parse_addr(&bind_option, a->bind, &spec->bind))
		return -EINVAL;
	if (a->to && tf_parse_addr(&to_option, a->to, &spec->to))
		return -EINVAL;
	if (a->netns || a->bind || a->to)
		spec->path = "given";
	spec->udp.ipv6 |= spec->bind.sa.sa_family == AF_INET6 || spec->to.sa.sa_family == AF_INET6;
	if (a->udp.ethtool && tf_offload_check(a->udp.ethtool))
		return -EINVAL;
	spec->proto = tf_socket_of(spec)->proto;
	model = strchr(spec->path, ':');
	snprintf(name, size, "%s-%s-%lu", spec->udp.socket ? spec->udp.socket : "udp",
		 model ? model + 1 : spec->path, spec->size);
	return tf_udp_check(spec);
}

int tf_run_one(const struct tf_spec *spec, const char *log_path)
{
	const struct tf_kind *kind = tf_kind_find(spec->proto);
	struct tf_testbed testbed;
	struct tf_log log;
	char said[256];
	int status = EXIT_ENV;

	if (kind->can && kind->can(said, sizeof(said))) {
		msg_error("%s: %s", spec->name, said);
		return EXIT_ENV;
	}
	if (tf_log_open(&log, log_path))
		return EXIT_ENV;
	tf_signals_catch();
	tf_testbed_reap();
	if (tf_testbed_up(&testbed, tf_flow_testbed(spec), spec->udp.ipv6)) {
		if (!tf_interrupted)
			msg_error("path %s: %s", spec->path, testbed.why);
		goto out;
	}
	status = tf_flow_run(spec, 1, &testbed, &log, said, sizeof(said));
	printf("%s\n", said);
	if (fflush(stdout))
		status = EXIT_ENV;
	tf_testbed_down(&testbed);
out:
	tf_log_close(&log);
	tf_signals_end();
	return status;
}

int tf_cmd_udp(int argc, char **argv)
{
	struct tf_udp_args args = {.size = 64, .count = 1000, .timeout = 2000, .path = "lo"};
	struct tf_spec spec;
	char name[48];
	int at = opt_parse(&tf_udp_command, argc, argv, &args);

	if (at == -ECANCELED)
		return EXIT_GOOD;
	if (at >= 0 && at < argc)
		msg_error("'%s' is too much; udp takes options only", argv[at]);
	if (at != argc || tf_udp_spec(&args, &spec, name, sizeof(name)))
		return EXIT_USAGE;
	return tf_run_one(&spec, args.log);
}
