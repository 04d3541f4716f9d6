// SPDX-License-Identifier: GPL-2.0-only
#include "collect/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Seldom, as long as no buffer fills: a reader that has caught up waits with interrupts off for a
 * writer in the middle of a page, and after a second stops the recording (kernel/trace/ring_buffer.c:
 * rb_get_reader_page), which a virtual machine that was not given its CPU for so long has seen.
 */
#define POLL_US 10000

struct recorder_cpu {
	struct tracefs_instance *instance;
	struct tracefs_cpu *tcpu;
	pthread_t thread;
	bool running;
	int fd, err;
	unsigned int cpu;
	atomic_int tid;
	atomic_bool *stop;
};

struct recorder {
	unsigned int cpus;
	atomic_bool stop;
	struct recorder_cpu cpu[];
};

unsigned int recorder_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	return n > 0 ? (unsigned int)n : 1;
}

void recorder_raw_path(const char *dir, unsigned int cpu, char *buf, size_t size)
{
	snprintf(buf, size, "%s/cpu%u.raw", dir, cpu);
}

static void *record(void *arg)
{
	struct recorder_cpu *rc = arg;

	atomic_store(&rc->tid, (int)gettid());
	while (!rc->err && !atomic_load(rc->stop)) {
		int n = tracefs_cpu_write(rc->tcpu, rc->fd, true);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			rc->err = -errno;
		else if (n <= 0)
			usleep(POLL_US);
	}
	while (!rc->err) {
		int n = tracefs_cpu_flush_write(rc->tcpu, rc->fd);

		if (n < 0 && errno != EAGAIN)
			rc->err = -errno;
		if (n <= 0)
			break;
	}
	return NULL;
}

static int start_cpu(struct recorder_cpu *rc, const char *dir)
{
	char path[4096];

	recorder_raw_path(dir, rc->cpu, path, sizeof(path));
	rc->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (rc->fd < 0)
		return -errno;
	rc->tcpu = tracefs_cpu_open(rc->instance, (int)rc->cpu, true);
	if (!rc->tcpu)
		return -errno;
	if (pthread_create(&rc->thread, NULL, record, rc))
		return -EAGAIN;
	rc->running = true;
	while (!atomic_load(&rc->tid))
		usleep(100);
	return 0;
}

int recorder_start(struct tracefs_instance *instance, const char *dir, struct recorder **out)
{
	unsigned int n = recorder_cpus();
	struct recorder *r = calloc(1, sizeof(*r) + n * sizeof(r->cpu[0]));
	int err = 0;

	*out = r;
	if (!r)
		return -ENOMEM;
	for (; !err && r->cpus < n; r->cpus++) {
		struct recorder_cpu *rc = &r->cpu[r->cpus];

		rc->instance = instance;
		rc->cpu = r->cpus;
		rc->fd = -1;
		rc->stop = &r->stop;
		err = start_cpu(rc, dir);
	}
	return err;
}

int recorder_tid(const struct recorder *r, unsigned int i)
{
	return i < r->cpus ? atomic_load(&r->cpu[i].tid) : 0;
}

int recorder_stop(struct recorder *r)
{
	int err = 0;

	if (!r)
		return 0;
	atomic_store(&r->stop, true);
	for (unsigned int i = 0; i < r->cpus; i++) {
		struct recorder_cpu *rc = &r->cpu[i];

		if (rc->running)
			pthread_join(rc->thread, NULL);
		if (rc->tcpu)
			tracefs_cpu_close(rc->tcpu);
		if (rc->fd >= 0 && close(rc->fd) && !rc->err)
			rc->err = -errno;
		if (rc->err && !err)
			err = rc->err;
	}
	free(r);
	return err;
}
