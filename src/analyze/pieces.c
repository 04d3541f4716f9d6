// SPDX-License-Identifier: GPL-2.0-only
/* What walks over the range map look for. */
#include "analyze/engine.h"

int piece_has_message(void *ctx, const struct rm_piece *p)
{
	(void)ctx;
	return ((struct hop *)p->tag)->msg != NULL;
}

int piece_take(void *ctx, const struct rm_piece *p)
{
	*(struct rm_piece *)ctx = *p;
	return 1;
}
