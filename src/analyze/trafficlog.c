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

static struct logged *new_flow(struct trafficlog *log, uint64_t number)
{
	if (vec_reserve(&log->flows, &log->cap, log->count + 1))
		return NULL;
	log->flows[log->count] = (struct logged){.number = number};
	return &log->flows[log->count++];
}

/* The newest first: a number may come back, once the flow that had it is over. */
static struct logged *flow_numbered(struct trafficlog *log, uint64_t number)
{
	for (size_t i = log->count; i > 0; i--)
		if (log->flows[i - 1].number == number)
			return &log->flows[i - 1];
	return new_flow(log, number);
}

static int read_senders(struct logged *f, struct json_object *list)
{
	size_t n = json_length(list);

	free(f->send_pids);
	f->send_pid_count = 0;
	f->send_pids = calloc(n + 1, sizeof(*f->send_pids));
	if (!f->send_pids)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		f->send_pids[f->send_pid_count++] = json_object_get_int(json_at(list, i));
	return 0;
}

static bool has_sender(const struct logged *f, int pid)
{
	for (size_t i = 0; i < f->send_pid_count; i++)
		if (f->send_pids[i] == pid)
			return true;
	return f->send_pid == pid;
}

static int read_flow(struct logged *f, struct json_object *o, bool skipped)
{
	snprintf(f->name, sizeof(f->name), "%s", json_str(o, "name", "?"));
	snprintf(f->proto, sizeof(f->proto), "%s", json_str(o, "proto", "?"));
	snprintf(f->path, sizeof(f->path), "%s", json_str(o, "path", "?"));
	snprintf(f->why, sizeof(f->why), "%s", json_str(o, "why", ""));
	snprintf(f->src, sizeof(f->src), "%s", json_str(o, "src", ""));
	snprintf(f->dst, sizeof(f->dst), "%s", json_str(o, "dst", ""));
	f->size = json_uint(o, "size", 0);
	f->count = json_uint(o, "count", 0);
	f->sport = (uint16_t)json_uint(o, "sport", 0);
	f->dport = (uint16_t)json_uint(o, "dport", 0);
	f->send_pid = (int)json_int(o, "send_pid", f->send_pid);
	f->recv_pid = (int)json_int(o, "recv_pid", f->recv_pid);
	f->qpn_send = (uint32_t)json_uint(o, "qpn_send", f->qpn_send);
	f->qpn_recv = (uint32_t)json_uint(o, "qpn_recv", f->qpn_recv);
	f->mark = json_int(o, "mark", -1);
	f->filled = json_str(o, "fill", NULL) != NULL;
	f->skipped = skipped;
	return read_senders(f, json_get(o, "send_pids"));
}

/* A side's first buffer has a place of its own. */
static struct logged_pages *pages_at(struct logged *f, bool sender, int pid, uint64_t va)
{
	struct logged_pages *first = sender ? &f->send : &f->recv;

	if (!first->pfns || (first->pid == pid && first->va == va))
		return first;
	for (size_t i = 0; i < f->more_count; i++)
		if (f->more[i].pid == pid && f->more[i].va == va)
			return &f->more[i];
	if (vec_reserve(&f->more, &f->more_cap, f->more_count + 1))
		return NULL;
	f->more[f->more_count] = (struct logged_pages){0};
	return &f->more[f->more_count++];
}

static int read_pages(struct logged *f, struct json_object *o)
{
	bool sender = !strcmp(json_str(o, "side", ""), "send");
	struct logged_pages *p =
		pages_at(f, sender, (int)json_int(o, "pid", 0), json_hex(o, "va", 0));
	struct json_object *list = json_get(o, "pfns");
	size_t n = json_length(list);
	uint64_t *pfns = calloc(n + 1, sizeof(*pfns));

	if (!p || !pfns) {
		free(pfns);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		const char *text = json_object_get_string(json_at(list, i));

		pfns[i] = text ? strtoull(text, NULL, 16) : 0;
	}
	if (p->pfns)
		p->moved |= n != p->count || memcmp(p->pfns, pfns, n * sizeof(*pfns));
	free(p->pfns);
	p->pfns = pfns;
	p->count = n;
	p->pid = (int)json_int(o, "pid", 0);
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
	f->ended = true;
}

