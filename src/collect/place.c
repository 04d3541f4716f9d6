// SPDX-License-Identifier: GPL-2.0-only
#include "collect/place.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <string.h>

#define JUMP_SIZE 5
#define NOP_SIZE 5 /* of ftrace, behind an endbr64 or not */

static const struct {
	const char *name;
	ZydisRegister reg;
} registers[] = {
	{"%di", ZYDIS_REGISTER_RDI}, {"%si", ZYDIS_REGISTER_RSI}, {"%dx", ZYDIS_REGISTER_RDX},
	{"%cx", ZYDIS_REGISTER_RCX}, {"%r8", ZYDIS_REGISTER_R8},  {"%r9", ZYDIS_REGISTER_R9},
	{"%ax", ZYDIS_REGISTER_RAX},
};

#define REGISTERS (sizeof(registers) / sizeof(registers[0]))

struct insn {
	ZydisDecodedInstruction d;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

unsigned int place_registers(const char *args)
{
	unsigned int live = 0;

	for (size_t i = 0; i < REGISTERS; i++)
		if (strstr(args, registers[i].name))
			live |= 1u << i;
	return live;
}

static bool decode(const ZydisDecoder *dec, const uint8_t *code, size_t size, size_t off,
		   struct insn *in)
{
	return off < size && ZYAN_SUCCESS(ZydisDecoderDecodeFull(
				     dec, code + off, size - off, &in->d, in->ops));
}

static bool is_branch(const ZydisDecodedInstruction *d)
{
	switch (d->meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_INTERRUPT:
		return true;
	default:
		return false;
	}
}

static bool is_relative_branch(const ZydisDecodedInstruction *d)
{
	return is_branch(d) && d->raw.imm[0].is_relative;
}

static bool writes_any(const struct insn *in, unsigned int live)
{
	for (unsigned int i = 0; i < in->d.operand_count; i++) {
		const ZydisDecodedOperand *op = &in->ops[i];
		ZydisRegister reg;

		if (op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op->reg.value);
		for (size_t r = 0; r < REGISTERS; r++)
			if ((live & 1u << r) && registers[r].reg == reg)
				return true;
	}
	return false;
}

/* push and sub $n,%rsp are all that a prologue does to the stack; anything else ends the search. */
static bool track_stack(const struct insn *in, unsigned int *stack)
{
	if (in->d.mnemonic == ZYDIS_MNEMONIC_PUSH) {
		*stack += 8;
		return true;
	}
	for (unsigned int i = 0; i < in->d.operand_count; i++)
		if (in->ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    in->ops[i].reg.value == ZYDIS_REGISTER_RSP &&
		    (in->ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)) {
			if (in->d.mnemonic != ZYDIS_MNEMONIC_SUB ||
			    in->ops[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
				return false;
			*stack += (unsigned int)in->ops[1].imm.value.u;
		}
	return true;
}

static bool stays_int3(const ZydisDecoder *dec, const uint8_t *code, size_t size, size_t off)
{
	size_t end = off + JUMP_SIZE;
	struct insn in;

	for (; off < end && decode(dec, code, size, off, &in); off += in.d.length)
		if (is_relative_branch(&in.d))
			return true;
	return false;
}

/* Does any branch of the function lead into (from, to]? */
static bool is_target(const ZydisDecoder *dec, const uint8_t *code, size_t size, size_t from,
		      size_t to)
{
	struct insn in;

	for (size_t off = 0; off < size; off += in.d.length) {
		int64_t target;

		if (!decode(dec, code, size, off, &in)) {
			in.d.length = 1;
			continue;
		}
		if (!is_relative_branch(&in.d))
			continue;
		target = (int64_t)(off + in.d.length) + in.d.raw.imm[0].value.s;
		if (target > (int64_t)from && target <= (int64_t)to)
			return true;
	}
	return false;
}

/* A kprobe on ftrace's own instruction would be one on ftrace. */
static size_t behind_ftrace(const uint8_t *code, size_t size, size_t off)
{
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e, 0xfa};

	if (off)
		return off;
	if (size > sizeof(endbr) && !memcmp(code, endbr, sizeof(endbr)))
		off += sizeof(endbr);
	return off + NOP_SIZE;
}

int place_find(const uint8_t *code, size_t size, uint64_t base, uint64_t from, unsigned int live,
	       struct place *out)
{
	size_t start = (size_t)(from - base), off = behind_ftrace(code, size, start);
	unsigned int stack = 0;
	ZydisDecoder dec;
	struct insn in;

	if (ZYAN_FAILED(ZydisDecoderInit(&dec, ZYDIS_MACHINE_MODE_LONG_64,
					 ZYDIS_STACK_WIDTH_64)))
		return -EINVAL;
	while (decode(&dec, code, size, off, &in)) {
		if (stays_int3(&dec, code, size, off)) {
			if (is_target(&dec, code, size, start, off))
				return -ENOENT;
			*out = (struct place){base + off, stack};
			return 0;
		}
		if (is_branch(&in.d) || writes_any(&in, live) || !track_stack(&in, &stack))
			return -ENOENT;
		off += in.d.length;
	}
	return -ENOENT;
}
