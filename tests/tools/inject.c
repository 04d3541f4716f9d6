// SPDX-License-Identifier: GPL-2.0-only
/*
 * Injures the events of a recording and looks whether the analysis is taken in: whatever it then
 * calls exact must have the figures of the whole recording.
 *
 *	inject RUN lose MAX              every event is lost, one at a time; of more than MAX some, evenly
 *	inject RUN random COUNT SEED     COUNT injuries of every kind, at random
 *
 * One line per kind of injury and of event: how many were tried, how many left everything exact, and
 * how many are false; then every false one with the figure that differs. Exit status 1 if there are any.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analysis.h"
#include "common/vec.h"
#include "trace/events.h"
#include "trace/tracedat.h"

#define FIGURE_LIST                                                                                   \
	X(messages) X(delivered) X(dropped) X(undelivered) X(failed) X(chains) X(sent_bytes)          \
	X(arrived_bytes) X(payload_bytes) X(header_bytes) X(dead_bytes) X(chain_copy_bytes)           \
	X(chain_emulated_bytes) X(calls) X(resent_packets) X(resent_bytes) X(errors)

enum {
#define X(name) N_##name,
	FIGURE_LIST
#undef X
	N_HOPS_MIN, N_HOPS_MAX, N_HOPS_SUM, N_SITES, N_REASONS, N_RANGES, N_COUNT = N_RANGES + 3 * FIGURES,
};

static const char *const names[N_RANGES] = {
#define X(name) #name,
	FIGURE_LIST
#undef X
	"least hops", "most hops", "hops", "sites", "drop reasons",
};

static const char *const figure_names[FIGURES] = {
#define FIGURE(id, member, ...) member,
#include "analyze/core/figures.def"
#undef FIGURE
};

struct result {
	char name[64];
	enum verdict verdict;
	uint64_t v[N_COUNT];
};

struct results {
	struct result *flows;
	size_t count, cap;
	enum verdict verdict;
};

enum injury { LOSE, DOUBLE, SWAP, LENGTH, ADDRESS, BIT, SEVERAL, INJURIES };

static const char *const injury_names[INJURIES] = {
	[LOSE] = "lost", [DOUBLE] = "doubled", [SWAP] = "swapped", [LENGTH] = "length",
	[ADDRESS] = "address", [BIT] = "bit", [SEVERAL] = "several",
};

struct tally {
	unsigned long tried, exact, wrong;
};

#define EXTRA 8

static struct {
	struct analysis r;
	struct tracedat *td;
	struct event_table *table;
	struct td_event *raw;
	struct event *events;
	size_t count, raw_cap, event_cap;
	const struct event **order; /* as the injured recording has them */
	size_t order_count;
	struct event altered[EXTRA];
	unsigned char bytes[EXTRA][4096];
	size_t altered_count;
	char what[512]; /* the injury, in words */
	struct results whole, now;
	struct tally tally[INJURIES][EV_COUNT];
} in;

static void die(const char *what)
{
	fprintf(stderr, "inject: %s\n", what);
	exit(4);
}

/* ---- what the analysis says ---- */

static uint64_t digest_sites(const struct flow *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->site_count; i++) {
		const struct site_stat *s = &f->sites[i];

		sum += mix(mix(s->ip, (uint64_t)s->kind, (uintptr_t)s->site), s->bytes, s->hits) * 2 + 1;
	}
	return sum;
}

static void take_figures(const struct flow *f, struct result *res)
{
	uint64_t *v = res->v;

#define X(name) v[N_##name] = f->name;
	FIGURE_LIST
#undef X
	v[N_HOPS_MIN] = f->hops.min;
	v[N_HOPS_MAX] = f->hops.max;
	v[N_HOPS_SUM] = f->hops.sum;
	v[N_SITES] = digest_sites(f);
	for (size_t i = 0; i < ARRAY_SIZE(f->reasons); i++)
		v[N_REASONS] += f->reasons[i] * (i + 1) * 0x9e3779b97f4a7c15u;
	for (size_t i = 0; i < FIGURES; i++) {
		v[N_RANGES + 3 * i] = f->figures[i].min;
		v[N_RANGES + 3 * i + 1] = f->figures[i].max;
		v[N_RANGES + 3 * i + 2] = f->figures[i].sum;
	}
}

