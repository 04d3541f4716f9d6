/* SPDX-License-Identifier: GPL-2.0-only */
/* audit.dat: what the audit saw stored, as the emulator's plugin writes it and analyze reads it. */
#ifndef COMMON_AUDITFILE_H
#define COMMON_AUDITFILE_H

#include <stdint.h>

#include "common/mark.h"

#define AUDIT_MAGIC "copychain audit 1" /* with its NUL, and padded to AUDIT_HEAD bytes */
#define AUDIT_HEAD 32
#define AUDIT_CALLERS 8

/*
 * The recorder stores a mark of this flow in its own memory when recording begins, and a longer one
 * when it ends, so that the audit knows what it has to account for, and whose address space that is.
 */
#define AUDIT_RECORDER (MARK_FLOWS - 1)
#define AUDIT_BEGINS 64 /* bytes of mark */
#define AUDIT_ENDS 128

enum {
	AUDIT_USER = 1,	 /* stored by a program */
	AUDIT_STACK = 2, /* onto the stack that was in use */
	AUDIT_END = 4,	 /* the last record: bytes is 0, pc how many came before it */
};

/*
 * Payload of one flow that was stored without a break, in bytes without those of headers. Numbers are
 * little endian, as the machines that it is for.
 */
struct audit_run {
	uint64_t addr, phys; /* of the store by which it was known as payload; phys 0: unknown */
	uint64_t pc;	     /* the instruction of that store */
	uint64_t space;	     /* the page tables in use: one number for each process */
	uint64_t callers[AUDIT_CALLERS]; /* what looked like return addresses, innermost first */
	uint32_t bytes;
	uint16_t flow;
	uint8_t flags, unused;
};

#endif
