// SPDX-License-Identifier: GPL-2.0-only
/* What earlier work said of sending, and what the events of this run say of that. */
#include <string.h>

#include "common/text.h"
#include "common/vec.h"
#include "report/worksheet_parts.h"

enum { ETH = 14, TCP = 6, UDP = 17 };

const struct flow *emulated_flow(const struct analysis *r)
{
	for (const struct flow *f = r->engine.flows; f; f = f->next)
		if (f->figures[FIGURE_EMULATED].max)
			return f;
	return NULL;
}

/* The protocol number and what its header takes; 0: cannot be told from what was recorded. */
static int transport(const struct event *ev, unsigned int *header, unsigned int *total)
{
	const unsigned char *p = ev->array[A_hdr];
	unsigned int ip;

	if (!p || ev->array_len[A_hdr] < 64 || p[ETH] >> 4 != 4)
		return 0;
	ip = (p[ETH] & 15u) * 4;
	*total = (unsigned int)p[ETH + 2] << 8 | p[ETH + 3];
	if (ETH + ip + 13 > ev->array_len[A_hdr])
		return 0;
	*header = ip + (p[ETH + 9] == TCP ? (p[ETH + ip + 12] >> 4) * 4u : 8u);
	return p[ETH + 9];
}

int packet_payload(const struct event *ev)
{
	unsigned int header, total;
	int proto = transport(ev, &header, &total);

	return (proto == TCP || proto == UDP) && total >= header ? (int)(total - header) : -1;
}

static const struct flow *next_shown(const struct sheet_of_study *w, const struct flow *f)
{
	f = f ? f->next : w->r->engine.flows;
	while (f && (!f->view_count || f->index > FLOWS_SEEN))
		f = f->next;
	return f;
}

static bool on_wire(const struct flow *f)
{
	return f->figures[FIGURE_WIRES].max > 0;
}

/* ---- terminal writes ---- */

static bool same_process(const struct sheet_of_study *w, const struct flow *f, int tid)
{
	const struct thread *t = thread_find(&w->r->engine, tid);

	return t && t->tgid == f->tgid;
}

static enum judgement terminal_is_payload(const struct sheet_of_study *w, FILE *out)
{
	const struct flow *by = NULL;
	const struct step *copy = NULL;
	size_t n = 0;

	for (size_t i = 0; i < w->evidence.count; i++) {
		const struct fact *e = w->evidence.facts[i];
		const struct flow *f = NULL;

		if (!is_terminal_copy(w->r, &e->ev))
			continue;
		while ((f = next_shown(w, f)) && !same_process(w, f, e->ev.tid))
			;
		if (!f)
			continue;
		by = f;
		copy = first_step(&f->views[0], HOP_COPY);
		fputs(n++ ? "\n- " : "the program that sends also writes to a terminal, and these small copies are that:\n\n- ",
		      out);
		fact_brief(&w->r->run, e, out);
	}
	if (!by || !copy)
		return NOT_EXAMINED;
	fprintf(out, "\n\nThey lie on no chain. The payload has a copy of its own, of %llu bytes, to another address: ",
		(unsigned long long)copy->len);
	cite(w, copy->file_off, out);
	return REFUTED;
}

static enum judgement headers_in_copy(const struct sheet_of_study *w, FILE *out)
{
	const struct flow *f = NULL;

	while ((f = next_shown(w, f))) {
		const struct step *s = first_step(&f->views[0], HOP_COPY);
		const struct fact *e = s ? evidence_at(&w->evidence, s->file_off) : NULL;

		if (!e || f->min_size != f->max_size || f->views[0].bytes != f->max_size || f->views[0].pieces > 1)
			continue;
		fprintf(out, "the first copy is of %llu bytes, and the message has %llu: ",
			(unsigned long long)e->ev.v[F_len], (unsigned long long)f->max_size);
		cite(w, s->file_off, out);
		return e->ev.v[F_len] == f->max_size ? REFUTED : CONFIRMED;
	}
	return NOT_EXAMINED;
}

/* ---- the packet of 66 bytes ---- */

static const struct step *small_packet(const struct sheet_of_study *w, const struct fact **e)
{
	const struct flow *f = NULL;
	const struct step *found = NULL;

	while ((f = next_shown(w, f))) {
		const struct step *s = on_wire(f) ? NULL : packet_step(&f->views[0]);
		const struct fact *x = s ? evidence_at(&w->evidence, s->file_off) : NULL;

		if (x && (!found || x->ev.v[F_len] < (*e)->ev.v[F_len])) {
			found = s;
			*e = x;
		}
	}
	return found;
}

