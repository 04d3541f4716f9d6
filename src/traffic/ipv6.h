/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 on a bed for the time of a flow. Beds have it switched off: nothing disturbs a recording. */
#ifndef TRAFFIC_IPV6_H
#define TRAFFIC_IPV6_H

#include "traffic/addr.h"
#include "traffic/testbed.h"

/* The IPv6 address of an end, which follows from the other one that it has. */
const char *tf_ipv6_addr(const struct tf_bed_end *end, char text[TF_ADDR_TEXT]);

/* Addresses and static neighbours on both devices; fills in why and gives -errno. */
int tf_ipv6_up(const struct tf_bed *bed, char *why, size_t size);
void tf_ipv6_down(const struct tf_bed *bed);

#endif
