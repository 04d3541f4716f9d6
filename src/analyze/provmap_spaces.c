// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/provmap_spaces.h"

#include <errno.h>
#include <string.h>

static struct pt_space *slot_of(struct pt_space *slots, size_t cap, uint32_t id)
{
	size_t i = ((id * UINT32_C(2654435769)) >> 7) & (cap - 1);

	while (slots[i].used && slots[i].id != id)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

/* Makes room for one more space, leaving behind those that are empty. */
static int grow(struct pt_spaces *spaces, const struct pt_pool *mem)
{
	struct pt_space *slots;
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
	*spaces = (struct pt_spaces){.slots = slots, .cap = cap, .used = live};
	return 0;
}

struct pt_tree *pt_space_find(const struct pt_spaces *spaces, uint32_t id)
{
	struct pt_space *s;

	if (!spaces->cap)
		return NULL;
	s = slot_of(spaces->slots, spaces->cap, id);
	return s->used ? &s->tree : NULL;
}

struct pt_tree *pt_space_make(struct pt_spaces *spaces, const struct pt_pool *mem, uint32_t id)
{
	struct pt_tree *tree = pt_space_find(spaces, id);
	struct pt_space *s;

	if (tree)
		return tree;
	if ((spaces->used + 1) * 2 > spaces->cap && grow(spaces, mem))
		return NULL;
	s = slot_of(spaces->slots, spaces->cap, id);
	*s = (struct pt_space){.id = id, .used = true};
	spaces->used++;
	return &s->tree;
}
