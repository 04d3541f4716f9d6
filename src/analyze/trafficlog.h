/* SPDX-License-Identifier: GPL-2.0-only */
/* What the traffic program says it did: names for flows, user pages, and a second count. */
#ifndef ANALYZE_TRAFFICLOG_H
#define ANALYZE_TRAFFICLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A buffer of one end, and what lay under it. */
struct logged_pages {
	int pid;
	uint64_t va, len;
	uint64_t *pfns;
	size_t count;
	bool moved; /* the log names other pages after the flow than before */
};

/* Where a message was before it was posted, and its first 8 bytes. */
struct logged_head {
	uint64_t seq, va, head;
};

/* What an RDMA device counted during a flow: how much more after it than before. */
struct logged_counter {
	char dev[32], name[40];
	int64_t delta;
	bool before, after; /* read then */
};

struct logged {
	uint64_t number; /* in the log; says nothing else */
	char name[64], proto[16], path[16], why[160]; /* why: of a flow that was skipped */
	char src[48], dst[48];			      /* empty where the log does not know */
	uint64_t size, count;
	uint16_t sport, dport;
	int send_pid, recv_pid; /* 0: the log does not know */
	int *send_pids;		/* all of them, where the sender's socket is of several */
	size_t send_pid_count;
	int64_t mark; /* by which the audit knows its payload; -1: it bears none */
	bool skipped, filled, ended;
	uint64_t sent, received, sent_bytes, received_bytes, bad;
	struct logged_pages send, recv;	   /* the first buffer of each side */
	struct logged_pages *more;	   /* the other ones of both */
	size_t more_count, more_cap;
	uint32_t qpn_send, qpn_recv; /* of RDMA flows */
	struct logged_head *heads;   /* in the order of their sequence numbers */
	size_t head_count, head_cap;
	struct logged_counter *counters;
	size_t counter_count, counter_cap;
	bool joined; /* the other command's view of a flow whose sender is in the log, too */
	bool used;   /* by a flow of the trace */
};

struct trafficlog {
	struct logged *flows;
	size_t count, cap;
};

/*
 * Reads DIR/traffic.jsonl; a folder without one gives an empty log. A line that is no JSON is
 * -EBADMSG with its number in why. Lines about single messages are skipped unparsed unless they
 * say something that the trace does not.
 */
int trafficlog_load(const char *dir, struct trafficlog *log, char *why, size_t size);
void trafficlog_free(struct trafficlog *log);

/* Ports of 0 are not known, as those of packet sockets: then the process tells. */
struct logged *trafficlog_find(struct trafficlog *log, int send_pid, uint16_t sport,
			       uint16_t dport);

/* The RDMA flow from this flow's queue pair and process, or NULL. */
struct flow;
struct logged *trafficlog_find_rdma(struct trafficlog *log, const struct flow *f);

/* What the log says of message seq before its post, or NULL. */
const struct logged_head *logged_head_of(const struct logged *l, uint64_t seq);

/* Physical address under a user address, or 0: unknown, hidden, or it moved meanwhile. */
uint64_t logged_phys(const struct logged_pages *p, uint64_t va, uint64_t page_size);

/* The same in any buffer of that process. */
uint64_t logged_user_phys(const struct logged *l, int pid, uint64_t va, uint64_t page_size);

#endif
