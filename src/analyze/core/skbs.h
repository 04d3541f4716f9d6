/* SPDX-License-Identifier: GPL-2.0-only */
/* Socket buffers as holders, by their addresses: what every path over the network shares. */
#ifndef ANALYZE_CORE_SKBS_H
#define ANALYZE_CORE_SKBS_H

#include "analyze/core/engine.h"

/* The skb of an address that is known, or NULL. */
static inline struct holder *skb_find(const struct engine *e, uint64_t addr)
{
	return hashmap_find(&e->skbs, addr);
}

/* The skb of an event, with the head that it names, which it may share with others only if shared. */
struct holder *skb_of(struct engine *e, const struct event *ev, bool shared);

/* An skb that is filled just now: one of that address that went its way was freed unseen. */
struct holder *skb_filled(struct engine *e, uint64_t addr);

/* A sender made this skb just now: if it is known, its free went unseen. */
void skb_born(struct engine *e, uint64_t addr);

/* It lets go of all memory, since its free went unseen; the messages in it get a caveat. */
void skb_renew(struct engine *e, struct holder *s);

/* len bytes at addr are the skb's. */
void skb_take(struct engine *e, struct holder *s, uint64_t addr, uint64_t len);

/* All that it holds is its head: the rest was copied there (__pskb_pull_tail). */
void skb_linear(struct engine *e, struct holder *s);

/* Another skb is gone, and what it held is s's, with its past; s may be NULL. */
void skb_take_over(struct engine *e, struct holder *s, uint64_t other);

/*
 * One send filled both: s goes on the list of fragments of the first skb
 * (net/ipv4/ip_output.c: __ip_make_skb), and is handed on with it until it is by itself.
 */
void skb_join(struct engine *e, uint64_t first, struct holder *s);

/* Somebody who is not known yet holds a head, too: the parent of a clone. */
void skb_unnamed(struct engine *e, struct block *head);

/* Does an skb that had no other event have this head? */
bool skb_is_unnamed(const struct engine *e, uint64_t head, uint64_t end);

/* A hand-off of an skb and, where it is not linear, of those on its list of fragments. */
void skb_pass(struct engine *e, struct holder *s, const struct custody *node, bool linear);

/* The messages in an skb get a caveat. */
void skb_mark(struct engine *e, const struct holder *s, enum caveat d);

/* The end of an skb that has been taken out of the table. */
void skb_end(struct engine *e, struct holder *s, const struct doom *doom);

#endif
