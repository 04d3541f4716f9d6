// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/end.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/exitcode.h"
#include "common/msg.h"
#include "traffic/worker.h"

static const struct tf_end_ops *ops_of(const struct tf_end *e)
{
	const struct tf_kind *kind = e->flow->kind;

	return e->sender ? &kind->send : e->observer ? &kind->observe : &kind->recv;
}

static const char *netns_of(const struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;

	if (spec->netns)
		return spec->netns;
	return e->sender || (e->observer && spec->udp.observe_src) ? e->flow->testbed->src.ns : e->flow->testbed->dst.ns;
}

static struct json_object *pages_line(const struct tf_end *e, const char *when,
				      const struct tf_pages *pages)
{
	struct json_object *line = tf_line("pages", e->flow->number);
	struct json_object *pfns = json_object_new_array();

	tf_line_str(line, "side",
		    e->sender	? "send" :
		    e->observer ? "observe" :
				  "recv");
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

int tf_end_log(struct tf_end *e)
{
	struct tf_log *log = e->flow->log;
	int err = tf_log_add(log, pages_line(e, "before", &e->before));

	if (!err)
		err = tf_records_log(&e->records, e->flow->number, log);
	if (!err)
		err = tf_log_add(log, pages_line(e, "after", &e->after));
	return err ? err : tf_log_flush(log);
}

int tf_end_buffers(struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;
	const struct tf_kind *kind = e->flow->kind;
	size_t each = e->sender ? 1 : tf_spec_times(spec) * (spec->peek ? 2 : 1);
	size_t records = e->flow->log->fd < 0 ? 0 : spec->count * each;
	int err = tf_buffer_map(&e->buf, kind->room ? kind->room(spec, e->sender) : spec->size);

	if (!err)
		err = tf_pages_init(&e->before, &e->buf);
	if (!err)
		err = tf_pages_init(&e->after, &e->buf);
	if (!err)
		err = tf_records_init(&e->records, records);
	return err ? msg_errno(err, "buffers") : 0;
}

int tf_end_rebuffer(struct tf_end *e, void *va, size_t len)
{
	int err = 0;

	tf_buffer_unmap(&e->buf);
	tf_pages_free(&e->before);
	tf_pages_free(&e->after);
	if (va)
		e->buf = (struct tf_buffer){va, len};
	else
		err = tf_buffer_map(&e->buf, len);
	if (!err)
		err = tf_pages_init(&e->before, &e->buf);
	if (!err)
		err = tf_pages_init(&e->after, &e->buf);
	return err ? msg_errno(err, "buffers") : 0;
}

int tf_end_attach(struct tf_end *e)
{
	return ops_of(e)->attach(e);
}

void tf_end_await_start(const struct tf_end *e)
{
	tf_stage_wait(e->share, e->sender ? STAGE_SEND : STAGE_READ);
}

void tf_end_await_log(const struct tf_end *e)
{
	tf_stage_wait(e->share, e->sender ? STAGE_LOG_SEND : STAGE_LOG_RECV + e->index);
}

int tf_end_loop(struct tf_end *e)
{
	int err = ops_of(e)->loop(e);

	if (!err)
		tf_buffer_pages(&e->buf, &e->after);
	return err;
}

static int get_ready(struct tf_end *e, struct tf_workers *w)
{
	const char *netns = netns_of(e);
	int err = tf_netns_enter(netns);

	if (err)
		return msg_errno(err, "network namespace %s", netns);
	err = e->workers > 1 ? tf_workers_prepare(w, e) : 0;
	if (!err)
		err = tf_end_buffers(e);
	if (!err)
		err = ops_of(e)->open(e);
	if (err)
		return err;
	if (tf_buffer_pages(&e->buf, &e->before))
		msg_note("/proc/self/pagemap cannot be read; pages are not in the log");
	return tf_workers_start(w, e);
}

static int life(struct tf_end *e, struct tf_workers *w)
{
	int err = get_ready(e, w);

	if (err)
		return err;
	tf_progress_set(e->share, e->me, END_READY);
	tf_end_await_start(e);
	err = tf_end_loop(e);
	if (!err)
		err = tf_workers_wait(w, e);
	if (err)
		return err;
	tf_progress_set(e->share, e->me, END_DONE);
	tf_end_await_log(e);
	err = tf_end_log(e);
	return err ? err : tf_workers_log(w);
}

void tf_end_free(struct tf_end *e)
{
	if (e->flow->kind->close)
		e->flow->kind->close(e);
	else if (e->fd >= 0)
		close(e->fd);
	tf_records_free(&e->records);
	tf_pages_free(&e->before);
	tf_pages_free(&e->after);
	tf_buffer_unmap(&e->buf);
}

static int run(struct tf_flow *f, bool sender, unsigned int index)
{
	struct tf_workers w = {.channel = -1};
	struct tf_end e = {.flow = f,
			   .share = f->share,
			   .me = sender ? &f->share->send : tf_receiver(f->share, index),
			   .sender = sender,
			   .observer = !sender && index >= tf_flow_receivers(f->spec),
			   .index = index,
			   .fd = -1};
	int err;

	e.workers = e.observer ? 1 : tf_workers_of(f->spec);
	err = life(&e, &w);

	tf_workers_free(&w);
	tf_end_free(&e);
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
