// SPDX-License-Identifier: GPL-2.0-only
#include "collect/census.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/string_ops.h"
#include "common/vec.h"

/*
 * A call or jump to a primitive is a 4-byte displacement whose sum with its own address gives the
 * primitive; an address taken is a 4-byte immediate or displacement of the same kind; an inlined
 * copy ends in an opcode behind a repeat prefix. So a pass over all bytes finds a superset, and
 * only functions with a find are decoded, to tell real instructions from bytes that look like one.
 */
struct find {
	uint64_t end; /* address of the byte behind it */
	unsigned int prim; /* of SITE_INLINED: told by the whole instruction only */
	enum site_kind kind;
};

#define JCC_SIZE 6 /* a conditional jump with a displacement of 4 bytes */

struct targets {
	uint64_t base; /* upper half of all addresses: kernel text lies within 2 GiB */
	uint32_t low[64];
	unsigned int prim[64];
	size_t count;
	uint32_t align_mask; /* bits clear in every target */
	uint8_t bloom[1 << 13];
};

#define NO_TARGETS {.align_mask = 0xff}

struct scan {
	struct targets targets;
	struct find *finds;
	size_t count, room;
};

static unsigned int bloom_bit(uint32_t low)
{
	return (low >> 4 ^ low >> 17) & 0xffff;
}

static int targets_add(struct targets *t, uint64_t addr, unsigned int prim)
{
	uint32_t low = (uint32_t)addr;

	for (size_t i = 0; i < t->count; i++)
		if (t->low[i] == low)
			return 0;
	if (t->count == ARRAY_SIZE(t->low))
		return -ENOBUFS;
	t->base = addr & ~0xffffffffULL;
	t->low[t->count] = low;
	t->prim[t->count++] = prim;
	t->align_mask &= ~low;
	t->bloom[bloom_bit(low) >> 3] |= (uint8_t)(1u << (bloom_bit(low) & 7));
	return 0;
}

static int target_of(const struct targets *t, uint32_t low)
{
	if (!(t->bloom[bloom_bit(low) >> 3] & 1u << (bloom_bit(low) & 7)))
		return -1;
	for (size_t i = 0; i < t->count; i++)
		if (t->low[i] == low)
			return (int)t->prim[i];
	return -1;
}

