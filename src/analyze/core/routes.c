// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/core/engine.h"
#include "common/vec.h"

static uint64_t key_of(const struct route *r)
{
	uint64_t words[2];

	memcpy(words, r->dev, sizeof(words));
	return mix(mix((uintptr_t)r->flow, words[0], words[1]), r->to, 0);
}

static int add(struct routes *r, const struct route *new)
{
	uint64_t key = key_of(new);

	if (hashmap_find(&r->seen, key))
		return 0;
	if (vec_reserve(&r->list, &r->cap, r->count + 1) || hashmap_set(&r->seen, key, r))
		return -ENOMEM;
	r->list[r->count++] = *new;
	return 0;
}

int routes_add(struct routes *r, const struct chain *ch, struct flow *f)
{
	for (size_t i = 1; i < ch->count; i++) {
		const struct link *l = &ch->links[i];
		struct route new = {.to = l->holder, .flow = f};

		if (!l->k || ch->links[i - 1].holder != BY_FRAME || l->kind != HOP_HANDOFF)
			continue;
		memcpy(new.dev, l->k->dev, sizeof(new.dev));
		if (add(r, &new))
			return -ENOMEM;
	}
	return 0;
}

static int by_card(const void *a, const void *b)
{
	return strcmp(((const struct route *)a)->dev, ((const struct route *)b)->dev);
}

void routes_compare(struct routes *r)
{
	size_t end;

	if (r->count)
		qsort(r->list, r->count, sizeof(*r->list), by_card);
	for (size_t i = 0; i < r->count; i = end) {
		bool differ = false;

		for (end = i; end < r->count && !by_card(&r->list[i], &r->list[end]); end++)
			differ |= r->list[end].to != r->list[i].to;
		for (size_t k = i; differ && k < end; k++)
			r->list[k].flow->caveats[CAVEAT_ROUTE]++;
	}
}

void routes_free(struct routes *r)
{
	free(r->list);
	hashmap_free(&r->seen);
}
