/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks: threads, the address spaces they share, and what they are at. */
#ifndef ANALYZE_CORE_TASK_H
#define ANALYZE_CORE_TASK_H

#include "analyze/core/engine.h"

/* The threads that run.json has of before the recording. 0 or -ENOMEM. */
int tasks_load(struct engine *e);

/*
 * What tells the thread from others. Every CPU has an idle task of its own, and all of them are
 * number 0: soft interrupts run in them.
 */
uint64_t task_key(const struct engine *e, int tid);

/* A thread that was never heard of has an address space of its own, as far as anyone knows. */
struct thread *thread_of(struct engine *e, int tid);

/* A thread that was heard of, or NULL. */
const struct thread *thread_find(const struct engine *e, int tid);

/* What a thread's program is called, or NULL. */
const char *thread_comm(const struct engine *e, int tid);

/* Ends what a thread is at, by way of the paths that know how. */
void thread_abandon(struct engine *e, struct thread *t);

void tasks_finish(struct engine *e);
void tasks_free(struct engine *e);

#endif
