// SPDX-License-Identifier: GPL-2.0-only
/* worksheet.md: the questions and claims of a well-known study of sending, put to this run. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/vec.h"
#include "report/worksheet_parts.h"

/* ---- picking the events ---- */

static bool sends(const struct analysis *r, int tid)
{
	const struct thread *t = thread_find(&r->engine, tid);

	for (const struct flow *f = r->engine.flows; f && t; f = f->next)
		if (f->tgid == t->tgid)
			return true;
	return false;
}

static bool writes_to_terminal(const char *function)
{
	static const char *const patterns[] = {
#define TERMINAL(pattern) pattern,
#include "report/terminal.def"
#undef TERMINAL
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (!fnmatch(patterns[i], function, 0))
			return true;
	return false;
}

bool is_terminal_copy(const struct analysis *r, const struct event *ev)
{
	const struct site *s = ev->kind == EV_FROM_ITER ? rundir_site(&r->run, ev->ip) : NULL;

	return s && writes_to_terminal(s->function) && sends(r, ev->tid);
}

bool is_66_packet(const struct event *ev)
{
	return ev->kind == EV_DEV_QUEUE && ev->v[F_len] == 66;
}

static bool is_shown(const struct sheet_of_study *w, const struct event *ev)
{
	return hashmap_find(&w->shown, ev->file_off) != NULL;
}

static bool want(void *ctx, const struct event *ev)
{
	struct sheet_of_study *w = ctx;

	if (is_terminal_copy(w->r, ev))
		return w->terminal++ < SAMPLES;
	if (is_66_packet(ev) && !is_shown(w, ev)) {
		w->packets++;
		w->with_payload += packet_payload(ev) != 0;
		return w->packets <= SAMPLES;
	}
	return is_shown(w, ev);
}

static int want_steps(struct sheet_of_study *w)
{
	for (const struct flow *f = w->r->engine.flows; f; f = f->next)
		for (size_t i = 0; i < f->view_count && f->index <= FLOWS_SEEN; i++)
			for (size_t k = 0; k < f->views[i].count; k++)
				if (hashmap_set(&w->shown, f->views[i].steps[k].file_off, w))
					return -ENOMEM;
	return 0;
}

/* The flow most like the study's: within one machine, and small. */
static const struct flow *likest(const struct report *rep)
{
	const struct flow *best = NULL;

	for (const struct flow *f = rep->r->engine.flows; f; f = f->next) {
		if (!f->view_count || !flow_selected(f, rep->flow) || f->index > FLOWS_SEEN)
			continue;
		if (!best || (!f->figures[FIGURE_WIRES].max && best->figures[FIGURE_WIRES].max) ||
		    (!f->figures[FIGURE_WIRES].max == !best->figures[FIGURE_WIRES].max && f->max_size < best->max_size))
			best = f;
	}
	return best;
}

/* ---- citing ---- */

void cite(const struct sheet_of_study *w, uint64_t at, FILE *out)
{
	const struct fact *f = evidence_at(&w->evidence, at);

	if (!f) {
		fputs("(no event)", out);
		return;
	}
	fact_brief(&w->r->run, f, out);
}

const struct step *first_step(const struct chain_view *v, int kind)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->steps[i].kind == kind)
			return &v->steps[i];
	return NULL;
}

const struct step *last_step(const struct chain_view *v, int kind)
{
	for (size_t i = v->count; i-- > 0;)
		if (v->steps[i].kind == kind)
			return &v->steps[i];
	return NULL;
}

/* The packet as it is handed to a device. */
const struct step *packet_step(const struct chain_view *v)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->steps[i].event == EV_DEV_QUEUE || v->steps[i].event == EV_DEV_XMIT)
			return &v->steps[i];
	return NULL;
}

/* ---- the questions ---- */

static void answer_fd(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	if (f->sender.fd < 0) {
		fputs("Not recorded in this run.\n", out);
		return;
	}
	fprintf(out, "%lld, which leads to file 0x%llx, socket 0x%llx and sock 0x%llx: ", (long long)f->sender.fd,
		(unsigned long long)f->sender.file, (unsigned long long)f->sender.socket,
		(unsigned long long)f->sender.sk);
	cite(w, f->views[0].steps[0].file_off, out);
	fputs(".\n", out);
}

static void answer_buffer(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	fprintf(out, "0x%llx: ", (unsigned long long)f->views[0].steps[0].src);
	cite(w, f->views[0].steps[0].file_off, out);
	fputs(".\n", out);
}

static void answer_first_copy(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	const struct step *s = first_step(&f->views[0], HOP_COPY);

	if (!s) {
		fputs("No copy was recorded on this chain.\n", out);
		return;
	}
	fprintf(out, "0x%llx: ", (unsigned long long)s->dst);
	cite(w, s->file_off, out);
	fputs(".\n", out);
}

static void answer_packet(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	const struct step *s = packet_step(&f->views[0]);
	const struct fact *e = s ? evidence_at(&w->evidence, s->file_off) : NULL;

	if (!e) {
		fputs("No packet of this flow passed a network device.\n", out);
		return;
	}
	fprintf(out, "Packet 0x%llx with its data at 0x%llx; the payload lies in it at 0x%llx: ",
		(unsigned long long)e->ev.v[F_skb], (unsigned long long)e->ev.v[F_data],
		(unsigned long long)s->src);
	cite(w, s->file_off, out);
	fputs(".\n", out);
}