/* What a program is called, and its number, are no figures. */
static void name_result(struct result *res, const struct flow *f)
{
	if (f->log)
		snprintf(res->name, sizeof(res->name), "%s", f->name);
	else if (f->op)
		snprintf(res->name, sizeof(res->name), "rdma-%s:%u", f->op, f->to.qpn);
	else
		snprintf(res->name, sizeof(res->name), "%s:%u", f->proto, f->dport);
}

static void analyze(struct results *out)
{
	struct analysis *r = &in.r;
	int err = analysis_begin(r, 0);

	for (size_t i = 0; i < in.order_count && !err; i++)
		err = engine_event(&r->engine, in.order[i]);
	if (err)
		die(strerror(-err));
	analysis_end(r);
	out->count = 0;
	out->verdict = run_verdict(r, NULL);
	for (const struct flow *f = r->engine.flows; f; f = f->next) {
		struct result *res;

		if (vec_reserve(&out->flows, &out->cap, out->count + 1))
			die("out of memory");
		res = &out->flows[out->count++];
		memset(res, 0, sizeof(*res));
		name_result(res, f);
		res->verdict = flow_verdict(r, f);
		take_figures(f, res);
	}
	engine_free(&r->engine);
}

/* The nth flow of that name. */
static const struct result *find_result(const struct results *all, const char *name, size_t nth)
{
	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(all->flows[i].name, name) && !nth--)
			return &all->flows[i];
	return NULL;
}

static size_t occurrence(const struct results *all, size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < i; k++)
		n += !strcmp(all->flows[k].name, all->flows[i].name);
	return n;
}

static void print_difference(const struct result *was, const struct result *is)
{
	for (size_t k = 0; k < N_COUNT; k++) {
		if (was->v[k] == is->v[k])
			continue;
		if (k < N_RANGES)
			printf(" %s %" PRIu64 " not %" PRIu64, names[k], is->v[k], was->v[k]);
		else
			printf(" %s %s %" PRIu64 " not %" PRIu64, figure_names[(k - N_RANGES) / 3],
			       (const char *const[]){"least", "most", "sum"}[(k - N_RANGES) % 3], is->v[k], was->v[k]);
	}
}

/* Is something called exact that is not what the whole recording says? Tells what. */
static bool is_false(void)
{
	const struct results *was = &in.whole, *is = &in.now;

	for (size_t i = 0; i < is->count; i++) {
		const struct result *before = find_result(was, is->flows[i].name, occurrence(is, i));

		if (is->flows[i].verdict != VERDICT_EXACT)
			continue;
		if (before && !memcmp(before->v, is->flows[i].v, sizeof(before->v)))
			continue;
		printf("false: %s: %s:", in.what, is->flows[i].name);
		if (before)
			print_difference(before, &is->flows[i]);
		else
			printf(" no such flow");
		putchar('\n');
		return true;
	}
	for (size_t i = 0; i < was->count && is->verdict == VERDICT_EXACT; i++) {
		if (find_result(is, was->flows[i].name, occurrence(was, i)))
			continue;
		printf("false: %s: %s: is gone\n", in.what, was->flows[i].name);
		return true;
	}
	return false;
}

/* ---- injuries ---- */

static uint64_t seed;

/* xorshift64*: the same injuries everywhere. */
static uint64_t any(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * 0x2545f4914f6cdd1du >> 11) % below;
}

static void say(const struct event *ev, enum injury injury, const char *field, uint64_t was, uint64_t is)
{
	size_t used = strlen(in.what);

	used += (size_t)snprintf(in.what + used, sizeof(in.what) - used, "%s%s %s at %" PRIu64, used ? ", " : "",
				 injury_names[injury], event_kind_name(ev->kind), ev->file_off);
	if (was != is && used < sizeof(in.what))
		snprintf(in.what + used, sizeof(in.what) - used, " %s 0x%" PRIx64 " to 0x%" PRIx64, field, was, is);
}


static void lose(size_t at)
{
	say(in.order[at], LOSE, NULL, 0, 0);
	memmove(&in.order[at], &in.order[at + 1], (--in.order_count - at) * sizeof(in.order[0]));
}

static void put_double(size_t at)
{
	say(in.order[at], DOUBLE, NULL, 0, 0);
	memmove(&in.order[at + 1], &in.order[at], (in.order_count++ - at) * sizeof(in.order[0]));
}

/* An event of the same bytes that may be changed; NULL: too many are changed already. */
static struct event *alter(size_t at)
{
	struct event *copy;

