// SPDX-License-Identifier: GPL-2.0-only
#include "common/rangemap_tree.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define CHUNK_NODES 16
/* Fewer than MIN in a node make it look for a neighbour to merge with, to no more than FULL. */
#define MIN(cap) ((cap) / 4)
#define FULL(cap) ((cap)*3 / 4)

struct rt_chunk {
	struct rt_chunk *next;
};

/* The way from the root to a leaf: node[i] is on level i, and its child idx[i] comes next. */
struct path {
	struct rt_inner *node[RT_HEIGHT];
	unsigned idx[RT_HEIGHT];
};

unsigned rt_count_le(const uint64_t *keys, unsigned n, uint64_t addr)
{
	const uint64_t *base = keys;

	while (n > 1) {
		unsigned half = n / 2;

		/* Without a branch, which would be guessed wrong half the time. */
		base += half & -(size_t)(base[half - 1] <= addr);
		n -= half;
	}
	return (unsigned)(base - keys) + (n && *base <= addr);
}

/* ---- the pool ---- */

static void *new_chunk(struct rt_pool *pool, size_t size)
{
	struct rt_chunk *chunk = pool->alloc(sizeof(*chunk) + size);

	if (!chunk)
		return NULL;
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	pool->bytes += sizeof(*chunk) + size;
	return chunk + 1;
}

static int grow_leaves(struct rt_pool *pool, size_t count)
{
	struct rt_leaf *leaf = new_chunk(pool, count * sizeof(*leaf));

	if (!leaf)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++, leaf++) {
		leaf->next = pool->leaves;
		pool->leaves = leaf;
	}
	pool->free_leaves += count;
	return 0;
}

static int grow_inners(struct rt_pool *pool, size_t count)
{
	struct rt_inner *node = new_chunk(pool, count * sizeof(*node));

	if (!node)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++, node++) {
		node->next = pool->inners;
		pool->inners = node;
	}
	pool->free_inners += count;
	return 0;
}

int rt_reserve(struct rt_pool *pool, const struct rt_tree *tree, size_t count)
{
	/* A split leaves room for half a node of neighbours; one more at either end. */
	size_t leaves = count / (RT_LEAF / 2) + 3;
	size_t inners = (leaves / (RT_FAN / 2) + 2) * (tree->height + 2);

	if (pool->free_leaves < leaves) {
		size_t more = leaves - pool->free_leaves;

		if (grow_leaves(pool, more > CHUNK_NODES ? more : CHUNK_NODES))
			return -ENOMEM;
	}
	if (pool->free_inners < inners) {
		size_t more = inners - pool->free_inners;

		if (grow_inners(pool, more > CHUNK_NODES ? more : CHUNK_NODES))
			return -ENOMEM;
	}
	return 0;
}

static struct rt_leaf *take_leaf(struct rt_pool *pool)
{
	struct rt_leaf *leaf = pool->leaves;

	assert(leaf);
	pool->leaves = leaf->next;
	pool->free_leaves--;
	leaf->next = leaf->prev = NULL;
	leaf->n = 0;
	return leaf;
}

static struct rt_inner *take_inner(struct rt_pool *pool)
{
	struct rt_inner *node = pool->inners;

	assert(node);
	pool->inners = node->next;
	pool->free_inners--;
	node->n = 0;
	return node;
}

static void drop_leaf(struct rt_pool *pool, struct rt_leaf *leaf)
{
	if (leaf->prev)
		leaf->prev->next = leaf->next;
	if (leaf->next)
		leaf->next->prev = leaf->prev;
	leaf->next = pool->leaves;
	pool->leaves = leaf;
	pool->free_leaves++;
}

static void drop_inner(struct rt_pool *pool, struct rt_inner *node)
{
	node->next = pool->inners;
	pool->inners = node;
	pool->free_inners++;
}

void rt_pool_free(struct rt_pool *pool)
{
	while (pool->chunks) {
		struct rt_chunk *chunk = pool->chunks;

		pool->chunks = chunk->next;
		pool->release(chunk);
	}
	*pool = (struct rt_pool){.alloc = pool->alloc, .release = pool->release};
}

/* ---- search ---- */

static inline unsigned child_for(const struct rt_inner *node, uint64_t addr)
{
	return rt_count_le(node->key + 1, node->n - 1, addr);
}

static struct rt_leaf *descend(const struct rt_tree *tree, uint64_t addr, struct path *path)
{
	void *at = tree->root;

	for (unsigned level = 0; level < tree->height; level++) {
		path->node[level] = at;
		path->idx[level] = child_for(at, addr);
		at = path->node[level]->child[path->idx[level]];
	}
	return at;
}

