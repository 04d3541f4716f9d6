/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connection between two ends that are commands of their own. It stands for the memory that
 * the ends of one command share: what an end changes there, it tells; a thread of the other
 * command writes it into that one's memory. Neither end's code knows the difference.
 */
#ifndef TRAFFIC_RDMA_LINK_H
#define TRAFFIC_RDMA_LINK_H

#include <netinet/in.h>
#include <pthread.h>

#include "traffic/flow.h"
#include "traffic/rdma_wire.h"

#define TF_LINK_PORT 18515 /* the one that perftest has */

struct tf_rdma_side;

struct tf_link {
	int fd;			      /* -1: both ends are in this command */
	const char *name;	      /* of the flow */
	const char *who;	      /* what the other end is */
	char at[INET_ADDRSTRLEN + 8]; /* and where */
	uint64_t count;		      /* of messages: no end has more to tell of */
	struct tf_share *share;
	struct tf_side_state *state, *other_state;
	struct tf_rdma_side *other;    /* filled in by what comes */
	_Atomic uint32_t *other_count; /* messages offered, or received */
	_Atomic uint64_t limit;	       /* ns; the time until which the thread stays, 0: open */
	pthread_t thread;
	bool has_thread;
};

/* Before the ends: waits for the sender, or goes to the receiver; prints why it cannot. */
int tf_link_open(struct tf_link *link, const struct tf_spec *spec);

/* Tells the other end what this one is, and the reverse. The seed is the sender's in both. */
int tf_link_greet(struct tf_link *link, const struct tf_spec *spec, const struct tf_rdma_side *mine,
		  uint64_t *seed);

/* From now on what the other end tells is taken. */
int tf_link_start(struct tf_link *link);
void tf_link_close(struct tf_link *link);

/* Of an end, whose words the other's thread takes; without a connection, nothing. */
void tf_link_tell_queue(const struct tf_link *link, const struct tf_rdma_side *mine);
void tf_link_tell_step(const struct tf_link *link, uint32_t count, bool up, bool done);

#endif
