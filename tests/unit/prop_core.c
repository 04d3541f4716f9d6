// SPDX-License-Identifier: GPL-2.0-only
/*
 * Content, holders and the ledger against a model that keeps every byte by itself: for each byte of
 * a small memory whose byte of which message it is, who holds it, and the list of all that happened
 * to it on its way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/core/copying.h"
#include "analyze/core/engine.h"
#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "common/vec.h"

#define BASE UINT64_C(0xffff888000000000)
#define UNIT 16		   /* bytes of a buffer */
#define BUFFERS 24
#define MEMORY (UNIT * BUFFERS)
#define HOLDERS_MAX 12
#define MESSAGES 8
#define PAST_MAX 24 /* steps of a byte that are kept */

#ifndef STEPS
#define STEPS 1000000
#endif

/* What happened to a byte, newest last: 'c' and the event's number for a copy, 'h' for a hand-off. */
struct past {
	unsigned int count;
	uint64_t at[PAST_MAX];
	unsigned int to[PAST_MAX]; /* where a copy put it */
	char what[PAST_MAX];
};

struct byte {
	int msg; /* -1: nothing known */
	unsigned int off;
	struct past past;
};

/* A holder of the model: which buffers it has, and what happened to it since it got each. */
struct model_holder {
	bool live;
	bool has[BUFFERS];
	struct past passes;	  /* all hand-offs of the holder itself */
	struct past own[BUFFERS]; /* those that concern the bytes of this buffer */
};

struct model {
	struct byte mem[MEMORY];
	struct model_holder holders[HOLDERS_MAX];
	uint64_t copied[MESSAGES];
};

struct world {
	struct engine e;
	struct rundir run;
	struct event ev;
	struct flow *flow;
	struct message *msgs[MESSAGES];
	struct holder *holders[HOLDERS_MAX];
	struct model m;
	uint64_t random;
	uint64_t seen; /* bytes of payload, by a walk */
	struct hashmap booked; /* bytes of copies that have been delivered */
};

