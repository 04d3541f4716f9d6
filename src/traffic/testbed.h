/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A testbed is the path that messages travel: two addresses and, except for lo, network namespaces
 * with devices in them. It is made by traffic, and everything of it is removed again.
 */
#ifndef TRAFFIC_TESTBED_H
#define TRAFFIC_TESTBED_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tf_testbed_row;

struct tf_testbed_end {
	char ns[24]; /* a name that `ip netns exec` knows, or "" for the namespace we are in */
	char dev[IFNAMSIZ];
	char addr[INET_ADDRSTRLEN];
	char addr6[INET6_ADDRSTRLEN]; /* "": it has none */
	char rdma[32];		      /* an RDMA device on dev, or "" */
	unsigned int gid;	      /* the index of addr in its table */
	bool has_dev, has_rdma;	      /* to be undone */
};

struct tf_testbed {
	const struct tf_testbed_row *row;
	struct tf_testbed_end src, dst;
	char to[INET_ADDRSTRLEN]; /* where the sender sends; "": to dst.addr */
	bool is_static;		  /* both ends know their neighbour and need no ARP */
	bool has_ipv6;
	bool has_spaces; /* namespaces, to be undone */
	int fds[2];	 /* what lasts as long as it is open; 0: none */
	pid_t helper;	 /* a process that is part of the path; 0: none */
	char why[256];	 /* of a testbed that could not be made */
};

/*
 * Makes the testbed, with IPv6 if it is to have that, or undoes what was made, fills in why and
 * gives -errno. The path is a name of the table; ",static" behind it makes static neighbours.
 */
int tf_testbed_up(struct tf_testbed *testbed, const char *path, bool with_ipv6);

/* Undoes it all; any testbed will do: half made, never made, undone. */
void tf_testbed_down(struct tf_testbed *testbed);

/* Whether there is such a path; fills in why. 0 or -EINVAL. */
int tf_testbed_known(const char *path, char *why, size_t size);

/* The kernel modules that the path takes, with their parameters, between commas; NULL: no such path. */
const char *tf_testbed_modules(const char *path);

/* The name in it, without what a comma adds; NULL: no such path. */
const char *tf_testbed_name(const char *path);

/* Print on stdout: the table, and the script of one row, as testbed_ops.h describes it. */
void tf_testbed_list(void);
void tf_testbed_show(const char *path);

/* The hardware address of an end's device; that of lo is zeros. 0 or -errno. */
int tf_testbed_mac(const struct tf_testbed_end *end, unsigned char bytes[6]);

/* Removes namespaces and devices whose traffic is dead; tf_testbed_reaped says how many. */
void tf_testbed_reap(void);
extern int tf_testbed_reaped;

/* The process that owns the namespace or device of this name, 0 if it is not one of traffic's. */
pid_t tf_testbed_owner(const char *name);

/* Moves the calling process into a namespace; "" is none. 0 or -errno. */
int tf_netns_enter(const char *name);

/* Runs fn(arg) inside the namespace and comes back; gives what fn gave, or -errno. */
int tf_netns_call(const char *name, int (*fn)(void *), void *arg);

#endif
