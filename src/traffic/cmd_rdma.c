// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/exitcode.h"
#include "common/msg.h"
#include "common/vec.h"
#include "traffic/rdma_link.h"

#define MAX_SIZE (16UL << 20)
#define MAX_BUFFER (256UL << 20) /* of all messages under way; it is locked memory */
#define NO_GID 256

#define AT(member) offsetof(struct tf_rdma_args, member)

static const struct opt rdma_opts[] = {
	{OPT_WORD, "op", AT(op), "OP", "send (default), send-imm, write, write-imm, read", 0, 0,
	 "send send-imm write write-imm read"},
	{OPT_WORD, "qp", AT(qp), "QP", "rc (default), or ud: datagrams, for send and send-imm", 0,
	 0, "rc ud"},
	{OPT_FLAG, "inline", AT(inline_data), NULL, "put the payload into the work request", 0, 0,
	 NULL},
	{OPT_UINT, "size", AT(size), "N", "bytes of payload a message, default 4096", 1, MAX_SIZE,
	 NULL},
	{OPT_UINT, "count", AT(count), "N", "messages, default 200", 1, 10000000, NULL},
	{OPT_UINT, "depth", AT(depth), "N", "messages under way; 1, the default: lock-step", 1,
	 1024, NULL},
	{OPT_WORD, "mtu", AT(mtu), "N", "256 to 4096, at most the port's active one, the default",
	 0, 0, "256 512 1024 2048 4096"},
	{OPT_UINT, "ack-timeout", AT(ack_timeout), "N",
	 "send again after 4.096 us * 2^N, default 31; 0: never", 0, 31, NULL},
	{OPT_UINT, "retries", AT(retries), "N",
	 "give up after N of these, default 7, which soft-RoCE takes for: never", 0,
	 TF_RDMA_RETRIES, NULL},
	{OPT_UINT, "timeout", AT(timeout), "MS",
	 "without progress for that long it is over, default 10000", 1, 3600000, NULL},
	{OPT_FLAG, "send", AT(send), NULL, "only send; needs --to and --rdma-dev", 0, 0, NULL},
	{OPT_FLAG, "recv", AT(recv), NULL, "only receive; needs --rdma-dev", 0, 0, NULL},
	{OPT_STR, "to", AT(to), "ADDR[:PORT]", "where --recv waits for TCP connections", 0, 0,
	 NULL},
	{OPT_STR, "bind", AT(bind), "ADDR[:PORT]", "where --recv is to wait, default all:18515", 0,
	 0, NULL},
	{OPT_STR, "rdma-dev", AT(dev), "NAME", "the device of both ends, or SENDER,RECEIVER", 0, 0,
	 NULL},
	{OPT_UINT, "gid", AT(gid), "INDEX", "in the device's table, default the IPv4 address", 0,
	 NO_GID - 1, NULL},
	{OPT_STR, "fill", AT(fill), "WORD", "payload is this little-endian word, 8 hex digits", 0,
	 0, NULL},
	{OPT_FLAG, "hold", AT(hold), NULL, "wait for the user before the first and after the last",
	 0, 0, NULL},
	{OPT_FLAG, "verify", AT(verify), NULL, "check contents; a mismatch exits 1", 0, 0, NULL},
	{OPT_WORD, "path", AT(path), "PATH",
	 "soft-RoCE over veth (default), on lo, or within one dev", 0, 0, "veth lo dev"},
	{OPT_STR, "log", AT(log), "FILE", "append to FILE, default $COPYCHAIN_TRAFFIC_LOG", 0, 0,
	 NULL},
	{OPT_END, NULL, 0, NULL, NULL, 0, 0, NULL},
};

const struct opt_command tf_rdma_command = {
	.usage = "traffic rdma [OPTIONS]",
	.about = "Sends RDMA messages from one process to another and logs every work request.\n"
		 "Without --rdma-dev it makes soft-RoCE devices, and removes them again. The ends\n"
		 "may be two commands, --recv first, that were given the same options.",
	.opts = rdma_opts,
};

const struct tf_rdma_args tf_rdma_defaults = {.op = "send",
					      .qp = "rc",
					      .size = 4096,
					      .count = 200,
					      .depth = 1,
					      .ack_timeout = 31,
					      .retries = TF_RDMA_RETRIES,
					      .timeout = 10000,
					      .gid = NO_GID};

static const struct {
	const char *word;
	enum tf_rdma_op op;
} ops[] = {
	{"send", RDMA_SEND},	       {"send-imm", RDMA_SEND_IMM}, {"write", RDMA_WRITE},
	{"write-imm", RDMA_WRITE_IMM}, {"read", RDMA_READ},
};

static const struct tf_addr_option bind_option = {"--bind", TF_LINK_PORT, false, false};
static const struct tf_addr_option to_option = {"--to", TF_LINK_PORT, true, false};

