// SPDX-License-Identifier: GPL-2.0-only
#include "collect/beacon.h"

#include <stdint.h>
#include <string.h>

#include "common/auditfile.h"
#include "common/mark.h"

void beacon(bool begins)
{
	static uint64_t memory[AUDIT_ENDS / sizeof(uint64_t)];
	volatile uint64_t *words = memory;
	unsigned char two[2 * MARK_LEN];
	size_t n = (begins ? AUDIT_BEGINS : AUDIT_ENDS) / sizeof(uint64_t);
	uint64_t mark;

	mark_bytes(AUDIT_RECORDER, two);
	mark_bytes(AUDIT_RECORDER, two + MARK_LEN);
	memcpy(&mark, two, sizeof(mark));
	for (size_t i = 0; i < n; i++)
		words[i] = mark;
	/* Over at once, so that nothing is put together with it. */
	words[0] = 0;
}