static int add_find(struct scan *s, uint64_t end, int prim, enum site_kind kind)
{
	if (s->count == s->room) {
		size_t want = s->room ? s->room * 2 : 4096;
		struct find *more = realloc(s->finds, want * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->finds = more;
		s->room = want;
	}
	s->finds[s->count++] = (struct find){end, (unsigned int)prim, kind};
	return 0;
}

/*
 * Where a kprobe stands already (another recorder's, say), its int3 hides the first byte of the
 * instruction. A displacement that leads to a primitive tells what it was: a jump out of the
 * function where padding follows, a call elsewhere.
 */
static void restore_opcode(uint8_t *p)
{
	if (p[-2] == 0xcc && (p[-1] & 0xf0) == 0x80)
		p[-2] = 0x0f;
	else if (p[-1] == 0xcc)
		p[-1] = p[4] == 0xcc ? 0xe9 : 0xe8;
}

/* What the bytes before a displacement say it is; -1 for none of ours. */
static int kind_before_rel(uint8_t *p)
{
	restore_opcode(p);
	if (p[-1] == 0xe8)
		return SITE_CALL;
	if (p[-1] == 0xe9 || (p[-2] == 0x0f && (p[-1] & 0xf0) == 0x80))
		return SITE_JUMP;
	if (p[-2] == 0x8d && (p[-1] & 0xc7) == 0x05)
		return SITE_TAKEN; /* lea disp32(%rip) */
	return -1;
}

/* mov imm32 to a register or to memory, push imm32; a cmp takes no address. */
static bool takes_imm(const uint8_t *p)
{
	return (p[-1] & 0xf8) == 0xb8 || p[-1] == 0x68 ||
	       (p[-2] == 0xc7 && (p[-1] & 0xf8) == 0xc0) || p[-3] == 0xc7 || p[-4] == 0xc7;
}

/* How far from a displacement what it is can be told: buf has as much on either side of its text. */
#define MARGIN 8

static int scan_text(struct scan *s, uint8_t *buf, uint64_t base, size_t size)
{
	const struct targets *t = &s->targets;
	uint32_t mask = t->align_mask;
	int err = 0, prim, kind;

	for (size_t i = 0; !err && i + 4 <= size; i++) {
		uint32_t imm, rel;

		memcpy(&imm, buf + i, sizeof(imm));
		rel = imm + (uint32_t)base + (uint32_t)i + 4;
		if (!(rel & mask)) {
			prim = target_of(t, rel);
			kind = prim < 0 ? -1 : kind_before_rel(buf + i);
			if (kind >= 0)
				err = add_find(s, base + i + 4, prim, (enum site_kind)kind);
		}
		if (!(imm & mask) && !err) {
			prim = target_of(t, imm);
			if (prim >= 0 && takes_imm(buf + i))
				err = add_find(s, base + i + 4, prim, SITE_TAKEN);
		}
	}
	return err;
}

static int cmp_find(const void *a, const void *b)
{
	const struct find *x = a, *y = b;

	return x->end < y->end ? -1 : x->end > y->end;
}

static int scan_strings(struct scan *s, uint8_t *buf, uint64_t base, size_t size)
{
	int err = 0;

	for (size_t end = 0; !err && (end = string_ops_next(buf, size, end));)
		err = add_find(s, base + end, 0, SITE_INLINED);
	if (s->count)
		qsort(s->finds, s->count, sizeof(*s->finds), cmp_find);
	return err;
}

int census_add(struct census *c, const struct site *s)
{
	if (c->count == c->room) {
		size_t want = c->room ? c->room * 2 : 4096;
		struct site *more = realloc(c->sites, want * sizeof(*more));

		if (!more)
			return -ENOMEM;
		c->sites = more;
		c->room = want;
	}
	c->sites[c->count++] = *s;
	return 0;
}

static int add_call(struct census *c, const struct site *s)
{
	struct call *more;

	if (s->kind != SITE_CALL)
		return 0;
	more = realloc(c->calls, (c->call_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->calls = more;
	more[c->call_count++] = (struct call){s->addr, s->ret, s->func,
					      s->prim - (unsigned int)primitive_count};
	return 0;
}

/* Adds what a find at the end of a real instruction, of these bytes, is. */
static int add_found(struct census *c, const struct find *f, const struct ksym *func,
		     uint64_t start, const uint8_t *code)
{
	int prim = f->kind == SITE_INLINED ? string_ops_primitive(code, f->end - start) : (int)f->prim;
	struct site s = {.addr = start,
			 .ret = f->end,
			 .func = func,
			 .prim = (unsigned int)prim,
			 .kind = f->kind,
			 .status = SITE_UNPROBED};

	if (prim < 0)
		return 0;
	return s.prim < primitive_count ? census_add(c, &s) : add_call(c, &s);
}

/*
 * Decodes one function from its first byte on, and adds the finds that end an instruction: all
 * that is looked for is the last of its instruction.
 */
static int decode_function(struct census *c, const ZydisDecoder *decoder, const struct ksym *func,
			   const uint8_t *code, size_t size, const struct find *finds, size_t n)
{
	ZydisDecodedInstruction insn;
	size_t off = 0, next = 0;

	while (off < size && next < n) {
		uint64_t start = func->addr + off;

		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(decoder, NULL, code + off, size - off,
							      &insn))) {
			off++;
			continue;
		}
		off += insn.length;
		while (next < n && finds[next].end < func->addr + off)
			next++; /* bytes that only looked like one */
		while (next < n && finds[next].end == func->addr + off) {
			int err = add_found(c, &finds[next], func, start,
					    code + (start - func->addr));

			if (err)
				return err;
			next++;
		}
	}
	return 0;
}

/* Freed after boot; what stands there now is no code. */
static bool is_init_text(const struct kallsyms *ks, uint64_t addr)
{
	const struct ksym *from = kallsyms_find(ks, "__init_begin");
	const struct ksym *to = kallsyms_find(ks, "__init_end");

	return from && to && addr >= from->addr && addr < to->addr;
}

static int decode_finds(struct census *c, const struct scan *s, const struct kallsyms *ks,
			const uint8_t *buf, uint64_t base, size_t size)
{
	ZydisDecoder decoder;
	size_t i = 0, n;
	int err = 0;

	if (ZYAN_FAILED(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
					 ZYDIS_STACK_WIDTH_64)) ||
	    ZYAN_FAILED(ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE)))
		return -EINVAL;
	for (; !err && i < s->count; i += n) {
		uint64_t end;
		const struct ksym *func = kallsyms_text_at(ks, s->finds[i].end - 1, &end);

		for (n = 1; i + n < s->count && func && s->finds[i + n].end <= end;)
			n++;
		if (!func || func->addr < base || is_init_text(ks, func->addr))
			continue;
		if (end > base + size)
			end = base + size;
		err = decode_function(c, &decoder, func, buf + (func->addr - base),
				      end - func->addr, &s->finds[i], n);
	}
	return err;
}

