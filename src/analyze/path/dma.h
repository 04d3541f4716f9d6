/* SPDX-License-Identifier: GPL-2.0-only */
/* Which memory devices own. */
#ifndef ANALYZE_PATH_DMA_H
#define ANALYZE_PATH_DMA_H

#include "analyze/core/engine.h"

bool dma_device_owns(struct engine *e, uint64_t addr, uint64_t len);

#endif
