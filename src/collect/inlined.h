/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an inlined copy copies, and where to probe it.
 *
 * The instruction itself often moves but the middle. gcc moves the first 8 bytes and the last 8 by
 * themselves, then aligns the destination, and repeats movsq for what is left (gcc/config/i386/
 * i386-expand.c: expand_set_or_cpymem_prologue_epilogue_by_misaligned_moves): where copy began and
 * how long it is cannot be told from the registers at the instruction. They can from those at the
 * moves before it.
 */
#ifndef COLLECT_INLINED_H
#define COLLECT_INLINED_H

#include <stdbool.h>

#include "collect/probe_place.h"

struct inlined {
	struct probe_place place; /* where %di, %si, %cx (and %dx) are those of the instruction or, ... */
	bool whole;	    /* ... here, of the whole copy: first byte, and length in bytes */
	bool ragged;	    /* there are moves around it that could not be followed */
	bool interruptible; /* the probe there may become a jump, see probe_place.h */
};

/*
 * code holds a function of size bytes that begins at base, addr the string instruction in it; args
 * are fetch arguments with the registers as they stand there. Where bytes before it cannot be
 * decoded, *out is the instruction itself.
 */
void inlined_find(const uint8_t *code, size_t size, uint64_t base, uint64_t addr, const char *args,
		  struct inlined *out);

#endif
