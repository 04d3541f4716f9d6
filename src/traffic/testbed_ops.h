/* SPDX-License-Identifier: GPL-2.0-only */
/* What the beds are made of; for src/traffic/testbed*.c only. */
#ifndef TRAFFIC_TESTBED_OPS_H
#define TRAFFIC_TESTBED_OPS_H

#include "traffic/testbed.h"

struct tf_bed_ops {
	const char *path;
	int net; /* the third byte of its addresses, so that no two beds share one */
	int (*up)(struct tf_bed *bed);
	void (*down)(struct tf_bed *bed); /* NULL: what is common to all will do */
};

int tf_veth_up(struct tf_bed *bed);
int tf_nics_up(struct tf_bed *bed);
int tf_rxe_up(struct tf_bed *bed);
int tf_rxe_lo_up(struct tf_bed *bed);
int tf_rxe_dev_up(struct tf_bed *bed);
void tf_rxe_down(struct tf_bed *bed);

/* Removes soft-RoCE devices and their links whose traffic is dead; gives how many. */
int tf_rxe_reap(void);

/* Names, addresses and namespaces of both ends; IPv6 is off in them before a device comes. */
int tf_bed_spaces(struct tf_bed *bed);

/* Addresses, links up, static neighbours, carrier. */
int tf_bed_links(struct tf_bed *bed);

/* Moves the device back or away, removes the namespace. */
void tf_bed_end_down(struct tf_bed_end *end);

#endif
