/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A path: what one kind of datapath, or one part of several, makes of events. It is one file, which
 * names its events and their handlers; paths.c lists it. The core calls none by name.
 */
#ifndef ANALYZE_CORE_PATH_H
#define ANALYZE_CORE_PATH_H

#include "analyze/core/engine.h"

struct handler {
	enum event_kind event;
	void (*fn)(struct engine *e, const struct event *ev);
};

/* A copy that an event tells of, before anybody has looked at what is at its ends. */
struct copying {
	struct thread *by;
	const struct site *site;
	uint64_t ip;
	uint64_t src, dst, len; /* both of the kernel's memory */
	uint64_t sample;
};

struct path {
	const char *name;
	const struct handler *handlers; /* the last has no fn */
	/* Any of these may be NULL. 0 or -ENOMEM; what init leaves in *state is engine_state's. */
	int (*init)(struct engine *e, void **state);
	/* Takes a copy as its own business, as far as it is; false: it is not. */
	bool (*claim)(struct engine *e, const struct copying *c);
	/* Something is about to be read from kernel memory. */
	void (*reading)(struct engine *e, uint64_t src, uint64_t len);
	void (*thread_end)(struct engine *e, struct thread *t);
	void (*finish)(struct engine *e);
	void (*free)(struct engine *e);
};

#endif
