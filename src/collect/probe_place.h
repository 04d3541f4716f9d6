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
#ifndef COLLECT_PROBE_PLACE_H
#define COLLECT_PROBE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_REGISTERS 16
#define PLACE_CONSTANT (-1)

struct probe_place {
	uint64_t addr;
	unsigned int stack;		  /* bytes pushed since the start */
	signed char moved[PLACE_REGISTERS]; /* where each register's value is by then */
	unsigned int constant; /* the value of those that are PLACE_CONSTANT there */
};

/* addr itself, with all values in their own registers. */
struct probe_place probe_place_here(uint64_t addr);

/*
 * code holds a function of size bytes that begins at base; args are fetch arguments that name
 * registers as they stand at `from`. Looks from there on, along the straight line before the first
 * branch, for the first instruction that stays an int3, is reached only along that line, and where
 * all those values still stand in some register. -ENOENT: there is none, and *out is `from` itself.
 */
int probe_place_find(const uint8_t *code, size_t size, uint64_t base, uint64_t from, const char *args,
	       struct probe_place *out);

/* Do the arguments name this register? */
bool probe_place_names(const char *args, int reg);

/* The same arguments as they read at the place found: other registers, $stack0 deeper. 0, -E2BIG. */
int probe_place_rewrite(const struct probe_place *at, const char *args, char *out, size_t size);

#endif