/*
 * "head" is there where a library may copy the payload before the kernel sees it. Sequence numbers
 * are anybody's, so that what is kept grows with the lines and not with the numbers in them.
 */
static int read_send(struct logged *f, struct json_object *o)
{
	if (!json_str(o, "head", NULL))
		return 0;
	if (vec_reserve(&f->heads, &f->head_cap, f->head_count + 1))
		return -ENOMEM;
	f->heads[f->head_count++] = (struct logged_head){
		json_uint(o, "seq", UINT64_MAX), json_hex(o, "va", 0), json_hex(o, "head", 0)};
	return 0;
}

static struct logged_counter *counter_named(struct logged *f, const char *dev, const char *name)
{
	struct logged_counter *c;

	for (size_t i = 0; i < f->counter_count; i++)
		if (!strcmp(f->counters[i].dev, dev) && !strcmp(f->counters[i].name, name))
			return &f->counters[i];
	if (vec_reserve(&f->counters, &f->counter_cap, f->counter_count + 1))
		return NULL;
	c = &f->counters[f->counter_count++];
	*c = (struct logged_counter){0};
	snprintf(c->dev, sizeof(c->dev), "%s", dev);
	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
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

static const char flow_kind[] = "flow", skip_kind[] = "skip";

static int read_object(struct trafficlog *log, struct json_object *o)
{
	const char *kind = json_str(o, "kind", NULL);
	bool begins = kind && (!strcmp(kind, flow_kind) || !strcmp(kind, skip_kind));
	struct logged *f;

	if (!kind)
		return -EBADMSG;
	f = flow_numbered(log, json_uint(o, "flow", 0));
	if (f && f->ended && begins)
		f = new_flow(log, f->number);
	if (!f)
		return -ENOMEM;
	if (begins)
		return read_flow(f, o, !strcmp(kind, skip_kind));
	else if (!strcmp(kind, "pages"))
		return read_pages(f, o);
	else if (!strcmp(kind, "end"))
		read_end(f, o);
	else if (!strcmp(kind, "send"))
		return read_send(f, o);
	else if (!strcmp(kind, "counters"))
		return read_counters(f, o);
	return 0;
}

/* Lines about single messages are nearly all of the file; kind stands first (docs/formats.md). */
static bool says_nothing(const char *line, size_t len)
{
	static const char *const kinds[] = {"recv", "print", "send"};
	static const char before[] = "{\"kind\":\"", head[] = "\"head\":";
	size_t at = sizeof(before) - 1;

	if (len < 32 || memcmp(line, before, at) || line[len - 1] != '}')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i]);

		if (memcmp(line + at, kinds[i], n) || line[at + n] != '"')
			continue;
		return *kinds[i] != 's' || !memmem(line, len, head, sizeof(head) - 1);
	}
	return false;
}

static int read_line(struct trafficlog *log, char *line, size_t len)
{
	struct json_object *o;
	int err;

	if (says_nothing(line, len))
		return 0;
	if (memchr(line, '\0', len))
		return -EBADMSG;
	line[len] = '\0';
	o = json_tokener_parse(line);
	err = read_object(log, o);
	json_object_put(o);
	return err;
}

static int read_text(struct trafficlog *log, char *text, size_t size, int *number)
{
	char *end;
	int err = 0;

	for (*number = 1; size && !err; ++*number) {
		size_t len;

		end = memchr(text, '\n', size);
		len = end ? (size_t)(end - text) : size;
		err = len ? read_line(log, text, len) : 0;
		if (err)
			break;
		text += len + !!end;
		size -= len + !!end;
	}
	return err;
}

static bool same_flow(const struct logged *a, const struct logged *b)
{
	return !strcmp(a->proto, b->proto) && a->sport == b->sport && a->dport == b->dport &&
	       !strcmp(a->src, b->src) && !strcmp(a->dst, b->dst) && a->qpn_send == b->qpn_send &&
	       a->qpn_recv == b->qpn_recv;
}

