// SPDX-License-Identifier: GPL-2.0-only
/* The rules: what may follow from what. Each works its conclusion out anew and compares the words. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/vec.h"
#include "proofcheck/rules.h"

#define ULL(x) ((unsigned long long)(x))

int reject(struct check *c, const struct line *l, const char *fmt, ...)
{
	int n = snprintf(c->why, c->size, "line %u (row %u) does not hold: ", l->number, l->row);
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < c->size)
		vsnprintf(c->why + n, c->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

struct line *premise(const struct check *c, const struct line *l, enum meaning meaning, size_t nth)
{
	for (size_t i = 0; i < l->from_count; i++) {
		struct line *p = &c->lines.items[l->from[i] - 1];

		if (p->meaning == meaning && !nth--)
			return p;
	}
	return NULL;
}

struct line *premise_record(const struct check *c, const struct line *l, enum record_kind kind)
{
	struct line *p;

	for (size_t i = 0; (p = premise(c, l, MEANS_FACT, i)); i++)
		if (p->cited->record.format->kind == kind)
			return p;
	return NULL;
}

static size_t premises_of(const struct check *c, const struct line *l, enum meaning meaning)
{
	size_t n = 0;

	while (premise(c, l, meaning, n))
		n++;
	return n;
}

const struct record *record_in(const struct line *l)
{
	return &l->cited->record;
}

uint64_t get(const struct line *l, enum record_field f)
{
	return record_get(record_in(l), f);
}

int same_text(struct check *c, struct line *l, const char *text)
{
	return strcmp(text, l->text) ? reject(c, l, "what follows is: %s", text) : 0;
}

/* " transforms=N", where there are any. */
static const char *transforms_text(const struct claim *x, char buf[40])
{
	buf[0] = '\0';
	if (x->transforms)
		snprintf(buf, 40, " transforms=%llu", ULL(x->transforms));
	return buf;
}

static void lies_text(const struct claim *x, const char *by, char *buf, size_t size)
{
	char where[64], transforms[40];

	if (x->tid)
		snprintf(where, sizeof(where), "user:%d:0x%llx", x->tid, ULL(x->addr));
	else
		snprintf(where, sizeof(where), "kernel:0x%llx", ULL(x->addr));
	snprintf(buf, size, "bytes=%llu..%llu at=%s since=%llu copies=%llu emulated=%llu dma=%llu wire=%llu%s in=%s%s%s",
		 ULL(x->from), ULL(x->to), where, ULL(x->since), ULL(x->copies), ULL(x->emulated), ULL(x->dma),
		 ULL(x->wire), transforms_text(x, transforms), x->in, *by ? " by=" : "", by);
}

void frame_text(const struct claim *x, const char *by, char *buf, size_t size)
{
	snprintf(buf, size, "frame at=kernel:0x%llx length=%llu since=%llu copies=%llu emulated=%llu%s%s",
		 ULL(x->addr), ULL(x->length), ULL(x->since), ULL(x->copies), ULL(x->emulated),
		 *by ? " by=" : "", by);
}

int conclude_lies(struct check *c, struct line *l, const struct claim *x, const char *by)
{
	char text[1024];

	lies_text(x, by, text, sizeof(text));
	l->meaning = MEANS_LIES;
	l->claim = *x;
	return same_text(c, l, text);
}

int part_of(struct check *c, const struct line *l, const struct claim *from, struct claim *x)
{
	const char *at = strstr(l->text, "bytes=");
	unsigned long long a, b;

	*x = *from;
	if (!at || sscanf(at, "bytes=%llu..%llu", &a, &b) != 2 || a < from->from || b > from->to || a >= b)
		return reject(c, l, "it speaks of other bytes than its premise");
	x->addr += a - from->from;
	x->from = a;
	x->to = b;
	return 0;
}

/* ---- the sender ---- */

