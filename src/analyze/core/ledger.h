/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ledger: books each delivered byte once, by following it back to its sender, and closes
 * messages of which nothing is under way any more.
 */
#ifndef ANALYZE_CORE_LEDGER_H
#define ANALYZE_CORE_LEDGER_H

#include "analyze/core/chain.h"
#include "analyze/core/routes.h"

struct ledger {
	struct message *closing;
	uint64_t now; /* time of the event that is being handled */
	struct chain chain; /* of the delivery that is being booked */
	struct routes routes;
	uint64_t next_message;
	uint64_t want_message; /* seq to show, or UINT64_MAX for the first one delivered */
	bool every_piece;      /* of it, one by one, also those that came the same way */
	uint64_t orphans, orphan_bytes; /* receives that no flow could be found for */
};

void ledger_init(struct ledger *l);
void ledger_free(struct ledger *l);

/* A message of len bytes that thread tid sends, with one reference. NULL: no memory. */
struct message *ledger_open(struct ledger *l, struct flow *f, int tid, uint64_t len);

/* Nothing refers to the message any more; ledger_settle accounts for it. */
void ledger_close_later(struct ledger *l, struct message *m);
void ledger_settle(struct ledger *l);

/* Nothing more comes: what only all messages together tell. */
void ledger_finish(struct ledger *l);

/*
 * Bytes that a receiver got: their copies and devices are counted, each byte of each copy once.
 * ledger_show keeps their chain for the reports, if it is wanted; call: the receive call, by its
 * place in the file. ledger_time: the message has arrived with them. 0 or -ENOMEM.
 */
int ledger_book(struct ledger *l, const struct delivery *d);
int ledger_show(struct ledger *l, uint64_t call, const struct delivery *d);
int ledger_time(struct ledger *l, const struct delivery *d);

#endif
