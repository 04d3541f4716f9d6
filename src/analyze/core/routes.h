/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Routes: how the frames of a card come up from its driver. A driver uses one way for all of them, so
 * where there are two a hand-off of some frame is not recorded, and nobody knows of which.
 */
#ifndef ANALYZE_CORE_ROUTES_H
#define ANALYZE_CORE_ROUTES_H

#include "analyze/core/chain.h"
#include "common/hashmap.h"

struct route {
	char dev[16];
	enum hand to;
	struct flow *flow;
};

struct routes {
	struct route *list; /* each once */
	size_t count, cap;
	struct hashmap seen; /* what is in the list; the values mean nothing */
};

/* The routes along a chain of a flow. 0 or -ENOMEM. */
int routes_add(struct routes *r, const struct chain *ch, struct flow *f);

/* Flows with frames of a card that came up more than one way get a caveat. */
void routes_compare(struct routes *r);
void routes_free(struct routes *r);

#endif
