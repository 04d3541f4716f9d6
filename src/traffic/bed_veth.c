// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "traffic/bed_ops.h"
#include "traffic/ip.h"

int tf_veth_up(struct tf_bed *bed)
{
	struct tf_bed_end *a = &bed->src, *b = &bed->dst;
	int err = tf_bed_spaces(bed);

	if (err)
		return err;
	strcpy(a->dev, "cca");
	strcpy(b->dev, "ccb");
	strcpy(a->mac, "02:63:63:00:00:01");
	strcpy(b->mac, "02:63:63:00:00:02");
	err = tf_ip(bed->why, sizeof(bed->why),
		    "link add name %s address %s netns %s type veth peer name %s address %s "
		    "netns %s",
		    a->dev, a->mac, a->ns, b->dev, b->mac, b->ns);
	if (!err)
		err = tf_bed_links(bed);
	return err ? err : tf_bed_neighbours(bed);
}