static int lookup(struct check *c, struct line *l)
{
	struct line *call = premise_record(c, l, R_CALL), *file = premise_record(c, l, R_FD_FILE),
		    *send = premise_record(c, l, R_SEND);
	char text[256];
	uint64_t flags, priv;

	if (!call || !file || !send || l->from_count != 3)
		return reject(c, l, "it takes the system call, the file looked up, and the send");
	if (send->cited->call != call->cited->record.raw.file_off || file->cited->call != send->cited->call ||
	    record_tid(record_in(send)) != record_tid(record_in(file)) ||
	    record_in(file)->raw.ts > record_in(send)->raw.ts)
		return reject(c, l, "its events are not of one system call");
	flags = get(file, N_ret) & 3;
	priv = get(file, flags == 0 ? N_priv : flags == 1 ? N_priv1 : N_priv3);
	if ((get(file, N_ret) & ~3ULL) != get(send, N_file) || priv != get(send, N_sock))
		return reject(c, l, "the file looked up is not the socket's");
	snprintf(text, sizeof(text), "fd=%lld file=0x%llx socket=0x%llx sock=0x%llx",
		 (long long)(int32_t)get(call, N_fd), ULL(get(send, N_file)), ULL(get(send, N_sock)),
		 ULL(get(send, N_sk)));
	l->meaning = MEANS_LOOKUP;
	l->claim.send = record_in(send)->raw.file_off;
	return same_text(c, l, text);
}

static int send_rule(struct check *c, struct line *l)
{
	struct line *call = premise_record(c, l, R_CALL), *send = premise_record(c, l, R_SEND),
		    *socket = premise(c, l, MEANS_LOOKUP, 0);
	struct move spans[MOVES_MAX];
	uint64_t off = 0;
	unsigned int n;

	if (!send || (send->cited->call && !call) || l->from_count != 1u + (call != NULL) + (socket != NULL))
		return reject(c, l, "it takes the send, its system call, and the socket");
	if ((call && send->cited->call != record_in(call)->raw.file_off) ||
	    (socket && socket->claim.send != record_in(send)->raw.file_off))
		return reject(c, l, "its premises are of other calls");
	n = record_spans(&c->world, record_in(send), get(send, N_len), spans);
	for (unsigned int i = 0; i < n; off += spans[i].n, i++) {
		struct claim x = {.from = off, .to = off + spans[i].n, .addr = spans[i].from,
				  .since = record_in(send)->raw.ts, .tid = spans[i].from_tid,
				  .send = record_in(send)->raw.file_off, .start = record_in(send)->raw.ts,
				  .total = get(send, N_len), .in = "sender"};
		char text[1024];

		lies_text(&x, "", text, sizeof(text));
		if (!strcmp(text, l->text) || i + 1 == n)
			return conclude_lies(c, l, &x, "");
	}
	return reject(c, l, "the send does not tell its buffer");
}

/* ---- copies ---- */

/* Counts the copy that a record tells of; by: its site. */
static void count_copy(const struct check *c, struct claim *x, const struct record *r, char *by, size_t size)
{
	bool emulates = record_site(&c->world, r, by, size);

	x->copies += !emulates;
	x->emulated += emulates;
}

struct line *copy_in(const struct check *c, const struct line *l)
{
	struct move m[MOVES_MAX];
	struct line *p;

	for (size_t i = 0; (p = premise(c, l, MEANS_FACT, i)); i++)
		if (record_moves(&c->world, record_in(p), m))
			return p;
	return NULL;
}

/* The move that carries all of [addr, addr + n) of that memory, or NULL. */
static const struct move *carries(const struct move *m, unsigned int count, int tid, uint64_t addr, uint64_t n)
{
	for (unsigned int i = 0; i < count; i++)
		if (m[i].from_tid == tid && addr >= m[i].from && addr + n <= m[i].from + m[i].n)
			return &m[i];
	return NULL;
}

static int copy_frame(struct check *c, struct line *l, struct line *frame, struct line *fact)
{
	struct move m[MOVES_MAX];
	unsigned int n = record_moves(&c->world, record_in(fact), m);
	struct claim x = frame->claim;
	char by[320], text[1024];
	uint64_t from, to;

	if (n != 1 || m[0].from_tid || m[0].to_tid)
		return reject(c, l, "a frame is copied within the kernel, in one piece");
	from = x.addr > m[0].from ? x.addr : m[0].from;
	to = x.addr + x.length < m[0].from + m[0].n ? x.addr + x.length : m[0].from + m[0].n;
	if (from >= to || record_in(fact)->raw.ts < x.since)
		return reject(c, l, "the copy reads other memory than the frame's");
	x.addr = m[0].to + (from - m[0].from);
	x.length = to - from;
	x.since = record_in(fact)->raw.ts;
	count_copy(c, &x, record_in(fact), by, sizeof(by));
	frame_text(&x, by, text, sizeof(text));
	l->meaning = MEANS_FRAME;
	l->claim = x;
	return same_text(c, l, text);
}

