/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory and devices: for the paths by which devices get memory, and for that of the wire. */
#ifndef ANALYZE_PATH_DMA_H
#define ANALYZE_PATH_DMA_H

#include "analyze/core/engine.h"

struct frame;

/*
 * A device gets size bytes of a frame, which are at va as the CPU sees them, from `at`. site: the
 * instruction by which the CPU hands them over, or NULL: the device reads them by itself.
 */
void device_gets(struct engine *e, struct frame *f, const struct site *site, uint64_t va, uint64_t at,
		 uint64_t size);
void dma_read(struct engine *e, struct frame *f, uint64_t va, uint64_t at, uint64_t size);

/* A device may write memory from now on; it has, and gives it back. */
void dma_give(struct engine *e, uint64_t va, uint64_t size);
void dma_take_back(struct engine *e, uint64_t va, uint64_t size);

/* A frame from a device, or part of one, is in memory; what payload it has is known when it arrives. */
void device_gave(struct engine *e, const struct site *site, uint64_t addr, uint64_t len);
void dma_written(struct engine *e, uint64_t addr, uint64_t len);

bool dma_device_owns(struct engine *e, uint64_t addr, uint64_t len);

#endif