static int take_range(struct census *c, const struct targets *t, const struct kallsyms *ks,
		      const struct kcore *kc, uint64_t base, size_t size)
{
	struct scan scan = {.targets = *t};
	uint8_t *room = calloc(1, size + 2 * MARGIN), *buf = room + MARGIN;
	int err = -ENOMEM;

	if (!room)
		goto out;
	err = kcore_read(kc, base, buf, size);
	if (err)
		goto out;
	c->text_bytes += size;
	err = scan_text(&scan, buf, base, size);
	if (!err)
		err = scan_strings(&scan, buf, base, size);
	if (!err)
		err = decode_finds(c, &scan, ks, buf, base, size);
out:
	free(scan.finds);
	free(room);
	return err;
}

struct range {
	const char *module;
	uint64_t from, to;
};

#define GAP_MAX (1 << 20)

/*
 * From a module's first text symbol to the end of the page of its last, with no other module's
 * and no large gap in between: one that was loaded just now has its initialisation somewhere else.
 */
static int module_ranges(const struct kallsyms *ks, struct range **out, size_t *count)
{
	size_t room = 0;

	*out = NULL;
	*count = 0;
	for (size_t i = 0; i < ks->count; i++) {
		const struct ksym *s = &ks->by_addr[i];

		if (!s->module || !ksym_is_text(s) || !strcmp(s->module, "bpf"))
			continue;
		if (*count && !strcmp((*out)[*count - 1].module, s->module) &&
		    s->addr < (*out)[*count - 1].to + GAP_MAX) {
			(*out)[*count - 1].to = (s->addr | 4095) + 1;
			continue;
		}
		if (*count == room) {
			struct range *more;

			room = room ? room * 2 : 64;
			more = realloc(*out, room * sizeof(*more));
			if (!more)
				return -ENOMEM;
			*out = more;
		}
		(*out)[(*count)++] = (struct range){s->module, s->addr, (s->addr | 4095) + 1};
	}
	return 0;
}

/* Operation tables hold addresses too; whoever calls through them is not found by decoding. */
static int take_data(struct census *c, const struct targets *t, const struct kallsyms *ks,
		     const struct kcore *kc, const char *from, const char *to)
{
	const struct ksym *a = kallsyms_find(ks, from), *b = kallsyms_find(ks, to);
	size_t size = a && b && b->addr > a->addr ? b->addr - a->addr : 0;
	uint64_t *words = malloc(size + 8);
	int err = -ENOMEM;

	if (!words)
		return err;
	err = size ? kcore_read(kc, a->addr, words, size) : 0;
	for (size_t i = 0; !err && i < size / 8; i++) {
		int prim = (words[i] & ~0xffffffffULL) == t->base ?
				   target_of(t, (uint32_t)words[i]) : -1;

		if (prim >= 0 && (size_t)prim < primitive_count) {
			struct site s = {.addr = a->addr + i * 8, .func = a,
					 .prim = (unsigned int)prim, .kind = SITE_TAKEN,
					 .status = SITE_REFERENCE};

			err = census_add(c, &s);
		}
	}
	free(words);
	return err;
}

static int cmp_site(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int alloc_tables(struct census *c)
{
	c->syms = calloc(primitive_count, sizeof(*c->syms));
	c->covers = calloc(primitive_count, sizeof(*c->covers));
	c->indirect = calloc(primitive_count, sizeof(*c->indirect));
	return c->syms && c->covers && c->indirect ? 0 : -ENOMEM;
}

int census_read_function(const struct kallsyms *ks, const struct kcore *kc,
			 const struct ksym *func, uint8_t **code, size_t *size)
{
	uint64_t end = func->addr;
	int err;

	*code = NULL;
	if (!kallsyms_text_at(ks, func->addr, &end))
		return -ENOENT;
	*size = end - func->addr;
	*code = malloc(*size + 1);
	if (!*code)
		return -ENOMEM;
	err = kcore_read(kc, func->addr, *code, *size);
	if (err) {
		free(*code);
		*code = NULL;
	}
	return err;
}

/* 0, or -ENOBUFS: the tables name more functions than there is room for. */
static int find_targets(struct census *c, const struct kallsyms *ks,
			const struct census_names *wanted, struct targets *t)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < primitive_count; i++) {
		if (!c->syms[i] && primitives[i].kind != PRIM_INLINED)
			c->syms[i] = kallsyms_find(ks, primitives[i].name);
		if (c->syms[i])
			err = targets_add(t, c->syms[i]->addr, i);
	}
	for (unsigned int i = 0; !err && i < wanted->count; i++) {
		const struct ksym *sym = kallsyms_find(ks, wanted->names[i]);

		if (sym && ksym_is_text(sym))
			err = targets_add(t, sym->addr, (unsigned int)primitive_count + i);
	}
	return err;
}

