// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/op.h"

#include <stdlib.h>

#include "analyze/core/engine.h"
#include "common/vec.h"

/* Of a kernel stack (arch/x86/include/asm/page_64_types.h: THREAD_SIZE). */
#define STACK_MAX 16384

/* An iterator is a member of its msghdr (include/linux/socket.h: struct msghdr). */
#define MSGHDR_MAX 256

struct op *op_begin(struct engine *e, struct thread *t, bool send)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op) {
		e->err = -ENOMEM;
		return NULL;
	}
	op->send = send;
	op->call = e->now->file_off;
	t->op = op;
	return op;
}

void op_end(struct engine *e, struct thread *t)
{
	struct op *op = t->op;

	if (!op)
		return;
	for (size_t i = 0; i < op->scratch_count; i++)
		engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, op->scratch[i].addr,
					       op->scratch[i].len));
	for (size_t i = 0; i < op->item_count; i++) {
		content_put(op->items[i].c);
		message_put(op->items[i].msg);
	}
	for (size_t i = 0; i < op->start_count; i++)
		content_put(op->starts[i]);
	message_put(op->msg);
	free(op->items);
	free(op->starts);
	spanset_free(&op->read);
	/* What a failed send did not fill, a later write does not fill either. */
	if (op->send)
		t->fill_skb = t->fill_to = t->fill_len = 0;
	free(op);
	t->op = NULL;
}

struct op *op_of_iter(const struct thread *t, bool send, uint64_t iter, uint64_t count)
{
	struct op *op = t->op;

	if (!op || op->file || op->send != send || count > op->count)
		return NULL;
	if (iter && op->hdr && (iter < op->hdr || iter - op->hdr >= MSGHDR_MAX))
		return NULL;
	return op;
}

struct content *op_start(struct engine *e, struct op *op, uint64_t off, uint64_t addr, uint64_t len)
{
	struct content *c;

	if (vec_reserve(&op->starts, &op->start_cap, op->start_count + 1)) {
		e->err = -ENOMEM;
		return NULL;
	}
	c = content_make(e, &(struct content){.kind = HOP_START, .holder = BY_SENDER, .msg = op->msg,
					      .src = addr, .dst = addr, .src_user = true,
					      .dst_user = true, .len = len, .off = off, .sk = op->sk});
	if (c)
		op->starts[op->start_count++] = c;
	return c;
}

struct content *op_start_at(const struct op *op, uint64_t off)
{
	for (size_t i = 0; i < op->start_count; i++)
		if (off >= op->starts[i]->off && off - op->starts[i]->off < op->starts[i]->len)
			return op->starts[i];
	return NULL;
}

struct content *op_start_of(const struct op *op, uint64_t user)
{
	for (size_t i = 0; i < op->start_count; i++) {
		struct content *c = op->starts[i];

		if (c->dst && user >= c->dst && user - c->dst < c->len)
			return c;
	}
	return NULL;
}

void op_scratch(const struct engine *e, struct op *op, uint64_t addr, uint64_t len)
{
	uint64_t apart = addr > op->hdr ? addr - op->hdr : op->hdr - addr;

	/* The msghdr of a system call is on its stack; what is in the direct map is not. */
	if (apart < STACK_MAX && !rundir_phys(e->run, addr) && op->scratch_count < SCRATCH_MAX)
		op->scratch[op->scratch_count++] = (struct span){.addr = addr, .len = len};
}

int op_deliver(struct op *op, const struct delivery *d)
{
	if (vec_reserve(&op->items, &op->item_cap, op->item_count + 1))
		return -ENOMEM;
	op->items[op->item_count++] = *d;
	content_get(d->c);
	message_get(d->msg);
	return 0;
}
