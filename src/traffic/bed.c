// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/bed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/msg.h"
#include "common/vec.h"
#include "traffic/bed_ops.h"

static int lo_up(struct tf_bed *bed)
{
	for (int i = 0; i < 2; i++) {
		struct tf_bed_end *end = i ? &bed->dst : &bed->src;

		strcpy(end->addr, "127.0.0.1");
		strcpy(end->dev, "lo");
	}
	return 0;
}

static const struct tf_bed_ops beds[] = {
	{"lo", 0, lo_up, NULL},
	{"veth", 1, tf_veth_up, NULL},
	{"nics", 2, tf_nics_up, NULL},
	{"nics:", 100, tf_nics_up, NULL},
	{"rxe", 3, tf_rxe_up, tf_rxe_down},
	{"rxe-lo", 0, tf_rxe_lo_up, tf_rxe_down},
	{"rxe-dev", 3, tf_rxe_dev_up, tf_rxe_down},
};

const char tf_bed_paths[] = "lo veth nics"
#define CARD(model, ...) " nics:" model
#include "traffic/cards.def"
#undef CARD
	;

static const struct tf_bed_ops *find(const char *path)
{
	size_t len = strcspn(path, ":");

	len += path[len] == ':';
	for (size_t i = 0; i < ARRAY_SIZE(beds); i++)
		if (strlen(beds[i].path) == len && !memcmp(beds[i].path, path, len))
			return &beds[i];
	return NULL;
}

/* Which card a path asks for, if any. */
static int find_card(struct tf_bed *bed, const char *path)
{
	const char *model = strchr(path, ':');

	bed->net = bed->ops->net;
	if (!model)
		return 0;
	bed->card = tf_card_find(model + 1);
	if (!bed->card) {
		snprintf(bed->why, sizeof(bed->why),
			 "no card '%s'; traffic set --list shows models", model + 1);
		return -EINVAL;
	}
	bed->net += tf_card_row(bed->card);
	return 0;
}

int tf_bed_up(struct tf_bed *bed, const char *path)
{
	int err;

	*bed = (struct tf_bed){.ops = find(path)};
	if (!bed->ops) {
		snprintf(bed->why, sizeof(bed->why),
			 "no path '%s'; there are: lo veth nics nics:MODEL rxe rxe-lo rxe-dev",
			 path);
		return -EINVAL;
	}
	err = find_card(bed, path);
	if (!err)
		err = bed->ops->up(bed);
	if (err)
		tf_bed_down(bed);
	return err;
}

void tf_bed_down(struct tf_bed *bed)
{
	if (bed->ops && bed->ops->down)
		bed->ops->down(bed);
	tf_bed_end_down(&bed->src);
	tf_bed_end_down(&bed->dst);
	bed->ops = NULL;
}
