// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every change is one operation on the tree: replace what lies in a range by a sorted row of
 * pieces. It is prepared so far that it cannot fail (nodes, room for the row, the tree of the
 * destination) before the first reference is taken, so a call that fails has changed nothing.
 */
#include "common/rangemap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/hashmap.h"
#include "common/rangemap_tree.h"


#define MIN_SPACES 16

struct row {
	struct rt_entry *e;
	size_t n, cap;
};

struct rangemap {
	struct rangemap_ops ops;
	struct rt_pool pool;
	struct rt_tree kernel;
	struct hashmap spaces; /* struct rt_tree by the number of a user address space */
	size_t prune_at;       /* so many spaces are looked through for empty ones */
	size_t pieces;
	struct row taken; /* what an operation takes out of its source */
	struct row built; /* what it puts in the place of the entries it touches */
};

static void *default_alloc(size_t size)
{
	return malloc(size);
}

static void default_release(void *mem)
{
	free(mem);
}

static inline void *get(const struct rangemap *map, void *tag)
{
	if (tag && map->ops.get)
		map->ops.get(tag);
	return tag;
}

static inline void put(const struct rangemap *map, void *tag)
{
	if (tag && map->ops.put)
		map->ops.put(tag);
}

/* ---- rows ---- */

static int row_reserve(struct rangemap *map, struct row *row, size_t n)
{
	size_t cap = row->cap ? row->cap * 2 : 32;
	struct rt_entry *e;

	if (n <= row->cap)
		return 0;
	while (cap < n)
		cap *= 2;
	e = map->ops.alloc(cap * sizeof(*e));
	if (!e)
		return -ENOMEM;
	if (row->e) {
		memcpy(e, row->e, row->n * sizeof(*e));
		map->ops.release(row->e);
	}
	row->e = e;
	row->cap = cap;
	return 0;
}

static inline bool joins(const struct rt_entry *a, const struct rt_entry *b)
{
	return a->val.last + 1 == b->addr && a->val.origin == b->val.origin &&
	       a->val.off + (a->val.last - a->addr) + 1 == b->val.off && a->val.tag == b->val.tag;
}

/* Appends an entry with the reference it holds, or lengthens the one before it. */
static inline void row_push(struct rangemap *map, struct row *row, const struct rt_entry *e)
{
	if (row->n && joins(&row->e[row->n - 1], e)) {
		row->e[row->n - 1].val.last = e->val.last;
		put(map, e->val.tag);
	} else {
		row->e[row->n++] = *e;
	}
}

static inline struct rt_tree *tree_find(struct rangemap *map, uint32_t id)
{
	return id ? hashmap_find(&map->spaces, id) : &map->kernel;
}

static bool release_if_empty(void *value, void *ctx)
{
	const struct rt_tree *tree = value;
	struct rangemap *map = ctx;

	if (tree->root)
		return false;
	map->ops.release(value);
	return true;
}

/* The tree of a space, made if it is missing. Spaces that have become empty go now and then. */
static struct rt_tree *tree_make(struct rangemap *map, uint32_t id)
{
	struct rt_tree *tree = tree_find(map, id);

	if (tree)
		return tree;
	if (map->spaces.count >= map->prune_at) {
		hashmap_prune(&map->spaces, release_if_empty, map);
		map->prune_at = map->spaces.count * 2 + MIN_SPACES;
	}
	tree = map->ops.alloc(sizeof(*tree));
	if (!tree)
		return NULL;
	*tree = (struct rt_tree){0};
	if (hashmap_set(&map->spaces, id, tree)) {
		map->ops.release(tree);
		return NULL;
	}
	return tree;
}

/* ---- the one operation ---- */

/* A place in the list of entries, in address order. */
struct cursor {
	struct rt_leaf *leaf;
	unsigned idx;
};

static inline bool cursor_at(const struct cursor *c, struct rt_entry *e)
{
	if (!c->leaf)
		return false;
	e->addr = c->leaf->addr[c->idx];
	e->val = c->leaf->val[c->idx];
	return true;
}

static inline void cursor_next(struct cursor *c)
{
	if (++c->idx < c->leaf->n)
		return;
	c->leaf = c->leaf->next;
	c->idx = 0;
}