/* All modules' text, or that of the one named. */
static int take_modules(struct census *c, const struct targets *t, const struct kallsyms *ks,
			const struct kcore *kc, const char *only)
{
	struct range *ranges = NULL;
	size_t n = 0;
	int err = module_ranges(ks, &ranges, &n);

	/* A module may be unloaded between kallsyms and here: then it has no sites. */
	for (size_t i = 0; !err && i < n; i++) {
		if (only && strcmp(ranges[i].module, only))
			continue;
		err = take_range(c, t, ks, kc, ranges[i].from, ranges[i].to - ranges[i].from);
		if (err == -EFAULT)
			err = 0;
	}
	free(ranges);
	if (c->count)
		qsort(c->sites, c->count, sizeof(*c->sites), cmp_site);
	return err;
}

int census_take(struct census *c, const struct kallsyms *ks, const struct kcore *kc,
		const struct census_names *wanted)
{
	const struct ksym *stext = kallsyms_find(ks, "_stext"), *etext = kallsyms_find(ks, "_etext");
	struct targets t = NO_TARGETS;
	int err;

	memset(c, 0, sizeof(*c));
	err = alloc_tables(c);
	if (!err)
		err = find_targets(c, ks, wanted, &t);
	if (err)
		return err;
	if (!stext || !etext || !t.count)
		return -ENOENT;
	err = take_range(c, &t, ks, kc, stext->addr, etext->addr - stext->addr);
	if (!err)
		err = take_data(c, &t, ks, kc, "__start_rodata", "__end_rodata");
	if (!err)
		err = take_data(c, &t, ks, kc, "_sdata", "_edata");
	return err ? err : take_modules(c, &t, ks, kc, NULL);
}

int census_take_module(struct census *c, const struct kallsyms *const known[], size_t known_count,
		       const struct kcore *kc, const char *module, const struct census_names *wanted)
{
	struct targets t = NO_TARGETS;
	int err;

	memset(c, 0, sizeof(*c));
	err = alloc_tables(c);
	for (size_t i = 0; !err && i < known_count; i++)
		err = find_targets(c, known[i], wanted, &t);
	return err ? err : take_modules(c, &t, known[known_count - 1], kc, module);
}

void census_free(struct census *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->sites[i].why);
		free(c->sites[i].inlined);
	}
	free(c->sites);
	free(c->calls);
	free(c->syms);
	free(c->covers);
	free(c->indirect);
	memset(c, 0, sizeof(*c));
}

const char *site_status_name(enum site_status status)
{
	static const char *const names[] = {"probed",  "covered", "inside",   "unprobed", "wrapper",
					    "blind",   "refused", "excluded", "reference"};

	return names[status];
}

const char *site_kind_name(enum site_kind kind)
{
	static const char *const names[] = {"call", "jump", "taken", "entry", "inlined"};

	return names[kind];
}

const char *site_instruction(const struct site *s)
{
	switch (s->kind) {
	case SITE_CALL:
		return "call";
	case SITE_JUMP:
		return s->ret - s->addr == JCC_SIZE ? "jcc" : "jmp";
	case SITE_INLINED:
		return primitives[s->prim].name;
	default:
		return NULL;
	}
}

const char *cover_name(enum cover cover)
{
	static const char *const names[] = {"absent", "sites", "entry", "callee", "guard", "none",
					    "wrapper"};

	return names[cover];
}

void site_name(const struct site *s, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s+0x%llx", s->func->module ? s->func->module : "",
		 s->func->module ? ":" : "", s->func->name,
		 (unsigned long long)(s->addr - s->func->addr));
}
