// SPDX-License-Identifier: GPL-2.0-only
/* What an RDMA flow adds to the log. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "traffic/rdma.h"

#define IB_DIR "/sys/class/infiniband"

/* Soft-RoCE gives a reading again to who asks within its `lifespan`, 10 ms. */
#define STALE_NS 20000000ULL

static int read_counter(const char *folder, const char *name, int64_t *value)
{
	char path[512];
	FILE *f;
	long long got;
	int n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fscanf(f, "%lld", &got);
	fclose(f);
	*value = got;
	return n == 1 ? 0 : -ENODATA;
}

static int is_counter(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* NULL, which JSON shows as null, where the device has no such folder. */
static struct json_object *read_folder(const char *dev, const char *kind)
{
	struct json_object *all;
	struct dirent **found;
	char folder[256];
	int64_t value = 0;
	int n;

	snprintf(folder, sizeof(folder), IB_DIR "/%s/ports/%d/%s", dev, TF_RDMA_PORT, kind);
	n = scandir(folder, &found, is_counter, alphasort);
	if (n < 0)
		return NULL;
	all = json_object_new_object();
	for (int i = 0; i < n; i++) {
		if (!read_counter(folder, found[i]->d_name, &value))
			tf_line_int(all, found[i]->d_name, value);
		free(found[i]);
	}
	free(found);
	return all;
}

static struct json_object *counters_line(const struct tf_flow *f, const char *dev, const char *when)
{
	struct json_object *line = tf_line("counters", f->number);

	tf_line_str(line, "dev", dev);
	tf_line_str(line, "when", when);
	json_object_object_add(line, "counters", read_folder(dev, "counters"));
	json_object_object_add(line, "hw_counters", read_folder(dev, "hw_counters"));
	tf_line_int(line, "time", tf_now());
	return line;
}

static void add_counters(const struct tf_flow *f, const char *when, struct json_object *lines)
{
	const struct tf_rdma_flow *r = f->private;
	const struct tf_rdma_share *s = r->share;

	json_object_array_add(lines, counters_line(f, s->send.dev, when));
	if (strcmp(s->send.dev, s->recv.dev))
		json_object_array_add(lines, counters_line(f, s->recv.dev, when));
}

int tf_rdma_counters(struct tf_flow *f)
{
	struct tf_rdma_flow *r = f->private;

	r->before = json_object_new_array();
	if (!r->before)
		return -ENOMEM;
	add_counters(f, "before", r->before);
	r->before_time = tf_now();
	return 0;
}

static void wait_stale(const struct tf_rdma_flow *r)
{
	uint64_t past = tf_now() - r->before_time;
	struct timespec pause = {0};

	if (past >= STALE_NS)
		return;
	pause.tv_nsec = STALE_NS - past;
	nanosleep(&pause, NULL);
}

static int add_lines(struct tf_log *log, struct json_object *lines)
{
	int err = 0;

	for (size_t i = 0; i < json_object_array_length(lines) && !err; i++)
		err = tf_log_add(log, json_object_get(json_object_array_get_idx(lines, i)));
	return err;
}

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
	for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++)
		if (side->access & accesses[i].flag)
			json_object_array_add(access, json_object_new_string(accesses[i].name));
	json_object_object_add(line, "access", access);
	return tf_log_add(f->log, line);
}

int tf_rdma_log(struct tf_flow *f)
{
	struct tf_rdma_flow *r = f->private;
	struct json_object *after = json_object_new_array();
	int err = add_region(f, &r->share->send, true);

	if (!err)
		err = add_region(f, &r->share->recv, false);
	if (!err)
		err = add_lines(f->log, r->before);
	wait_stale(r);
	add_counters(f, "after", after);
	if (!err)
		err = add_lines(f->log, after);
	json_object_put(after);
	return err;
}

static void add_gid(struct json_object *line, const char *key, const union ibv_gid *gid)
{
	char text[INET6_ADDRSTRLEN];

	tf_line_str(line, key, inet_ntop(AF_INET6, gid->raw, text, sizeof(text)));
}

void tf_rdma_describe(struct tf_flow *f, struct json_object *line)
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