	if (in.altered_count == EXTRA)
		return NULL;
	copy = &in.altered[in.altered_count++];
	*copy = *in.order[at];
	in.order[at] = copy;
	return copy;
}

/* Two events that follow each other closely exchange their times. */
static void swap(size_t at)
{
	size_t with = at + 1 + any(4);
	const struct event *first = in.order[at], *second;
	struct event *a, *b;

	if (with >= in.order_count)
		return;
	second = in.order[with];
	say(first, SWAP, NULL, 0, 0);
	say(second, SWAP, NULL, 0, 0);
	a = alter(at);
	b = alter(with);
	if (!a || !b)
		return;
	a->ts = second->ts;
	b->ts = first->ts;
	in.order[at] = b;
	in.order[with] = a;
}

static const enum event_field lengths[] = {F_len, F_size, F_n, F_dlen, F_icnt, F_ioff, F_off, F_ret, F_total, F_plen};
static const enum event_field addresses[] = {
	F_dst, F_src, F_page, F_to, F_skb, F_head, F_data, F_ibase, F_dma, F_phys, F_va, F_token, F_queue, F_sk,
	F_file, F_msg, F_iter, F_qp, F_mr, F_wqe,
};

/* One of those fields that the event has a number in. */
static int some_field(const struct event *ev, const enum event_field *list, size_t count)
{
	for (int try = 0; try < 16; try++) {
		enum event_field f = list[any(count)];

		if (ev->v[f])
			return (int)f;
	}
	return -1;
}

static void change_length(size_t at)
{
	int f = some_field(in.order[at], lengths, ARRAY_SIZE(lengths));
	struct event *ev = f < 0 ? NULL : alter(at);
	uint64_t was = ev ? ev->v[f] : 0;

	if (!ev)
		return;
	switch (any(5)) {
	case 0: ev->v[f]++; break;
	case 1: ev->v[f]--; break;
	case 2: ev->v[f] *= 2; break;
	case 3: ev->v[f] /= 2; break;
	default: ev->v[f] = any(65536); break;
	}
	say(ev, LENGTH, event_fields[f].name, was, ev->v[f]);
}

static void change_address(size_t at)
{
	int f = some_field(in.order[at], addresses, ARRAY_SIZE(addresses));
	struct event *ev = f < 0 ? NULL : alter(at);
	uint64_t was = ev ? ev->v[f] : 0;

	if (!ev)
		return;
	switch (any(4)) {
	case 0: ev->v[f] += 1 + any(256); break;
	case 1: ev->v[f] -= 1 + any(256); break;
	case 2: ev->v[f] ^= UINT64_C(1) << any(48); break;
	default: ev->v[f] = in.events[any(in.count)].v[f]; break;
	}
	say(ev, ADDRESS, event_fields[f].name, was, ev->v[f]);
}

/* Which field it is that differs. */
static void say_changed(const struct event *was, const struct event *is, uint64_t bit)
{
	for (int f = 0; f < F_COUNT; f++)
		if (was->kind == is->kind && was->v[f] != is->v[f]) {
			say(was, BIT, event_fields[f].name, was->v[f], is->v[f]);
			return;
		}
	for (int a = 0; a < A_COUNT; a++)
		if (was->kind == is->kind && (was->array_len[a] != is->array_len[a] ||
		    (is->array_len[a] && memcmp(was->array[a], is->array[a], is->array_len[a]) != 0))) {
			say(was, BIT, event_arrays[a].name, 0, bit + 1);
			return;
		}
	say(was, BIT, was->kind == is->kind ? "nothing" : "id", 0, bit + 1);
}

/* In the record, whatever stands there. */
static void flip_bit(size_t at)
{
	const struct event *first = in.order[at];
	struct td_event raw;
	uint64_t bit;
	struct event *ev;
	unsigned char *bytes = in.bytes[in.altered_count % EXTRA];

	if (first < in.events || first >= in.events + in.count)
		return;
	raw = in.raw[first - in.events];
	ev = raw.size <= sizeof(in.bytes[0]) ? alter(at) : NULL;
	if (!ev)
		return;
	memcpy(bytes, raw.data, raw.size);
	bit = any(raw.size * UINT64_C(8));
	bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	raw.data = bytes;
	raw.type = bytes[0] | bytes[1] << 8;
	if (!event_decode(in.table, &raw, ev)) {
		say(first, BIT, "id", first->kind, 0);
		memmove(&in.order[at], &in.order[at + 1], (--in.order_count - at) * sizeof(in.order[0]));
	} else {
		say_changed(first, ev, bit);
	}
}

