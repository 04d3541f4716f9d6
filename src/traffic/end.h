/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of one end, in a process of its own. */
#ifndef TRAFFIC_END_H
#define TRAFFIC_END_H

#include "traffic/flow.h"

/* Both give the exit status of the process. */
int tf_end_send(struct tf_flow *f, unsigned int index);
int tf_end_recv(struct tf_flow *f, unsigned int index);

/* What every worker of an end goes through. */
int tf_end_buffers(struct tf_end *e);
int tf_end_loop(struct tf_end *e);
int tf_end_log(struct tf_end *e);

/* Another buffer: the one at va, or, for NULL, a new one. */
int tf_end_rebuffer(struct tf_end *e, void *va, size_t len);
void tf_end_free(struct tf_end *e);

/* Waits until this end may begin, or may write its lines. */
void tf_end_await_start(const struct tf_end *e);
void tf_end_await_log(const struct tf_end *e);

/* Takes part with the socket that is there already. */
int tf_end_attach(struct tf_end *e);

#endif
