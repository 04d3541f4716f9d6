// SPDX-License-Identifier: GPL-2.0-only
/* Sets of flows; a flow more is a row more. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/exitcode.h"
#include "common/msg.h"
#include "common/vec.h"
#include "traffic/cmd.h"
#include "traffic/pty.h"
#include "traffic/signals.h"

#define UDP_ON(path_, size_, count_, timeout_, ...)                                                \
	{                                                                                          \
		.name = "udp-" path_ "-" #size_, .proto = "udp", .path = path_, .size = size_,     \
		.count = count_, .timeout = timeout_, .verify = true, __VA_ARGS__                  \
	}
#define UDP(path_, size_) UDP_ON(path_, size_, 1000, 2000, )

#define RDMA(name_, path_, testbed_, size_, count_, ...)                                               \
	{                                                                                          \
		.name = "rdma-" name_ "-" #size_, .proto = "rdma", .path = path_, .testbed = testbed_,     \
		.size = size_, .count = count_, .timeout = 10000, .verify = true, .rdma = {        \
			.depth = 1,                                                                \
			.ack_timeout = 31,                                                         \
			.retries = TF_RDMA_RETRIES,                                                \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define RC(op_, word_, size_, count_) RDMA(op_, "veth", "rxe", size_, count_, .op = word_)

static const struct tf_spec default_flows[] = {
	UDP("lo", 64),
	UDP("lo", 1400),
	UDP("veth", 1400),
	UDP("nics", 128),
	UDP("nics", 1400),
	UDP("nics", 8000),
	TF_PTY_SPEC,
	RC("send", RDMA_SEND, 64, 200),
	RC("send", RDMA_SEND, 4096, 200),
	RC("send", RDMA_SEND, 1048576, 4),
	RC("write", RDMA_WRITE, 64, 200),
	RC("write", RDMA_WRITE, 4096, 200),
	RC("write", RDMA_WRITE, 1048576, 4),
	RC("read", RDMA_READ, 64, 200),
	RC("read", RDMA_READ, 4096, 200),
	RC("read", RDMA_READ, 1048576, 4),
};

#define NET(path_, size_, ...) UDP_ON(path_, size_, 200, 2000, __VA_ARGS__)

/* The networks that people have. */
static const struct tf_spec network_flows[] = {
	NET("veth", 1000),
	NET("nics", 1000),
	NET("neigh-slow", 1000, .rate = 200),
	UDP_ON("neigh-fail", 1000, 4, 500, ),
	NET("vlan", 1000),
	NET("qinq", 1000),
	NET("bridge", 1000),
	NET("bond", 1000),
	NET("macvlan", 1000),
	NET("macvlan-bridge", 1000),
	NET("ipvlan", 1000),
	NET("vxlan", 1000),
	NET("geneve", 1000),
	NET("gre", 1000),
	NET("ipip", 1000),
	NET("wireguard", 1000),
	NET("tap", 1000),
	NET("tun", 1000),
	NET("router", 1000),
	NET("router-mtu", 1400),
	NET("router-pmtu", 1400),
	NET("masquerade", 1000),
	NET("dnat", 1000),
	NET("policy-routing", 1000),
	NET("netem-delay", 1000),
	NET("netem-loss", 1000, .rate = 200),
	NET("netem-duplicate", 1000, .rate = 200, .times = 2),
	NET("netem-reorder", 1000, .rate = 200),
	NET("mirror", 1000),
	NET("redirect", 1000),
	NET("ifb", 1000),
	NET("nft-dup", 1000),
	NET("nft-dup-netdev", 1000),
	NET("xdp-generic", 1000),
	NET("xdp-native", 1000),
	NET("multicast", 1000),
	NET("broadcast", 1000, .udp = {.broadcast = true}),
};

static const struct tf_spec rdma_flows[] = {
	RC("send", RDMA_SEND, 64, 20),
	RC("send", RDMA_SEND, 4096, 20),
	RC("send", RDMA_SEND, 1048576, 20),
	RC("write", RDMA_WRITE, 64, 20),
	RC("write", RDMA_WRITE, 4096, 20),
	RC("write", RDMA_WRITE, 1048576, 20),
	RC("read", RDMA_READ, 64, 20),
	RC("read", RDMA_READ, 4096, 20),
	RC("read", RDMA_READ, 1048576, 20),
	RDMA("ud-send", "veth", "rxe", 1024, 20, .op = RDMA_SEND, .ud = true),
	RDMA("send-inline", "veth", "rxe", 64, 20, .op = RDMA_SEND, .inline_data = true),
	RDMA("send-lo", "lo", "rxe-lo", 4096, 20, .op = RDMA_SEND),
	RDMA("send-dev", "dev", "rxe-dev", 4096, 20, .op = RDMA_SEND),
};

