// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/end.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/exitcode.h"
#include "common/msg.h"

static const struct tf_end_ops *ops_of(const struct tf_end *e)
{
	return e->sender ? &e->flow->kind->send : &e->flow->kind->recv;
}

static const char *netns_of(const struct tf_end *e)
{
	if (e->flow->spec->netns)
		return e->flow->spec->netns;
	return e->sender ? e->flow->bed->src.ns : e->flow->bed->dst.ns;
}

static struct json_object *pages_line(const struct tf_end *e, const char *when,
				      const struct tf_pages *pages)
{
	struct json_object *line = tf_line("pages", e->flow->number);
	struct json_object *pfns = json_object_new_array();

	tf_line_str(line, "side", e->sender ? "send" : "recv");
	tf_line_int(line, "pid", getpid());
	tf_line_addr(line, "va", (uintptr_t)e->buf.va);
	tf_line_int(line, "len", e->buf.len);
	tf_line_str(line, "when", when);
	for (size_t i = 0; i < pages->count; i++) {
		char text[24];

		snprintf(text, sizeof(text), "0x%" PRIx64, pages->pfn[i]);
		json_object_array_add(pfns, json_object_new_string(text));
	}
	json_object_object_add(line, "pfns", pfns);
	return line;
}

static int write_log(struct tf_end *e)
{
	struct tf_log *log = e->flow->log;
	int err = tf_log_add(log, pages_line(e, "before", &e->before));

	if (!err)
		err = tf_records_log(&e->records, e->flow->number, log);
	if (!err)
		err = tf_log_add(log, pages_line(e, "after", &e->after));
	return err ? err : tf_log_flush(log);
}

static int get_ready(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_kind *kind = e->flow->kind;
	const char *netns = netns_of(e);
	size_t each = e->sender ? 1 : tf_spec_times(spec) * (spec->peek ? 2 : 1);
	size_t records = e->flow->log->fd < 0 ? 0 : spec->count * each;
	int err = tf_netns_enter(netns);

	if (err)
		return msg_errno(err, "network namespace %s", netns);
	err = tf_buffer_map(&e->buf, kind->room ? kind->room(spec, e->sender) : spec->size);
	if (!err)
		err = tf_pages_init(&e->before, &e->buf);
	if (!err)
		err = tf_pages_init(&e->after, &e->buf);
	if (!err)
		err = tf_records_init(&e->records, records);
	if (err)
		return msg_errno(err, "buffers");
	return ops_of(e)->open(e);
}

static int life(struct tf_end *e)
{
	struct tf_share *s = e->share;
	int err = get_ready(e);

	if (err)
		return err;
	if (tf_buffer_pages(&e->buf, &e->before))
		msg_note("/proc/self/pagemap cannot be read; pages are not in the log");
	tf_progress_set(s, e->me, END_READY);
	tf_stage_wait(s, e->sender ? STAGE_SEND : STAGE_READ);
	err = ops_of(e)->loop(e);
	if (err)
		return err;
	tf_buffer_pages(&e->buf, &e->after);
	tf_progress_set(s, e->me, END_DONE);
	tf_stage_wait(s, e->sender ? STAGE_LOG_SEND : STAGE_LOG_RECV + e->index);
	return write_log(e);
}

static int run(struct tf_flow *f, bool sender, unsigned int index)
{
	struct tf_end e = {.flow = f,
			   .share = f->share,
			   .me = sender ? &f->share->send : tf_receiver(f->share, index),
			   .sender = sender,
			   .index = index,
			   .fd = -1};
	int err = life(&e);

	if (f->kind->close)
		f->kind->close(&e);
	else if (e.fd >= 0)
		close(e.fd);
	tf_records_free(&e.records);
	tf_pages_free(&e.before);
	tf_pages_free(&e.after);
	tf_buffer_unmap(&e.buf);
	return err ? EXIT_ENV : EXIT_GOOD;
}

int tf_end_send(struct tf_flow *f, unsigned int index)
{
	return run(f, true, index);
}

int tf_end_recv(struct tf_flow *f, unsigned int index)
{
	return run(f, false, index);
}