static int copy(struct check *c, struct line *l)
{
	struct line *lies = premise(c, l, MEANS_LIES, 0), *frame = premise(c, l, MEANS_FRAME, 0),
		    *fact = copy_in(c, l);
	struct move m[MOVES_MAX];
	const struct move *with;
	char by[320];
	struct claim x;

	if (!fact || l->from_count != 2 || (!lies && !frame))
		return reject(c, l, "it takes where the bytes lie and one copy event");
	if (frame)
		return copy_frame(c, l, frame, fact);
	if (part_of(c, l, &lies->claim, &x))
		return -EINVAL;
	with = carries(m, record_moves(&c->world, record_in(fact), m), x.tid, x.addr, x.to - x.from);
	if (!with || record_in(fact)->raw.ts < x.since)
		return reject(c, l, "the event does not copy these bytes");
	/* A program may put other bytes into its buffer between two sends. */
	if (!strcmp(x.in, "sender") && fact->cited->send != x.send)
		return reject(c, l, "the copy is not of that send");
	x.addr = with->to + (x.addr - with->from);
	x.tid = with->to_tid;
	x.since = record_in(fact)->raw.ts;
	count_copy(c, &x, record_in(fact), by, sizeof(by));
	snprintf(x.in, sizeof(x.in), x.tid ? "program" : "memory");
	return conclude_lies(c, l, &x, by);
}

/* ---- hand-offs ---- */

static bool hands_on(enum record_kind k)
{
	return k == R_DEV_QUEUE || k == R_DEV_XMIT || k == R_NETIF_RX || k == R_GRO || k == R_NETIF_RECEIVE ||
	       k == R_SK_QUEUE || k == R_TAP;
}

static struct line *handoff_in(const struct check *c, const struct line *l)
{
	struct line *p;

	for (size_t i = 0; (p = premise(c, l, MEANS_FACT, i)); i++)
		if (hands_on(record_in(p)->format->kind))
			return p;
	return NULL;
}

static bool covers(const struct check *c, const struct line *fact, uint64_t addr, uint64_t n)
{
	uint64_t from, to;

	return record_memory(&c->world, record_in(fact), &from, &to) && addr >= from && addr + n <= to;
}

/* Memory beyond the head is the skb's if it was filled for it, or joined to it. */
static bool is_tied(const struct check *c, const struct line *l, const struct line *to, const struct claim *x)
{
	uint64_t skb = get(to, N_skb);
	struct line *p;

	for (size_t i = 0; (p = premise(c, l, MEANS_FACT, i)); i++) {
		enum record_kind k = record_in(p)->format->kind;

		if (((k == R_FILL && get(p, N_skb) == skb) || (k == R_COALESCE && get(p, N_to) == skb)) &&
		    record_in(p)->raw.ts <= record_in(to)->raw.ts && covers(c, p, x->addr, x->to - x->from))
			return true;
	}
	return false;
}

void device_name(const struct record *r, char *buf, size_t size)
{
	uint32_t len;
	const char *s = field_str(&r->raw, &r->format->fields[N_dev], &len);

	snprintf(buf, size, "%.*s", s ? (int)(len < 15 ? len : 15) : 0, s ? s : "");
}

static int handoff(struct check *c, struct line *l)
{
	struct line *lies = premise(c, l, MEANS_LIES, 0), *fact = handoff_in(c, l);
	struct claim x;
	char dev[32];

	if (!lies || !fact || premises_of(c, l, MEANS_LIES) != 1)
		return reject(c, l, "it takes where the bytes lie and one hand-off event");
	if (part_of(c, l, &lies->claim, &x))
		return -EINVAL;
	if (x.tid || record_in(fact)->raw.ts < x.since ||
	    (!covers(c, fact, x.addr, x.to - x.from) && !is_tied(c, l, fact, &x) && !is_found(c, l, fact, &x)))
		return reject(c, l, "the packet handed on does not hold these bytes");
	x.since = record_in(fact)->raw.ts;
	if (record_in(fact)->format->kind == R_DEV_XMIT)
		x.xmit = record_in(fact)->raw.file_off;
	device_name(record_in(fact), dev, sizeof(dev));
	if (get(fact, N_sk))
		snprintf(x.in, sizeof(x.in), "%s:0x%llx", record_in(fact)->format->name, ULL(get(fact, N_sk)));
	else
		snprintf(x.in, sizeof(x.in), "%s:%s", record_in(fact)->format->name, dev);
	return conclude_lies(c, l, &x, "");
}

/* ---- transforms ---- */

