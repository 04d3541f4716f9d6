/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bed is the path that messages travel: two addresses and, but for lo, two network
 * namespaces with a device each. It is made by traffic, and everything of it is removed again.
 */
#ifndef TRAFFIC_BED_H
#define TRAFFIC_BED_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tf_bed_ops;
struct tf_card;

struct tf_bed_end {
	char ns[24]; /* a name that `ip netns exec` knows, or "" for the namespace we are in */
	char dev[IFNAMSIZ];
	char addr[16];
	char mac[18];
	char rdma[32];			/* an RDMA device on dev, or "" */
	unsigned int gid;		/* the index of addr in its table */
	bool has_ns, has_dev, has_rdma; /* to be undone */
};

struct tf_bed {
	const struct tf_bed_ops *ops;
	const struct tf_card *card; /* NULL: any */
	int net;		    /* the third byte of its addresses */
	struct tf_bed_end src, dst;
	char why[256]; /* of a bed that could not be made */
};

extern const char tf_bed_paths[]; /* words, those with soft-RoCE devices not among them */

/* Makes the bed, or undoes what was made, fills in why and gives -errno. */
int tf_bed_up(struct tf_bed *bed, const char *path);

/* Undoes it all; any bed will do: half made, never made, undone. */
void tf_bed_down(struct tf_bed *bed);

/* Removes namespaces and devices whose traffic is dead; tf_bed_reaped says how many. */
void tf_bed_reap(void);
extern int tf_bed_reaped;

/* The process that owns the namespace or device of this name, 0 if it is none of traffic's. */
pid_t tf_bed_owner(const char *name);

/* Moves the calling process into a namespace; "" is none. 0 or -errno. */
int tf_netns_enter(const char *name);

/* Runs fn(arg) inside the namespace and comes back; gives what fn gave, or -errno. */
int tf_netns_call(const char *name, int (*fn)(void *), void *arg);

#endif
