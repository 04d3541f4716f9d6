// SPDX-License-Identifier: GPL-2.0-only
#include "common/rangemap_spaces.h"

#include <errno.h>
#include <string.h>

static struct rt_space *slot_of(struct rt_space *slots, size_t cap, uint32_t id)
{
	size_t i = ((id * UINT32_C(2654435769)) >> 7) & (cap - 1);

	while (slots[i].used && slots[i].id != id)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

/* Makes room for one more space, leaving behind those that are empty. */
static int grow(struct rt_spaces *spaces, const struct rt_pool *mem)
{
	struct rt_space *slots;
	size_t live = 0, cap = 16;

	for (size_t i = 0; i < spaces->cap; i++)
		live += spaces->slots[i].used && spaces->slots[i].tree.root;
	while (cap < (live + 1) * 4)
		cap *= 2;
	slots = mem->alloc(cap * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots, 0, cap * sizeof(*slots));
	for (size_t i = 0; i < spaces->cap; i++)
		if (spaces->slots[i].used && spaces->slots[i].tree.root)
			*slot_of(slots, cap, spaces->slots[i].id) = spaces->slots[i];
	if (spaces->slots)
		mem->release(spaces->slots);
	*spaces = (struct rt_spaces){.slots = slots, .cap = cap, .used = live};
	return 0;
}

struct rt_tree *rt_space_find(const struct rt_spaces *spaces, uint32_t id)
{
	struct rt_space *s;

	if (!spaces->cap)
		return NULL;
	s = slot_of(spaces->slots, spaces->cap, id);
	return s->used ? &s->tree : NULL;
}

struct rt_tree *rt_space_make(struct rt_spaces *spaces, const struct rt_pool *mem, uint32_t id)
{
	struct rt_tree *tree = rt_space_find(spaces, id);
	struct rt_space *s;

	if (tree)
		return tree;
	if ((spaces->used + 1) * 2 > spaces->cap && grow(spaces, mem))
		return NULL;
	s = slot_of(spaces->slots, spaces->cap, id);
	*s = (struct rt_space){.id = id, .used = true};
	spaces->used++;
	return &s->tree;
}
