// SPDX-License-Identifier: GPL-2.0-only
/* Writes the derivation of one receive: facts, hop by hop what follows from them, and the count. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/core/iter.h"
#include "common/vec.h"
#include "report/chain_graph.h"
#include "report/proof_parts.h"

#define ULL(x) ((unsigned long long)(x))

static int push(struct lines *l, unsigned int line)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i] == line)
			return 0;
	if (vec_reserve(&l->items, &l->cap, l->count + 1))
		return -ENOMEM;
	l->items[l->count++] = line;
	return 0;
}

unsigned int proof_cite(struct proof *p, uint64_t at)
{
	struct fact *f = at ? evidence_at(&p->evidence, at) : NULL;

	if (!f)
		return 0;
	if (f->line)
		return f->line;
	f->line = ++p->line;
	fprintf(p->out, "%u. FACT `", f->line);
	fact_print(f, p->out);
	fputs("`\n", p->out);
	return f->line;
}

unsigned int begin_line(struct proof *p, const char *rule, const unsigned int *from, size_t n)
{
	bool first = true;

	fprintf(p->out, "%u. DERIVED FROM ", ++p->line);
	for (size_t i = 0; i < n; i++) {
		if (from[i])
			fprintf(p->out, "%s%u", first ? "" : ", ", from[i]);
		first &= !from[i];
	}
	fprintf(p->out, " BY %s: `", rule);
	p->rule = rule;
	return p->line;
}

void end_line(struct proof *p)
{
	const char *words = proof_words(p->rule);

	fprintf(p->out, "`%s%s\n", *words ? " " : "", words);
}

static int add_region(struct proof *p, struct region r)
{
	if (vec_reserve(&p->regions, &p->region_cap, p->region_count + 1))
		return -ENOMEM;
	p->regions[p->region_count++] = r;
	return push(&p->derived, r.line);
}

void used_until(struct proof *p, unsigned int line, uint64_t ts)
{
	for (size_t i = 0; i < p->region_count; i++)
		if (p->regions[i].line == line && ts > p->regions[i].until)
			p->regions[i].until = ts;
}

/* Most messages are not encrypted. */
static void print_transforms(struct proof *p, const struct state *s)
{
	if (s->transforms)
		fprintf(p->out, " transforms=%u", s->transforms);
}

static void print_state(struct proof *p, const struct state *s)
{
	fprintf(p->out, "bytes=%llu..%llu at=", ULL(s->from), ULL(s->to));
	if (s->tid)
		fprintf(p->out, "user:%d:0x%llx", s->tid, ULL(s->addr));
	else
		fprintf(p->out, "kernel:0x%llx", ULL(s->addr));
	fprintf(p->out, " since=%llu copies=%u emulated=%u dma=%u wire=%u", ULL(s->since), s->copies,
		s->emulated, s->dma, s->wire);
	print_transforms(p, s);
	fprintf(p->out, " in=%s", s->in);
}

int state_line(struct walk *w, struct state next)
{
	next.line = w->p->line;
	print_state(w->p, &next);
	end_line(w->p);
	used_until(w->p, w->now.line, next.since);
	w->now = next;
	return add_region(w->p, (struct region){next.line, next.addr, next.addr + next.to - next.from,
						next.since, next.since, next.tid});
}

int frame_line(struct walk *w, struct frame_state next, const char *by)
{
	next.line = w->p->line;
	fprintf(w->p->out, "frame at=kernel:0x%llx length=%llu since=%llu copies=%u emulated=%u%s%s", ULL(next.at),
		ULL(next.len), ULL(next.since), next.copies, next.emulated, *by ? " by=" : "", by);
	end_line(w->p);
	w->frame = next;
	return add_region(w->p, (struct region){next.line, next.at, next.at + next.len, next.since, next.since, 0});
}

int stuck(struct walk *w, const struct step *s, const char *why)
{
	w->stuck = true;
	w->p->remark = PROOF_NO_RULE;
	snprintf(w->p->stuck, sizeof(w->p->stuck), "no rule leads over the hop '%s' of bytes %llu..%llu: %s",
		 hop_kind_name((enum hop_kind)s->kind), ULL(s->off), ULL(s->off + s->len), why);
	return 0;
}

