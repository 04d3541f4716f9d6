/* SPDX-License-Identifier: GPL-2.0-only */
/* What messages cost as the programs themselves saw it: from the send call to the receive's return. */
#ifndef REGRESS_LOGGED_COST_H
#define REGRESS_LOGGED_COST_H

#include <stddef.h>
#include <stdint.h>

#include "common/dist.h"

#define LOGGED_FLOWS 64

struct logged_cost {
	uint64_t number; /* in the log */
	char name[64];
	struct dist ns;
	uint64_t *sent; /* time of each message's send, by its number; 0: not sent */
	uint64_t room;
};

struct logged_costs {
	struct logged_cost flows[LOGGED_FLOWS];
	size_t count;
};

/* Reads a traffic.jsonl. -ENOENT: there is none; -EBADMSG: it is no such log. Safe to free either way. */
int logged_costs_read(const char *path, struct logged_costs *b);
void logged_costs_free(struct logged_costs *b);

/* Times of the flow of that name, or NULL where it has none. */
const struct dist *logged_cost_find(const struct logged_costs *b, const char *name);

#endif