static void answer_size(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	const struct step *s = packet_step(&f->views[0]);
	const struct fact *e = s ? evidence_at(&w->evidence, s->file_off) : NULL;
	uint64_t link, headers;

	if (!e) {
		fputs("No packet of this flow passed a network device.\n", out);
		return;
	}
	link = e->ev.v[F_head] + e->ev.v[F_net] - e->ev.v[F_data];
	headers = s->src - e->ev.v[F_head] - e->ev.v[F_net];
	fprintf(out, "%llu bytes: %llu of link header, %llu of network and transport headers, %llu of payload",
		(unsigned long long)e->ev.v[F_len], (unsigned long long)link, (unsigned long long)headers,
		(unsigned long long)(e->ev.v[F_len] - link - headers));
	fputs(": where each begins is in ", out);
	cite(w, s->file_off, out);
	fputs(".\n", out);
}

static void answer_register(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	const struct step *s = first_step(&f->views[0], HOP_COPY);

	fputs("`%rdi`, on x86-64.", out);
	if (s && !s->dst_user) {
		fputs(" The destination that the probe read from it is where the payload was found afterwards: ", out);
		cite(w, s->file_off, out);
		fputs(".", out);
	}
	fputs("\n", out);
}

static void answer_copies(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	const struct chain_view *v = &f->views[0];

	fprintf(out, "%.3f per delivered byte of this flow. Those of message %llu:\n", range_mean(&f->figures[FIGURE_COPIES]),
		(unsigned long long)f->shown_seq);
	for (size_t i = 0; i < v->count; i++) {
		if (v->steps[i].kind != HOP_COPY)
			continue;
		fputs("   - ", out);
		cite(w, v->steps[i].file_off, out);
		fputs("\n", out);
	}
}

static void answer_physical(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	const struct chain_view *v = &f->views[0];
	uint64_t last = 0;

	fputs("At these:\n", out);
	for (size_t i = 0; i < v->count; i++) {
		const struct step *s = &v->steps[i];
		uint64_t pa = step_phys(w->r, f, s, true);

		if (!s->dst || s->dst == last)
			continue;
		last = s->dst;
		fprintf(out, "\n   - virtual 0x%llx is ", (unsigned long long)s->dst);
		if (pa)
			fprintf(out, "physical 0x%llx", (unsigned long long)pa);
		else
			fputs("physically unknown", out);
	}
	fputs("\n", out);
}

static void answer_rdma(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	const struct flow *soft = emulated_flow(w->r);

	(void)f;
	fputs("A device that reads and writes the programs' own buffers leaves the CPU no copy to make. ", out);
	if (!soft) {
		fputs("*Not examined in this run*: no RDMA flow was followed.\n", out);
		return;
	}
	fputs("In this run the device was software, which makes the copies in its place: flow ", out);
	text_markdown(out, soft->name);
	fprintf(out, ", %.3f emulated DMA and %.3f other copies per byte.\n", range_mean(&soft->figures[FIGURE_EMULATED]),
		range_mean(&soft->figures[FIGURE_COPIES]));
}

static const struct {
	const char *text;
	void (*answer)(const struct sheet_of_study *w, const struct flow *f, FILE *out);
} questions[] = {
	{"Which file descriptor is the socket?", answer_fd},
	{"At which address does the sender's buffer lie?", answer_buffer},
	{"Where does copy 1 write to?", answer_first_copy},
	{"Which packet does the network device get?", answer_packet},
	{"How large is that packet, and why?", answer_size},
	{"Which register holds the first argument of a function?", answer_register},
	{"How often is the payload copied?", answer_copies},
	{"At which physical addresses does the payload lie, one after the other?", answer_physical},
	{"Why is RDMA faster than sending?", answer_rdma},
};

static void print_questions(const struct sheet_of_study *w, const struct flow *f, FILE *out)
{
	if (!f) {
		fputs("No message of this run arrived: no question can be answered from it.\n", out);
		return;
	}
	fputs("Answered for flow ", out);
	text_markdown(out, f->name);
	fprintf(out, ", message %llu. Each event is named by its CPU, its time and its place in trace.dat.\n\n",
		(unsigned long long)f->shown_seq);
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		fprintf(out, "%zu. %s\n\n   ", i + 1, questions[i].text);
		questions[i].answer(w, f, out);
		fputs("\n", out);
	}
}

/* ---- the claims ---- */

static void print_claim(const struct sheet_of_study *w, const struct claim_of_study *c, FILE *out)
{
	static const char *const words[] = {"not examined in this run", "confirmed", "refuted"};
	char *text = NULL;
	size_t size = 0;
	FILE *mem = open_memstream(&text, &size);
	enum judgement j = mem ? c->judge(w, mem) : NOT_EXAMINED;

	if (mem && fclose(mem))
		j = NOT_EXAMINED;
	fprintf(out, "### %s\n\n*%s*%s%s\n\n", c->text, words[j], size ? ": " : "", size ? text : "");
	free(text);
}

int worksheet_write(struct report *rep)
{
	struct sheet_of_study w = {.r = rep->r};
	FILE *out = NULL;
	int err = evidence_open(&w.evidence, rep->r);

	if (!err)
		err = want_steps(&w);
	if (!err)
		err = evidence_pass(&w.evidence, 0, UINT64_MAX, want, &w);
	if (err)
		goto out;
	out = report_open(rep, "worksheet.md");
	if (out) {
		fputs("# Worksheet\n\nRun ", out);
		text_markdown(out, run_name(rep->r));
		fputs(".\n\n## Questions\n\n", out);
		print_questions(&w, likest(rep), out);
		fputs("## Claims\n\nEach was made of one run of one machine. Here is what this run says of it.\n\n", out);
		for (size_t i = 0; i < claim_count; i++)
			print_claim(&w, &claims[i], out);
	}
	err = report_close(out);
out:
	evidence_close(&w.evidence);
	hashmap_free(&w.shown);
	return err;
}
