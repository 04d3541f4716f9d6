// SPDX-License-Identifier: GPL-2.0-only
/* What the log says of a flow as a whole. */
#include <inttypes.h>
#include <stdio.h>

#include "traffic/flow.h"

static void add_addr(struct json_object *line, const union tf_addr *addr, const char *key,
		     const char *port_key)
{
	char text[TF_ADDR_TEXT];

	tf_line_str(line, key, addr->sa.sa_family ? tf_addr_text(addr, text) : NULL);
	if (addr->sa.sa_family && tf_addr_port(addr))
		tf_line_int(line, port_key, tf_addr_port(addr));
	else
		tf_line_str(line, port_key, NULL);
}

static void add_pid(struct json_object *line, const char *key, pid_t pid)
{
	if (pid)
		tf_line_int(line, key, pid);
	else
		tf_line_str(line, key, NULL);
}

static struct json_object *side(const struct tf_side_state *s,
				void (*add)(struct json_object *o, const struct tf_side_state *s))
{
	struct json_object *o = json_object_new_object();

	tf_line_int(o, "pid", s->pid);
	if (add)
		add(o, s);
	return o;
}

/* Where there is one receiver, it need not be told apart. */
static void add_receivers(const struct tf_flow *f, struct json_object *line,
			  void (*add)(struct json_object *o, const struct tf_side_state *s))
{
	struct json_object *list;

	if (tf_flow_receivers(f->spec) < 2 || !f->share->recv.pid)
		return;
	list = json_object_new_array();
	for (unsigned int i = 0; i < tf_flow_receivers(f->spec); i++)
		json_object_array_add(list, side(tf_receiver(f->share, i), add));
	json_object_object_add(line, "receivers", list);
}

static void add_observer(const struct tf_flow *f, struct json_object *line,
			 void (*add)(struct json_object *o, const struct tf_side_state *s))
{
	if (tf_flow_observers(f->spec))
		json_object_object_add(
			line, "observer",
			side(tf_receiver(f->share, tf_flow_receivers(f->spec)), add));
}

static void add_where(struct json_object *o, const struct tf_side_state *s)
{
	add_addr(o, &s->addr, "dst", "dport");
}

static void add_counts(struct json_object *o, const struct tf_side_state *s)
{
	tf_line_int(o, "received", s->messages);
	tf_line_int(o, "received_bytes", s->bytes);
	tf_line_int(o, "bad", s->bad);
}

/* Where a side is one process, it is named already. */
static void add_pids(struct json_object *line, const char *key, pid_t *pids, unsigned int count)
{
	struct json_object *list;

	if (count < 2)
		return;
	list = json_object_new_array();
	for (unsigned int i = 0; i < count; i++)
		json_object_array_add(list, json_object_new_int(pids[i]));
	json_object_object_add(line, key, list);
}

static void add_processes(const struct tf_flow *f, struct json_object *line)
{
	pid_t pids[2 * TF_RECEIVERS] = {f->share->send.pid, f->share->send.child};
	unsigned int n = 0;

	add_pids(line, "send_pids", pids, pids[1] ? 2 : 1);
	for (unsigned int i = 0; i < tf_flow_receivers(f->spec); i++) {
		const struct tf_side_state *s = tf_receiver(f->share, i);

		if (s->pid)
			pids[n++] = s->pid;
		if (s->child)
			pids[n++] = s->child;
	}
	add_pids(line, "recv_pids", pids, n);
}

int tf_flow_log_begin(const struct tf_flow *f, uint64_t time)
{
	const struct tf_spec *spec = f->spec;
	const struct tf_share *s = f->share;
	struct json_object *line = tf_line("flow", f->number);
	char fill[16];

	tf_line_str(line, "name", spec->name);
	tf_line_str(line, "proto", spec->proto);
	tf_line_str(line, "path", spec->path);
	tf_line_int(line, "size", spec->size);
	tf_line_int(line, "count", spec->count);
	tf_line_int(line, "rate", spec->rate);
	snprintf(fill, sizeof(fill), "%08" PRIx32, spec->fill);
	tf_line_str(line, "fill", spec->has_fill ? fill : NULL);
	if (tf_flow_marked(f))
		tf_line_int(line, "mark", f->index);
	add_addr(line, s->send.pid ? &s->send.addr : &s->recv.peer, "src", "sport");
	add_addr(line, s->send.peer.sa.sa_family ? &s->send.peer : &s->recv.addr, "dst", "dport");
	add_pid(line, "send_pid", s->send.pid);
	add_pid(line, "recv_pid", s->recv.pid);
	tf_line_int(line, "time", time);
	add_processes(f, line);
	add_receivers(f, line, add_where);
	add_observer(f, line, NULL);
	if (f->kind->describe)
		f->kind->describe(f, line);
	return tf_log_add(f->log, line);
}

static void add_count(struct json_object *line, bool known, const char *key, uint64_t value)
{
	if (known)
		tf_line_int(line, key, value);
	else
		tf_line_str(line, key, NULL);
}

int tf_flow_log_end(const struct tf_flow *f)
{
	const struct tf_side_state *send = &f->share->send, *recv = &f->share->recv;
	struct json_object *line = tf_line("end", f->number);
	struct tf_received got = tf_flow_received(f);

	add_count(line, send->pid, "sent", send->messages);
	add_count(line, recv->pid, "received", got.messages);
	add_count(line, send->pid, "sent_bytes", send->bytes);
	add_count(line, recv->pid, "received_bytes", got.bytes);
	add_count(line, recv->pid, "bad", got.bad);
	add_receivers(f, line, add_counts);
	add_observer(f, line, add_counts);
	return tf_log_add(f->log, line);
}
