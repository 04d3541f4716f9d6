// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/trafficlog.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/core/message.h"
#include "common/file.h"
#include "common/json.h"
#include "common/vec.h"

static struct logged *flow_numbered(struct trafficlog *log, unsigned int number)
{
	struct logged *more;

	for (size_t i = 0; i < log->count; i++)
		if (log->flows[i].number == number)
			return &log->flows[i];
	more = realloc(log->flows, (log->count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	log->flows = more;
	more[log->count] = (struct logged){.number = number};
	return &more[log->count++];
}

static void read_flow(struct logged *f, struct json_object *o, bool skipped)
{
	snprintf(f->name, sizeof(f->name), "%s", json_str(o, "name", "?"));
	snprintf(f->proto, sizeof(f->proto), "%s", json_str(o, "proto", "?"));
	snprintf(f->path, sizeof(f->path), "%s", json_str(o, "path", "?"));
	snprintf(f->why, sizeof(f->why), "%s", json_str(o, "why", ""));
	f->size = json_uint(o, "size", 0);
	f->count = json_uint(o, "count", 0);
	f->sport = (uint16_t)json_uint(o, "sport", 0);
	f->dport = (uint16_t)json_uint(o, "dport", 0);
	f->send_pid = (int)json_int(o, "send_pid", f->send_pid);
	f->recv_pid = (int)json_int(o, "recv_pid", f->recv_pid);
	f->qpn_send = (uint32_t)json_uint(o, "qpn_send", f->qpn_send);
	f->qpn_recv = (uint32_t)json_uint(o, "qpn_recv", f->qpn_recv);
	f->filled = json_str(o, "fill", NULL) != NULL;
	f->skipped = skipped;
}

static int read_pages(struct logged *f, struct json_object *o)
{
	struct logged_pages *p = !strcmp(json_str(o, "side", ""), "send") ? &f->send : &f->recv;
	struct json_object *list = json_get(o, "pfns");
	size_t n = json_length(list);
	uint64_t *pfns = calloc(n + 1, sizeof(*pfns));

	if (!pfns)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_object_get_string(json_at(list, i));

		pfns[i] = text ? strtoull(text, NULL, 16) : 0;
	}
	if (p->pfns)
		p->moved |= n != p->count || memcmp(p->pfns, pfns, n * sizeof(*pfns));
	free(p->pfns);
	p->pfns = pfns;
	p->count = n;
	p->va = json_hex(o, "va", 0);
	p->len = json_uint(o, "len", 0);
	return 0;
}

static void read_end(struct logged *f, struct json_object *o)
{
	f->sent = json_uint(o, "sent", f->sent);
	f->received = json_uint(o, "received", f->received);
	f->sent_bytes = json_uint(o, "sent_bytes", f->sent_bytes);
	f->received_bytes = json_uint(o, "received_bytes", f->received_bytes);
	f->bad = json_uint(o, "bad", f->bad);
}

#define HEADS_AHEAD 1000000 /* messages that may be logged out of order */

/* "head" is there where a library may copy the payload before the kernel sees it. */
static int read_send(struct logged *f, struct json_object *o)
{
	uint64_t seq = json_uint(o, "seq", 0);
	struct logged_head *more;

	if (!json_str(o, "head", NULL) || seq >= f->count || seq > f->head_count + HEADS_AHEAD)
		return 0;
	if (seq >= f->head_count) {
		size_t want = seq + 1 > f->head_count * 2 ? seq + 1 : f->head_count * 2;

		more = realloc(f->heads, want * sizeof(*more));
		if (!more)
			return -ENOMEM;
		memset(more + f->head_count, 0, (want - f->head_count) * sizeof(*more));
		f->heads = more;
		f->head_count = want;
	}
	f->heads[seq] = (struct logged_head){json_hex(o, "va", 0), json_hex(o, "head", 0), true};
	return 0;
}

static struct logged_counter *counter_named(struct logged *f, const char *dev, const char *name)
{
	struct logged_counter *more;

