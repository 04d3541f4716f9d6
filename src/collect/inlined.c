// SPDX-License-Identifier: GPL-2.0-only
#include "collect/inlined.h"

#include <errno.h>
#include <string.h>

#include "collect/insn.h"
#include "common/vec.h"

#define LINE_MAX 96 /* instructions before a string instruction that are looked at */
#define PAIRS_MAX 16
#define MOVE_SIZE 8
#define WHOLE_MAX (1 << 20) /* no constant copy of more bytes is made of moves */

enum { REG_CX = 1, REG_SI = 6, REG_DI };

/* A value that nothing is known of has an id of its own; what is computed from it, an offset. */
struct value {
	unsigned int id;
	int64_t off;
};

/* An address as an instruction names it; without an index that one's id is 0. */
struct address {
	struct value base, index;
	int64_t disp;
};

/* 8 bytes loaded from one address and stored at another. */
struct pair {
	struct address src, dst;
};

/* The straight line of instructions that leads to the string instruction, and ends with it. */
struct line {
	const uint8_t *code; /* of the function */
	size_t size;
	uint64_t base;
	size_t end; /* offset of the string instruction */
	ZydisDecoder dec;
	size_t off[LINE_MAX + 1];
	/* What the registers hold before each of them. */
	struct value before[LINE_MAX + 1][PLACE_REGISTERS];
	size_t count;
	struct value now[PLACE_REGISTERS];
	unsigned int ids;
	/* Where the 8 bytes in a register come from; base.id 0: unknown. */
	struct address loaded[PLACE_REGISTERS];
	struct pair pairs[PAIRS_MAX];
	size_t pair_count;
	bool aligns;
};

/*
 * Where the line begins: behind the last branch before the string instruction, or at the last
 * instruction before it to which a branch leads.
 */
static size_t line_start(const struct line *l)
{
	size_t start = insn_behind_ftrace(&l->dec, l->code, l->size);
	struct insn in;

	for (size_t off = 0; off < l->size; off += in.d.length) {
		int64_t target;

		if (!insn_decode(&l->dec, l->code, l->size, off, &in)) {
			in.d.length = 1;
			continue;
		}
		if (!insn_is_branch(&in.d))
			continue;
		if (off < l->end && off + in.d.length > start)
			start = off + in.d.length;
		if (!insn_is_relative_branch(&in.d))
			continue;
		target = insn_target(&in.d, off);
		if (target <= (int64_t)l->end && target > (int64_t)start)
			start = (size_t)target;
	}
	return start;
}

static void forget(struct line *l, int reg)
{
	l->now[reg] = (struct value){++l->ids, 0};
	l->loaded[reg].base.id = 0;
}

/* False for addresses that are no sum of at most two general registers. */
static bool address_of(const struct line *l, const ZydisDecodedOperand *op, struct address *out)
{
	int base = insn_register(op->mem.base), index = insn_register(op->mem.index);

	if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || base < 0 ||
	    (op->mem.index != ZYDIS_REGISTER_NONE && (index < 0 || op->mem.scale != 1)))
		return false;
	*out = (struct address){.base = l->now[base]};
	if (index >= 0)
		out->index = l->now[index];
	if (op->mem.disp.has_displacement)
		out->disp = op->mem.disp.value;
	return true;
}

static bool is_whole_register(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER && op->size == 64 &&
	       insn_register(op->reg.value) >= 0;
}

static void follow_store(struct line *l, const struct insn *in)
{
	struct pair p;

	if (!is_whole_register(&in->ops[1]))
		return;
	p.src = l->loaded[insn_register(in->ops[1].reg.value)];
	if (p.src.base.id && l->pair_count < PAIRS_MAX && address_of(l, &in->ops[0], &p.dst))
		l->pairs[l->pair_count++] = p;
}

