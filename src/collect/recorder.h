/* SPDX-License-Identifier: GPL-2.0-only */
/* Moves raw ring-buffer pages of an instance to one file per CPU, by splice, unparsed. */
#ifndef COLLECT_RECORDER_H
#define COLLECT_RECORDER_H

#include <stdint.h>
#include <tracefs/tracefs.h>

struct recorder;

/* Starts a thread per CPU that writes DIR/cpuN.raw. */
int recorder_start(struct tracefs_instance *instance, const char *dir, struct recorder **out);

/*
 * Takes what is left in the buffers and ends the threads. Gives the first error any of them met
 * (-ENOSPC: the disk is full); the object is freed in every case, the files stay. NULL is fine.
 */
int recorder_stop(struct recorder *r);

/* The thread id of the ith thread, from 0; 0: there is none. */
int recorder_tid(const struct recorder *r, unsigned int i);

unsigned int recorder_cpus(void);
void recorder_raw_path(const char *dir, unsigned int cpu, char *buf, size_t size);

#endif
