// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/engine.h"
#include "common/json.h"

/* include/uapi/linux/sched.h */
#define CLONE_VM_FLAG 0x100
#define CLONE_THREAD_FLAG 0x10000

/* Every CPU has an idle task of its own, and all of them are number 0: soft interrupts run in them. */
static uint64_t key_of(const struct engine *e, int tid)
{
	return tid || !e->now ? (uint64_t)tid + 1 : UINT64_MAX - e->now->cpu;
}

/* A thread never heard of has an address space of its own, as far as anyone knows. */
struct thread *thread_of(struct engine *e, int tid)
{
	uint64_t key = key_of(e, tid);
	struct thread *t = hashmap_find(&e->threads, key);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || hashmap_set(&e->threads, key, t)) {
		free(t);
		e->err = -ENOMEM;
		return NULL;
	}
	t->tid = t->tgid = tid;
	t->space = ++e->next_space;
	t->buffers = ++e->next_space;
	t->fd = -1;
	return t;
}

static void load_task(struct engine *e, struct json_object *task)
{
	struct thread *t, *leader;
	const char *comm;

	if (json_length(task) < 3)
		return;
	t = thread_of(e, json_object_get_int(json_at(task, 0)));
	leader = thread_of(e, json_object_get_int(json_at(task, 1)));
	if (!t || !leader)
		return;
	t->tgid = leader->tid;
	t->space = leader->space;
	comm = json_object_get_string(json_at(task, 2));
	if (comm)
		strncpy(t->comm, comm, sizeof(t->comm) - 1);
}

int threads_load(struct engine *e)
{
	struct json_object *tasks = json_get(e->run->manifest, "tasks");

	for (size_t i = 0; i < json_length(tasks); i++)
		load_task(e, json_at(tasks, i));
	return e->err;
}

void on_newtask(struct engine *e, const struct event *ev)
{
	struct thread *parent = thread_of(e, ev->tid);
	struct thread *child = thread_of(e, (int)ev->v[F_pid]);
	uint64_t flags = ev->v[F_clone_flags];

	if (!parent || !child || parent == child)
		return;
	/* A thread of that number that was known is gone, whatever it was at. */
	send_abandon(e, child);
	recv_op_abandon(e, child);
	child->space = flags & CLONE_VM_FLAG ? parent->space : ++e->next_space;
	child->tgid = flags & CLONE_THREAD_FLAG ? parent->tgid : child->tid;
	memcpy(child->comm, parent->comm, sizeof(child->comm));
}

void on_exec(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	const char *file = (const char *)ev->array[A_filename], *slash;
	size_t len = file ? strnlen(file, ev->array_len[A_filename]) : 0;

	if (!t)
		return;
	t->space = ++e->next_space;
	slash = file ? memrchr(file, '/', len) : NULL;
	len -= slash ? (size_t)(slash + 1 - file) : 0;
	if (len)
		snprintf(t->comm, sizeof(t->comm), "%.*s", (int)len, slash ? slash + 1 : file);
}

void on_syscall(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);

	if (!t)
		return;
	/* Whatever it was at came back by another way than a system call that is recorded. */
	send_abandon(e, t);
	recv_op_abandon(e, t);
	t->fd = (int32_t)ev->v[F_fd];
	t->many = ev->kind == EV_MMSG;
	t->entered = true;
	t->file = 0;
}

/*
 * fdget gives a struct file with flags in the two lowest bits (include/linux/file.h: struct fd),
 * so the pointer in its private_data was fetched at each distance they can make.
 */
void on_fd_file(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	uint64_t flags = ev->v[F_ret] & 3;

	if (!t || t->file)
		return;
	t->file = ev->v[F_ret] & ~3ULL;
	t->file_priv = flags == 0 ? ev->v[F_priv] : flags == 1 ? ev->v[F_priv1] :
		       flags == 3 ? ev->v[F_priv3] : 0;
}

static void free_thread(void *value, void *ctx)
{
	struct thread *t = value;

	recv_op_abandon(ctx, t);
	free(t->recv.items);
	message_put(t->sending);
	message_put(t->rdma_last);
	free(t->ring);
	free(t);
}

void threads_free(struct engine *e)
{
	hashmap_each(&e->threads, free_thread, e);
	hashmap_free(&e->threads);
}