/* The value of an instruction that only moves or adds to one, if it is such. */
static bool computed(const struct line *l, const struct insn *in, struct value *out)
{
	const ZydisDecodedOperand *to = &in->ops[0], *from = &in->ops[1];
	struct address a;

	if (in->d.operand_count < 2 || !is_whole_register(to))
		return false;
	switch (in->d.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		if (!is_whole_register(from))
			return false;
		*out = l->now[insn_register(from->reg.value)];
		return true;
	case ZYDIS_MNEMONIC_LEA:
		if (!address_of(l, from, &a) || a.index.id)
			return false;
		*out = (struct value){a.base.id, a.base.off + a.disp};
		return true;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		if (from->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
			return false;
		*out = l->now[insn_register(to->reg.value)];
		out->off += in->d.mnemonic == ZYDIS_MNEMONIC_ADD ? from->imm.value.s :
								   -from->imm.value.s;
		return true;
	default:
		return false;
	}
}

static bool aligns_destination(const struct insn *in)
{
	return in->d.mnemonic == ZYDIS_MNEMONIC_AND && is_whole_register(&in->ops[0]) &&
	       insn_register(in->ops[0].reg.value) == REG_DI &&
	       in->ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	       in->ops[1].imm.value.s == -MOVE_SIZE;
}

static void follow(struct line *l, const struct insn *in)
{
	bool moves = in->d.mnemonic == ZYDIS_MNEMONIC_MOV && in->d.operand_count >= 2, known, loads;
	uint16_t written = insn_written(in);
	struct value value = {0};
	struct address from = {0};

	/* All before has to do with an earlier copy. */
	if (in->d.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE)) {
		l->pair_count = 0;
		l->aligns = false;
	}
	if (moves && in->ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY)
		follow_store(l, in);
	loads = moves && is_whole_register(&in->ops[0]) && address_of(l, &in->ops[1], &from);
	known = computed(l, in, &value);
	l->aligns |= aligns_destination(in);
	for (int i = 0; i < PLACE_REGISTERS; i++)
		if (written & 1u << i)
			forget(l, i);
	if (loads)
		l->loaded[insn_register(in->ops[0].reg.value)] = from;
	if (known)
		l->now[insn_register(in->ops[0].reg.value)] = value;
}

static void note(struct line *l, size_t off)
{
	l->off[l->count] = off;
	memcpy(l->before[l->count++], l->now, sizeof(l->now));
}

static int read_line(struct line *l)
{
	struct insn in;

	for (int i = 0; i < PLACE_REGISTERS; i++)
		forget(l, i);
	for (size_t off = line_start(l); off < l->end; off += in.d.length) {
		if (!insn_decode(&l->dec, l->code, l->size, off, &in))
			return -EINVAL;
		/* A line this long begins in its midst. */
		if (l->count == LINE_MAX)
			l->count = l->pair_count = 0;
		note(l, off);
		follow(l, &in);
	}
	note(l, l->end);
	return 0;
}

struct extent {
	struct value dst, src, len; /* len.id 0: the constant len.off */
};

static bool same_value(struct value a, struct value b)
{
	return a.id == b.id && a.off == b.off;
}

/* Takes len from the two values that an address is made of; false: it is not one of them. */
static bool take(const struct address *a, struct value len, struct value *other)
{
	*other = same_value(a->base, len) ? a->index : a->base;
	return other->id && (same_value(a->base, len) || same_value(a->index, len));
}

/* Are these the last 8 bytes, before the end of a length that both addresses are made of? */
static bool ends_copy(const struct pair *last, struct extent *out)
{
	const struct value parts[] = {last->src.index, last->src.base};

	if (last->src.disp != -MOVE_SIZE || last->dst.disp != -MOVE_SIZE)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		*out = (struct extent){.len = parts[i]};
		if (parts[i].id && take(&last->src, parts[i], &out->src) &&
		    take(&last->dst, parts[i], &out->dst))
			return true;
	}
	return false;
}