/* The entries that an operation takes out of the tree: a run of them, maybe empty. */
struct cut {
	struct rt_spot spot;
	struct cursor start;
	struct rt_leaf *last_leaf;
	uint64_t first, last; /* addresses of the first and the last one */
	size_t n;
};

static inline void cut_take(struct cut *cut, const struct cursor *c, uint64_t addr)
{
	if (!cut->n++) {
		cut->start = *c;
		cut->first = addr;
	}
	cut->last_leaf = c->leaf;
	cut->last = addr;
}

/* Fills map->built and *cut with the change that puts `in` in the place of lo … last. */
static void plan(struct rangemap *map, struct rt_tree *tree, uint64_t lo, uint64_t last,
		 const struct row *in, struct cut *cut)
{
	struct rt_entry e, rest = {0};
	bool has_rest = false;
	struct cursor c;

	map->built.n = 0;
	*cut = (struct cut){0};
	rt_seek(tree, lo, lo ? lo - 1 : 0, &cut->spot);
	c = (struct cursor){cut->spot.leaf, cut->spot.idx};
	if (cursor_at(&c, &e) && e.val.last < lo) {
		if (in->n && joins(&e, &in->e[0])) {
			cut_take(cut, &c, e.addr);
			row_push(map, &map->built, &e);
		}
		cursor_next(&c);
	}
	for (; cursor_at(&c, &e) && e.addr <= last; cursor_next(&c)) {
		bool left = e.addr < lo;

		cut_take(cut, &c, e.addr);
		if (e.val.last > last) {
			rest = e;
			rest.addr = last + 1;
			rest.val.off += last + 1 - e.addr;
			has_rest = true;
		}
		if (left) {
			if (has_rest)
				get(map, e.val.tag);
			e.val.last = lo - 1;
			row_push(map, &map->built, &e);
		} else if (!has_rest) {
			put(map, e.val.tag);
		}
	}
	for (size_t i = 0; i < in->n; i++)
		row_push(map, &map->built, &in->e[i]);
	if (has_rest) {
		row_push(map, &map->built, &rest);
	} else if (in->n && cursor_at(&c, &e) && joins(&in->e[in->n - 1], &e)) {
		cut_take(cut, &c, e.addr);
		row_push(map, &map->built, &e);
	}
}

/* Does the planned change inside one leaf, where it fits; true if so. */
static bool apply_in_leaf(struct rangemap *map, const struct rt_tree *tree, const struct cut *cut,
			  uint64_t lo)
{
	struct rt_leaf *leaf = cut->spot.home;
	const struct row *row = &map->built;
	unsigned at, tail, add = (unsigned)row->n, cutn = (unsigned)cut->n;

	if (!leaf || row->n > RT_LEAF ||
	    (cut->n && (cut->start.leaf != leaf || cut->last_leaf != leaf)))
		return false;
	if (leaf->n - cutn + add > RT_LEAF)
		return false;
	if (add < cutn && leaf->n - cutn + add < (tree->height ? RT_LEAF / 4 : 1))
		return false;
	if (add && row->e[add - 1].addr > cut->spot.home_last)
		return false;
	at = cut->n ? cut->start.idx : rt_count_le(leaf->addr, leaf->n, lo);
	tail = leaf->n - at - cutn;
	if (add != cutn) {
		memmove(leaf->addr + at + add, leaf->addr + at + cutn,
			tail * sizeof(leaf->addr[0]));
		memmove(leaf->val + at + add, leaf->val + at + cutn, tail * sizeof(leaf->val[0]));
	}
	for (unsigned i = 0; i < add; i++) {
		leaf->addr[at + i] = row->e[i].addr;
		leaf->val[at + i] = row->e[i].val;
	}
	leaf->n = leaf->n - cutn + add;
	return true;
}

static void apply(struct rangemap *map, struct rt_tree *tree, const struct cut *cut, uint64_t lo)
{
	const struct row *row = &map->built;

	map->pieces = map->pieces - cut->n + row->n;
	if ((!cut->n && !row->n) || apply_in_leaf(map, tree, cut, lo))
		return;
	if (cut->n)
		rt_erase(tree, &map->pool, cut->first, cut->last);
	for (size_t i = 0; i < row->n; i++)
		rt_insert(tree, &map->pool, &row->e[i]);
}

