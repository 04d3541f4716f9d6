// SPDX-License-Identifier: GPL-2.0-only
/* What an RDMA flow adds to the log. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/vec.h"
#include "traffic/rdma.h"

static const struct {
	int flag;
	const char *name;
} accesses[] = {
	{IBV_ACCESS_LOCAL_WRITE, "local_write"},
	{IBV_ACCESS_REMOTE_WRITE, "remote_write"},
	{IBV_ACCESS_REMOTE_READ, "remote_read"},
};

static int add_region(const struct tf_flow *f, const struct tf_rdma_side *side, bool sender)
{
	struct json_object *line = tf_line("region", f->number), *access = json_object_new_array();

	tf_line_str(line, "side", sender ? "send" : "recv");
	tf_line_int(line, "pid", side->pid);
	tf_line_str(line, "dev", side->dev);
	tf_line_addr(line, "va", side->va);
	tf_line_int(line, "len", side->len);
	tf_line_addr(line, "lkey", side->lkey);
	tf_line_addr(line, "rkey", side->rkey);
	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++)
		if (side->access & accesses[i].flag)
			json_object_array_add(access, json_object_new_string(accesses[i].name));
	json_object_object_add(line, "access", access);
	return tf_log_add(f->log, line);
}

void tf_rdma_say_regions(const struct tf_flow *f)
{
	const struct tf_rdma_flow *r = f->private;
	const struct tf_rdma_side *send = &r->share->send, *recv = &r->share->recv;

	printf("registered: %" PRIu64 " bytes at 0x%" PRIx64 " to send, %" PRIu64 " at 0x%" PRIx64
	       " to receive into",
	       send->len, send->va, recv->len, recv->va);
}

int tf_rdma_log(struct tf_flow *f)
{
	struct tf_rdma_flow *r = f->private;
	int err = 0;

	if (f->spec->ends != ENDS_RECV)
		err = add_region(f, &r->share->send, true);
	if (!err && f->spec->ends != ENDS_SEND)
		err = add_region(f, &r->share->recv, false);
	return err ? err : tf_counters_log(&r->counters, f->log);
}

static void add_gid(struct json_object *line, const char *key, const union ibv_gid *gid)
{
	char text[INET6_ADDRSTRLEN];

	tf_line_str(line, key, inet_ntop(AF_INET6, gid->raw, text, sizeof(text)));
}

void tf_rdma_describe(const struct tf_flow *f, struct json_object *line)
{
	const struct tf_rdma_flow *r = f->private;
	const struct tf_rdma_share *s = r->share;
	const struct tf_rdma_spec *spec = &f->spec->rdma;

	tf_line_str(line, "op", r->verb->name);
	tf_line_str(line, "qp", spec->ud ? "ud" : "rc");
	json_object_object_add(line, "inline", json_object_new_boolean(spec->inline_data));
	tf_line_int(line, "depth", spec->depth);
	tf_line_int(line, "mtu", s->mtu);
	tf_line_str(line, "dev_send", s->send.dev);
	tf_line_str(line, "dev_recv", s->recv.dev);
	tf_line_int(line, "qpn_send", s->send.qpn);
	tf_line_int(line, "qpn_recv", s->recv.qpn);
	tf_line_int(line, "psn_send", s->send.psn);
	tf_line_int(line, "psn_recv", s->recv.psn);
	add_gid(line, "gid_send", &s->send.gid);
	add_gid(line, "gid_recv", &s->recv.gid);
	tf_line_int(line, "gid_index_send", s->send.gid_index);
	tf_line_int(line, "gid_index_recv", s->recv.gid_index);
}

const char *tf_rdma_call_name(const struct tf_record *r)
{
	switch (r->call) {
	case CALL_POST_SEND:
		return "post_send";
	case CALL_COMPLETION:
		return "completion";
	default:
		return NULL;
	}
}

void tf_rdma_more(const struct tf_record *r, struct json_object *line)
{
	if (r->call == CALL_NONE)
		tf_line_str(line, "wr_id", NULL);
	else
		tf_line_int(line, "wr_id", r->wr_id);
	tf_line_str(line, "status", r->done ? ibv_wc_status_str(r->status) : NULL);
	if (r->done)
		tf_line_int(line, "done", r->done);
	else
		tf_line_str(line, "done", NULL);
	if (r->has_head)
		tf_line_addr(line, "head", r->head);
}
