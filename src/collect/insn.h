/* SPDX-License-Identifier: GPL-2.0-only */
/* Machine instructions, as far as the choice of a probe's place has to understand them. */
#ifndef COLLECT_INSN_H
#define COLLECT_INSN_H

#include <Zydis/Zydis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INT3 0xcc
#define FTRACE_SIZE 5 /* of its nop or call, behind an endbr64 or not */

struct insn {
	ZydisDecodedInstruction d;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

/* 0 or -EINVAL. */
int insn_decoder(ZydisDecoder *dec);

/* The instruction at code + off; false where none is. */
bool insn_decode(const ZydisDecoder *dec, const uint8_t *code, size_t size, size_t off,
		 struct insn *in);

/* Calls, returns and interrupts are branches, too. */
bool insn_is_branch(const ZydisDecodedInstruction *d);
bool insn_is_relative_branch(const ZydisDecodedInstruction *d);

/* Where a relative branch at off leads, as an offset into the function. */
int64_t insn_target(const ZydisDecodedInstruction *d, size_t off);

/* The number of the general register that reg is or is part of, in the order of encoding; or -1. */
int insn_register(ZydisRegister reg);

/* The general registers that it writes, a bit each. */
uint16_t insn_written(const struct insn *in);

/*
 * Does a kprobe at code + off stay an int3? It does where the five bytes that a jump would take
 * hold an instruction that cannot be moved (arch/x86/kernel/kprobes/core.c: can_boost).
 */
bool insn_stays_int3(const ZydisDecoder *dec, const uint8_t *code, size_t size, size_t off);

/*
 * The offset of a function's first instruction behind ftrace's: a kprobe on that would be one on
 * ftrace. Before it may stand an endbr64, or the nop that takes its place where nobody calls the
 * function by pointer (arch/x86/kernel/alternative.c: poison_endbr).
 */
size_t insn_behind_ftrace(const ZydisDecoder *dec, const uint8_t *code, size_t size);

#endif
