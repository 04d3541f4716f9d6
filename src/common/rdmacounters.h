/* SPDX-License-Identifier: GPL-2.0-only */
/* What an RDMA device says in sysfs that it has counted. */
#ifndef COMMON_RDMACOUNTERS_H
#define COMMON_RDMACOUNTERS_H

#define RDMA_SYSFS "/sys/class/infiniband"

struct json_object;

/*
 * The numbers in RDMA_SYSFS/DEV/ports/PORT/KIND by name; KIND is counters or hw_counters. The
 * caller owns it. NULL, which JSON shows as null, where the device has no such folder.
 */
struct json_object *rdmacounters_read(const char *dev, int port, const char *kind);

#endif
