// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/sync.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint64_t tf_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

bool tf_wait(_Atomic uint32_t *word, uint32_t seen, unsigned int ms)
{
	struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	if (atomic_load(word) == seen)
		syscall(SYS_futex, word, FUTEX_WAIT, seen, &limit, NULL, 0);
	return atomic_load(word) != seen;
}

void tf_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void tf_stage_set(struct tf_share *s, enum tf_stage stage)
{
	atomic_store(&s->stage, stage);
	tf_wake(&s->stage);
}

void tf_stage_wait(struct tf_share *s, enum tf_stage stage)
{
	uint32_t now;

	while ((now = atomic_load(&s->stage)) < stage)
		tf_wait(&s->stage, now, 10000);
}

void tf_worker_set(_Atomic uint32_t *count)
{
	atomic_fetch_add(count, 1);
	tf_wake(count);
}

void tf_progress_set(struct tf_share *s, struct tf_side_state *side, enum tf_progress p)
{
	atomic_store(&side->progress, p);
	atomic_fetch_add(&s->changed, 1);
	tf_wake(&s->changed);
}
