/* SPDX-License-Identifier: GPL-2.0-only */
/* The analysis in progress: events go in, flows with their chains and counts come out. */
#ifndef ANALYZE_CORE_ENGINE_H
#define ANALYZE_CORE_ENGINE_H

#include <errno.h>

#include "analyze/core/holder.h"
#include "analyze/core/ledger.h"
#include "analyze/core/op.h"
#include "analyze/rundir.h"
#include "common/hashmap.h"

struct path;
struct trafficlog;

#define PATHS_MAX 16

/* Copies that carried no known payload, by site and length. */
struct other {
	const struct site *site;
	uint64_t ip, len, hits;
	int tid;
};

struct engine {
	const struct rundir *run;
	struct rangemap *content;
	struct holders holders;
	struct hashmap threads, skbs; /* struct thread; struct holder by address of the skb */
	struct hashmap others;	      /* struct other, by what tells them apart */
	struct hashmap flow_by_key;   /* the newest flow of each key */
	struct ledger ledger;
	struct flow *flows, **last_flow;
	uint64_t next_space, next_flow;
	const struct path *const *paths;
	void *state[PATHS_MAX]; /* of each path */
	const struct handler **handlers[EV_COUNT]; /* in the order of the paths, NULL last */
	uint64_t by_kind[EV_COUNT];
	uint64_t guards;
	uint64_t unsent; /* copies from a program into a packet, outside any send that is recorded */
	uint64_t doubled; /* events that are the one before once more */
	struct trafficlog *log; /* what traffic said, or NULL */
	const struct event *now;
	uint64_t seq; /* rises from handler to handler */
	int err;      /* -ENOMEM sticks */
};

/* paths: NULL last; they are asked in this order. 0 or -ENOMEM. */
int engine_init(struct engine *e, const struct rundir *run, const struct path *const *paths);

/* ev stays valid until the next one has been handled. 0 or -ENOMEM. */
int engine_event(struct engine *e, const struct event *ev);

/* Lets go of everything that holds a message, so that all are accounted for. */
void engine_finish(struct engine *e);
void engine_free(struct engine *e);

/* The state that a path's init has left, or NULL. */
void *engine_state(const struct engine *e, const struct path *p);

/* The event that is being handled, as a stamp. */
struct stamp engine_stamp(const struct engine *e);
struct stamp stamp_of(const struct engine *e, const struct event *ev);

/* An address range that wraps (a stale fetch) concerns nobody; -ENOMEM aborts. */
static inline void engine_check(struct engine *e, int64_t err)
{
	if (err == -ENOMEM)
		e->err = -ENOMEM;
}

/* Mixes numbers into a key for a hash map; different numbers may share one. */
static inline uint64_t mix(uint64_t a, uint64_t b, uint64_t c)
{
	return (a * 0x9e3779b97f4a7c15ULL ^ b) * 0xbf58476d1ce4e5b9ULL ^ c;
}

/* A flow that is known by a key from now on. NULL: no memory. */
struct flow *flow_new(struct engine *e, uint64_t key, const char *proto);

/* The name of the device in an event, "" if there is none. */
void event_dev(const struct event *ev, char dev[16]);

/* A new node of content, made of the event now handled; e->err where there is no memory. */
struct content *content_make(struct engine *e, struct content *like);

/* Puts c at an address, in place of what was there. */
void content_place(struct engine *e, uint64_t addr, struct content *c, uint64_t at, uint64_t len);

/*
 * Who held the bytes at a kernel address until now: one reference, or NULL. Of several holders the
 * one that was handed them last.
 */
struct custody *custody_at(struct engine *e, uint64_t addr);

#endif