void rt_seek(const struct rt_tree *tree, uint64_t addr, uint64_t from, struct rt_spot *spot)
{
	void *at = tree->root;
	struct rt_leaf *leaf;
	unsigned idx;

	*spot = (struct rt_spot){.home_last = UINT64_MAX};
	if (!at)
		return;
	for (unsigned level = 0; level < tree->height; level++) {
		const struct rt_inner *node = at;
		unsigned i = child_for(node, addr);

		if (i + 1 < node->n)
			spot->home_last = node->key[i + 1] - 1;
		at = node->child[i];
	}
	leaf = spot->home = at;
	idx = rt_count_le(leaf->addr, leaf->n, from);
	if (idx && leaf->val[idx - 1].last >= from) {
		idx--;
	} else if (!idx && leaf->prev && leaf->prev->val[leaf->prev->n - 1].last >= from) {
		leaf = leaf->prev;
		idx = leaf->n - 1;
	} else if (idx == leaf->n) {
		leaf = leaf->next;
		idx = 0;
	}
	spot->leaf = leaf;
	spot->idx = idx;
}

struct rt_leaf *rt_first(const struct rt_tree *tree)
{
	void *at = tree->root;

	for (unsigned level = 0; level < tree->height; level++)
		at = ((struct rt_inner *)at)->child[0];
	return at;
}

/* ---- insertion ---- */

static void put_child(struct rt_inner *node, unsigned at, uint64_t key, void *child)
{
	memmove(node->key + at + 1, node->key + at, (node->n - at) * sizeof(node->key[0]));
	memmove(node->child + at + 1, node->child + at, (node->n - at) * sizeof(node->child[0]));
	node->key[at] = key;
	node->child[at] = child;
	node->n++;
}

static struct rt_inner *split_inner(struct rt_pool *pool, struct rt_inner *node)
{
	struct rt_inner *right = take_inner(pool);
	unsigned half = node->n / 2;

	right->n = node->n - half;
	memcpy(right->key, node->key + half, right->n * sizeof(node->key[0]));
	memcpy(right->child, node->child + half, right->n * sizeof(node->child[0]));
	node->n = half;
	return right;
}

/* Hangs a child in the tree, right of where the path goes; the child begins at key. */
static void add_child(struct rt_tree *tree, struct rt_pool *pool, struct path *path, uint64_t key,
		      void *child)
{
	struct rt_inner *root;

	for (unsigned level = tree->height; level-- > 0;) {
		struct rt_inner *node = path->node[level], *right;
		unsigned at = path->idx[level] + 1;

		if (node->n < RT_FAN) {
			put_child(node, at, key, child);
			return;
		}
		right = split_inner(pool, node);
		if (at > node->n)
			put_child(right, at - node->n, key, child);
		else
			put_child(node, at, key, child);
		key = right->key[0];
		child = right;
	}
	assert(tree->height < RT_HEIGHT);
	root = take_inner(pool);
	put_child(root, 0, 0, tree->root);
	put_child(root, 1, key, child);
	tree->root = root;
	tree->height++;
}

static void put_entry(struct rt_leaf *leaf, unsigned at, const struct rt_entry *e)
{
	memmove(leaf->addr + at + 1, leaf->addr + at, (leaf->n - at) * sizeof(leaf->addr[0]));
	memmove(leaf->val + at + 1, leaf->val + at, (leaf->n - at) * sizeof(leaf->val[0]));
	leaf->addr[at] = e->addr;
	leaf->val[at] = e->val;
	leaf->n++;
}

/* Moves what stands from half on into a new leaf to the right. */
static struct rt_leaf *split_leaf(struct rt_pool *pool, struct rt_leaf *leaf, unsigned half)
{
	struct rt_leaf *right = take_leaf(pool);

	right->n = leaf->n - half;
	memcpy(right->addr, leaf->addr + half, right->n * sizeof(leaf->addr[0]));
	memcpy(right->val, leaf->val + half, right->n * sizeof(leaf->val[0]));
	leaf->n = half;
	right->prev = leaf;
	right->next = leaf->next;
	if (right->next)
		right->next->prev = right;
	leaf->next = right;
	return right;
}

void rt_insert(struct rt_tree *tree, struct rt_pool *pool, const struct rt_entry *e)
{
	struct rt_leaf *leaf, *right;
	struct path path;
	unsigned at;

	if (!tree->root)
		tree->root = take_leaf(pool);
	leaf = descend(tree, e->addr, &path);
	at = rt_count_le(leaf->addr, leaf->n, e->addr);
	if (leaf->n < RT_LEAF) {
		put_entry(leaf, at, e);
		return;
	}
	/* Rising addresses fill their leaves. */
	right = split_leaf(pool, leaf, at == RT_LEAF ? RT_LEAF : RT_LEAF / 2);
	if (at > leaf->n || !right->n)
		put_entry(right, at - leaf->n, e);
	else
		put_entry(leaf, at, e);
	add_child(tree, pool, &path, right->addr[0], right);
}

/* ---- removal ---- */

static void cut_child(struct rt_inner *node, unsigned at)
{
	node->n--;
	memmove(node->key + at, node->key + at + 1, (node->n - at) * sizeof(node->key[0]));
	memmove(node->child + at, node->child + at + 1, (node->n - at) * sizeof(node->child[0]));
}

