// SPDX-License-Identifier: GPL-2.0-only
/* The RDMA part of an analysis, from its beginning to its end. */
#include "analyze/rdma.h"

#include <errno.h>
#include <stdlib.h>

int rdma_init(struct engine *e)
{
	e->rdma = calloc(1, sizeof(*e->rdma));
	if (!e->rdma)
		return -ENOMEM;
	e->rdma->last_region = &e->rdma->regions;
	e->rdma->pinned = rangemap_new(NULL);
	return e->rdma->pinned ? 0 : -ENOMEM;
}

void rdma_finish(struct engine *e)
{
	regions_finish(e);
	rdma_queues_finish(e);
}

static void free_copy(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

void rdma_free(struct engine *e)
{
	if (!e->rdma)
		return;
	regions_free(e);
	rdma_queues_free(e);
	hashmap_each(&e->rdma->copies, free_copy, NULL);
	hashmap_free(&e->rdma->copies);
	free(e->rdma);
	e->rdma = NULL;
}
