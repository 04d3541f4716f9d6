// SPDX-License-Identifier: GPL-2.0-only
/*
 * proof.md: from recorded events, by named rules, to the number of copies. docs/proof.md tells the
 * form and the rules; src/proofcheck checks it and shares nothing with this but the trace reader.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "common/text.h"
#include "common/vec.h"
#include "proofcheck/proofcheck.h"
#include "report/proof_parts.h"

#define FLOWS_MAX 64 /* that are proven, where none is chosen */

static void print_intro(const struct report *rep, FILE *out)
{
	for (size_t i = 0; proof_intro[i]; i++)
		fprintf(out, "%s\n%s", proof_intro[i], i ? "" : "\n");
	if (rep->hide)
		fputs("\nRedacted: the addresses are aliases, which no recording can be held against.\n", out);
}

/* The derivation for what one receive call brought. */
struct section {
	unsigned int first; /* line */
	char refused[256];  /* why the checker does not follow it; "" where it does */
	bool told;
};

struct document {
	struct proof p;
	const struct report *rep;
	struct section *sections;
	size_t count, cap;
	size_t at; /* the next section that is written */
};

/* The pieces that one receive call brought. */
static size_t pieces_of_call(const struct flow *f, size_t first)
{
	size_t i = first;

	while (i < f->view_count && f->views[i].call == f->views[first].call)
		i++;
	return i;
}

static int write_section(struct document *d, const struct flow *f, size_t from, size_t to)
{
	struct section *s;
	int err;

	if (d->at == d->count) {
		if (vec_reserve(&d->sections, &d->cap, d->count + 1))
			return -ENOMEM;
		d->sections[d->count++] = (struct section){0};
	}
	s = &d->sections[d->at++];
	s->first = d->p.line + 1;
	if (*s->refused)
		fprintf(d->p.out, "\n%s\n", proof_remarks[PROOF_REFUSED]);
	*d->p.stuck = '\0';
	err = *s->refused ? 0 : prove_pieces(&d->p, f, from, to);
	/* The file has no words that nobody checks: why is said to whoever asked for this flow. */
	if (d->rep->flow && !s->told && (*s->refused || *d->p.stuck))
		msg_note("proof.md: %s, message %llu: %s", f->name, (unsigned long long)f->shown_seq,
			 *s->refused ? s->refused : d->p.stuck);
	s->told |= *s->refused || *d->p.stuck;
	return err;
}

static bool is_plain(const char *name)
{
	return !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.:")];
}

/* As the checker can tell it: what programs are called is not in the events. */
static void print_heading(struct document *d, const struct flow *f)
{
	fputs("\n## ", d->p.out);
	if (f->log && is_plain(f->name))
		fputs(f->name, d->p.out);
	else if (f->op)
		fprintf(d->p.out, "rdma-%s", f->op);
	else
		fprintf(d->p.out, "%s:%u", f->proto, f->dport);
	fprintf(d->p.out, ", message %llu\n", (unsigned long long)f->shown_seq);
}

static int write_flow(struct document *d, const struct flow *f)
{
	print_heading(d, f);
	for (size_t i = 0; i < f->view_count;) {
		size_t end = pieces_of_call(f, i);
		int err = write_section(d, f, i, end);

		if (err)
			return err;
		i = end;
	}
	return 0;
}

static int write_flows(struct document *d)
{
	size_t n = 0;
	int err = 0;

	d->at = d->p.line = 0;
	for (const struct flow *f = d->p.r.engine.flows; f && !err; f = f->next)
		if (flow_selected(f, d->rep->flow) && f->view_count && n++ < FLOWS_MAX)
			err = write_flow(d, f);
	if (n > FLOWS_MAX)
		fprintf(d->p.out, "\n%s\n", proof_remarks[PROOF_NO_MORE]);
	return err;
}

static int write_text(struct document *d, char **text)
{
	size_t size;
	int err;

	*text = NULL;
	d->p.out = open_memstream(text, &size);
	err = d->p.out ? write_flows(d) : -ENOMEM;
	if (d->p.out && fclose(d->p.out) && !err)
		err = -ENOMEM;
	return err;
}

/* Gives how many sections the checker refuses that it was not known to refuse, or -errno. */
static int refuse(struct document *d, const char *text)
{
	struct proof_fault *faults = NULL;
	size_t n = 0, s = d->count;
	char *copy = strdup(text), why[512];
	int err = copy ? proof_faults(copy, d->rep->r->run.dir, &faults, &n, why, sizeof(why)) : -ENOMEM;
	int refused = 0;

	if (copy && err)
		msg_error("proof.md: %s", why);
	/* From behind: what stays is the first reason of each. */
	for (size_t i = n; i-- > 0 && !err;) {
		while (s && d->sections[s - 1].first > faults[i].line)
			s--;
		if (!s)
			continue;
		refused += !*d->sections[s - 1].refused;
		snprintf(d->sections[s - 1].refused, sizeof(d->sections->refused), "%s", faults[i].why);
	}
	free(faults);
	return err ? err : refused;
}

/* Nothing is concluded that the checker, which knows nothing of the analysis, does not conclude, too. */
static int write_checked(struct document *d, char **text)
{
	int refused = 1;

	*text = NULL;
	while (refused > 0) {
		int err;

		free(*text);
		err = write_text(d, text);
		if (err)
			return err;
		refused = refuse(d, *text);
	}
	return refused;
}

static int save(struct report *rep, const char *text)
{
	FILE *out = report_open(rep, "proof.md");

	if (out) {
		print_intro(rep, out);
		fputs(text, out);
	}
	return report_close(out) ? -EIO : 0;
}

int proof_write(struct report *rep)
{
	struct document d = {.rep = rep};
	char *text = NULL;
	int err = analysis_load_pieces(&d.p.r, rep->r->run.dir, rep->r->engine.ledger.want_message);

	if (err)
		msg_error("%s", d.p.r.problem);
	if (!err)
		err = evidence_open(&d.p.evidence, &d.p.r);
	if (!err)
		err = proof_collect(&d.p, rep->flow);
	if (!err)
		err = write_checked(&d, &text);
	if (!err)
		err = save(rep, text);
	free(text);
	free(d.sections);
	proof_free(&d.p);
	evidence_close(&d.p.evidence);
	analysis_free(&d.p.r);
	return err;
}
