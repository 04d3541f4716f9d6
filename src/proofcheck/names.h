/* SPDX-License-Identifier: GPL-2.0-only */
/* What a message's flow may be called: as the traffic log names it, or by protocol and port. */
#ifndef PROOFCHECK_NAMES_H
#define PROOFCHECK_NAMES_H

#include "proofcheck/record.h"

struct named;

struct names {
	struct named *flows;
	size_t count, cap;
};

/* Of the run's traffic.jsonl, if it has one. 0 or -errno. */
int names_open(struct names *n, const char *run);
void names_close(struct names *n);

/* Is that the name of the flow that a send belongs to? */
bool names_of_send(const struct names *n, const struct record *send, const char *name);

/* Is it a name that a flow of the run may have? */
bool names_has(const struct names *n, const char *name);

/* A number that differs from one of a socket's destinations to the next. */
uint64_t send_destination(const struct record *send);

#endif
