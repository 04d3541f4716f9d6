// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/task.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/core/path.h"
#include "common/json.h"

uint64_t task_key(const struct engine *e, int tid)
{
	return tid || !e->now ? (uint64_t)tid : UINT64_MAX - e->now->cpu;
}

struct thread *thread_of(struct engine *e, int tid)
{
	uint64_t key = task_key(e, tid);
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
	t->space = (uint32_t)++e->next_space;
	t->fd = -1;
	return t;
}

const struct thread *thread_find(const struct engine *e, int tid)
{
	return hashmap_find(&e->threads, (uint64_t)tid);
}

const char *thread_comm(const struct engine *e, int tid)
{
	const struct thread *t = thread_find(e, tid);

	return t && *t->comm ? t->comm : NULL;
}

static void load_task(struct engine *e, struct json_object *task)
{
	int workload = (int)json_int(e->run->manifest, "pid", 0);
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
	/* The workload itself waits until all is recorded. */
	t->unheard = workload && t->tgid != workload;
	comm = json_object_get_string(json_at(task, 2));
	if (comm)
		strncpy(t->comm, comm, sizeof(t->comm) - 1);
}

int tasks_load(struct engine *e)
{
	struct json_object *tasks = json_get(e->run->manifest, "tasks");

	for (size_t i = 0; i < json_length(tasks); i++)
		load_task(e, json_at(tasks, i));
	return e->err;
}

void thread_abandon(struct engine *e, struct thread *t)
{
	for (size_t i = 0; e->paths[i]; i++)
		if (e->paths[i]->thread_end)
			e->paths[i]->thread_end(e, t);
	op_end(e, t);
}

static void finish_thread(void *value, void *ctx)
{
	thread_abandon(ctx, value);
}

void tasks_finish(struct engine *e)
{
	hashmap_each(&e->threads, finish_thread, e);
}

static void free_thread(void *value, void *ctx)
{
	op_end(ctx, value);
	free(value);
}

void tasks_free(struct engine *e)
{
	hashmap_each(&e->threads, free_thread, e);
	hashmap_free(&e->threads);
}
