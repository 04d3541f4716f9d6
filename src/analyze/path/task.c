// SPDX-License-Identifier: GPL-2.0-only
/* Threads that begin, programs that are run, and the system calls that they are in. */
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>

#include "analyze/core/path.h"
#include "analyze/core/task.h"
#include "analyze/paths.h"

static void on_newtask(struct engine *e, const struct event *ev)
{
	struct thread *parent = thread_of(e, ev->tid);
	struct thread *child = thread_of(e, (int)ev->v[F_pid]);
	uint64_t flags = ev->v[F_clone_flags];

	if (!parent || !child || parent == child)
		return;
	/* A thread of that number that was known is gone, whatever it was at. */
	thread_abandon(e, child);
	child->gone = child->unheard = false;
	child->space = flags & CLONE_VM ? parent->space : (uint32_t)++e->next_space;
	child->tgid = flags & CLONE_THREAD ? parent->tgid : child->tid;
	memcpy(child->comm, parent->comm, sizeof(child->comm));
}

static void on_exit(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, (int)ev->v[F_pid]);

	if (t)
		t->gone = true;
}

static void on_exec(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	const char *file = (const char *)ev->array[A_filename], *slash;
	size_t len = file ? strnlen(file, ev->array_len[A_filename]) : 0;

	if (!t)
		return;
	engine_check(e, rangemap_clear_space(e->content, t->space));
	t->space = (uint32_t)++e->next_space;
	slash = file ? memrchr(file, '/', len) : NULL;
	len -= slash ? (size_t)(slash + 1 - file) : 0;
	if (len)
		snprintf(t->comm, sizeof(t->comm), "%.*s", (int)len, slash ? slash + 1 : file);
}

static void on_syscall(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);

	if (!t)
		return;
	/* Whatever it was at returned, but the event of that was lost. */
	thread_abandon(e, t);
	t->fd = (int32_t)ev->v[F_fd];
	t->many = ev->kind == EV_MMSG;
	t->inside = t->entered = true;
	t->unheard = false;
	t->file = 0;
}

/*
 * fdget gives a struct file with flags in the two lowest bits (include/linux/file.h: struct fd),
 * so the pointer in its private_data was fetched at each distance they can make.
 */
static void on_fd_file(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	uint64_t flags = ev->v[F_ret] & 3;

	if (!t || t->file)
		return;
	t->file = ev->v[F_ret] & ~3ULL;
	t->file_priv = flags == 0 ? ev->v[F_priv] : flags == 1 ? ev->v[F_priv1] :
		       flags == 3 ? ev->v[F_priv3] : 0;
}

static void on_guard(struct engine *e, const struct event *ev)
{
	(void)ev;
	e->guards++;
}

static const struct handler handlers[] = {
	{EV_NEWTASK, on_newtask}, {EV_EXEC, on_exec},	  {EV_TASK_EXIT, on_exit}, {EV_SYSCALL, on_syscall},
	{EV_MMSG, on_syscall},	  {EV_FD_FILE, on_fd_file}, {EV_GUARD, on_guard}, {0, NULL},
};

const struct path path_task = {.name = "task", .handlers = handlers};