/* How far an address is behind another of the same base; -1: that is not known, or before it. */
static int64_t behind(const struct address *a, const struct address *first)
{
	if (a->base.id != first->base.id || a->index.id || first->index.id)
		return -1;
	return a->base.off + a->disp - first->base.off - first->disp;
}

/* Are these the first and the last 8 bytes of a constant copy? */
static bool encloses(const struct pair *first, const struct pair *last, struct extent *out)
{
	int64_t off = behind(&last->src, &first->src);

	*out = (struct extent){
		.dst = {first->dst.base.id, first->dst.base.off + first->dst.disp},
		.src = {first->src.base.id, first->src.base.off + first->src.disp},
		.len = {0, off + MOVE_SIZE}};
	return off > 0 && off == behind(&last->dst, &first->dst) && off < WHOLE_MAX;
}

/* Of constant copies, the longest: fields of a structure that are moved beside it look alike. */
static bool find_extent(const struct line *l, struct extent *out)
{
	struct extent e;

	*out = (struct extent){0};
	for (size_t i = 0; i < l->pair_count; i++)
		if (ends_copy(&l->pairs[i], out))
			return true;
	for (size_t i = 0; i < l->pair_count; i++)
		for (size_t k = 0; k < l->pair_count; k++)
			if (encloses(&l->pairs[i], &l->pairs[k], &e) && e.len.off > out->len.off)
				*out = e;
	return out->len.off;
}

/* A register that holds the value then, or -1. */
static int holder_of(const struct value *regs, struct value v)
{
	for (int i = 0; i < PLACE_REGISTERS; i++)
		if (same_value(regs[i], v))
			return i;
	return -1;
}

/* The place at the line's i-th instruction, if all values that args ask for stand there. */
static bool place_at(const struct line *l, size_t i, const struct value want[], const char *args,
		     struct probe_place *out)
{
	struct probe_place at = {.addr = l->base + l->off[i]};

	for (int r = 0; r < PLACE_REGISTERS; r++) {
		bool constant = !want[r].id;
		int reg = constant ? PLACE_CONSTANT : holder_of(l->before[i], want[r]);

		if (probe_place_names(args, r) && reg < 0 && !constant)
			return false;
		at.moved[r] = (signed char)reg;
		if (constant)
			at.constant = (unsigned int)want[r].off;
	}
	*out = at;
	return true;
}

/*
 * The last place where these values stand. The line has no branch that would keep an int3 an int3;
 * one behind it does so the sooner, the later the place. 0, or -ENOENT: none.
 */
static int choose(const struct line *l, const struct value want[], const char *args,
		  struct inlined *out)
{
	for (size_t i = l->count; i-- > 0;)
		if (place_at(l, i, want, args, &out->place)) {
			out->interruptible =
				!insn_stays_int3(&l->dec, l->code, l->size, l->off[i]);
			return 0;
		}
	return -ENOENT;
}

static void want_whole(const struct extent *e, struct value want[])
{
	want[REG_DI] = e->dst;
	want[REG_SI] = e->src;
	want[REG_CX] = e->len;
}

void inlined_find(const uint8_t *code, size_t size, uint64_t base, uint64_t addr, const char *args,
		  struct inlined *out)
{
	struct line l = {.code = code, .size = size, .base = base, .end = (size_t)(addr - base)};
	struct value want[PLACE_REGISTERS];
	struct extent e;
	int err = insn_decoder(&l.dec);

	*out = (struct inlined){.place = probe_place_here(addr), .interruptible = true};
	if (!err)
		err = read_line(&l);
	if (err)
		return;
	memcpy(want, l.now, sizeof(want));
	if (l.aligns && find_extent(&l, &e)) {
		want_whole(&e, want);
		out->whole = !choose(&l, want, args, out);
		memcpy(want, l.now, sizeof(want));
	}
	out->ragged = l.aligns && !out->whole;
	if (!out->whole)
		choose(&l, want, args, out);
}
