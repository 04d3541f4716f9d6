/* SPDX-License-Identifier: GPL-2.0-only */
/* String instructions with a repeat prefix: copies, and port I/O, that are no calls. */
#ifndef COLLECT_STRING_OPS_H
#define COLLECT_STRING_OPS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Where, from byte `from` on, something ends that looks like one: the offset behind its opcode, or
 * 0 where nothing follows that does. An int3 (a kprobe's, say) that hides the repeat prefix is
 * undone in buf.
 */
size_t string_ops_next(uint8_t *buf, size_t size, size_t from);

/* The primitive that an instruction of these bytes is, as an index of primitives[]; -1: none. */
int string_ops_primitive(const uint8_t *code, size_t length);

#endif
