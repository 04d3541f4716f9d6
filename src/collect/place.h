/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chooses the instruction of a function on which a probe misses nothing.
 *
 * At a function's entry a kprobe stands on ftrace, and elsewhere the kernel may turn it into a
 * jump (kernel/kprobes.c: optimize_kprobe). Both run the handler with interrupts on: a packet that
 * arrives meanwhile is processed on the way out of the interrupt, and every probe it passes is
 * counted as missed and recorded nowhere. An int3 handler runs with interrupts off. It stays an
 * int3 where the five bytes a jump would take hold an instruction that cannot be moved
 * (arch/x86/kernel/kprobes/core.c: can_boost): any relative call or jump.
 */
#ifndef COLLECT_PLACE_H
#define COLLECT_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place {
	uint64_t addr;
	unsigned int stack; /* bytes pushed since the start */
};

/* Bits for place_find: registers whose values must still stand. */
unsigned int place_registers(const char *args);

/*
 * code holds a function of size bytes that begins at base. Looks from `from` on, along the
 * straight line before the first branch, for the first instruction that stays an int3 and is
 * reached only along that line, with the registers in `live` unwritten. -ENOENT: there is none.
 */
int place_find(const uint8_t *code, size_t size, uint64_t base, uint64_t from, unsigned int live,
	       struct place *out);

#endif
