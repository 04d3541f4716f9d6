/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several threads or processes that use one end's socket: each is a worker with a buffer and
 * records of its own. The first is the end's own process.
 */
#ifndef TRAFFIC_WORKER_H
#define TRAFFIC_WORKER_H

#include <pthread.h>

#include "traffic/flow.h"

#define TF_DUPS "dup fork exec scm"

struct tf_workers {
	struct tf_end *ends; /* of threads */
	pthread_t *threads;
	unsigned int count; /* threads that run */
	bool joined;
	pid_t child; /* 0: none */
	int channel; /* the way of the socket to a child, -1: none */
};

/* How many workers an end has. */
unsigned int tf_workers_of(const struct tf_spec *spec);

/* Before the socket is opened: what must not inherit it is started. */
int tf_workers_prepare(struct tf_workers *w, struct tf_end *first);

/* Starts the others, and waits until all are ready. */
int tf_workers_start(struct tf_workers *w, struct tf_end *first);

/* Waits until the others are through. */
int tf_workers_wait(struct tf_workers *w, struct tf_end *first);

/* Writes what threads have recorded; processes do so themselves. Then all are gone. */
int tf_workers_log(struct tf_workers *w);
void tf_workers_free(struct tf_workers *w);

/* The command of a worker that an end has started by exec. */
int tf_cmd_worker(int argc, char **argv);

#endif