/* Makes sure that replace with n entries in the row cannot fail. */
static int prepare(struct rangemap *map, const struct rt_tree *tree, size_t n)
{
	int err = row_reserve(map, &map->built, n + 4);

	return err ? err : rt_reserve(&map->pool, tree, n + 4);
}

/* Puts `in`, with the references it holds, in the place of lo … last. Needs a prepare. */
static void replace(struct rangemap *map, struct rt_tree *tree, uint64_t lo, uint64_t last,
		    const struct row *in)
{
	struct cut cut;

	plan(map, tree, lo, last, in, &cut);
	apply(map, tree, &cut, lo);
}

/* ---- the interface ---- */

struct rangemap *rangemap_new(const struct rangemap_ops *ops)
{
	struct rangemap_ops o = ops ? *ops : (struct rangemap_ops){0};
	struct rangemap *map;

	if (!o.alloc || !o.release) {
		o.alloc = default_alloc;
		o.release = default_release;
	}
	map = o.alloc(sizeof(*map));
	if (map)
		*map = (struct rangemap){.ops = o,
					 .pool = {.alloc = o.alloc, .release = o.release}};
	return map;
}

static void empty_tree(struct rangemap *map, struct rt_tree *tree)
{
	for (struct rt_leaf *leaf = rt_first(tree); leaf; leaf = leaf->next) {
		map->pieces -= leaf->n;
		for (unsigned i = 0; i < leaf->n; i++)
			put(map, leaf->val[i].tag);
	}
	rt_empty(tree, &map->pool);
}

static void free_space(void *value, void *ctx)
{
	struct rangemap *map = ctx;

	empty_tree(map, value);
	map->ops.release(value);
}

void rangemap_free(struct rangemap *map)
{
	if (!map)
		return;
	empty_tree(map, &map->kernel);
	hashmap_each(&map->spaces, free_space, map);
	hashmap_free(&map->spaces);
	rt_pool_free(&map->pool);
	if (map->taken.e)
		map->ops.release(map->taken.e);
	if (map->built.e)
		map->ops.release(map->built.e);
	map->ops.release(map);
}

static inline bool leaves_space(uint64_t addr, uint64_t len)
{
	return len && addr + (len - 1) < addr;
}

int rangemap_insert(struct rangemap *map, const struct rm_piece *p)
{
	struct rt_entry e = {p->addr, {p->addr + (p->len - 1), p->origin, p->off, p->tag}};
	struct rt_tree *tree;
	int err;

	if (leaves_space(p->addr, p->len))
		return -EINVAL;
	if (!p->len)
		return 0;
	tree = tree_make(map, p->space);
	if (!tree)
		return -ENOMEM;
	err = prepare(map, tree, 1);
	if (err)
		return err;
	get(map, p->tag);
	replace(map, tree, e.addr, e.val.last, &(struct row){.e = &e, .n = 1});
	return 0;
}

int rangemap_clear(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len)
{
	struct rt_tree *tree = tree_find(map, space);
	int err;

	if (leaves_space(addr, len))
		return -EINVAL;
	if (!len || !tree || !tree->root)
		return 0;
	err = prepare(map, tree, 0);
	if (!err)
		replace(map, tree, addr, addr + (len - 1), &(struct row){0});
	return err;
}

int rangemap_clear_space(struct rangemap *map, uint32_t space)
{
	struct rt_tree *tree = tree_find(map, space);

	if (tree)
		empty_tree(map, tree);
	return 0;
}

static void clip(struct rt_entry *e, uint64_t lo, uint64_t last)
{
	if (e->addr < lo) {
		e->val.off += lo - e->addr;
		e->addr = lo;
	}
	if (e->val.last > last)
		e->val.last = last;
}

static struct rm_piece to_piece(uint32_t space, const struct rt_entry *e)
{
	return (struct rm_piece){space,		e->addr,    e->val.last - e->addr + 1,
				 e->val.origin, e->val.off, e->val.tag};
}

