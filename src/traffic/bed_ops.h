/* SPDX-License-Identifier: GPL-2.0-only */
/* What the beds are made of; for src/traffic/bed*.c only. */
#ifndef TRAFFIC_BED_OPS_H
#define TRAFFIC_BED_OPS_H

#include "traffic/bed.h"

struct tf_bed_ops {
	const char *path; /* where it ends in a colon, a card's model comes behind it */
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

/* Addresses, links up, carrier. */
int tf_bed_links(struct tf_bed *bed);

/* Static neighbours: no ARP will be in a recording. */
int tf_bed_neighbours(struct tf_bed *bed);

/* The card of this model, or NULL; net of its bed is this one's plus the number of its row. */
const struct tf_card *tf_card_find(const char *model);
int tf_card_row(const struct tf_card *card);

/* Moves the device back or away, removes the namespace. */
void tf_bed_end_down(struct tf_bed_end *end);

#endif
