// SPDX-License-Identifier: GPL-2.0-only
#include "collect/insn.h"

#include <errno.h>

#define JUMP_SIZE 5
#define ENDBR_SIZE 4

int insn_decoder(ZydisDecoder *dec)
{
	return ZYAN_FAILED(ZydisDecoderInit(dec, ZYDIS_MACHINE_MODE_LONG_64,
					    ZYDIS_STACK_WIDTH_64)) ? -EINVAL : 0;
}

bool insn_decode(const ZydisDecoder *dec, const uint8_t *code, size_t size, size_t off,
		 struct insn *in)
{
	return off < size && ZYAN_SUCCESS(ZydisDecoderDecodeFull(
				     dec, code + off, size - off, &in->d, in->ops));
}

bool insn_is_branch(const ZydisDecodedInstruction *d)
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

bool insn_is_relative_branch(const ZydisDecodedInstruction *d)
{
	return insn_is_branch(d) && d->raw.imm[0].is_relative;
}

int64_t insn_target(const ZydisDecodedInstruction *d, size_t off)
{
	return (int64_t)(off + d->length) + d->raw.imm[0].value.s;
}

int insn_register(ZydisRegister reg)
{
	ZydisRegister whole =
		ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	return whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15 ?
		       (int)(whole - ZYDIS_REGISTER_RAX) : -1;
}

uint16_t insn_written(const struct insn *in)
{
	uint16_t written = 0;

	for (unsigned int i = 0; i < in->d.operand_count; i++) {
		const ZydisDecodedOperand *op = &in->ops[i];
		int reg = op->type == ZYDIS_OPERAND_TYPE_REGISTER ? insn_register(op->reg.value) : -1;

		if (reg >= 0 && (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			written |= (uint16_t)(1u << reg);
	}
	return written;
}

bool insn_stays_int3(const ZydisDecoder *dec, const uint8_t *code, size_t size, size_t off)
{
	size_t end = off + JUMP_SIZE;
	struct insn in;

	for (; off < end && insn_decode(dec, code, size, off, &in); off += in.d.length)
		if (insn_is_relative_branch(&in.d))
			return true;
	return false;
}

size_t insn_behind_ftrace(const ZydisDecoder *dec, const uint8_t *code, size_t size)
{
	struct insn in;
	size_t off = 0;

	if (!insn_decode(dec, code, size, 0, &in))
		return FTRACE_SIZE;
	if (in.d.length == ENDBR_SIZE && (in.d.mnemonic == ZYDIS_MNEMONIC_ENDBR64 ||
					  in.d.mnemonic == ZYDIS_MNEMONIC_NOP))
		off = ENDBR_SIZE;
	return off + FTRACE_SIZE;
}