static enum judgement packet_is_padded(const struct sheet_of_study *w, FILE *out)
{
	const struct fact *e = NULL, *own = NULL;
	const struct step *s = small_packet(w, &own);
	unsigned int header, total;

	for (size_t i = 0; i < w->evidence.count && !e; i++)
		if (is_66_packet(&w->evidence.facts[i]->ev) && packet_payload(&w->evidence.facts[i]->ev) == 0)
			e = w->evidence.facts[i];
	if (!e || !s || w->with_payload || transport(&e->ev, &header, &total) != TCP)
		return NOT_EXAMINED;
	fprintf(out, "each of the %llu packets of 66 bytes that are of no message is a TCP segment without payload, "
		"%d + %u bytes of headers, of another connection:\n\n- ", (unsigned long long)w->packets, ETH, header);
	fact_brief(&w->r->run, e, out);
	fprintf(out, "\n\nThe smallest datagram of the run was handed on as %llu bytes, headers and payload and nothing else: ",
		(unsigned long long)own->ev.v[F_len]);
	cite(w, s->file_off, out);
	return REFUTED;
}

static enum judgement minimum_applies(const struct sheet_of_study *w, FILE *out)
{
	const struct fact *own = NULL;
	const struct step *s = small_packet(w, &own);

	if (!s || own->ev.v[F_len] >= 60)
		return NOT_EXAMINED;
	fprintf(out, "a packet of %llu bytes was handed to the device %s: ", (unsigned long long)own->ev.v[F_len], s->dev);
	cite(w, s->file_off, out);
	return REFUTED;
}

/* ---- addresses ---- */

static enum judgement new_buffer_at_device(const struct sheet_of_study *w, FILE *out)
{
	const struct flow *f = NULL;

	while ((f = next_shown(w, f))) {
		const struct step *copy = first_step(&f->views[0], HOP_COPY), *packet = packet_step(&f->views[0]);

		if (!copy || !packet)
			continue;
		fprintf(out, "copy 1 writes to 0x%llx, and the device is handed the payload at 0x%llx:\n\n- ",
			(unsigned long long)copy->dst, (unsigned long long)packet->src);
		cite(w, copy->file_off, out);
		fputs("\n- ", out);
		cite(w, packet->file_off, out);
		return copy->dst == packet->src ? REFUTED : CONFIRMED;
	}
	return NOT_EXAMINED;
}

static enum judgement two_copies_without_wire(const struct sheet_of_study *w, FILE *out)
{
	const struct flow *f = NULL;
	bool seen = false;

	while ((f = next_shown(w, f))) {
		const struct step *a = first_step(&f->views[0], HOP_COPY), *b = last_step(&f->views[0], HOP_COPY);

		if (on_wire(f) || !a || a == b || f->receiver.fam == 17)
			continue;
		if (!seen || f->figures[FIGURE_COPIES].max != 2 || a->dst != b->src) {
			fprintf(out, "%s", seen ? "\n\n" : "");
			text_markdown(out, f->name);
			fprintf(out, ": %.3f copies per byte; the first writes to 0x%llx, the last reads from 0x%llx:\n\n- ",
				range_mean(&f->figures[FIGURE_COPIES]), (unsigned long long)a->dst, (unsigned long long)b->src);
			cite(w, a->file_off, out);
			fputs("\n- ", out);
			cite(w, b->file_off, out);
		}
		if (f->figures[FIGURE_COPIES].max != 2 || f->figures[FIGURE_COPIES].min != 2 || a->dst != b->src)
			return REFUTED;
		seen = true;
	}
	return seen ? CONFIRMED : NOT_EXAMINED;
}

static enum judgement three_places(const struct sheet_of_study *w, FILE *out)
{
	const struct flow *f = NULL;

	while ((f = next_shown(w, f))) {
		const struct chain_view *v = &f->views[0];
		const struct step *a = first_step(v, HOP_COPY), *b = last_step(v, HOP_COPY);
		uint64_t x = step_phys(w->r, f, &v->steps[0], false), y, z;

		if (on_wire(f) || !a || !b)
			continue;
		y = step_phys(w->r, f, a, true);
		z = step_phys(w->r, f, b, true);
		if (!x || !y || !z)
			continue;
		fprintf(out, "physical 0x%llx, 0x%llx and 0x%llx:\n\n- ", (unsigned long long)x,
			(unsigned long long)y, (unsigned long long)z);
		cite(w, a->file_off, out);
		fputs("\n- ", out);
		cite(w, b->file_off, out);
		return x != y && y != z && x != z ? CONFIRMED : REFUTED;
	}
	return NOT_EXAMINED;
}

