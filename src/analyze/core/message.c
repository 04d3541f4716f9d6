// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/core/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/cost.h"
#include "analyze/core/ledger.h"

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
	ledger_close_later(msg->ledger, msg);
}

void message_caveat(struct message *msg, enum caveat d)
{
	if (msg)
		msg->caveat[d] = true;
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

int flow_add_site(struct flow *f, const struct site_stat *like, bool first)
{
	struct site_stat *more;

	for (size_t i = 0; i < f->site_count; i++) {
		struct site_stat *s = &f->sites[i];

		if (s->kind == like->kind && s->site == like->site && (s->site || s->ip == like->ip)) {
			s->bytes += like->bytes;
			s->hits += first && s->last != like->last;
			s->last = like->last;
			return 0;
		}
	}
	more = realloc(f->sites, (f->site_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->sites = more;
	/* Chains are counted from their end: what comes later is further to the front. */
	memmove(more + 1, more, f->site_count * sizeof(*more));
	f->site_count++;
	more[0] = *like;
	more[0].hits = 1;
	return 0;
}

int flow_add_stored(struct flow *f, const struct site *site, uint64_t bytes)
{
	struct site_stat *more;

	for (size_t i = 0; i < f->stored_count; i++) {
		if (f->stored[i].site != site)
			continue;
		f->stored[i].bytes += bytes;
		return 0;
	}
	more = realloc(f->stored, (f->stored_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->stored = more;
	f->stored[f->stored_count++] = (struct site_stat){.site = site, .bytes = bytes};
	return 0;
}

void flow_free(struct flow *f)
{
	for (size_t i = 0; f && i < f->view_count; i++)
		free(f->views[i].steps);
	if (f) {
		free(f->views);
		free(f->sites);
		free(f->stored);
		cost_free(f->cost);
	}
	free(f);
}
