// SPDX-License-Identifier: GPL-2.0-only
#include "regress/logged_cost.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

#define MESSAGES_MAX (1u << 24)

static int keep_sent(struct logged_cost *f, uint64_t seq, uint64_t time)
{
	if (seq >= MESSAGES_MAX)
		return -EBADMSG;
	if (seq >= f->room) {
		uint64_t room = f->room ? f->room : 1024;
		uint64_t *more;

		while (room <= seq)
			room *= 2;
		more = realloc(f->sent, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		memset(more + f->room, 0, (room - f->room) * sizeof(*more));
		f->sent = more;
		f->room = room;
	}
	f->sent[seq] = time;
	return 0;
}

/* Who reads from afar posts the request for it: its own clock tells both ends. */
static int keep_fetched(struct logged_cost *f, struct json_object *line)
{
	uint64_t time = json_uint(line, "time", 0), done = json_uint(line, "done", 0);

	return done > time ? dist_add(&f->ns, done - time) : 0;
}

/* A message counts once, when it was first read whole. */
static int keep_read(struct logged_cost *f, struct json_object *line)
{
	int64_t seq = json_int(line, "seq", -1);
	uint64_t time = json_uint(line, "time", 0);
	int err;

	if (seq < 0 || (uint64_t)seq >= f->room || !f->sent[seq] || time < f->sent[seq])
		return 0;
	err = dist_add(&f->ns, time - f->sent[seq]);
	f->sent[seq] = 0;
	return err;
}

/* NULL: too many flows for one set. */
static struct logged_cost *flow_numbered(struct logged_costs *b, uint64_t number)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->flows[i].number == number)
			return &b->flows[i];
	if (b->count == LOGGED_FLOWS)
		return NULL;
	b->flows[b->count].number = number;
	return &b->flows[b->count++];
}

static int take_line(struct logged_costs *b, struct json_object *line)
{
	const char *kind = json_str(line, "kind", "");
	struct logged_cost *f = flow_numbered(b, json_uint(line, "flow", 0));

	if (!f)
		return 0;
	if (!strcmp(kind, "flow"))
		snprintf(f->name, sizeof(f->name), "%s", json_str(line, "name", ""));
	if (!strcmp(kind, "send"))
		return keep_sent(f, json_uint(line, "seq", MESSAGES_MAX),
				 json_uint(line, "time", 0));
	if (strcmp(kind, "recv"))
		return 0;
	return strcmp(json_str(line, "call", ""), "post_send") ? keep_read(f, line) :
								 keep_fetched(f, line);
}

int logged_costs_read(const char *path, struct logged_costs *b)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t got;
	int err = 0;

	memset(b, 0, sizeof(*b));
	if (!file)
		return -errno;
	while (!err && (got = getline(&text, &room, file)) > 0) {
		struct json_object *line = json_tokener_parse(text);

		err = line ? take_line(b, line) : -EBADMSG;
		json_object_put(line);
	}
	if (!err && ferror(file))
		err = -EIO;
	free(text);
	fclose(file);
	return err;
}

void logged_costs_free(struct logged_costs *b)
{
	for (size_t i = 0; i < LOGGED_FLOWS; i++) {
		free(b->flows[i].sent);
		dist_free(&b->flows[i].ns);
	}
	memset(b, 0, sizeof(*b));
}

const struct dist *logged_cost_find(const struct logged_costs *b, const char *name)
{
	for (size_t i = 0; i < LOGGED_FLOWS; i++)
		if (b->flows[i].ns.count && !strcmp(b->flows[i].name, name))
			return &b->flows[i].ns;
	return NULL;
}
