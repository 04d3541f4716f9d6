// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/cost.h"
#include "analyze/hop.h"

const char *caveat_text(enum caveat d)
{
	static const char *const texts[CAVEATS] = {
#define CAVEAT(id, text) [CAVEAT_##id] = text,
#include "analyze/caveats.def"
#undef CAVEAT
	};

	return texts[d];
}

void range_add(struct range_stat *r, uint64_t value, uint64_t bytes)
{
	if (!bytes)
		return;
	if (!r->bytes || value < r->min)
		r->min = value;
	if (!r->bytes || value > r->max)
		r->max = value;
	r->sum += value * bytes;
	r->bytes += bytes;
}

double range_mean(const struct range_stat *r)
{
	return r->bytes ? (double)r->sum / (double)r->bytes : 0;
}

struct message *message_get(struct message *msg)
{
	if (msg)
		msg->refs++;
	return msg;
}

void message_put(struct message *msg)
{
	if (!msg || --msg->refs)
		return;
	if (msg->on_last)
		msg->on_last(msg, msg->ctx);
	free(msg);
}

void socket_text(const struct socket_view *s, bool remote, char *buf, size_t size)
{
	uint32_t v4 = htonl(remote ? s->raddr : s->laddr);
	char addr[INET6_ADDRSTRLEN] = "";

	if (s->fam == AF_INET6)
		inet_ntop(AF_INET6, remote ? s->raddr6 : s->laddr6, addr, sizeof(addr));
	else if (s->fam == AF_INET)
		inet_ntop(AF_INET, &v4, addr, sizeof(addr));
	snprintf(buf, size, s->fam == AF_INET6 ? "[%s]:%u" : "%s:%u", addr,
		 remote ? s->rport : s->lport);
}

int flow_add_site(struct flow *f, const struct hop *h, uint64_t bytes, bool first)
{
	struct site_stat *more;

	for (size_t i = 0; i < f->site_count; i++) {
		struct site_stat *s = &f->sites[i];

		if (s->kind == (int)h->kind && s->site == h->site && (s->site || s->ip == h->ip)) {
			s->bytes += bytes;
			s->hits += first && s->last != h->file_off;
			s->last = h->file_off;
			return 0;
		}
	}
	more = realloc(f->sites, (f->site_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->sites = more;
	/* Ways are counted from their end: what comes later stands further to the front. */
	memmove(more + 1, more, f->site_count * sizeof(*more));
	f->site_count++;
	more[0] = (struct site_stat){h->site, h->site ? 0 : h->ip, (int)h->kind, bytes, 1,
				   h->file_off};
	return 0;
}

void flow_free(struct flow *f)
{
	for (size_t i = 0; f && i < f->view_count; i++)
		free(f->views[i].steps);
	if (f) {
		free(f->views);
		free(f->sites);
		cost_free(f->cost);
	}
	free(f);
}

static void fill_step(struct step *s, const struct hop *h)
{
	*s = (struct step){.kind = (int)h->kind, .holder = (int)h->holder, .event = (int)h->event,
			   .ts = h->ts, .file_off = h->file_off, .src = h->src, .dst = h->dst, .via = h->via,
			   .len = h->src_len, .off = h->off, .ip = h->ip, .skb = h->skb,
			   .sk = h->sk, .src_user = h->src_user, .dst_user = h->dst_user,
			   .sampled = h->sampled, .checked = h->checked, .cpu = h->cpu,
			   .tid = h->tid, .site = h->site, .why = h->why};
	memcpy(s->dev, h->dev, sizeof(s->dev));
}

int chain_view_take(struct chain_view *v, const struct hop *h)
{
	size_t n = (size_t)h->depth + 1;

	memset(v, 0, sizeof(*v));
	v->steps = calloc(n, sizeof(*v->steps));
	if (!v->steps)
		return -ENOMEM;
	v->count = n;
	for (; h && n; h = h->prev)
		fill_step(&v->steps[--n], h);
	v->bytes = v->steps[v->count - 1].len;
	v->pieces = 1;
	return 0;
}
