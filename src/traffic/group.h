/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses of many receivers. */
#ifndef TRAFFIC_GROUP_H
#define TRAFFIC_GROUP_H

#include "traffic/addr.h"

/* Makes an address that of a multicast group, or the broadcast address of its network. */
void tf_group_of(union tf_addr *a);
void tf_broadcast_of(union tf_addr *a);

bool tf_addr_is_group(const union tf_addr *a);

/* Both print why they cannot; dev NULL: the kernel chooses one. */
int tf_group_join(int fd, const union tf_addr *group, const char *dev);
int tf_group_send(int fd, int family, const char *dev);

#endif