static int start(struct walk *w, const struct step *s)
{
	const struct context *x = proof_context(w->p, s->file_off);
	const struct fact *enter = evidence_at(&w->p->evidence, s->file_off);
	unsigned int call, file, send, socket = 0;
	struct state next = {.from = s->off, .to = s->off + s->len, .addr = s->src, .since = s->ts,
			     .tid = s->tid, .in = "sender"};

	if (s->event != EV_SEND_ENTER || !enter || !x) {
		stuck(w, s, "the send is not a system call whose entry is recorded");
		w->p->remark = PROOF_NOT_A_CALL;
		return 0;
	}
	call = proof_cite(w->p, x->syscall);
	file = call ? proof_cite(w->p, x->fd_file) : 0;
	send = proof_cite(w->p, s->file_off);
	if (call && file && w->f->sender.linked) {
		socket = LINE(w->p, "lookup", call, file, send);
		fprintf(w->p->out, "fd=%lld file=0x%llx socket=0x%llx sock=0x%llx", (long long)w->f->sender.fd,
			ULL(enter->ev.v[F_file]), ULL(enter->ev.v[F_sock]), ULL(enter->ev.v[F_sk]));
		end_line(w->p);
	}
	LINE(w->p, "send", call, send, socket);
	return state_line(w, next);
}

static unsigned int copies_more(const struct step *s)
{
	return s->kind == HOP_COPY;
}

/* Copies of a frame before it is known whose it is: the memory moves as a whole. */
static int frame_copy(struct walk *w, const struct step *s)
{
	const struct fact *e = evidence_at(&w->p->evidence, s->file_off);
	struct frame_state next = w->frame;
	uint64_t from, to, src, len;
	unsigned int fact;
	char name[320];

	if (!e || (e->ev.kind != EV_MEM && e->ev.kind != EV_MEM_REP))
		return stuck(w, s, "the copy is of a kind that has no rule for frames");
	fact = proof_cite(w->p, s->file_off);
	/* What of the frame the event carries. */
	src = e->ev.v[F_src];
	len = e->ev.kind == EV_MEM ? e->ev.v[F_len] : e->ev.v[F_n] * e->ev.v[F_width];
	from = next.at > src ? next.at : src;
	to = next.at + next.len < src + len ? next.at + next.len : src + len;
	LINE(w->p, "copy", next.line, fact);
	used_until(w->p, next.line, s->ts);
	next.at = e->ev.v[F_dst] + (from - src);
	next.len = to - from;
	next.since = s->ts;
	next.copies += copies_more(s);
	next.emulated += !copies_more(s);
	rundir_site_name(s->site, s->ip, name, sizeof(name));
	return frame_line(w, next, name);
}

static int copy(struct walk *w, const struct step *s)
{
	struct state next = w->now;
	unsigned int fact;
	char name[320];

	if (w->wire)
		return frame_copy(w, s);
	fact = proof_cite(w->p, s->file_off);
	if (!fact || !s->src)
		return stuck(w, s, "no event of it is recorded");
	next.copies += copies_more(s);
	next.emulated += !copies_more(s);
	next.from = s->off;
	next.to = s->off + s->len;
	next.addr = s->dst;
	next.since = s->ts;
	next.tid = s->holder == BY_PROGRAM ? s->tid : 0;
	rundir_site_name(s->site, s->ip, name, sizeof(name));
	if (s->dst_user && !next.tid) {
		const struct context *x = proof_context(w->p, s->file_off);
		unsigned int enter = proof_cite(w->p, x ? x->receive : 0), back = proof_cite(w->p, x ? x->exit : 0);

		if (!enter || !back)
			return stuck(w, s, "the receive call around it is not recorded");
		LINE(w->p, "deliver", w->now.line, enter, fact, back);
		fprintf(w->p->out, "delivered bytes=%llu..%llu to=user:%d:0x%llx copies=%u emulated=%u dma=%u "
			"wire=%u", ULL(next.from), ULL(next.to), s->tid, ULL(s->dst), next.copies,
			next.emulated, next.dma, next.wire);
		print_transforms(w->p, &next);
		fprintf(w->p->out, " by=%s", name);
		end_line(w->p);
		used_until(w->p, w->now.line, s->ts);
		return push(&w->p->delivered, w->p->line);
	}
	LINE(w->p, "copy", w->now.line, fact);
	snprintf(next.in, sizeof(next.in), "%s by=%.60s", next.tid ? "program" : "memory", name);
	return state_line(w, next);
}

