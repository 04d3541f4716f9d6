// SPDX-License-Identifier: GPL-2.0-only
/* Files that hand frames to programs and take them back: tap and tun devices. */
#include "analyze/core/path.h"
#include "analyze/core/task.h"
#include "analyze/paths.h"

static void begin(struct engine *e, const struct event *ev, bool send)
{
	struct thread *t = thread_of(e, ev->tid);
	struct op *op;

	if (!t)
		return;
	thread_abandon(e, t);
	op = op_begin(e, t, send);
	if (!op)
		return;
	op->file = true;
	op->count = ev->v[F_icnt];
}

static void on_read(struct engine *e, const struct event *ev)
{
	begin(e, ev, false);
}

static void on_write(struct engine *e, const struct event *ev)
{
	begin(e, ev, true);
}

static const struct handler handlers[] = {
	{EV_FILE_READ, on_read}, {EV_FILE_WRITE, on_write}, {0, NULL},
};

const struct path path_file = {.name = "file", .handlers = handlers};
