// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin of QEMU that sees every store and writes down those of marked payload. It takes a machine of
 * one CPU: where one thread runs several, QEMU 10 tells a plugin the CPU that code was translated for,
 * not the one that runs it (accel/tcg/plugin-gen.c: gen_cpu_index).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/qemu_api.h"
#include "audit/streams.h"
#include "common/auditfile.h"

#define STACK_WORDS 64
#define STACK_SIZE 16384 /* arch/x86/include/asm/page_64_types.h: THREAD_SIZE */
#define KERNEL_TEXT 0xffffffff80000000ULL
#define KERNEL_TEXT_END 0xfffffffffffff000ULL
#define KERNEL 0xffff800000000000ULL

static struct {
	struct streams streams;
	struct glib_array *buf;
	qemu_plugin_meminfo_t info; /* of the store at hand */
	uint64_t calls;		    /* made until now */
	uint64_t stack;		    /* where the last of them put its return address */
	struct qemu_plugin_register *sp, *space; /* RSP, CR3 */
	FILE *out;
	uint64_t records;
} audit;

__attribute__((visibility("default"))) int qemu_plugin_version = QEMU_API;
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv);

/* ---- where a CPU is ---- */

static uint64_t read_register(struct qemu_plugin_register *reg)
{
	uint64_t v = 0;

	g_byte_array_set_size(audit.buf, 0);
	if (reg && qemu_plugin_read_register(reg, audit.buf) == (int)sizeof(v))
		memcpy(&v, audit.buf->data, sizeof(v));
	return v;
}

/* As much of the stack as is mapped. */
static size_t read_stack(uint64_t sp, uint64_t *words)
{
	size_t got = 0;

	while (got < STACK_WORDS) {
		size_t page = (4096 - (sp + got * 8) % 4096) / 8, n = STACK_WORDS - got < page ? STACK_WORDS - got : page;

		if (!n || !qemu_plugin_read_memory_vaddr(sp + got * 8, audit.buf, n * 8))
			break;
		memcpy(words + got, audit.buf->data, n * 8);
		got += n;
	}
	return got;
}

static void read_callers(uint64_t sp, struct audit_run *run)
{
	uint64_t words[STACK_WORDS];
	size_t n = read_stack(sp, words), found = 0;

	for (size_t i = 0; i < n && found < AUDIT_CALLERS; i++)
		if (words[i] >= KERNEL_TEXT && words[i] < KERNEL_TEXT_END)
			run->callers[found++] = words[i];
}

static void found(void *ctx, struct stream *s, const struct store *st)
{
	struct audit_run *run = s->context;
	struct qemu_plugin_hwaddr *phys = qemu_plugin_get_hwaddr(audit.info, st->addr);
	uint64_t sp;

	(void)ctx;
	memset(run, 0, sizeof(*run));
	run->addr = st->addr;
	run->phys = phys ? qemu_plugin_hwaddr_phys_addr(phys) : 0;
	run->pc = st->pc;
	/* Without the numbers that tell kernel and user side, and processes, apart (PTI, PCID). */
	run->space = read_register(audit.space) & ~0x1fffULL;
	if (st->pc < KERNEL) {
		run->flags = AUDIT_USER;
		return;
	}
	sp = read_register(audit.sp);
	if ((st->addr ^ sp) < STACK_SIZE)
		run->flags = AUDIT_STACK;
	read_callers(sp, run);
}

static bool same(void *ctx, const struct stream *s)
{
	const struct audit_run *run = s->context;
	struct audit_run now = {0};

	(void)ctx;
	if (run->flags & AUDIT_USER)
		return true;
	read_callers(read_register(audit.sp), &now);
	return !memcmp(now.callers, run->callers, sizeof(now.callers));
}

static void payload(void *ctx, const void *context, uint32_t flow, uint64_t bytes)
{
	struct audit_run run = *(const struct audit_run *)context;

	(void)ctx;
	/* What was stored before it is to be told before it. */
	if (flow == AUDIT_RECORDER)
		streams_flush(&audit.streams);
	run.flow = (uint16_t)flow;
	run.bytes = (uint32_t)bytes;
	fwrite(&run, sizeof(run), 1, audit.out);
	audit.records++;
}

/* ---- what QEMU tells ---- */

static void on_store(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *pc)
{
	struct store st = {.addr = vaddr, .pc = (uint64_t)pc, .calls = audit.calls};
	struct qemu_value v = qemu_plugin_mem_get_value(info);

	(void)vcpu;
	st.size = 1u << v.type;
	st.stack = (vaddr ^ audit.stack) < STACK_SIZE;
	memcpy(st.bytes, &v.data, sizeof(st.bytes));
	audit.info = info;
	streams_store(&audit.streams, &st);
}

/* Stores the address to return to. */
static void on_call(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *pc)
{
	audit.calls++;
	audit.stack = vaddr;
	on_store(vcpu, info, vaddr, pc);
}

/* call rel32, and call by register or memory. */
static bool is_call(const struct qemu_plugin_insn *insn)
{
	unsigned char b[4] = {0};
	size_t n = qemu_plugin_insn_data(insn, b, sizeof(b)), at = 0;

	while (at < n && ((b[at] & 0xf0) == 0x40 || b[at] == 0x2e || b[at] == 0x3e))
		at++;
	return at < n && (b[at] == 0xe8 || (b[at] == 0xff && at + 1 < n && (b[at + 1] >> 3 & 7) == 2));
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		qemu_plugin_register_vcpu_mem_cb(insn, is_call(insn) ? on_call : on_store, QEMU_CB_R_REGS,
						 QEMU_MEM_WRITE, (void *)qemu_plugin_insn_vaddr(insn));
	}
}

/* The registers are known only when there is a CPU. */
static void on_cpu(qemu_plugin_id_t id, unsigned int vcpu)
{
	struct glib_array *list = qemu_plugin_get_registers();
	const struct qemu_reg_descriptor *regs = (const void *)list->data;

	(void)id;
	(void)vcpu;
	for (unsigned int i = 0; i < list->len; i++)
		if (!strcmp(regs[i].name, "rsp"))
			audit.sp = regs[i].handle;
		else if (!strcmp(regs[i].name, "cr3"))
			audit.space = regs[i].handle;
}

static void at_end(qemu_plugin_id_t id, void *data)
{
	struct audit_run end = {.flags = AUDIT_END};

	(void)id;
	(void)data;
	streams_flush(&audit.streams);
	end.pc = audit.records;
	fwrite(&end, sizeof(end), 1, audit.out);
	fclose(audit.out);
}

__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	static const struct streams_user user = {found, same, payload, NULL, sizeof(struct audit_run)};
	char head[AUDIT_HEAD] = AUDIT_MAGIC;

	if (argc != 1 || strncmp(argv[0], "out=", 4) || strcmp(info->target_name, "x86_64") ||
	    !info->system_emulation || info->system.max_vcpus != 1) {
		fprintf(stderr, "audit: takes out=FILE, and an x86_64 machine of one CPU\n");
		return -1;
	}
	audit.out = fopen(argv[0] + 4, "wbe");
	if (!audit.out || fwrite(head, sizeof(head), 1, audit.out) != 1) {
		perror(argv[0] + 4);
		return -1;
	}
	audit.buf = g_byte_array_new();
	if (streams_init(&audit.streams, &user)) {
		fprintf(stderr, "audit: out of memory\n");
		return -1;
	}
	qemu_plugin_register_vcpu_init_cb(id, on_cpu);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, at_end, NULL);
	return 0;
}
