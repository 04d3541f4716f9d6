// SPDX-License-Identifier: GPL-2.0-only
/*
 * The census of any text. Decoding every instruction of it, which would take too long for a
 * kernel, has to find the same sites; and wherever one is, a place to probe it is in its function.
 */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect/census.h"
#include "collect/inlined.h"
#include "collect/insn.h"
#include "collect/string_ops.h"
#include "common/vec.h"

#define BASE 0xffffffff81000000ULL
#define FUNCTION 512
#define FUNCTIONS 8
#define TEXT ((FUNCTIONS + 1) * FUNCTION) /* the last one is the primitive that the others call */

static const char call_args[] = "dst=%di:x64 src=%si:x64 len=%dx:u64 caller=$stack0:x64";

struct core {
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	uint8_t text[TEXT];
};

static const char *primitive_name(void)
{
	for (size_t i = 0; i < primitive_count; i++)
		if (primitives[i].kind == PRIM_LEAF)
			return primitives[i].name;
	abort();
}

static void make_symbols(struct kallsyms *ks)
{
	char *text = malloc(4096);
	int used = sprintf(text, "%llx T _stext\n%llx T _etext\n", BASE, BASE + TEXT);

	for (int i = 0; i < FUNCTIONS; i++)
		used += sprintf(text + used, "%llx t f%d\n", BASE + (unsigned)(i * FUNCTION), i);
	sprintf(text + used, "%llx T %s\n", BASE + FUNCTIONS * FUNCTION, primitive_name());
	if (kallsyms_parse(text, NULL, ks))
		abort();
}

static void open_core(const struct core *core, struct kcore *kc)
{
	int fd = memfd_create("core", 0);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, core, sizeof(*core)) != sizeof(*core) || kcore_open(path, kc))
		abort();
	close(fd);
}

static void check_place(const struct core *core, const struct site *s)
{
	size_t from = s->func->addr - BASE;
	const char *args = shapes[primitives[s->prim].shape].args;
	char out[1024];
	struct inlined in;
	struct probe_place at;

	inlined_find(core->text + from, FUNCTION, s->func->addr, s->addr, args, &in);
	if (in.place.addr < s->func->addr || in.place.addr > s->addr || (in.whole && in.ragged))
		__builtin_trap();
	probe_place_rewrite(&in.place, args, out, sizeof(out));
	probe_place_find(core->text + from, FUNCTION, s->func->addr, s->func->addr, call_args, &at);
	if (at.addr < s->func->addr || at.addr >= s->func->addr + FUNCTION)
		__builtin_trap();
	probe_place_rewrite(&at, call_args, out, sizeof(out));
}

static bool is_call(const struct insn *in, size_t off)
{
	return insn_is_relative_branch(&in->d) && in->d.raw.imm[0].size == 32 &&
	       (in->d.meta.category == ZYDIS_CATEGORY_CALL ||
		in->d.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
		in->d.meta.category == ZYDIS_CATEGORY_COND_BR) &&
	       insn_target(&in->d, off) == FUNCTIONS * FUNCTION;
}

/* The site, not only an address taken, of which this is the instruction; or NULL. */
static const struct site *site_at(const struct census *c, uint64_t addr)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->sites[i].addr == addr && c->sites[i].kind != SITE_TAKEN)
			return &c->sites[i];
	return NULL;
}

/* Looks at one instruction, of this length; true: it is a site. */
static bool check_one(const struct core *core, const struct census *c, const ZydisDecoder *dec,
		      size_t off, size_t length)
{
	const struct site *s = site_at(c, BASE + off);
	struct insn in;
	bool inlined = string_ops_primitive(core->text + off, length) >= 0;
	bool call = insn_decode(dec, core->text, off + length, off, &in) && is_call(&in, off);

	if (s ? s->ret != BASE + off + length : inlined || call)
		__builtin_trap();
	if ((inlined || call) && (s->kind == SITE_INLINED) != inlined)
		__builtin_trap();
	return s;
}

/* Every instruction of every function, one after the other. */
static size_t check_all(const struct core *core, const struct census *c)
{
	ZydisDecoder dec, lengths;
	ZydisDecodedInstruction d;
	size_t found = 0;

	if (insn_decoder(&dec) || insn_decoder(&lengths) ||
	    ZYAN_FAILED(ZydisDecoderEnableMode(&lengths, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE)))
		abort();
	for (size_t off = 0; off < TEXT; off += d.length) {
		size_t end = (off / FUNCTION + 1) * FUNCTION;

		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(&lengths, NULL, core->text + off,
							      end - off, &d))) {
			d.length = 1;
			continue;
		}
		found += check_one(core, c, &dec, off, d.length);
	}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct core core = {
		.eh = {.e_ident = ELFMAG, .e_phoff = sizeof(Elf64_Ehdr), .e_phnum = 1,
		       .e_phentsize = sizeof(Elf64_Phdr)},
		.ph = {.p_type = PT_LOAD, .p_vaddr = BASE, .p_memsz = TEXT,
		       .p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr)}};
	struct census_names none = {0};
	size_t sites = 0;
	struct kallsyms ks;
	struct kcore kc;
	struct census c;

	if (size > TEXT)
		size = TEXT;
	memset(core.text, 0x90, sizeof(core.text));
	if (size)
		memcpy(core.text, data, size);
	make_symbols(&ks);
	open_core(&core, &kc);
	if (census_take(&c, &ks, &kc, &none))
		__builtin_trap();
	for (size_t i = 0; i < c.count; i++) {
		const struct site *s = &c.sites[i];

		sites += s->kind != SITE_TAKEN;
		if (s->addr < s->func->addr || s->ret <= s->addr ||
		    s->ret > s->func->addr + FUNCTION || s->ret - s->addr > ZYDIS_MAX_INSTRUCTION_LENGTH)
			__builtin_trap();
		if (s->kind == SITE_INLINED)
			check_place(&core, s);
	}
	/* An int3 stands for what it hides, where the census can tell what that is. */
	if (!memchr(core.text, INT3, sizeof(core.text)) && check_all(&core, &c) != sites)
		__builtin_trap();
	census_free(&c);
	kcore_close(&kc);
	kallsyms_free(&ks);
	return 0;
}
