// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/msg.h"

#define BLOCK (256 * 1024) /* big writes: a 9p share is slow at small ones */
#define POPULATE 1000000   /* records; above that memory comes as it is needed */

int tf_log_open(struct tf_log *log, const char *path)
{
	*log = (struct tf_log){.fd = -1};
	if (!path)
		path = getenv("COPYCHAIN_TRAFFIC_LOG");
	if (!path || !*path)
		return 0;
	log->path = path;
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log->fd < 0)
		return msg_errno(-errno, "log %s", path);
	return 0;
}

int tf_log_flush(struct tf_log *log)
{
	size_t done = 0;
	int err = 0;

	while (log->fd >= 0 && done < log->len) {
		ssize_t n = write(log->fd, log->text + done, log->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = msg_errno(n ? -errno : -EIO, "log %s", log->path);
			break;
		}
		done += n;
	}
	log->len = 0;
	return err;
}

int tf_log_add(struct tf_log *log, struct json_object *line)
{
	size_t n;
	const char *text;
	int err = 0;

	if (!line)
		return -ENOMEM;
	if (log->fd < 0)
		goto out;
	text = json_object_to_json_string_length(line, JSON_C_TO_STRING_PLAIN, &n);
	if (!text) {
		err = -ENOMEM;
		goto out;
	}
	if (log->len + n + 1 > log->cap) {
		size_t cap = (log->len + n + 1) * 2;
		char *grown = realloc(log->text, cap);

		if (!grown) {
			err = -ENOMEM;
			goto out;
		}
		log->text = grown;
		log->cap = cap;
	}
	memcpy(log->text + log->len, text, n);
	log->text[log->len + n] = '\n';
	log->len += n + 1;
out:
	json_object_put(line);
	return err;
}

void tf_log_close(struct tf_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	free(log->text);
	*log = (struct tf_log){.fd = -1};
}

static void *map_records(size_t cap)
{
	void *at = mmap(NULL, cap * sizeof(struct tf_record), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | (cap <= POPULATE ? MAP_POPULATE : 0), -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int tf_records_init(struct tf_records *r, size_t cap)
{
	*r = (struct tf_records){.cap = cap};
	if (!cap)
		return 0;
	r->items = map_records(cap);
	return r->items ? 0 : -ENOMEM;
}

void tf_records_free(struct tf_records *r)
{
	if (r->items)
		munmap(r->items, r->cap * sizeof(*r->items));
	*r = (struct tf_records){0};
}

int tf_records_add(struct tf_records *r, const struct tf_record *record)
{
	if (!r->cap)
		return 0;
	if (r->count == r->cap) {
		void *at = mremap(r->items, r->cap * sizeof(*r->items),
				  2 * r->cap * sizeof(*r->items), MREMAP_MAYMOVE);

		if (at == MAP_FAILED)
			return -ENOMEM;
		r->items = at;
		r->cap *= 2;
	}
	r->items[r->count++] = *record;
	return 0;
}

#define FLOWS_OF_ONE 1000 /* that a command may have; with the largest process number in 32 bits */

unsigned int tf_log_number(unsigned int index)
{
	return (unsigned int)getpid() * FLOWS_OF_ONE + index;
}

struct json_object *tf_line(const char *kind, unsigned int flow)
{
	struct json_object *line = json_object_new_object();

	tf_line_str(line, "kind", kind);
	tf_line_int(line, "flow", flow);
	return line;
}

void tf_line_str(struct json_object *line, const char *key, const char *value)
{
	json_object_object_add(line, key, value ? json_object_new_string(value) : NULL);
}

void tf_line_int(struct json_object *line, const char *key, int64_t value)
{
	json_object_object_add(line, key, json_object_new_int64(value));
}

void tf_line_addr(struct json_object *line, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	tf_line_str(line, key, text);
}

static const char *const record_kinds[] = {"send", "recv", "print"};
/* Where the plainest of calls moved the message, there is nothing to tell. */
static void add_manner(struct json_object *line, const struct tf_record *r)
{
	if (r->off)
		tf_line_int(line, "off", r->off);
	if (r->segments > 1)
		tf_line_int(line, "segments", r->segments);
	if (r->datagrams > 1)
		tf_line_int(line, "datagrams", r->datagrams);
	if (r->batch) {
		tf_line_int(line, "batch", r->batch);
		tf_line_int(line, "entry", r->entry);
	}
	if (r->skip)
		tf_line_int(line, "skip", r->skip);
	if (r->outgoing)
		json_object_object_add(line, "outgoing", json_object_new_boolean(true));
	if (r->got)
		tf_line_int(line, "got", r->got);
}

static struct json_object *record_line(const struct tf_records *of, const struct tf_record *r,
				       unsigned int flow)
{
	struct json_object *line = tf_line(record_kinds[r->kind], flow);

	if (r->kind != RECORD_PRINT)
		tf_line_int(line, "seq", r->seq);
	tf_line_int(line, "pid", getpid());
	tf_line_int(line, "tid", r->tid ? r->tid : gettid());
	tf_line_int(line, "fd", r->fd);
	if (r->kind != RECORD_PRINT)
		tf_line_str(line, "call", of->call(r));
	if (r->kind == RECORD_RECV || r->flags)
		tf_line_int(line, "flags", r->flags);
	if (r->kind != RECORD_PRINT)
		tf_line_addr(line, "va", (uintptr_t)r->va);
	tf_line_int(line, "len", r->len);
	if (r->kind != RECORD_PRINT)
		tf_line_int(line, "result", r->result);
	if (r->kind == RECORD_RECV)
		json_object_object_add(line, "verified",
				       r->verified < 0 ? NULL
						       : json_object_new_boolean(r->verified));
	tf_line_int(line, "time", r->time);
	add_manner(line, r);
	if (of->more)
		of->more(r, line);
	return line;
}

int tf_records_log(const struct tf_records *r, unsigned int flow, struct tf_log *log)
{
	int err = 0;

	for (size_t i = 0; i < r->count && !err; i++) {
		err = tf_log_add(log, record_line(r, &r->items[i], flow));
		if (!err && log->len >= BLOCK)
			err = tf_log_flush(log);
	}
	return err;
}
