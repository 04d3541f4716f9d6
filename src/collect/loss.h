/* SPDX-License-Identifier: GPL-2.0-only */
/* What the recording lost: events per CPU, and probe hits that the kernel missed. */
#ifndef COLLECT_LOSS_H
#define COLLECT_LOSS_H

#include <stdbool.h>
#include <stdint.h>
#include <tracefs/tracefs.h>

struct json_object;
struct probes;

/* The text of per_cpu/cpuN/stats, malloc'ed; NULL when it cannot be read. */
char *loss_stats_text(struct tracefs_instance *instance, unsigned int cpu);

/* One number of that text by its label ("overrun"), or -1: unknown is a value of its own. */
int64_t loss_stat(const char *text, const char *label);

/*
 * Whether an instance whose tracing is on takes no event any more: another program turned it off, or
 * the kernel, which disables a buffer that it finds in disorder (kernel/trace/ring_buffer.c:
 * RB_WARN_ON) and counts nothing of what is lost from then on. Leaves one print event in the buffer.
 */
bool loss_stopped(struct tracefs_instance *instance);

/*
 * Adds "cpus", "missed", "stopped" and "lost" to a manifest; gives how many are lost in all, -1 for
 * unknown.
 */
int64_t loss_add_json(struct json_object *o, char *const stats[], unsigned int cpus, bool stopped,
		      const struct probes *p);

#endif
