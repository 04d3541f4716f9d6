/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Aliases for addresses, so that a report may be published. They hide where the kernel, its memory
 * and the programs lay, and keep what a reader needs: equal addresses have equal aliases, distances
 * within 2 MiB are true (the kernel is placed at random in steps of that and more), and a physical
 * address is still its kernel address less the base of the direct map.
 */
#ifndef REPORT_REDACT_H
#define REPORT_REDACT_H

#include <stdio.h>

#include "analyze/analysis.h"

struct redact;

/*
 * Gives out the aliases in the order of the trace: they are the same in every report of a run,
 * whichever are asked for. 0 or -errno.
 */
int redact_new(const struct analysis *r, struct redact **out);
void redact_free(struct redact *h);

/* Prints the text with every address in it ("0x…" from 0x10000 on, IP addresses) as its alias. */
void redact_text(struct redact *h, const char *text, FILE *out);

#endif
