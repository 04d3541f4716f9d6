// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells that are not recorded. A provider rings with the same command each time, so a call on the
 * same file that gave the same length and did not ring is one whose doorbell is missing
 * (rdma-core: providers/rxe/rxe.c: post_db; drivers/infiniband/core/uverbs_main.c: ib_uverbs_write
 * gives the length of the command).
 */
#include <stdlib.h>

#include "analyze/path/rxe.h"

static struct bell_calls *calls_of(struct engine *e, uint64_t file, int64_t ret, int tgid)
{
	struct hashmap *bells = &rxe_of(e)->bells;
	uint64_t key = mix(file, (uint64_t)ret, (uint64_t)tgid);
	struct bell_calls *b = hashmap_find(bells, key);

	if (b)
		return b;
	b = calloc(1, sizeof(*b));
	if (!b || hashmap_set(bells, key, b)) {
		free(b);
		e->err = -ENOMEM;
		return NULL;
	}
	b->tgid = tgid;
	return b;
}

void on_rdma_return(struct engine *e, const struct event *ev)
{
	const struct hashmap *threads = &rxe_of(e)->threads;
	const struct thread *t = thread_find(e, ev->tid);
	const struct rxe_thread *owner = t ? hashmap_find(threads, (uint64_t)t->tgid) : NULL;
	struct rxe_thread *r = hashmap_find(threads, task_key(e, ev->tid));
	int64_t ret = (int64_t)ev->v[F_ret];
	struct bell_calls *b = NULL;

	if (owner && owner->owns && t->file && !t->op && ret > 0)
		b = calls_of(e, t->file, ret, t->tgid);
	if (b && r && r->rang)
		b->rang = true;
	else if (b)
		b->silent = true;
	if (r)
		r->rang = false;
}

void rdma_bells_astray(struct engine *e, const struct rdma_qp *qp)
{
	struct bell_calls *b = calls_of(e, 0, 0, qp->tgid);

	if (b)
		b->rang = b->silent = true;
}

static void compare(void *value, void *ctx)
{
	const struct bell_calls *b = value;
	struct engine *e = ctx;

	for (struct flow *f = b->rang && b->silent ? e->flows : NULL; f; f = f->next)
		if (f->op && (f->from.tgid == b->tgid || f->to.tgid == b->tgid))
			f->caveats[CAVEAT_NO_BELL]++;
}

void rdma_bells_finish(struct engine *e)
{
	hashmap_each(&rxe_of(e)->bells, compare, e);
}
