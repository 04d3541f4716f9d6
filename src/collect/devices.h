/* SPDX-License-Identifier: GPL-2.0-only */
/* RDMA devices of this machine and what they count: in hardware, all there is to see of the data. */
#ifndef COLLECT_DEVICES_H
#define COLLECT_DEVICES_H

struct json_object;

/*
 * [{"dev", "port", "counters", "hw_counters"}…], a port an entry. The caller owns it; NULL: no
 * memory.
 */
struct json_object *devices_read(void);

#endif
