/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the processes of a flow keep step: futexes in a shared page. No byte of theirs goes
 * through the kernel, so that a recording of the flow holds the messages and nothing else.
 */
#ifndef TRAFFIC_SYNC_H
#define TRAFFIC_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "traffic/addr.h"

/* Set by the parent, only ever forward. */
enum tf_stage {
	STAGE_SETUP,
	STAGE_SEND,	/* the sender may send */
	STAGE_READ,	/* the receiver may read */
	STAGE_LOG_SEND, /* the sender writes its log lines */
	STAGE_LOG_RECV, /* then the receivers, a stage each */
};

#define TF_RECEIVERS 16 /* at most */
#define TF_WORKERS 16	/* of an end, at most */

/* Set by the end itself. */
enum tf_progress {
	END_NEW,
	END_READY, /* the socket is bound */
	END_DONE,  /* the last message is through; buffers are still there */
};

struct tf_side_state {
	_Atomic uint32_t progress;
	pid_t pid;	    /* 0: it is no process of this command */
	pid_t child;	    /* another process that uses its socket */
	_Atomic uint32_t ready, done; /* workers other than the first that are so */
	union tf_addr addr; /* its own */
	union tf_addr peer; /* of a sender whose receiver is not ours, or the reverse */
	_Atomic uint64_t messages, bytes;
	_Atomic uint64_t datagrams; /* a message may be several */
	_Atomic uint64_t bad;	    /* contents that are not what was sent */
	_Atomic uint64_t failed;    /* system calls that returned an error */
};

struct tf_share {
	_Atomic uint32_t stage;
	_Atomic uint32_t changed; /* counts what the ends report; the parent waits on it */
	_Atomic uint32_t received; /* datagrams, by all receivers */
	_Atomic uint32_t lost;	   /* those that a sender in lock-step waited for in vain */
	_Atomic uint32_t seq;	   /* of the message under way, in lock-step */
	uint64_t start;		   /* when the sender began */
	_Atomic uint32_t stop; /* the user wants an end */
	uint64_t seed;
	_Atomic uint32_t tcp_asked, tcp_done; /* turns of a TCP connection beside the flow */
	uint64_t tcp_bytes;		      /* that it moved */
	struct tf_side_state send, recv, more[TF_RECEIVERS - 1];
};

/* Tells that one more worker is ready, or through. */
void tf_worker_set(_Atomic uint32_t *count);

/* Receivers are counted from 0. */
static inline struct tf_side_state *tf_receiver(struct tf_share *s, unsigned int i)
{
	return i ? &s->more[i - 1] : &s->recv;
}

uint64_t tf_now(void); /* CLOCK_MONOTONIC, ns */

/* Waits until *word is no longer seen, or ms milliseconds; whether it changed. */
bool tf_wait(_Atomic uint32_t *word, uint32_t seen, unsigned int ms);
void tf_wake(_Atomic uint32_t *word);

void tf_stage_set(struct tf_share *s, enum tf_stage stage);
void tf_stage_wait(struct tf_share *s, enum tf_stage stage);
void tf_progress_set(struct tf_share *s, struct tf_side_state *side, enum tf_progress p);

#endif
