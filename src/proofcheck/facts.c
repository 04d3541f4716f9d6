// SPDX-License-Identifier: GPL-2.0-only
/* Every citation must resolve to the event that it claims, down to the last field. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hashmap.h"
#include "common/vec.h"
#include "proofcheck/answers.h"
#include "proofcheck/check.h"

struct around {
	uint64_t call, receive;
	struct cited **open; /* waiting for the return of the call */
	size_t open_count, open_cap;
};

struct resolve {
	struct check *c;
	struct hashmap wanted; /* place in the file → the line that cites it */
	struct hashmap threads;
	struct answers *answers;
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
	x->answers = answers_what(s->answers, r);
	free(l->cited);
	l->cited = x;
	return wait_for_return(a, x);
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
	err = l ? take(s, l, r, a) : 0;
	err = err ? err : answers_follow(s->answers, r);
	if (r->format->kind == R_CALL) {
		a->call = r->raw.file_off;
		a->receive = 0;
	}
	if (r->format->kind == R_CALL || r->format->kind == R_RETURN) {
		for (size_t i = 0; i < a->open_count; i++)
			a->open[i]->back = r->format->kind == R_RETURN ? r->raw.file_off : a->open[i]->back;
		a->open_count = 0;
	}
	return err ? err : s->err;
}

/* ---- comparing ---- */

static bool same_number(const char *text, const struct record *r, const struct field *f)
{
	bool ok = true;
	uint64_t have = field_u64(&r->raw, f, &ok);
	char *end;
	uint64_t said;

	errno = 0;
	said = *text == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	return ok && !errno && end != text && !*end && said == have;
}

static bool same_words(const char *text, const struct record *r, const struct field *f)
{
	uint32_t len;
	const unsigned char *at = field_bytes(&r->raw, f, &len);
	uint64_t word;
	char *end;

	for (uint32_t i = 0; at && i + 8 <= len; i += 8) {
		memcpy(&word, at + i, 8);
		if ((i && *text++ != ',') || strtoull(text, &end, 16) != word || end == text)
			return false;
		text = end;
	}
	return at && !*text;
}

static bool same_string(const char *text, const struct record *r, const struct field *f)
{
	uint32_t len;
	const char *have = field_str(&r->raw, f, &len);

	for (uint32_t i = 0; have && i < len; i++) {
		unsigned int code;

		if (*text == '%' && sscanf(text + 1, "%2x", &code) == 1 && text[1] && text[2]) {
			if (code != (unsigned char)have[i])
				return false;
			text += 3;
		} else if (*text++ != have[i]) {
			return false;
		}
	}
	return have && !*text;
}

static bool same_field(const char *key, const char *value, const struct record *r)
{
	struct field f;

	if (field_find(r->format->event, key, &f))
		return false;
	if (!f.is_array && !f.is_dynamic)
		return same_number(value, r, &f);
	return f.is_dynamic || f.size == 16 ? same_string(value, r, &f) || same_words(value, r, &f) :
					       same_words(value, r, &f);
}

/* What every event has beside its fields. */
static bool same_head(const char *key, const char *value, const struct record *r, bool *is_head)
{
	const struct {
		const char *key;
		uint64_t value;
	} heads[] = {{"cpu", r->raw.cpu}, {"ts", r->raw.ts}, {"offset", r->raw.file_off},
		     {"tid", (uint64_t)(int64_t)record_tid(r)}};
	char *end;

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		*is_head = !strcmp(key, heads[i].key);
		if (*is_head)
			return strtoull(value, &end, 10) == heads[i].value && end != value && !*end;
	}
	return false;
}

static int compare(struct check *c, struct line *l)
{
	char *save = NULL, *copy = strdup(l->text), *word;
	const struct record *r = &l->cited->record;
	unsigned int heads = 0;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	word = strtok_r(copy, " ", &save);
	if (!word || strcmp(word, r->format->name) != 0)
		err = reject(c, l, "the event there is %s", r->format->name);
	while (!err && (word = strtok_r(NULL, " ", &save))) {
		char *value = strchr(word, '=');
		bool head = false, same;

		if (!value) {
			err = reject(c, l, "'%s' is no field", word);
			break;
		}
		*value++ = '\0';
		same = same_head(word, value, r, &head) || (!head && same_field(word, value, r));
		heads += head;
		if (!same)
			err = reject(c, l, "the event there has another %s than %s", word, value);
	}
	if (!err && heads != 4)
		err = reject(c, l, "it does not cite CPU, time, place and thread once each");
	free(copy);
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
	c->missed = tracedat_missed(c->td) || tracedat_missed_unknown(c->td);
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
	hashmap_free(&s.wanted);
	answers_free(s.answers);
	return err;
}
