// SPDX-License-Identifier: GPL-2.0-only
/*
 * proof.md: from recorded events, by named rules, to the number of copies. docs/proof.md tells the
 * form and the rules; src/proofcheck checks it and shares nothing with this but the trace reader.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "report/proof_parts.h"
#include "common/text.h"

#define FLOWS_MAX 64 /* that are proven, where none is chosen */

static void print_intro(const struct report *rep, FILE *out)
{
	fputs("# Proof\n\nRun ", out);
	text_markdown(out, run_name(rep->r));
	fputs(". Each numbered line is a FACT, which cites one recorded event by its CPU, time and place in\n"
	      "trace.dat, or is DERIVED FROM earlier lines BY a named rule. What stands in backticks is checked by\n"
	      "`./analyze --check-proof`; the words around it are for people. The rules are in docs/proof.md.\n",
	      out);
	if (rep->hide)
		fputs("\nRedacted: the addresses are aliases, which no recording can be held against.\n", out);
}

/* The pieces that one receive call brought. */
static size_t pieces_of_call(const struct flow *f, size_t first)
{
	size_t i = first;

	while (i < f->view_count && f->views[i].call == f->views[first].call)
		i++;
	return i;
}

static int prove_flow(struct proof *p, const struct flow *f)
{
	fprintf(p->out, "\n## ");
	text_markdown(p->out, f->name);
	fprintf(p->out, ", message %llu\n", (unsigned long long)f->shown_seq);
	for (size_t i = 0; i < f->view_count;) {
		size_t end = pieces_of_call(f, i);
		int err = prove_pieces(p, f, i, end);

		if (err)
			return err;
		i = end;
	}
	return 0;
}

static int prove(struct proof *p, const struct report *rep)
{
	size_t n = 0;
	int err = 0;

	for (const struct flow *f = p->r.engine.flows; f && !err; f = f->next)
		if (flow_selected(f, rep->flow) && f->view_count && n++ < FLOWS_MAX)
			err = prove_flow(p, f);
	if (n > FLOWS_MAX)
		fprintf(p->out, "\nThe first %d of %zu flows; `--flow` and `--message` choose others.\n",
			FLOWS_MAX, n);
	if (!n)
		fputs("\nThere is nothing to prove: no message of this run arrived.\n", p->out);
	return err;
}

int proof_write(struct report *rep)
{
	struct proof p = {0};
	int err = analysis_load_pieces(&p.r, rep->r->run.dir, rep->r->engine.ledger.want_message);

	if (err)
		msg_error("%s", p.r.problem);
	if (!err)
		err = evidence_open(&p.evidence, &p.r);
	if (!err)
		err = proof_collect(&p, rep->flow);
	if (!err) {
		p.out = report_open(rep, "proof.md");
		if (p.out) {
			print_intro(rep, p.out);
			err = prove(&p, rep);
		}
		if (report_close(p.out) && !err)
			err = -EIO;
	}
	proof_free(&p);
	evidence_close(&p.evidence);
	analysis_free(&p.r);
	return err;
}
