// SPDX-License-Identifier: GPL-2.0-only
#include "analyze/hop.h"

#include <stdlib.h>

#include "analyze/message.h"

struct hop *hop_new(enum hop_kind kind, enum holder holder, struct hop *prev, struct message *msg,
		    const struct event *ev)
{
	struct hop *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->refs = 1;
	h->kind = kind;
	h->holder = holder;
	if (prev) {
		h->copies = prev->copies;
		h->unknown = prev->unknown;
		h->emulated = prev->emulated;
		h->dmas = prev->dmas;
		h->wires = prev->wires;
		h->gaps = prev->gaps;
		h->user_gaps = prev->user_gaps;
		h->depth = prev->depth + 1;
		h->skb = prev->skb;
		h->off = prev->off;
		h->src_len = prev->src_len;
		h->prev = hop_get(prev);
	}
	h->copies = h->copies + (kind == HOP_COPY || kind == HOP_COPY_UNKNOWN);
	h->unknown = h->unknown + (kind == HOP_COPY_UNKNOWN);
	h->emulated = h->emulated + (kind == HOP_EMULATED_DMA);
	h->dmas = h->dmas + (kind == HOP_DMA);
	h->wires = h->wires + (kind == HOP_WIRE);
	h->gaps = h->gaps + (kind == HOP_GAP);
	h->user_gaps = h->user_gaps + (kind == HOP_GAP_USER);
	h->msg = message_get(msg);
	if (ev) {
		h->event = ev->kind;
		h->ts = ev->ts;
		h->file_off = ev->file_off;
		h->cpu = ev->cpu;
		h->tid = ev->tid;
		h->ip = ev->ip;
	}
	return h;
}

struct hop *hop_adopt(struct hop *prev, const struct hop *own, struct message *msg,
		      uint64_t shift, uint64_t len, uint64_t off)
{
	struct hop *h = hop_new(own->kind, own->holder, prev, msg, NULL);

	if (!h)
		return NULL;
	h->event = own->event;
	h->ts = own->ts;
	h->file_off = own->file_off;
	h->cpu = own->cpu;
	h->tid = own->tid;
	h->ip = own->ip;
	h->site = own->site;
	h->src = own->src ? own->src + shift : 0;
	h->dst = own->dst ? own->dst + shift : 0;
	h->via = own->via ? own->via + shift : 0;
	h->src_user = own->src_user;
	h->dst_user = own->dst_user;
	h->src_len = len;
	h->off = off;
	h->sample = own->sample;
	h->sampled = own->sampled && !shift;
	if (msg && (h->kind == HOP_COPY || h->kind == HOP_COPY_UNKNOWN))
		msg->copied_bytes += len;
	return h;
}

struct hop *hop_get(struct hop *h)
{
	if (h)
		h->refs++;
	return h;
}

/* A chain is dropped from its end on, without recursion: it may be long. */
void hop_put(struct hop *h)
{
	while (h && !--h->refs) {
		struct hop *prev = h->prev;

		message_put(h->msg);
		free(h);
		h = prev;
	}
}

const char *hop_kind_name(enum hop_kind kind)
{
	static const char *const names[HOP_KINDS] = {
		"start", "copy", "copy, site unknown", "handoff", "dma", "emulated-dma", "wire",
		"drop",	 "gap",  "gap (user space)",
	};

	return names[kind];
}

const char *holder_name(enum holder holder)
{
	static const char *const names[HOLDERS] = {
		"sender's buffer", "kernel buffer", "skb",     "device queue",	"driver",
		"device",	   "frame buffer",  "driver receive", "backlog", "protocol stack",
		"receive queue",   "packet socket", "work queue ring", "RDMA device, out",
		"RDMA device, in", "receiver's buffer",
	};

	return names[holder];
}