/* The packet that has a head, or that what belongs to it was joined to; 0: neither. */
static bool joined(struct walk *w, const struct step *s, const struct event *to, uint64_t head, unsigned int *line)
{
	*line = 0;
	if (to->v[F_head] == head)
		return true;
	for (size_t i = 0; i < w->p->evidence.count; i++) {
		const struct event *ev = &w->p->evidence.facts[i]->ev;

		if (ev->kind == EV_COALESCE && ev->v[F_head] == head && ev->v[F_to] == to->v[F_skb] && ev->ts <= s->ts) {
			*line = proof_cite(w->p, ev->file_off);
			return true;
		}
	}
	return false;
}

/* The driver found the frame in that memory, and made the packet of it that it handed up next. */
static size_t found_by_driver(struct walk *w, const struct step *s, const struct event *to, const struct event *up,
			      unsigned int lines[3])
{
	const struct context *c = proof_context(w->p, up->file_off);
	const struct fact *found = evidence_at(&w->p->evidence, c ? c->found : 0);

	if (!found || s->src < found->ev.v[F_va] || s->src + s->len > found->ev.v[F_va] + found->ev.v[F_len] ||
	    !joined(w, s, to, up->v[F_head], &lines[2]))
		return 0;
	lines[0] = proof_cite(w->p, found->ev.file_off);
	lines[1] = up == to ? 0 : proof_cite(w->p, up->file_off);
	return 3;
}

/* Facts that tie memory beyond its head to an skb: filled for it, joined to it, or made of it. */
static size_t ties(struct walk *w, const struct step *s, const struct event *to, unsigned int *lines, size_t most)
{
	uint64_t skb = to->v[F_skb];
	size_t n = 0;

	for (size_t i = 0; i < w->p->evidence.count && n + 3 <= most; i++) {
		const struct event *ev = &w->p->evidence.facts[i]->ev;
		struct touch t[TOUCHES_MAX];

		if (ev->ts > s->ts || ev->ts < w->v->steps[0].ts)
			continue;
		if (ev->kind == EV_GRO_RECEIVE)
			n += found_by_driver(w, s, to, ev, lines + n);
		if (!((ev->kind == EV_SKB_FILL && ev->v[F_skb] == skb) ||
		      (ev->kind == EV_COALESCE && ev->v[F_to] == skb)))
			continue;
		if (event_touches(&w->p->r, ev, t) && t[0].from <= s->src && t[0].to >= s->src + s->len)
			lines[n++] = proof_cite(w->p, ev->file_off);
	}
	return n;
}

static int handoff(struct walk *w, const struct step *s)
{
	const struct fact *e = evidence_at(&w->p->evidence, s->file_off);
	struct state next = w->now;
	unsigned int from[12] = {0};
	size_t n = 2;
	int err = w->wire ? prove_arrival(w, s) : 0;

	if (err || w->stuck)
		return err;
	if (!e)
		return stuck(w, s, "no event of it is recorded");
	from[0] = w->now.line;
	from[1] = proof_cite(w->p, s->file_off);
	if (s->src < e->ev.v[F_head] || s->src >= e->ev.v[F_head] + e->ev.v[F_end])
		n += ties(w, s, &e->ev, from + 2, ARRAY_SIZE(from) - 2);
	next = w->now;
	next.since = s->ts;
	next.from = s->off;
	next.to = s->off + s->len;
	next.addr = s->src;
	if (e->ev.v[F_sk])
		snprintf(next.in, sizeof(next.in), "%s:0x%llx", e->name, ULL(e->ev.v[F_sk]));
	else
		snprintf(next.in, sizeof(next.in), "%s:%s", e->name, s->dev);
	if (s->event == EV_DEV_XMIT)
		next.xmit = s->file_off;
	begin_line(w->p, "handoff", from, n);
	return state_line(w, next);
}

static int transform(struct walk *w, const struct step *s)
{
	unsigned int fact = w->wire ? 0 : proof_cite(w->p, s->file_off);
	const struct fact *e = fact ? evidence_at(&w->p->evidence, s->file_off) : NULL;
	struct state next = w->now;

	if (!e)
		return stuck(w, s, "it is not recorded which packet was transformed");
	next.transforms++;
	next.since = s->ts;
	next.from = s->off;
	next.to = s->off + s->len;
	next.addr = s->dst;
	snprintf(next.in, sizeof(next.in), "%s", e->name);
	LINE(w->p, "transform", w->now.line, fact);
	return state_line(w, next);
}