static void (*const injure[])(size_t at) = {
	[LOSE] = lose, [DOUBLE] = put_double, [SWAP] = swap, [LENGTH] = change_length,
	[ADDRESS] = change_address, [BIT] = flip_bit,
};

static void heal(void)
{
	for (size_t i = 0; i < in.count; i++)
		in.order[i] = &in.events[i];
	in.order_count = in.count;
	in.altered_count = 0;
	in.what[0] = '\0';
}

static void judge(enum injury injury, enum event_kind kind)
{
	struct tally *t = &in.tally[injury][kind];

	analyze(&in.now);
	t->tried++;
	t->exact += in.now.verdict == VERDICT_EXACT;
	t->wrong += is_false();
}

static void lose_each(size_t max)
{
	for (size_t i = 0; i < in.count; i += in.count > max ? in.count / max : 1) {
		heal();
		lose(i);
		judge(LOSE, in.events[i].kind);
	}
}

static void injure_randomly(unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		enum injury injury = (enum injury)any(INJURIES);
		size_t at = any(in.count);

		heal();
		if (injury != SEVERAL)
			injure[injury](at);
		for (uint64_t n = 2 + any(3); injury == SEVERAL && n; n--)
			injure[any(SEVERAL)](any(in.order_count));
		if (*in.what)
			judge(injury, in.events[at].kind);
	}
}

/* ---- the recording ---- */

static void read_events(const char *dir)
{
	struct td_event raw;
	struct event ev;
	int err = tracedat_open_run(dir, &in.td);

	if (err)
		die(tracedat_error(in.td));
	err = event_table_new(tracedat_tep(in.td), &in.table);
	while (!err && (err = tracedat_next(in.td, &raw)) == 1) {
		err = 0;
		if (!event_decode(in.table, &raw, &ev))
			continue;
		err = vec_reserve(&in.raw, &in.raw_cap, in.count + 1);
		if (!err)
			err = vec_reserve(&in.events, &in.event_cap, in.count + 1);
		if (err)
			break;
		in.raw[in.count] = raw;
		in.events[in.count++] = ev;
	}
	in.order = calloc(in.count + EXTRA, sizeof(in.order[0]));
	if (err || !in.order)
		die(err == -EBADMSG ? tracedat_error(in.td) : "out of memory");
}

static int print_tally(void)
{
	struct tally all = {0};

	for (int i = 0; i < INJURIES; i++)
		for (int k = 0; k < EV_COUNT; k++) {
			const struct tally *t = &in.tally[i][k];

			if (t->tried)
				printf("%s %s: %lu tried, %lu exact, %lu false\n", injury_names[i],
				       event_kind_name((enum event_kind)k), t->tried, t->exact, t->wrong);
			all.tried += t->tried;
			all.exact += t->exact;
			all.wrong += t->wrong;
		}
	printf("all: %lu tried, %lu exact, %lu false\n", all.tried, all.exact, all.wrong);
	return all.wrong > 0;
}

int main(int argc, char **argv)
{
	int status;

	bool losing = argc == 4 && !strcmp(argv[2], "lose") && strtoul(argv[3], NULL, 10);

	if (!losing && (argc != 5 || strcmp(argv[2], "random"))) {
		fprintf(stderr, "usage: inject RUN lose MAX | inject RUN random COUNT SEED\n");
		return 2;
	}
	if (analysis_open(&in.r, argv[1]))
		die(in.r.problem);
	read_events(argv[1]);
	heal();
	analyze(&in.whole);
	if (in.whole.verdict != VERDICT_EXACT)
		die("the recording is not exact as it is");
	if (losing) {
		lose_each(strtoul(argv[3], NULL, 10));
	} else {
		seed = strtoull(argv[4], NULL, 10) * 2 + 1;
		injure_randomly(strtoul(argv[3], NULL, 10));
	}
	status = print_tally();
	free(in.whole.flows);
	free(in.now.flows);
	free(in.order);
	free(in.raw);
	free(in.events);
	event_table_free(in.table);
	tracedat_close(in.td);
	analysis_free(&in.r);
	return status;
}
