// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/hop.h"

const char *hop_kind_name(enum hop_kind kind)
{
	static const char *const names[HOP_KINDS] = {
#define HOP(id, name, figure) [HOP_##id] = name,
#include "analyze/core/hops.def"
#undef HOP
	};

	return names[kind];
}

enum figure hop_kind_figure(enum hop_kind kind)
{
	static const enum figure figures[HOP_KINDS] = {
#define HOP(id, name, figure) [HOP_##id] = FIGURE_##figure,
#include "analyze/core/hops.def"
#undef HOP
	};

	return figures[kind];
}

const char *holder_name(enum hand holder)
{
	static const char *const names[HOLDERS] = {
#define HOLDER(id, name) [BY_##id] = name,
#include "analyze/core/holders.def"
#undef HOLDER
	};

	return names[holder];
}