/* Lists in map->taken what lies in lo … last, clipped; takes no references. Gives bytes. */
static int64_t take(struct rangemap *map, const struct rt_tree *tree, uint64_t lo, uint64_t last)
{
	struct rt_entry e;
	struct rt_spot spot;
	struct cursor c;
	int64_t bytes = 0;

	map->taken.n = 0;
	if (!tree || !tree->root)
		return 0;
	rt_seek(tree, lo, lo, &spot);
	c = (struct cursor){spot.leaf, spot.idx};
	for (; cursor_at(&c, &e) && e.addr <= last; cursor_next(&c)) {
		if (row_reserve(map, &map->taken, map->taken.n + 1))
			return -ENOMEM;
		clip(&e, lo, last);
		map->taken.e[map->taken.n++] = e;
		bytes += (int64_t)(e.val.last - e.addr + 1);
	}
	return bytes;
}

int64_t rangemap_copy(struct rangemap *map, uint32_t sspace, uint64_t saddr, uint32_t dspace,
		      uint64_t daddr, uint64_t len, rangemap_copy_fn retag, void *ctx)
{
	uint64_t by = daddr - saddr;
	struct rt_tree *tree;
	int64_t bytes;

	if (leaves_space(saddr, len) || leaves_space(daddr, len) || len > INT64_MAX)
		return -EINVAL;
	if (!len)
		return 0;
	bytes = take(map, tree_find(map, sspace), saddr, saddr + (len - 1));
	if (bytes < 0)
		return bytes;
	tree = bytes ? tree_make(map, dspace) : tree_find(map, dspace);
	if (!tree)
		return bytes ? -ENOMEM : 0;
	if (prepare(map, tree, map->taken.n))
		return -ENOMEM;
	for (size_t i = 0; i < map->taken.n; i++) {
		struct rt_entry *e = &map->taken.e[i];
		struct rm_piece src = to_piece(sspace, e);

		e->addr += by;
		e->val.last += by;
		e->val.tag = get(map, retag ? retag(ctx, &src, e->addr) : src.tag);
	}
	replace(map, tree, daddr, daddr + (len - 1), &map->taken);
	return bytes;
}

int rangemap_walk(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len,
		  rangemap_walk_fn fn, void *ctx)
{
	struct rt_tree *tree = tree_find(map, space);
	uint64_t last = addr + (len - 1);
	struct rt_spot spot;
	struct rt_entry e;
	struct cursor c;

	if (leaves_space(addr, len))
		return -EINVAL;
	if (!len || !tree || !tree->root)
		return 0;
	rt_seek(tree, addr, addr, &spot);
	c = (struct cursor){spot.leaf, spot.idx};
	for (; cursor_at(&c, &e) && e.addr <= last; cursor_next(&c)) {
		struct rm_piece p;
		int stop;

		clip(&e, addr, last);
		p = to_piece(space, &e);
		stop = fn(ctx, &p);
		if (stop)
			return stop;
	}
	return 0;
}

int rangemap_retag(struct rangemap *map, uint32_t space, uint64_t addr, uint64_t len,
		   rangemap_retag_fn fn, void *ctx)
{
	struct rt_tree *tree = tree_find(map, space);

	if (leaves_space(addr, len))
		return -EINVAL;
	if (!len || !tree || !tree->root)
		return 0;
	if (take(map, tree, addr, addr + (len - 1)) < 0 || prepare(map, tree, map->taken.n))
		return -ENOMEM;
	for (size_t i = 0; i < map->taken.n; i++) {
		struct rm_piece p = to_piece(space, &map->taken.e[i]);

		map->taken.e[i].val.tag = get(map, fn(ctx, &p));
	}
	replace(map, tree, addr, addr + (len - 1), &map->taken);
	return 0;
}

size_t rangemap_pieces(const struct rangemap *map)
{
	return map->pieces;
}

size_t rangemap_memory(const struct rangemap *map)
{
	return sizeof(*map) + map->pool.bytes + map->spaces.cap * sizeof(*map->spaces.slots) +
	       map->spaces.count * sizeof(struct rt_tree) +
	       (map->taken.cap + map->built.cap) * sizeof(struct rt_entry);
}
