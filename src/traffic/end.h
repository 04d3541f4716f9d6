/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of one end, in a process of its own. */
#ifndef TRAFFIC_END_H
#define TRAFFIC_END_H

#include "traffic/flow.h"

/* Both give the exit status of the process. */
int tf_end_send(struct tf_flow *f, unsigned int index);
int tf_end_recv(struct tf_flow *f, unsigned int index);

#endif