static int transform(struct check *c, struct line *l)
{
	struct line *lies = premise(c, l, MEANS_LIES, 0), *fact = premise_record(c, l, R_ENCRYPT);
	uint64_t from, to;
	struct claim x;

	fact = fact ? fact : premise_record(c, l, R_DECRYPT);
	if (!lies || !fact || l->from_count != 2)
		return reject(c, l, "it takes where the bytes lie and one transforming event");
	if (part_of(c, l, &lies->claim, &x))
		return -EINVAL;
	from = get(fact, N_data);
	to = from + get(fact, N_len) - get(fact, N_dlen);
	if (x.tid || record_in(fact)->raw.ts < x.since || x.addr < from || x.addr + (x.to - x.from) > to)
		return reject(c, l, "the packet transformed does not hold these bytes");
	x.transforms++;
	x.since = record_in(fact)->raw.ts;
	snprintf(x.in, sizeof(x.in), "%s", record_in(fact)->format->name);
	return conclude_lies(c, l, &x, "");
}

/* ---- the receiver ---- */

static int deliver(struct check *c, struct line *l)
{
	struct line *lies = premise(c, l, MEANS_LIES, 0), *call = premise_record(c, l, R_RECEIVE),
		    *fact = copy_in(c, l), *back = premise_record(c, l, R_RETURN);
	struct move m[MOVES_MAX];
	const struct move *with;
	char by[320], text[1024], transforms[40];
	unsigned long long sk;
	struct claim x;

	if (!lies || !call || !fact || !back || l->from_count != 4)
		return reject(c, l, "it takes where the bytes lie, the receive, the copy, and the return");
	if (part_of(c, l, &lies->claim, &x))
		return -EINVAL;
	if ((sscanf(x.in, "sk_queue:0x%llx", &sk) != 1 && sscanf(x.in, "tap_rcv:0x%llx", &sk) != 1) ||
	    sk != get(call, N_sk))
		return reject(c, l, "the bytes were not queued to the socket that receives");
	if (fact->cited->receive != record_in(call)->raw.file_off ||
	    fact->cited->back != record_in(back)->raw.file_off || (int64_t)get(back, N_ret) <= 0)
		return reject(c, l, "the copy is not of that receive call");
	with = carries(m, record_moves(&c->world, record_in(fact), m), 0, x.addr, x.to - x.from);
	if (!with || !with->to_tid || record_in(fact)->raw.ts < x.since)
		return reject(c, l, "the event does not copy these bytes to the receiver");
	count_copy(c, &x, record_in(fact), by, sizeof(by));
	x.addr = with->to + (x.addr - with->from);
	x.tid = with->to_tid;
	x.receive = record_in(call)->raw.file_off;
	x.since = record_in(fact)->raw.ts;
	x.length = (int64_t)get(back, N_ret) >= (int64_t)get(call, N_icnt); /* the buffer was filled */
	snprintf(text, sizeof(text), "delivered bytes=%llu..%llu to=user:%d:0x%llx copies=%llu emulated=%llu "
		 "dma=%llu wire=%llu%s by=%s", ULL(x.from), ULL(x.to), x.tid, ULL(x.addr), ULL(x.copies),
		 ULL(x.emulated), ULL(x.dma), ULL(x.wire), transforms_text(&x, transforms), by);
	l->meaning = MEANS_DELIVERED;
	l->claim = x;
	return same_text(c, l, text);
}

int rule_apply(struct check *c, struct line *l)
{
	static const struct {
		const char *name;
		int (*apply)(struct check *c, struct line *l);
	} rules[] = {
		{"lookup", lookup},	{"send", send_rule},	{"copy", copy},
		{"transform", transform},
		{"handoff", handoff},	{"device-reads", device_reads}, {"device-wrote", device_wrote},
		{"device-owns", device_owns}, {"wire", wire},	{"deliver", deliver},
		{"completeness", rule_complete}, {"count", rule_count},
	};

	for (size_t i = 0; i < l->from_count; i++) {
		if (l->from[i] >= l->number)
			return reject(c, l, "it leans on line %u, which is not before it", l->from[i]);
		/* Completeness speaks of every place; from each something else must follow too. */
		c->lines.items[l->from[i] - 1].used |= strcmp(l->rule, "completeness") != 0 ||
						       c->lines.items[l->from[i] - 1].fact;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!strcmp(rules[i].name, l->rule))
			return rules[i].apply(c, l);
	return reject(c, l, "there is no rule '%s'", l->rule);
}