/* Every way to hand datagrams over; the name says what differs from plain sendto and recvfrom. */
#define DATAGRAM(path_, name_, size_, ...)                                                         \
	{                                                                                          \
		.name = "udp-" path_ "-" name_, .proto = "udp", .path = path_, .size = size_,      \
		.count = 20, .timeout = 2000, .verify = true, __VA_ARGS__                          \
	}

/* The same through other sockets. */
#define THROUGH(socket_, proto_, path_, name_, size_, ...)                                         \
	{                                                                                          \
		.name = socket_ "-" path_ "-" name_, .proto = proto_, .path = path_,               \
		.size = size_, .count = 20, .timeout = 2000, .verify = true, .udp = {              \
			.socket = socket_,                                                         \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static const struct tf_spec datagram_flows[] = {
	DATAGRAM("lo", "connected", 64, .connected = true),
	DATAGRAM("lo", "send-recv", 64, .connected = true,
		 .udp = {.send_call = "send", .recv_call = "recv"}),
	DATAGRAM("lo", "write-read", 64, .connected = true,
		 .udp = {.send_call = "write", .recv_call = "read"}),
	DATAGRAM("lo", "writev-readv", 1400, .connected = true,
		 .udp = {.send_call = "writev", .send_segments = 3, .recv_call = "readv",
			 .recv_segments = 4}),
	DATAGRAM("lo", "sendmsg-recvmsg", 64,
		 .udp = {.send_call = "sendmsg", .recv_call = "recvmsg"}),
	DATAGRAM("lo", "segments-7", 1400, .udp = {.send_segments = 7, .recv_segments = 6}),
	DATAGRAM("lo", "segments-1024", 8000, .udp = {.send_segments = 1024, .recv_segments = 1024}),
	DATAGRAM("veth", "segments-5", 1400, .udp = {.send_segments = 5, .recv_segments = 5}),
	DATAGRAM("veth", "segments-1024", 8000,
		 .udp = {.send_segments = 1024, .recv_segments = 1024}),
	DATAGRAM("lo", "batch-4", 64, .udp = {.batch = 4, .recv_batch = 4}),
	DATAGRAM("veth", "batch-10", 1400,
		 .udp = {.batch = 10, .send_segments = 3, .recv_batch = 8, .recv_segments = 3}),
	DATAGRAM("veth", "cork", 1400, .udp = {.cork = true}),
	DATAGRAM("veth", "gso", 8000, .udp = {.gso = 1400}),
	DATAGRAM("veth", "gso-gro", 8000, .udp = {.gso = 1400, .gro = true}),
	DATAGRAM("veth", "gro", 1400, .udp = {.gro = true, .batch = 5}),
	DATAGRAM("veth", "multicast", 64, .udp = {.multicast = true}),
	DATAGRAM("veth", "multicast-3", 1400, .udp = {.multicast = true, .receivers = 3}),
	DATAGRAM("veth", "multicast-2-fragments", 8000, .udp = {.multicast = true, .receivers = 2}),
	DATAGRAM("veth", "broadcast-2", 1400, .udp = {.broadcast = true, .receivers = 2}),
	DATAGRAM("veth", "scm-multicast-2", 1400,
		 .udp = {.dup = "scm", .multicast = true, .receivers = 2}),
	DATAGRAM("veth", "threads-4", 1400, .udp = {.threads = 4, .send_segments = 6}),
	DATAGRAM("veth", "no-check", 1400, .udp = {.no_check = true}),
	DATAGRAM("veth", "ipv6", 1400, .udp = {.ipv6 = true}),
	DATAGRAM("veth", "ipv6-fragments", 8000, .udp = {.ipv6 = true}),
	DATAGRAM("veth", "ipv6-multicast-2", 1400,
		 .udp = {.ipv6 = true, .multicast = true, .receivers = 2}),
	DATAGRAM("veth", "ipv6-gso", 8000, .udp = {.ipv6 = true, .gso = 1200}),
	DATAGRAM("veth", "checksums-off", 1400, .udp = {.ethtool = "tx off rx off"}),
	DATAGRAM("veth", "sg-off", 8000, .udp = {.ethtool = "sg off"}),
	DATAGRAM("veth", "gso-sg-off", 8000, .udp = {.gso = 1400, .ethtool = "sg off"}),
	DATAGRAM("veth", "gso-off", 8000, .udp = {.gso = 1400, .ethtool = "gso off"}),
	DATAGRAM("veth", "gro-merged", 8000,
		 .udp = {.gso = 1400, .gro = true, .ethtool = "gro on gso off"}),
	DATAGRAM("veth", "observed", 1400, .udp = {.observe = "packet"}),
	DATAGRAM("veth", "observed-src", 1400, .udp = {.observe = "packet", .observe_src = true}),
	DATAGRAM("veth", "observed-ring", 1400, .udp = {.observe = "ring"}),
	DATAGRAM("veth", "observed-multicast-2", 1400,
		 .udp = {.observe = "packet", .multicast = true, .receivers = 2}),
	THROUGH("raw", "raw", "veth", "2", 1400, .receivers = 2),
	THROUGH("ping", "ping", "veth", "1400", 1400, .receivers = 1),
	THROUGH("packet", "packet", "veth", "2", 1400, .receivers = 2),
	THROUGH("ring", "packet", "veth", "1400", 1400, .receivers = 1),
	THROUGH("frame", "udp", "veth", "1400", 1400, .receivers = 1),
	DATAGRAM("nics", "segments-1024", 8000,
		 .udp = {.send_segments = 1024, .recv_segments = 1024}),
	DATAGRAM("nics", "batch-10", 1400, .udp = {.batch = 10, .recv_batch = 8}),
	DATAGRAM("nics", "gso", 8000, .udp = {.gso = 1400}),
	DATAGRAM("nics", "gso-gro", 8000, .udp = {.gso = 1400, .gro = true}),
	DATAGRAM("nics", "multicast-2", 1400, .udp = {.multicast = true, .receivers = 2}),
	DATAGRAM("nics", "ipv6-fragments", 8000, .udp = {.ipv6 = true}),
	DATAGRAM("nics", "checksums-off", 1400, .udp = {.ethtool = "tx off rx off"}),
	DATAGRAM("nics", "sg-off", 8000, .udp = {.gso = 1400, .ethtool = "sg off"}),
	DATAGRAM("lo", "peek", 1400, .peek = true),
	DATAGRAM("lo", "short", 1400, .udp = {.recv_size = 600}),
	DATAGRAM("lo", "trunc", 1400, .udp = {.recv_size = 600, .trunc = true}),
	DATAGRAM("lo", "short-segments", 30000, .udp = {.recv_size = 20001, .recv_segments = 9}),
	DATAGRAM("lo", "cork", 1400, .udp = {.cork = true, .parts = 4}),
	DATAGRAM("lo", "more", 1400, .udp = {.more = true}),
	DATAGRAM("lo", "gso", 8000, .udp = {.gso = 1400}),
	DATAGRAM("lo", "gso-gro", 8000, .udp = {.gso = 1400, .gro = true}),
	DATAGRAM("lo", "gso-batch", 8000,
		 .udp = {.gso = 1400, .batch = 3, .send_segments = 7, .recv_batch = 20}),
	DATAGRAM("lo", "gro", 1400, .udp = {.gro = true, .batch = 5}),
	DATAGRAM("lo", "multicast-3", 1400, .udp = {.multicast = true, .receivers = 3}),
	DATAGRAM("lo", "broadcast-2", 1400, .udp = {.broadcast = true, .receivers = 2}),
	DATAGRAM("lo", "reuseport-3", 64, .udp = {.reuseport = true, .receivers = 3}),
	DATAGRAM("lo", "dup", 1400, .udp = {.dup = "dup"}),
	DATAGRAM("lo", "fork", 1400, .udp = {.dup = "fork"}),
	DATAGRAM("lo", "exec", 1400, .udp = {.dup = "exec"}),
	DATAGRAM("lo", "scm", 1400, .udp = {.dup = "scm"}),
	DATAGRAM("lo", "threads-4", 1400, .udp = {.threads = 4}),
	DATAGRAM("lo", "threads-4-batch", 64, .udp = {.threads = 4, .batch = 5, .recv_batch = 5}),
	DATAGRAM("lo", "observed", 1400, .udp = {.observe = "packet"}),
	DATAGRAM("lo", "observed-ring", 1400, .udp = {.observe = "ring"}),
	THROUGH("raw", "raw", "lo", "1400", 1400, .receivers = 1),
	THROUGH("raw", "raw", "lo", "ipv6", 1400, .ipv6 = true),
	THROUGH("packet", "packet", "lo", "1400", 1400, .send_segments = 3, .recv_segments = 3),
	THROUGH("ring", "packet", "lo", "2", 1400, .receivers = 2),
	DATAGRAM("lo", "ipv6", 1400, .udp = {.ipv6 = true}),
	DATAGRAM("lo", "ipv6-fragments", 8000, .udp = {.ipv6 = true, .mtu = 1280}),
	DATAGRAM("lo", "no-check", 1400, .udp = {.no_check = true}),
};

#define CARD(model, size_)                                                                         \
	{                                                                                          \
		.name = "udp-" model "-" #size_, .proto = "udp", .path = "nics:" model,            \
		.size = size_, .count = 100, .timeout = 2000, .verify = true                       \
	}
/* Within most copybreaks (tulip's is 100 bytes of frame), within some, beyond all, in fragments. */
#define CARD_FLOWS(model) CARD(model, 64), CARD(model, 128), CARD(model, 1400), CARD(model, 8000)

static const struct tf_spec card_flows[] = {
	CARD_FLOWS("e1000"),
	CARD_FLOWS("e1000e"),
	CARD_FLOWS("virtio-net"),
	CARD_FLOWS("virtio-net-small"),
	CARD_FLOWS("virtio-net-packed"),
	CARD_FLOWS("virtio-net-offload"),
	CARD_FLOWS("virtio-net-big"),
	CARD_FLOWS("vmxnet3"),
	CARD_FLOWS("rtl8139"),
	CARD_FLOWS("pcnet"),
	CARD("tulip", 48),
	CARD_FLOWS("tulip"),
	CARD_FLOWS("i82550"),
	CARD_FLOWS("ne2k_pci"),
};

static const struct tf_set sets[] = {
	{"default", default_flows, ARRAY_SIZE(default_flows)},
	{"rdma", rdma_flows, ARRAY_SIZE(rdma_flows)},
	{"networks", network_flows, ARRAY_SIZE(network_flows)},
	{"datagrams", datagram_flows, ARRAY_SIZE(datagram_flows)},
	{"cards", card_flows, ARRAY_SIZE(card_flows)},
};

#define SETS ARRAY_SIZE(sets)

struct args {
	unsigned long count;
	const char *log, *only;
	bool list;
};

static const struct opt opts[] = {
	{OPT_UINT, "count", offsetof(struct args, count), "N",
	 "messages a flow, where the table has more than one", 1, 10000000, NULL},
	{OPT_STR, "only", offsetof(struct args, only), "NAME,NAME", "only these flows of the set", 0, 0,
	 NULL},
	{OPT_FLAG, "list", offsetof(struct args, list), NULL, "show the flows of all sets", 0, 0,
	 NULL},
	{OPT_STR, "log", offsetof(struct args, log), "FILE",
	 "append to FILE, default $COPYCHAIN_TRAFFIC_LOG", 0, 0, NULL},
	{OPT_END, NULL, 0, NULL, NULL, 0, 0, NULL},
};

const struct opt_command tf_set_command = {
	.usage = "traffic set [OPTIONS] NAME",
	.about = "Runs the flows of a set, one after the other. What this machine cannot do is\n"
		 "skipped, and the log says why.",
	.opts = opts,
};

/* What a set keeps between its flows: those that follow each other on one path share its testbed. */
struct state {
	const struct args *args;
	struct tf_log log;
	struct tf_testbed testbed;
	const char *path; /* of the testbed, NULL: none */
	bool ipv6;	  /* it is to have */
	int testbed_err;
	int status;
};

const struct tf_set *tf_set_find(const char *name)
{
	for (size_t i = 0; i < SETS; i++)
		if (!strcmp(sets[i].name, name))
			return &sets[i];
	return NULL;
}

static void list(void)
{
	printf("%-10s %4s  %-28s %-6s %-24s %7s %9s\n", "set", "flow", "name", "proto", "path",
	       "bytes", "messages");
	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < sets[i].count; k++) {
			const struct tf_spec *f = &sets[i].flows[k];

			printf("%-10s %4zu  %-28s %-6s %-24s %7lu %9lu\n", sets[i].name, k + 1,
			       f->name, f->proto, f->path, f->size, f->count);
		}
}

static int make_testbed(struct state *st, const char *path, bool ipv6)
{
	if (st->path && !strcmp(st->path, path) && st->ipv6 == ipv6)
		return st->testbed_err;
	tf_testbed_down(&st->testbed);
	st->path = path;
	st->ipv6 = ipv6;
	st->testbed_err = tf_testbed_up(&st->testbed, path, ipv6);
	return st->testbed_err;
}

static int log_skip(struct state *st, const struct tf_spec *spec, unsigned int index,
		    const char *why)
{
	struct json_object *line = tf_line("skip", tf_log_number(index));
	int err;

	tf_line_str(line, "name", spec->name);
	tf_line_str(line, "proto", spec->proto);
	tf_line_str(line, "path", spec->path);
	tf_line_int(line, "size", spec->size);
	tf_line_int(line, "count", spec->count);
	tf_line_str(line, "why", why);
	err = tf_log_add(&st->log, line);
	return err ? err : tf_log_flush(&st->log);
}

/* 0, or why it cannot be done. */
static int can_run(struct state *st, const struct tf_spec *spec, char *why, size_t size)
{
	const struct tf_kind *kind = tf_kind_find(spec->proto);
	int err;

	if (kind->can) {
		err = kind->can(why, size);
		if (err)
			return err;
	}
	err = make_testbed(st, tf_flow_testbed(spec), spec->udp.ipv6);
	if (err)
		snprintf(why, size, "%s", st->testbed.why);
	return err;
}

static void run_flow(struct state *st, const struct tf_spec *row, unsigned int index, size_t of)
{
	struct tf_spec spec = *row;
	char said[256];
	int status;

	if (st->args->count && row->count > 1)
		spec.count = st->args->count;
	if (can_run(st, &spec, said, sizeof(said))) {
		if (tf_interrupted)
			return;
		fprintf(stderr, "traffic: [%u/%zu] %s: skipped: %s\n", index, of, spec.name, said);
		status = log_skip(st, &spec, index, said) ? EXIT_ENV : EXIT_GOOD;
	} else {
		status = tf_flow_run(&spec, index, &st->testbed, &st->log, said, sizeof(said));
		fprintf(stderr, "traffic: [%u/%zu] %s\n", index, of, said);
	}
	if (status > st->status)
		st->status = status;
}

/* Is a name among words joined by commas? */
static bool is_among(const char *words, const char *name)
{
	size_t len = strlen(name);

	for (const char *w = words; *w; w += strspn(w, ",")) {
		size_t n = strcspn(w, ",");

		if (n == len && !memcmp(w, name, n))
			return true;
		w += n;
	}
	return false;
}

/* A name that no flow has would otherwise quietly select nothing. */
static bool all_known(const struct tf_set *set, const char *words)
{
	size_t wanted = 0, known = 0;

	for (const char *w = words; *w; w += strspn(w, ",")) {
		wanted += *w != ',';
		w += strcspn(w, ",");
	}
	for (size_t i = 0; i < set->count; i++)
		known += is_among(words, set->flows[i].name);
	return wanted && wanted == known;
}

static int run_set(const struct tf_set *set, const struct args *args)
{
	struct state st = {.args = args};

	if (tf_log_open(&st.log, args->log))
		return EXIT_ENV;
	tf_signals_catch();
	tf_testbed_reap();
	for (size_t i = 0; i < set->count && !tf_interrupted; i++)
		if (!args->only || is_among(args->only, set->flows[i].name))
			run_flow(&st, &set->flows[i], i + 1, set->count);
	tf_testbed_down(&st.testbed);
	tf_log_close(&st.log);
	tf_signals_end();
	return st.status;
}

int tf_cmd_set(int argc, char **argv)
{
	struct args args = {0};
	const struct tf_set *set;
	int at = opt_parse(&tf_set_command, argc, argv, &args);
	int named = at;

	if (at == -ECANCELED)
		return EXIT_GOOD;
	if (at < 0)
		return EXIT_USAGE;
	if (at < argc) { /* options may follow the name, too */
		at = opt_parse(&tf_set_command, argc - at, argv + at, &args);
		if (at < 0)
			return at == -ECANCELED ? EXIT_GOOD : EXIT_USAGE;
		at += named;
	}
	if (args.list && named == argc) {
		list();
		return fflush(stdout) ? EXIT_ENV : EXIT_GOOD;
	}
	if (named == argc || at != argc) {
		msg_error("name one set; --list shows them");
		return EXIT_USAGE;
	}
	set = tf_set_find(argv[named]);
	if (!set) {
		msg_error("no set '%s'; --list shows them", argv[named]);
		return EXIT_USAGE;
	}
	if (args.only && !all_known(set, args.only)) {
		msg_error("--only %s: the set %s has no such flow; --list shows them", args.only,
			  set->name);
		return EXIT_USAGE;
	}
	return run_set(set, &args);
}
