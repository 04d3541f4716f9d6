/* SPDX-License-Identifier: GPL-2.0-only */
/* What messages cost as the programs themselves saw it: from the send call to the receive's return. */
#ifndef REGRESS_BARE_H
#define REGRESS_BARE_H

#include <stddef.h>
#include <stdint.h>

#include "common/dist.h"

#define BARE_FLOWS 64

struct bare_flow {
	uint64_t number; /* in the log */
	char name[64];
	struct dist ns;
	uint64_t *sent; /* time of each message's send, by its number; 0: not sent */
	uint64_t room;
};

struct bare {
	struct bare_flow flows[BARE_FLOWS];
	size_t count;
};

/* Reads a traffic.jsonl. -ENOENT: there is none; -EBADMSG: it is no such log. Safe to free either way. */
int bare_read(const char *path, struct bare *b);
void bare_free(struct bare *b);

/* Times of the flow of that name, or NULL where it has none. */
const struct dist *bare_find(const struct bare *b, const char *name);

#endif