/* Appends child right of `parent` to its left neighbour, where both fit; true if so. */
static bool merge_inners(struct rt_pool *pool, struct rt_inner *parent, unsigned right_idx)
{
	struct rt_inner *left = parent->child[right_idx - 1], *right = parent->child[right_idx];

	if (left->n + right->n > FULL(RT_FAN))
		return false;
	right->key[0] = parent->key[right_idx];
	memcpy(left->key + left->n, right->key, right->n * sizeof(left->key[0]));
	memcpy(left->child + left->n, right->child, right->n * sizeof(left->child[0]));
	left->n += right->n;
	drop_inner(pool, right);
	return true;
}

static bool merge_leaves(struct rt_pool *pool, struct rt_inner *parent, unsigned right_idx)
{
	struct rt_leaf *left = parent->child[right_idx - 1], *right = parent->child[right_idx];

	if (left->n + right->n > FULL(RT_LEAF))
		return false;
	memcpy(left->addr + left->n, right->addr, right->n * sizeof(left->addr[0]));
	memcpy(left->val + left->n, right->val, right->n * sizeof(left->val[0]));
	left->n += right->n;
	drop_leaf(pool, right);
	return true;
}

static void shrink_root(struct rt_tree *tree, struct rt_pool *pool)
{
	while (tree->height) {
		struct rt_inner *root = tree->root;

		if (root->n > 1)
			return;
		tree->root = root->n ? root->child[0] : NULL;
		tree->height = root->n ? tree->height - 1 : 0;
		drop_inner(pool, root);
	}
}

/*
 * Child `gone` of the lowest node on the path is no more: takes it out there, and mends
 * the nodes above that have become empty or small.
 */
static void remove_child(struct rt_tree *tree, struct rt_pool *pool, struct path *path,
			 unsigned gone)
{
	for (unsigned level = tree->height; level-- > 0;) {
		struct rt_inner *node = path->node[level], *parent;
		unsigned at;

		cut_child(node, gone);
		if (!level || node->n >= MIN(RT_FAN))
			break;
		parent = path->node[level - 1];
		at = path->idx[level - 1];
		if (!node->n) {
			drop_inner(pool, node);
			gone = at;
		} else if (at + 1 < parent->n && merge_inners(pool, parent, at + 1)) {
			gone = at + 1;
		} else if (at && merge_inners(pool, parent, at)) {
			gone = at;
		} else {
			break;
		}
	}
	shrink_root(tree, pool);
}

/* The leaf at the path's end has lost entries. */
static void mend_leaf(struct rt_tree *tree, struct rt_pool *pool, struct path *path,
		      struct rt_leaf *leaf)
{
	struct rt_inner *parent;
	unsigned at;

	if (leaf->n >= MIN(RT_LEAF) && leaf->n)
		return;
	if (!tree->height) {
		if (leaf->n)
			return;
		drop_leaf(pool, leaf);
		tree->root = NULL;
		return;
	}
	parent = path->node[tree->height - 1];
	at = path->idx[tree->height - 1];
	if (!leaf->n) {
		drop_leaf(pool, leaf);
		remove_child(tree, pool, path, at);
	} else if (at + 1 < parent->n && merge_leaves(pool, parent, at + 1)) {
		remove_child(tree, pool, path, at + 1);
	} else if (at && merge_leaves(pool, parent, at)) {
		remove_child(tree, pool, path, at);
	}
}

void rt_erase(struct rt_tree *tree, struct rt_pool *pool, uint64_t first, uint64_t last)
{
	while (tree->root) {
		struct path path;
		struct rt_leaf *leaf = descend(tree, first, &path);
		unsigned from = first ? rt_count_le(leaf->addr, leaf->n, first - 1) : 0;
		unsigned to = rt_count_le(leaf->addr, leaf->n, last);
		bool more = to == leaf->n && leaf->next && leaf->next->addr[0] <= last;

		if (more)
			first = leaf->next->addr[0];
		memmove(leaf->addr + from, leaf->addr + to, (leaf->n - to) * sizeof(leaf->addr[0]));
		memmove(leaf->val + from, leaf->val + to, (leaf->n - to) * sizeof(leaf->val[0]));
		leaf->n -= to - from;
		mend_leaf(tree, pool, &path, leaf);
		if (!more)
			return;
	}
}

void rt_empty(struct rt_tree *tree, struct rt_pool *pool)
{
	struct rt_inner *stack[RT_HEIGHT];
	unsigned level = 0;

	for (struct rt_leaf *leaf = rt_first(tree), *next; leaf; leaf = next) {
		next = leaf->next;
		drop_leaf(pool, leaf);
	}
	/* Children of inner nodes are dropped before their parent, last one first. */
	if (tree->height)
		stack[0] = tree->root;
	while (tree->height) {
		struct rt_inner *node = stack[level];

		if (level + 1 < tree->height && node->n) {
			stack[level + 1] = node->child[--node->n];
			level++;
			continue;
		}
		drop_inner(pool, node);
		if (!level--)
			break;
	}
	*tree = (struct rt_tree){0};
}
