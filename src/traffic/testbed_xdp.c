// SPDX-License-Identifier: GPL-2.0-only
/* A veth pair whose receiving end runs an XDP program that lets everything pass. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "traffic/testbed_ops.h"

struct attach {
	struct tf_testbed *testbed;
	uint32_t mode;
	const char *step; /* that failed */
};

static int bpf(int command, union bpf_attr *attr)
{
	int fd = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

/* r0 = XDP_PASS; exit */
static int load_program(void)
{
	static const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = sizeof(program) / sizeof(program[0]);
	attr.license = (uintptr_t) "GPL";
	return bpf(BPF_PROG_LOAD, &attr);
}

/* A link, so that the kernel detaches the program once nobody has its file open. */
static int attach(void *arg)
{
	struct attach *a = arg;
	union bpf_attr attr;
	int program = load_program(), link;

	a->step = "loading it";
	if (program < 0)
		return program;
	a->step = "attaching it";
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = program;
	attr.link_create.target_ifindex = if_nametoindex(a->testbed->dst.dev);
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = a->mode;
	link = bpf(BPF_LINK_CREATE, &attr);
	close(program);
	if (link < 0)
		return link;
	a->testbed->fds[0] = link;
	return 0;
}

static int up(struct tf_testbed *testbed, uint32_t mode)
{
	struct attach a = {.testbed = testbed, .mode = mode};
	int err = tf_script_up(testbed);

	if (err)
		return err;
	err = tf_netns_call(testbed->dst.ns, attach, &a);
	if (err)
		snprintf(testbed->why, sizeof(testbed->why), "XDP program on %s: %s: %s", testbed->dst.dev,
			 a.step, strerror(-err));
	return err;
}

int tf_xdp_generic_up(struct tf_testbed *testbed)
{
	return up(testbed, XDP_FLAGS_SKB_MODE);
}

int tf_xdp_native_up(struct tf_testbed *testbed)
{
	return up(testbed, XDP_FLAGS_DRV_MODE);
}