	for (size_t i = 0; i < f->counter_count; i++)
		if (!strcmp(f->counters[i].dev, dev) && !strcmp(f->counters[i].name, name))
			return &f->counters[i];
	more = realloc(f->counters, (f->counter_count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	f->counters = more;
	more += f->counter_count++;
	*more = (struct logged_counter){0};
	snprintf(more->dev, sizeof(more->dev), "%s", dev);
	snprintf(more->name, sizeof(more->name), "%s", name);
	return more;
}

static int read_counters(struct logged *f, struct json_object *o)
{
	static const char *const folders[] = {"counters", "hw_counters"};
	bool after = !strcmp(json_str(o, "when", ""), "after");

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct json_object *list = json_get(o, folders[i]);

		if (!json_object_is_type(list, json_type_object))
			continue;
		json_object_object_foreach(list, key, val) {
			struct logged_counter *c = counter_named(f, json_str(o, "dev", "?"), key);

			if (!c)
				return -ENOMEM;
			c->delta += (after ? 1 : -1) * json_object_get_int64(val);
			*(after ? &c->after : &c->before) = true;
		}
	}
	return 0;
}

static int read_line(struct trafficlog *log, const char *line)
{
	struct json_object *o = json_tokener_parse(line);
	const char *kind = json_str(o, "kind", NULL);
	struct logged *f;
	int err = 0;

	if (!kind) {
		json_object_put(o);
		return -EBADMSG;
	}
	f = flow_numbered(log, (unsigned int)json_uint(o, "flow", 0));
	if (!f)
		err = -ENOMEM;
	else if (!strcmp(kind, "flow") || !strcmp(kind, "skip"))
		read_flow(f, o, *kind == 's');
	else if (!strcmp(kind, "pages"))
		err = read_pages(f, o);
	else if (!strcmp(kind, "end"))
		read_end(f, o);
	else if (!strcmp(kind, "send"))
		err = read_send(f, o);
	else if (!strcmp(kind, "counters"))
		err = read_counters(f, o);
	json_object_put(o);
	return err;
}

int trafficlog_load(const char *dir, struct trafficlog *log, char *why, size_t size)
{
	char *path, *text = NULL, *save = NULL;
	int err, number = 0;

	memset(log, 0, sizeof(*log));
	if (asprintf(&path, "%s/traffic.jsonl", dir) < 0)
		return -ENOMEM;
	err = file_read(path, &text, NULL);
	if (err == -ENOENT) {
		free(path);
		return 0;
	}
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line && !err;
	     line = strtok_r(NULL, "\n", &save)) {
		number++;
		err = read_line(log, line);
	}
	if (err == -EBADMSG)
		snprintf(why, size, "%s is damaged: line %d is no JSON of traffic's", path, number);
	else if (err)
		snprintf(why, size, "cannot read %s: %s", path, strerror(-err));
	free(text);
	free(path);
	return err;
}

void trafficlog_free(struct trafficlog *log)
{
	for (size_t i = 0; i < log->count; i++) {
		free(log->flows[i].send.pfns);
		free(log->flows[i].recv.pfns);
		free(log->flows[i].heads);
		free(log->flows[i].counters);
	}
	free(log->flows);
	memset(log, 0, sizeof(*log));
}

struct logged *trafficlog_find(struct trafficlog *log, int send_pid, uint16_t sport,
			       uint16_t dport)
{
	for (size_t i = 0; i < log->count; i++) {
		struct logged *f = &log->flows[i];

		if (!f->skipped && f->send_pid == send_pid && f->dport == dport &&
		    (f->sport == sport || !sport))
			return f;
	}
	return NULL;
}

struct logged *trafficlog_find_rdma(struct trafficlog *log, const struct flow *flow)
{
	for (size_t i = 0; i < log->count; i++) {
		struct logged *f = &log->flows[i];

		if (!f->skipped && !strcmp(f->proto, "rdma") && f->send_pid == flow->from.tgid &&
		    f->qpn_send == flow->from.qpn)
			return f;
	}
	return NULL;
}

const struct logged_head *logged_head_of(const struct logged *l, uint64_t seq)
{
	return seq < l->head_count && l->heads[seq].known ? &l->heads[seq] : NULL;
}

uint64_t logged_phys(const struct logged_pages *p, uint64_t va, uint64_t page_size)
{
	uint64_t first = p->va / page_size, page = va / page_size;

	if (!p->pfns || p->moved || page < first || page - first >= p->count ||
	    !p->pfns[page - first])
		return 0;
	return p->pfns[page - first] * page_size + va % page_size;
}
