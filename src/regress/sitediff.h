/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a flow's payload is copied now and was before. */
#ifndef REGRESS_SITEDIFF_H
#define REGRESS_SITEDIFF_H

struct json_object;

/*
 * Adds a finding per site whose share of the copied bytes differs; offsets do not matter. A copy that is
 * a call on one side and inlined on the other is one finding, moved, and not one new and one gone.
 */
void compare_sites(struct json_object *list, struct json_object *from, struct json_object *to);

/* "e1000:e1000_clean_rx_irq by memcpy" */
void site_text(struct json_object *site, char *buf, unsigned long size);

#endif
