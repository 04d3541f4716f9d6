// SPDX-License-Identifier: GPL-2.0-only
/* Every citation must resolve to the event that it claims, down to the last field. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hashmap.h"
#include "common/vec.h"
#include "proofcheck/answers.h"
#include "proofcheck/check.h"
#include "trace/cite.h"

struct around {
	uint64_t call, receive, send;
	uint64_t msg, ip; /* of the send in progress: what hands it on has the same, elsewhere */
	struct cited **open; /* waiting for the return of the call */
	size_t open_count, open_cap;
};

struct resolve {
	struct check *c;
	struct hashmap wanted; /* place in the file → the line that cites it */
	struct hashmap threads;
	struct hashmap sends; /* how many, by socket and destination */
	struct answers *answers;
	uint64_t nth;
	int err;
};

int trace_each(struct check *c, uint64_t from, uint64_t to, int (*fn)(void *ctx, const struct record *r),
	       void *ctx)
{
	struct td_event raw;
	struct record r;
	int err = 0;

	tracedat_seek(c->td, from);
	while (!err && (err = tracedat_next(c->td, &raw)) == 1 && raw.ts <= to)
		err = record_of(&c->world, &raw, &r) ? fn(ctx, &r) : 0;
	if (err == 1)
		err = 0; /* behind the span */
	if (err && err != -EINVAL && err != -ENOMEM)
		snprintf(c->why, c->size, "%s", tracedat_error(c->td));
	return err;
}

static struct around *around_of(struct resolve *s, int tid)
{
	struct around *a = hashmap_find(&s->threads, (uint64_t)(unsigned int)tid);

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a || hashmap_set(&s->threads, (uint64_t)(unsigned int)tid, a)) {
		free(a);
		s->err = -ENOMEM;
		return NULL;
	}
	return a;
}

static int wait_for_return(struct around *a, struct cited *x)
{
	if (vec_reserve(&a->open, &a->open_cap, a->open_count + 1))
		return -ENOMEM;
	a->open[a->open_count++] = x;
	return 0;
}

static int take(struct resolve *s, struct line *l, const struct record *r, struct around *a)
{
	struct cited *x = calloc(1, sizeof(*x) + r->raw.size);

	if (!x)
		return -ENOMEM;
	memcpy(x->bytes, r->raw.data, r->raw.size);
	x->record = *r;
	x->record.raw.data = x->bytes;
	x->call = a->call;
	x->receive = a->receive;
	x->send = a->send;
	x->answers = answers_what(s->answers, r);
	x->nth = s->nth;
	free(l->cited);
	l->cited = x;
	return wait_for_return(a, x);
}

/* udpv6_sendmsg hands IPv4 destinations on to udp_sendmsg with the same msghdr. */
static int count_send_of(struct resolve *s, struct around *a, const struct record *r)
{
	uint64_t ip = record_get(r, N___probe_ip), key, *n;

	if (a->msg && a->msg == record_get(r, N_msg) && a->ip != ip)
		return 0;
	a->msg = record_get(r, N_msg);
	a->ip = ip;
	a->send = r->raw.file_off;
	key = (record_get(r, N_sk) * 0x9e3779b97f4a7c15ULL) ^ send_destination(r);
	n = hashmap_find(&s->sends, key);
	if (!n) {
		n = calloc(1, sizeof(*n));
		if (!n || hashmap_set(&s->sends, key, n)) {
			free(n);
			return -ENOMEM;
		}
	}
	s->nth = (*n)++;
	return 0;
}

static int see(void *ctx, const struct record *r)
{
	struct resolve *s = ctx;
	struct around *a = around_of(s, record_tid(r));
	struct line *l = hashmap_find(&s->wanted, r->raw.file_off);
	int err;

	if (!a)
		return -ENOMEM;
	if (r->format->kind == R_RECEIVE)
		a->receive = r->raw.file_off;
	s->c->missed |= r->format->kind == R_GUARD;
	err = r->format->kind == R_SEND ? count_send_of(s, a, r) : 0;
	err = !err && l ? take(s, l, r, a) : err;
	err = err ? err : answers_follow(s->answers, r);
	if (r->format->kind == R_CALL) {
		a->call = r->raw.file_off;
		a->receive = 0;
	}
	if (r->format->kind == R_CALL || r->format->kind == R_RETURN) {
		a->msg = a->send = 0;
		for (size_t i = 0; i < a->open_count; i++)
			a->open[i]->back = r->format->kind == R_RETURN ? r->raw.file_off : a->open[i]->back;
		a->open_count = 0;
	}
	return err ? err : s->err;
}

/* A citation has one form, so that nothing is left out, said twice or said otherwise. */
static int compare(struct check *c, struct line *l)
{
	const struct record *r = &l->cited->record;
	char *want = NULL;
	size_t size;
	FILE *out = open_memstream(&want, &size);
	int err = 0;

	if (!out)
		return -ENOMEM;
	event_cite(r->format->event, &r->raw, record_tid(r), out);
	if (fclose(out))
		err = -ENOMEM;
	else if (strcmp(want, l->text) != 0)
		err = reject(c, l, "the event there is: %s", want);
	free(want);
	return err;
}

static uint64_t place_of(const char *text)
{
	const char *at = strstr(text, " offset=");

	return at ? strtoull(at + 8, NULL, 10) : 0;
}

static void free_around(void *value, void *ctx)
{
	struct around *a = value;

	(void)ctx;
	free(a->open);
	free(a);
}

static void free_number(void *value, void *ctx)
{
	(void)ctx;
	free(value);
}

int facts_resolve(struct check *c)
{
	struct resolve s = {.c = c, .answers = answers_new(&c->world)};
	int err = s.answers ? 0 : -ENOMEM;

	for (size_t i = 0; i < c->lines.count && !err; i++) {
		struct line *l = &c->lines.items[i];

		if (!l->fact)
			continue;
		/* An event that two derivations cite is read once. */
		if (!hashmap_find(&s.wanted, place_of(l->text)))
			err = hashmap_set(&s.wanted, place_of(l->text), l);
	}
	if (!err)
		err = trace_each(c, 0, UINT64_MAX, see, &s);
	c->missed |= tracedat_missed(c->td) || tracedat_missed_unknown(c->td);
	for (size_t i = 0; i < c->lines.count && !err; i++) {
		struct line *l = &c->lines.items[i];
		struct line *first = l->fact ? hashmap_find(&s.wanted, place_of(l->text)) : NULL;

		if (!l->fact)
			continue;
		if (!first || !first->cited) {
			err = reject(c, l, "there is no such event");
			break;
		}
		if (first != l) {
			size_t bytes = sizeof(*l->cited) + first->cited->record.raw.size;

			l->cited = malloc(bytes);
			if (!l->cited) {
				err = -ENOMEM;
				break;
			}
			memcpy(l->cited, first->cited, bytes);
			l->cited->record.raw.data = l->cited->bytes;
		}
		err = compare(c, l);
		l->meaning = MEANS_FACT;
	}
	hashmap_each(&s.threads, free_around, NULL);
	hashmap_free(&s.threads);
	hashmap_each(&s.sends, free_number, NULL);
	hashmap_free(&s.sends);
	hashmap_free(&s.wanted);
	answers_free(s.answers);
	return err;
}
