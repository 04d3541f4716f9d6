/* SPDX-License-Identifier: GPL-2.0-only */
/* Records that belong to an earlier one, by what happened in between. */
#ifndef PROOFCHECK_ANSWERS_H
#define PROOFCHECK_ANSWERS_H

#include "proofcheck/record.h"

struct answers;

struct answers *answers_new(const struct world *w);
void answers_free(struct answers *a);

/*
 * The place of the record to which the next record of the trace belongs; 0: there is none.
 *	dma_map_ret	the mapping that ends there
 *	dev_done	the buffer that the device was given for it
 *	gro_receive	the frame that the driver found last on that CPU, unless one was handed up since
 *	a copy		the allocation of a device's memory that it reads or writes
 */
uint64_t answers_what(const struct answers *a, const struct record *r);

/* Sees the next record of the trace. 0 or -ENOMEM. */
int answers_follow(struct answers *a, const struct record *r);

#endif