static uint64_t next(struct world *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static unsigned int pick(struct world *w, unsigned int n)
{
	return (unsigned int)(next(w) % n);
}

static void add_past(struct past *p, char what, uint64_t at, unsigned int to)
{
	if (p->count == PAST_MAX) {
		memmove(p->at, p->at + 1, sizeof(p->at) - sizeof(p->at[0]));
		memmove(p->to, p->to + 1, sizeof(p->to) - sizeof(p->to[0]));
		memmove(p->what, p->what + 1, sizeof(p->what) - 1);
		p->count--;
	}
	p->at[p->count] = at;
	p->to[p->count] = to;
	p->what[p->count++] = what;
}

/* Every step is an event with a number of its own, by which it is found again in a chain. */
static void tick(struct world *w, enum event_kind kind)
{
	w->ev = (struct event){.kind = kind, .ts = w->e.seq + 1, .file_off = w->e.seq + 1, .tid = 1};
	w->e.now = &w->ev;
	w->e.seq++;
}

/* Of those that have a buffer the one that was handed it last; -1: nobody has it. */
static int newest_holder(const struct model *m, unsigned int buffer)
{
	int newest = -1;
	uint64_t at = 0;

	for (int i = 0; i < HOLDERS_MAX; i++) {
		const struct past *own = &m->holders[i].own[buffer];
		uint64_t last = own->count ? own->at[own->count - 1] : 0;

		if (!m->holders[i].live || !m->holders[i].has[buffer] || (newest >= 0 && last <= at))
			continue;
		newest = i;
		at = last;
	}
	return newest;
}

static bool is_held(const struct model *m, unsigned int buffer)
{
	for (int i = 0; i < HOLDERS_MAX; i++)
		if (m->holders[i].live && m->holders[i].has[buffer])
			return true;
	return false;
}

/* A byte's past as a reader through this holder sees it: hand-offs since it came to be there. */
static struct past seen_by(const struct model *m, const struct byte *b, int holder, unsigned int buffer)
{
	struct past p = b->past;
	uint64_t since = p.count ? p.at[p.count - 1] : 0;
	const struct past *own = holder < 0 ? NULL : &m->holders[holder].own[buffer];

	for (unsigned int i = 0; own && i < own->count; i++)
		if (own->at[i] > since)
			add_past(&p, 'h', own->at[i], 0);
	return p;
}

static void forget(struct byte *b)
{
	*b = (struct byte){.msg = -1};
}

/* ---- steps: each does the same to both ---- */

static void start(struct world *w)
{
	unsigned int dst = pick(w, MEMORY), len = 1 + pick(w, UNIT * 2), off = pick(w, MEMORY - 1);
	int msg = (int)pick(w, MESSAGES);
	struct content from = {.kind = HOP_START, .holder = BY_SENDER, .msg = w->msgs[msg]}, *c;
	struct content like = {.kind = HOP_COPY, .holder = BY_SKB};

	if (len > MEMORY - dst)
		len = MEMORY - dst;
	if (off + len > MEMORY)
		len = MEMORY - off;
	from.off = off;
	from.len = len;
	tick(w, EV_SEND_ENTER);
	c = content_make(&w->e, &from);
	assert_non_null(c);
	tick(w, EV_FROM_ITER);
	like.at = engine_stamp(&w->e);
	copy_from(&w->e, &like, c, off, BASE + dst, len);
	content_put(c);
	w->m.copied[msg] += len;
	for (unsigned int i = 0; i < len; i++) {
		struct byte *b = &w->m.mem[dst + i];

		*b = (struct byte){.msg = msg, .off = off + i};
		add_past(&b->past, 'c', w->e.seq, dst + i);
	}
}

static void copy(struct world *w)
{
	unsigned int src = pick(w, MEMORY), dst = pick(w, MEMORY), len = 1 + pick(w, UNIT * 2);
	struct content like = {.kind = HOP_COPY, .holder = BY_SAME};
	static struct byte was[MEMORY];
	unsigned int first = 0;
	int holder = -1;
	bool found = false;

	len = len > MEMORY - src ? MEMORY - src : len;
	len = len > MEMORY - dst ? MEMORY - dst : len;
	memcpy(was, &w->m.mem[src], len * sizeof(was[0]));
	/* One copy has one holder of its source: that of its first byte that is known. */
	for (unsigned int i = 0; i < len && !found; i++)
		if (was[i].msg >= 0) {
			found = true;
			first = (src + i) / UNIT;
			holder = newest_holder(&w->m, first);
		}
	tick(w, EV_MEM);
	like.at = engine_stamp(&w->e);
	like.src = BASE + src;
	copy_within(&w->e, &like, (struct place){SPACE_KERNEL, BASE + src},
		    (struct place){SPACE_KERNEL, BASE + dst}, len);
	for (unsigned int i = 0; i < len; i++) {
		struct byte *b = &w->m.mem[dst + i];

		if (was[i].msg < 0) {
			forget(b);
			continue;
		}
		*b = was[i];
		b->past = seen_by(&w->m, &was[i], holder, first);
		add_past(&b->past, 'c', w->e.seq, dst + i);
		w->m.copied[was[i].msg]++;
	}
}

static int free_slot(const struct world *w)
{
	for (int i = 0; i < HOLDERS_MAX; i++)
		if (!w->m.holders[i].live)
			return i;
	return -1;
}

static int some_holder(struct world *w)
{
	int first = (int)pick(w, HOLDERS_MAX);

	for (int i = 0; i < HOLDERS_MAX; i++)
		if (w->m.holders[(first + i) % HOLDERS_MAX].live)
			return (first + i) % HOLDERS_MAX;
	return -1;
}

static void hold(struct world *w)
{
	int i = free_slot(w);
	unsigned int buffer = pick(w, BUFFERS);
	struct block *b;

	if (i < 0)
		return;
	b = block_of(&w->e.holders, BASE + buffer * UNIT, UNIT);
	assert_non_null(b);
	w->holders[i] = holder_new(&w->e.holders);
	assert_int_equal(holder_add(w->holders[i], b, 0, NULL), 0);
	w->m.holders[i] = (struct model_holder){.live = true};
	w->m.holders[i].has[buffer] = true;
}

/* One more buffer, for which what happened to the holder before counts, too. */
static void take(struct world *w)
{
	int i = some_holder(w);
	unsigned int buffer = pick(w, BUFFERS);
	struct block *b;

	if (i < 0 || w->m.holders[i].has[buffer])
		return;
	b = block_of(&w->e.holders, BASE + buffer * UNIT, UNIT);
	assert_int_equal(holder_add(w->holders[i], b, 0, NULL), 0);
	w->m.holders[i].has[buffer] = true;
	w->m.holders[i].own[buffer] = w->m.holders[i].passes;
}

static void pass(struct world *w)
{
	int i = some_holder(w);
	struct custody node = {.kind = HOP_HANDOFF, .holder = BY_QUEUE, .from = ANY_HOLDER};

	if (i < 0)
		return;
	tick(w, EV_DEV_QUEUE);
	node.at = engine_stamp(&w->e);
	assert_int_equal(holder_pass(w->holders[i], &node), 0);
	add_past(&w->m.holders[i].passes, 'h', w->e.seq, 0);
	for (unsigned int b = 0; b < BUFFERS; b++)
		if (w->m.holders[i].has[b])
			add_past(&w->m.holders[i].own[b], 'h', w->e.seq, 0);
}

/* A clone, or a holder that takes over what another had: the same buffers with their past. */
static void share(struct world *w, bool steal)
{
	int from = some_holder(w), to = steal ? some_holder(w) : free_slot(w);
	static const struct doom moved = {0};

	if (from < 0 || to < 0 || from == to)
		return;
	if (!steal) {
		w->holders[to] = holder_new(&w->e.holders);
		w->m.holders[to] = (struct model_holder){.live = true};
	}
	tick(w, EV_COALESCE);
	assert_int_equal(holder_share(w->holders[to], w->holders[from], w->e.seq), 0);
	for (unsigned int b = 0; b < BUFFERS; b++)
		if (w->m.holders[from].has[b] && !w->m.holders[to].has[b]) {
			w->m.holders[to].has[b] = true;
			w->m.holders[to].own[b] = w->m.holders[from].own[b];
		}
	if (!steal)
		return;
	holder_end(&w->e.holders, w->holders[from], &moved);
	w->m.holders[from].live = false;
}

static void let_go(struct world *w)
{
	int i = some_holder(w);
	static const struct doom gone = {0};

	if (i < 0)
		return;
	holder_end(&w->e.holders, w->holders[i], &gone);
	w->holders[i] = NULL;
	w->m.holders[i].live = false;
	for (unsigned int b = 0; b < BUFFERS; b++)
		for (unsigned int k = 0; w->m.holders[i].has[b] && !is_held(&w->m, b) && k < UNIT; k++)
			forget(&w->m.mem[b * UNIT + k]);
}

/* ---- what is compared ---- */

static int see_payload(void *ctx, const struct payload *p)
{
	struct world *w = ctx;

	for (uint64_t i = 0; i < p->len; i++) {
		const struct byte *b = &w->m.mem[p->addr - BASE + i];

		if (b->msg < 0 || w->msgs[b->msg] != p->msg || b->off != p->off + i)
			fail_msg("byte %lu is not the model's", (unsigned long)(p->addr - BASE + i));
	}
	w->seen += p->len;
	return 0;
}

static void compare_memory(struct world *w)
{
	uint64_t known = 0;

	w->seen = 0;
	content_each(w->e.content, SPACE_KERNEL, BASE, MEMORY, see_payload, w);
	for (unsigned int i = 0; i < MEMORY; i++)
		known += w->m.mem[i].msg >= 0;
	assert_int_equal(w->seen, known);
}

struct reading {
	struct world *w;
	int holder;
	unsigned int buffer;
};

/* The steps of a chain behind the last of those that the model has, from the newest back. */
static void compare_chain(const struct chain *ch, const struct past *p, uint64_t now)
{
	size_t n = ch->count;

	assert_int_equal(ch->links[--n].when->seq, now);
	for (unsigned int i = p->count; i-- > 0;) {
		const struct link *l;

		assert_true(n > 0);
		l = &ch->links[--n];
		assert_int_equal(l->when->seq, p->at[i]);
		assert_int_equal(l->k != NULL, p->what[i] == 'h');
	}
	if (p->count < PAST_MAX)
		assert_int_equal(n, 1); /* the start */
}

/* A byte that went by a copy, for the first time? */
static bool is_new(struct world *w, uint64_t copy, unsigned int to)
{
	uint64_t key = copy * MEMORY + to;

	if (hashmap_find(&w->booked, key))
		return false;
	assert_int_equal(hashmap_set(&w->booked, key, w), 0);
	return true;
}

/* How many bytes of copies a delivery books; *all: nothing of their past is forgotten. */
static uint64_t books(struct world *w, const struct payload *p, bool *all)
{
	uint64_t n = p->len; /* by the copy to the receiver */

	*all = true;
	for (uint64_t i = 0; i < p->len; i++) {
		const struct byte *b = &w->m.mem[p->addr - BASE + i];

		*all &= b->past.count < PAST_MAX;
		for (unsigned int k = 0; k < b->past.count; k++)
			n += b->past.what[k] == 'c' && is_new(w, b->past.at[k], b->past.to[k]);
	}
	return n;
}

static int read_payload(void *ctx, const struct payload *p)
{
	struct reading *r = ctx;
	struct world *w = r->w;
	const struct block *b = block_at(&w->e.holders, p->addr);
	const struct owner *o = b && r->holder >= 0 ? block_owner(b, w->holders[r->holder]) : NULL;
	struct content like = {.kind = HOP_COPY, .holder = BY_RECEIVER, .msg = p->msg, .from = p->c,
			       .from_off = p->at, .off = p->off, .len = p->len, .src = p->addr};
	struct delivery d = {p->msg, NULL, p->off, p->off, p->len};
	const struct byte *first = &w->m.mem[p->addr - BASE];
	struct past seen = seen_by(&w->m, first, o ? r->holder : -1, r->buffer);
	uint64_t before = p->msg->counted_bytes, n;
	int err = 0;
	bool all;

	like.held = o ? owner_custody(o, &err) : NULL;
	assert_int_equal(err, 0);
	d.c = content_make(&w->e, &like);
	custody_put(like.held);
	p->msg->copied_bytes += p->len;
	w->m.copied[first->msg] += p->len;
	assert_int_equal(ledger_book(&w->e.ledger, &d), 0);
	compare_chain(&w->e.ledger.chain, &seen, w->e.seq);
	/* What was copied counts once, however often it is read. */
	n = books(w, p, &all);
	if (all)
		assert_int_equal(p->msg->counted_bytes - before, n);
	assert_true(p->msg->counted_bytes <= p->msg->copied_bytes);
	content_put(d.c);
	return 0;
}

static void read(struct world *w)
{
	int holder = some_holder(w);
	unsigned int buffer = pick(w, BUFFERS), from = pick(w, UNIT), len = 1 + pick(w, UNIT - from);
	struct reading r = {w, holder, buffer};

	if (holder >= 0 && !w->m.holders[holder].has[buffer])
		r.holder = -1;
	tick(w, EV_TO_ITER);
	content_each(w->e.content, SPACE_KERNEL, BASE + buffer * UNIT + from, len, read_payload, &r);
}

/* What the accounts say must be what the model counted. */
static void compare_accounts(struct world *w)
{
	for (int i = 0; i < MESSAGES; i++)
		assert_int_equal(w->msgs[i]->copied_bytes, w->m.copied[i]);
}

static void begin(struct world *w, uint64_t seed)
{
	static const struct path *const none[] = {NULL};

	memset(w, 0, sizeof(*w));
	w->random = seed;
	assert_int_equal(engine_init(&w->e, &w->run, none), 0);
	w->flow = flow_new(&w->e, 1, "udp");
	for (int i = 0; i < MESSAGES; i++)
		w->msgs[i] = ledger_open(&w->e.ledger, w->flow, 1, MEMORY);
	for (unsigned int i = 0; i < MEMORY; i++)
		forget(&w->m.mem[i]);
}

static void end(struct world *w)
{
	static const struct doom gone = {0};

	for (int i = 0; i < HOLDERS_MAX; i++)
		if (w->m.holders[i].live)
			holder_end(&w->e.holders, w->holders[i], &gone);
	for (int i = 0; i < MESSAGES; i++)
		message_put(w->msgs[i]);
	engine_free(&w->e);
	hashmap_free(&w->booked);
}

static void step(struct world *w)
{
	switch (pick(w, 12)) {
	case 0:
	case 1:
		start(w);
		break;
	case 2:
	case 3:
	case 4:
		copy(w);
		break;
	case 5:
		hold(w);
		break;
	case 6:
		take(w);
		break;
	case 7:
		share(w, pick(w, 3) == 0);
		break;
	case 8:
		let_go(w);
		break;
	case 9:
		read(w);
		break;
	default:
		pass(w);
	}
}

static void test_against_the_model(void **state)
{
	static struct world w;

	(void)state;
	for (uint64_t round = 1; round <= 20; round++) {
		begin(&w, round * UINT64_C(0x9e3779b97f4a7c15));
		for (unsigned int i = 0; i < STEPS / 20; i++) {
			step(&w);
			if (i % 16 == 0)
				compare_memory(&w);
			if (i % 256 == 0)
				compare_accounts(&w);
		}
		compare_memory(&w);
		compare_accounts(&w);
		end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
