// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "analyze/analysis.h"

void step_where(const struct step *s, char *buf, size_t size)
{
	switch (s->kind) {
	case HOP_COPY:
	case HOP_EMULATED_DMA:
	case HOP_PIO:
		rundir_site_name(s->site, s->ip, buf, size);
		break;
	case HOP_COPY_UNKNOWN:
		snprintf(buf, size, "site unknown: no probe saw it");
		break;
	case HOP_HANDOFF:
		snprintf(buf, size, "%s%s%s", holder_name((enum hand)s->holder),
			 *s->dev ? " " : "", s->dev);
		break;
	case HOP_DMA:
		snprintf(buf, size, "%s", s->holder == BY_DEVICE ? "device reads" : "device wrote");
		break;
	case HOP_GAP:
	case HOP_GAP_USER:
		snprintf(buf, size, "%s", s->why ? s->why : "not explained");
		break;
	case HOP_START:
		snprintf(buf, size, "sender's buffer");
		break;
	default:
		snprintf(buf, size, "packet identity and content agree");
	}
}