/* Frames end where they end, ports take whole units. */
static int port(struct walk *w, const struct step *s)
{
	return stuck(w, s, "no event tells of what does not fill a unit of the port");
}

static int cross(struct walk *w, const struct step *s)
{
	w->wire = s;
	return 0;
}

static int no_rule(struct walk *w, const struct step *s)
{
	return stuck(w, s, s->why ? s->why : "no recorded event explains it");
}

/* Hops of any other kind end the derivation. */
static int (*const derive[HOP_KINDS])(struct walk *w, const struct step *s) = {
	[HOP_START] = start,	 [HOP_COPY] = copy, [HOP_TRANSFORM] = transform,
	[HOP_HANDOFF] = handoff, [HOP_DMA] = prove_dma,   [HOP_EMULATED_DMA] = copy,
	[HOP_WIRE] = cross,	 [HOP_PIO] = port,
};

/* ---- nothing was left out, and the count ---- */

struct touching {
	struct proof *p;
	struct lines facts;
	struct hashmap found;
	bool collect;
};

static bool meets(const struct region *r, uint64_t addr, uint64_t len)
{
	return addr < r->to && r->from < addr + len;
}

/* Does a thread copy from, or to, its own memory there? */
static bool touches_user(const struct proof *p, const struct event *ev, const struct region *r)
{
	struct span spans[SPANS_MAX];
	size_t n;

	if (ev->tid != r->tid)
		return false;
	if (ev->kind == EV_MEM || ev->kind == EV_CSUM)
		return meets(r, ev->v[F_src], ev->v[F_len]) || meets(r, ev->v[F_dst], ev->v[F_len]);
	if (ev->kind != EV_FROM_ITER && ev->kind != EV_PAGE_FROM_ITER && ev->kind != EV_TO_ITER &&
	    ev->kind != EV_PAGE_TO_ITER)
		return false;
	if (iter_spans(&p->r.run, ev, ev->v[F_len], spans, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (spans[i].user && meets(r, spans[i].addr, spans[i].len))
			return true;
	return false;
}

static bool is_touching(void *ctx, const struct event *ev)
{
	struct touching *t = ctx;
	struct touch spans[TOUCHES_MAX];
	size_t n = event_touches(&t->p->r, ev, spans);

	for (size_t i = 0; i < t->p->region_count; i++) {
		const struct region *r = &t->p->regions[i];
		bool hit = false;

		if (ev->ts < r->since || ev->ts > r->until)
			continue;
		for (size_t k = 0; k < n && !r->tid; k++)
			hit |= spans[k].from < r->to && r->from < spans[k].to;
		if (hit || (r->tid && touches_user(t->p, ev, r))) {
			hashmap_set(&t->found, ev->file_off, t);
			return true;
		}
	}
	return false;
}

static int cite_touching(struct proof *p, struct touching *t)
{
	uint64_t from = UINT64_MAX, to = 0;
	int err;

	for (size_t i = 0; i < p->region_count; i++) {
		from = p->regions[i].since < from ? p->regions[i].since : from;
		to = p->regions[i].until > to ? p->regions[i].until : to;
	}
	err = evidence_pass(&p->evidence, from, to, is_touching, t);
	for (size_t i = 0; i < p->evidence.count && !err; i++) {
		uint64_t at = p->evidence.facts[i]->ev.file_off;

		if (hashmap_find(&t->found, at))
			err = push(&t->facts, proof_cite(p, at));
	}
	return err;
}

static int complete(struct proof *p)
{
	struct touching t = {.p = p};
	struct lines all = {0};
	int err = cite_touching(p, &t);

	for (size_t i = 0; i < p->derived.count && !err; i++)
		err = push(&all, p->derived.items[i]);
	for (size_t i = 0; i < p->delivered.count && !err; i++)
		err = push(&all, p->delivered.items[i]);
	for (size_t i = 0; i < t.facts.count && !err; i++)
		err = push(&all, t.facts.items[i]);
	if (!err) {
		begin_line(p, "completeness", all.items, all.count);
		fprintf(p->out, "complete places=%zu events=%zu", p->derived.count, t.facts.count);
		end_line(p);
	}
	free(all.items);
	free(t.facts.items);
	hashmap_free(&t.found);
	return err;
}

/* Nothing that may have copied between two times was without a probe. */
static bool is_sure(const struct analysis *r, uint64_t from, uint64_t to)
{
	static const enum caveat limits[] = {CAVEAT_LOST, CAVEAT_REFUSED, CAVEAT_UNSEEN};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (r->run_caveat[limits[i]])
			return false;
	for (size_t i = 0; i < r->run.late_count; i++)
		if (late_module_unseen(&r->run.late[i], from, to))
			return false;
	return true;
}

static void conclude(struct proof *p, const struct chain_view *views, size_t n)
{
	const struct chain_view *v = &views[0];
	uint64_t bytes = 0, least[5] = {0}, most[5] = {0};
	uint64_t end = 0;
	bool sure;

	for (size_t i = 0; i < n; i++) {
		uint64_t have[5] = {0};

		for (size_t k = 0; k < views[i].count; k++) {
			int kind = views[i].steps[k].kind;

			have[0] += kind == HOP_COPY;
			have[1] += kind == HOP_EMULATED_DMA;
			have[2] += kind == HOP_DMA;
			have[3] += kind == HOP_WIRE;
			have[4] += kind == HOP_TRANSFORM;
		}
		for (int k = 0; k < 5; k++) {
			least[k] = !i || have[k] < least[k] ? have[k] : least[k];
			most[k] = have[k] > most[k] ? have[k] : most[k];
		}
		bytes += views[i].bytes;
		if (views[i].steps[views[i].count - 1].ts > end)
			end = views[i].steps[views[i].count - 1].ts;
	}
	sure = is_sure(&p->r, v->steps[0].ts, end);
	push(&p->delivered, p->line);
	begin_line(p, "count", p->delivered.items, p->delivered.count);
	fprintf(p->out, "message thread=%d sent=%llu bytes=%llu %s copies=%llu..%llu emulated=%llu..%llu "
		"dma=%llu..%llu wire=%llu..%llu", v->steps[0].tid, ULL(v->steps[0].ts), ULL(bytes),
		sure ? "exactly" : "at-least", ULL(least[0]), ULL(most[0]), ULL(least[1]), ULL(most[1]),
		ULL(least[2]), ULL(most[2]), ULL(least[3]), ULL(most[3]));
	if (most[4])
		fprintf(p->out, " transforms=%llu..%llu", ULL(least[4]), ULL(most[4]));
	end_line(p);
	if (least[0] == most[0])
		fprintf(p->out, "\n**∴ %s%llu copies**", sure ? "" : "at least ", ULL(least[0]));
	else
		fprintf(p->out, "\n**∴ %s%llu to %llu copies**", sure ? "" : "at least ", ULL(least[0]),
			ULL(most[0]));
	fprintf(p->out, " of each of the %llu bytes.\n", ULL(bytes));
}

static int derive_pieces(struct proof *p, const struct flow *f, size_t from, size_t to, bool *stopped)
{
	int err = 0;

	p->region_count = p->derived.count = p->delivered.count = 0;
	for (size_t i = 0; i < p->evidence.count; i++)
		p->evidence.facts[i]->line = 0;
	fputs("\n", p->out);
	for (size_t i = from; i < to && !err && !*stopped; i++) {
		struct walk w = {.p = p, .f = f, .v = &f->views[i]};

		for (size_t k = 0; k < w.v->count && !err && !w.stuck; k++) {
			const struct step *s = &w.v->steps[k];

			err = derive[s->kind] ? derive[s->kind](&w, s) : no_rule(&w, s);
		}
		*stopped |= w.stuck;
	}
	if (!err && !*stopped)
		err = complete(p);
	if (!err && !*stopped)
		conclude(p, &f->views[from], to - from);
	return err;
}

/* A derivation that gets stuck proves nothing: none of its lines is left. */
int prove_pieces(struct proof *p, const struct flow *f, size_t from, size_t to)
{
	unsigned int line = p->line;
	FILE *out = p->out;
	char *text = NULL;
	size_t size = 0;
	bool stopped = false;
	int err;

	p->out = open_memstream(&text, &size);
	err = p->out ? derive_pieces(p, f, from, to, &stopped) : -ENOMEM;
	if (p->out && fclose(p->out) && !err)
		err = -ENOMEM;
	p->out = out;
	if (stopped)
		p->line = line;
	if (!err && stopped)
		fprintf(out, "\n%s\n", proof_remarks[p->remark]);
	else if (!err)
		fputs(text, out);
	free(text);
	return err;
}