static const struct {
	const char *path, *testbed;
} testbeds[] = {{"veth", "rxe"}, {"lo", "rxe-lo"}, {"dev", "rxe-dev"}, {"given", "lo"}};

static enum tf_rdma_op find_op(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(ops[i].word, word))
			return ops[i].op;
	return RDMA_SEND;
}

static const char *find_testbed(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(testbeds); i++)
		if (!strcmp(testbeds[i].path, path))
			return testbeds[i].testbed;
	return NULL;
}

static int wrong(const char *why)
{
	msg_error("%s", why);
	return -EINVAL;
}

static int check_args(const struct tf_rdma_args *a)
{
	bool ud = !strcmp(a->qp, "ud");

	if (ud && strncmp(a->op, "send", 4))
		return wrong("--qp ud can only send; write and read take a connection");
	if (a->inline_data && !strcmp(a->op, "read"))
		return wrong("--inline: a read has no payload to put into its work request");
	if (a->size * a->depth > MAX_BUFFER)
		return wrong("--size times --depth: at most 256 MiB can be under way");
	if (a->dev && a->path)
		return wrong("--path makes devices of its own; leave out --rdma-dev");
	if (a->dev && (!*a->dev || *a->dev == ',' || a->dev[strlen(a->dev) - 1] == ','))
		return wrong("--rdma-dev takes NAME or SENDER,RECEIVER");
	return 0;
}

/* Neither end could tell the other about devices that it made. */
static int check_ends(const struct tf_rdma_args *a, struct tf_spec *spec)
{
	bool alone = a->send || a->recv;

	if (tf_check_ends(a->send, a->recv, a->to, a->hold, &spec->ends))
		return -EINVAL;
	if (!alone && a->to)
		return wrong("--to is for --send");
	if (!a->recv && a->bind)
		return wrong("--bind is for --recv");
	if (alone && !a->dev)
		return wrong("--send and --recv need --rdma-dev: testbeds are for both ends in one "
			     "command");
	if (alone && strchr(a->dev, ','))
		return wrong("--rdma-dev: one end takes one device");
	if (a->to && tf_parse_addr(&to_option, a->to, &spec->to))
		return -EINVAL;
	return tf_parse_addr(&bind_option, a->bind ? a->bind : "0.0.0.0", &spec->bind);
}

static void make_name(const struct tf_spec *spec, const char *op, char *name, size_t size)
{
	bool veth = !strcmp(spec->path, "veth");

	snprintf(name, size, "rdma-%s%s%s%s%s-%lu", spec->rdma.ud ? "ud-" : "", op,
		 spec->rdma.inline_data ? "-inline" : "", veth ? "" : "-", veth ? "" : spec->path,
		 spec->size);
}

int tf_rdma_spec(const struct tf_rdma_args *a, struct tf_spec *spec, char *name, size_t size)
{
	int err = check_args(a);

	if (err)
		return err;
	*spec = (struct tf_spec){.name = name,
				 .proto = "rdma",
				 .path = a->dev	   ? "given"
					 : a->path ? a->path
						   : "veth",
				 .size = a->size,
				 .count = a->count,
				 .timeout = a->timeout,
				 .has_fill = a->fill,
				 .verify = a->verify,
				 .hold = a->hold,
				 .rdma = {.op = find_op(a->op),
					  .ud = !strcmp(a->qp, "ud"),
					  .inline_data = a->inline_data,
					  .depth = a->depth,
					  .mtu = a->mtu ? strtoul(a->mtu, NULL, 10) : 0,
					  .ack_timeout = a->ack_timeout,
					  .retries = a->retries,
					  .dev = a->dev,
					  .has_gid = a->gid != NO_GID,
					  .gid = a->gid}};
	err = check_ends(a, spec);
	if (err)
		return err;
	spec->testbed = find_testbed(spec->path);
	if (a->fill && tf_payload_word(a->fill, &spec->fill)) {
		msg_error("--fill: '%s' is not 8 hex digits", a->fill);
		return -EINVAL;
	}
	make_name(spec, a->op, name, size);
	return 0;
}

int tf_cmd_rdma(int argc, char **argv)
{
	struct tf_rdma_args args = tf_rdma_defaults;
	struct tf_spec spec;
	char name[64];
	int at = opt_parse(&tf_rdma_command, argc, argv, &args);

	if (at == -ECANCELED)
		return EXIT_GOOD;
	if (at >= 0 && at < argc)
		msg_error("'%s' is too much; rdma takes options only", argv[at]);
	if (at != argc || tf_rdma_spec(&args, &spec, name, sizeof(name)))
		return EXIT_USAGE;
	return tf_run_one(&spec, args.log);
}