static int join(struct logged *to, const struct logged *from)
{
	struct logged_pages *p = pages_at(to, false, from->recv.pid, from->recv.va);

	if (!to->recv_pid)
		to->recv_pid = from->recv_pid;
	to->received += from->received;
	to->received_bytes += from->received_bytes;
	to->bad += from->bad;
	if (!from->recv.pfns)
		return 0;
	if (!p)
		return -ENOMEM;
	if (p->pfns)
		return 0;
	*p = from->recv;
	p->pfns = calloc(p->count + 1, sizeof(*p->pfns));
	if (!p->pfns)
		return -ENOMEM;
	memcpy(p->pfns, from->recv.pfns, p->count * sizeof(*p->pfns));
	return 0;
}

/* Where the ends are two commands, each logs its own side; the sender's gets the receivers'. */
static int join_ends(struct trafficlog *log)
{
	for (size_t i = 0; i < log->count; i++) {
		struct logged *to = &log->flows[i];
		bool apart = to->send_pid && !to->recv_pid;

		for (size_t k = 0; k < log->count && apart; k++) {
			struct logged *from = &log->flows[k];
			int err;

			if (from->send_pid || !from->recv_pid || from->joined ||
			    !same_flow(to, from))
				continue;
			err = join(to, from);
			if (err)
				return err;
			from->joined = true;
		}
	}
	return 0;
}

static int by_seq(const void *a, const void *b)
{
	const struct logged_head *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

int trafficlog_load(const char *dir, struct trafficlog *log, char *why, size_t size)
{
	char *path, *text = NULL;
	size_t bytes = 0;
	int err, number = 0;

	memset(log, 0, sizeof(*log));
	if (asprintf(&path, "%s/traffic.jsonl", dir) < 0)
		return -ENOMEM;
	err = file_read(path, &text, &bytes);
	if (err == -ENOENT) {
		free(path);
		return 0;
	}
	if (!err)
		err = read_text(log, text, bytes, &number);
	if (!err)
		err = join_ends(log);
	for (size_t i = 0; i < log->count; i++)
		if (log->flows[i].head_count)
			qsort(log->flows[i].heads, log->flows[i].head_count,
			      sizeof(log->flows[i].heads[0]), by_seq);
	if (err == -EBADMSG)
		snprintf(why, size, "%s is damaged: line %d is no JSON of traffic's", path, number);
	else if (err)
		snprintf(why, size, "cannot read %s: %s", path, file_strerror(err));
	free(text);
	free(path);
	return err;
}

void trafficlog_free(struct trafficlog *log)
{
	for (size_t i = 0; i < log->count; i++) {
		free(log->flows[i].send.pfns);
		free(log->flows[i].recv.pfns);
		for (size_t k = 0; k < log->flows[i].more_count; k++)
			free(log->flows[i].more[k].pfns);
		free(log->flows[i].more);
		free(log->flows[i].heads);
		free(log->flows[i].send_pids);
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

		if (!f->skipped && has_sender(f, send_pid) && (f->dport == dport || !dport) &&
		    (f->sport == sport || !sport || !f->sport))
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
	struct logged_head key = {.seq = seq};

	return l->head_count ?
		       bsearch(&key, l->heads, l->head_count, sizeof(key), by_seq) :
		       NULL;
}

uint64_t logged_phys(const struct logged_pages *p, uint64_t va, uint64_t page_size)
{
	uint64_t first = p->va / page_size, page = va / page_size;

	if (!p->pfns || p->moved || page < first || page - first >= p->count ||
	    !p->pfns[page - first])
		return 0;
	return p->pfns[page - first] * page_size + va % page_size;
}

uint64_t logged_user_phys(const struct logged *l, int pid, uint64_t va, uint64_t page_size)
{
	uint64_t phys = 0;

	if (l->send.pid == pid)
		phys = logged_phys(&l->send, va, page_size);
	if (!phys && l->recv.pid == pid)
		phys = logged_phys(&l->recv, va, page_size);
	for (size_t i = 0; i < l->more_count && !phys; i++)
		if (l->more[i].pid == pid)
			phys = logged_phys(&l->more[i], va, page_size);
	return phys;
}