/* ---- network cards ---- */

static void cite_copies(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	const struct chain_view *v = &f->views[0];

	for (size_t i = 0; i < v->count; i++)
		if (v->steps[i].kind == HOP_COPY) {
			fputs("\n- ", out);
			cite(w, v->steps[i].file_off, out);
		}
}

static enum judgement card_is_two_copies(const struct sheet_of_study *w, FILE *out)
{
	const struct flow *f = NULL, *third = NULL, *any = NULL;

	while ((f = next_shown(w, f))) {
		any = on_wire(f) ? f : any;
		third = on_wire(f) && f->figures[FIGURE_COPIES].max > 2 ? f : third;
	}
	f = third ? third : any;
	if (!f)
		return NOT_EXAMINED;
	text_markdown(out, f->name);
	fprintf(out, " crossed a wire between two devices, with %.3f copies by the CPU and %.3f DMA per byte:\n",
		range_mean(&f->figures[FIGURE_COPIES]), range_mean(&f->figures[FIGURE_DMAS]));
	cite_copies(w, f, out);
	return third ? REFUTED : CONFIRMED;
}

static enum judgement other_buffer_at_receiver(const struct sheet_of_study *w, FILE *out)
{
	const struct flow *f = NULL;

	while ((f = next_shown(w, f))) {
		const struct chain_view *v = &f->views[0];
		const struct step *a = first_step(v, HOP_DMA), *b = last_step(v, HOP_DMA);

		if (!on_wire(f) || !a || !b || a == b)
			continue;
		fprintf(out, "a device reads from 0x%llx, and the other writes to 0x%llx:\n\n- ",
			(unsigned long long)a->src, (unsigned long long)b->dst);
		cite(w, a->file_off, out);
		fputs("\n- ", out);
		cite(w, b->file_off, out);
		return a->src != b->dst ? CONFIRMED : REFUTED;
	}
	return NOT_EXAMINED;
}

static enum judgement rdma_is_no_copy(const struct sheet_of_study *w, FILE *out)
{
	const struct flow *f = emulated_flow(w->r);

	if (!f)
		return NOT_EXAMINED;
	text_markdown(out, f->name);
	fprintf(out, ": the device was software, and the CPU made %.3f copies per byte in the place of its DMA; "
		"of a device in hardware this run says nothing", range_mean(&f->figures[FIGURE_EMULATED]));
	return REFUTED;
}

/* ---- method ---- */

static enum judgement names_are_enough(const struct sheet_of_study *w, FILE *out)
{
	const struct flow *f = NULL;

	while ((f = next_shown(w, f))) {
		const struct chain_view *v = &f->views[0];
		const struct step *last = &v->steps[v->count - 1];

		for (size_t i = 0; i < v->count; i++) {
			const struct step *s = &v->steps[i];

			if (s->tid == v->steps[0].tid || s->tid == last->tid || !s->event)
				continue;
			fputs("this hop of a message ran in a thread of neither program: ", out);
			cite(w, s->file_off, out);
			return REFUTED;
		}
	}
	return NOT_EXAMINED;
}

const struct claim_of_study claims[] = {
	{"The small copies seen while the program sent were pieces of the payload", terminal_is_payload},
	{"The first copy carries headers besides the payload", headers_in_copy},
	{"The packet of 66 bytes was the datagram with padding", packet_is_padded},
	{"Ethernet's minimum size fills up small packets on every device", minimum_applies},
	{"The device is handed another kernel buffer than copy 1 wrote to", new_buffer_at_device},
	{"Within one machine the payload is copied twice, and its kernel buffer passed on as it is", two_copies_without_wire},
	{"The payload then lies at three physical addresses", three_places},
	{"With a real network card it is always two copies and two DMA, never a third copy", card_is_two_copies},
	{"The receiver's kernel buffer is another than the sender's when there is a wire between", other_buffer_at_receiver},
	{"RDMA needs no copy by the CPU", rdma_is_no_copy},
	{"Watching the two programs by name shows all that happens to a message", names_are_enough},
};

const size_t claim_count = ARRAY_SIZE(claims);
