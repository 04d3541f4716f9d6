// SPDX-License-Identifier: GPL-2.0-only
/* The folder dot: a Graphviz drawing of each flow's chain. */
#include <string.h>

#include "report/chain_graph.h"
#include "report/report.h"
#include "common/text.h"

#define FLOWS_MAX 64

/* Inside a quoted string of dot. */
static void put(FILE *out, const char *s)
{
	char clean[1024];

	text_clean(s, clean, sizeof(clean));
	for (const char *p = clean; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
	}
}

static void print_place(const struct chain_view *v, size_t view, size_t i, const struct place *p, FILE *out)
{
	static const char *const shapes[] = {"box, style=bold", "box", "box, style=dashed", "box, style=bold",
					     "box, style=dotted"};
	char text[320], time[32];

	fprintf(out, "  v%zup%zu [shape=%s, label=\"", view, i, shapes[p->kind]);
	put(out, p->title);
	if (p->addr)
		fprintf(out, "\\n0x%llx", (unsigned long long)p->addr);
	if (p->phys)
		fprintf(out, "\\nphysical 0x%llx", (unsigned long long)p->phys);
	fprintf(out, "\\n%llu bytes", (unsigned long long)p->len);
	for (size_t k = p->into + 1; k < p->end; k++) {
		step_where(&v->steps[k], text, sizeof(text));
		step_time(v, k, time, sizeof(time));
		fprintf(out, "\\l%s %s ", time, hop_kind_name((enum hop_kind)v->steps[k].kind));
		put(out, text);
	}
	fprintf(out, "%s\"];\n", p->end > p->into + 1 ? "\\l" : "");
}

static void print_arrow(const struct chain_view *v, size_t view, size_t i, const struct place *p, FILE *out)
{
	bool moves = step_moves(&v->steps[p->into]);
	char text[512], time[32];

	chain_graph_arrow(v, p, text, sizeof(text));
	step_time(v, p->into, time, sizeof(time));
	fprintf(out, "  v%zup%zu -> v%zup%zu [label=\"", view, i - 1, view, i);
	put(out, text);
	fprintf(out, "%s%s\"%s];\n", *time ? "\\n" : "", time, moves ? ", penwidth=2.5, color=\"#1f6aa8\"" : "");
}

static int print_view(const struct report *rep, const struct flow *f, size_t view, FILE *out)
{
	const struct chain_view *v = &f->views[view];
	struct chain_graph c;
	int err = chain_graph_make(rep->r, f, v, &c);

	for (size_t i = 0; i < c.count && !err; i++) {
		print_place(v, view, i, &c.places[i], out);
		if (i)
			print_arrow(v, view, i, &c.places[i], out);
	}
	chain_graph_free(&c);
	return err;
}

static int write_flow(const struct report *rep, const struct flow *f)
{
	char name[64];
	FILE *out;
	int err = 0, closed;

	snprintf(name, sizeof(name), "dot/flow-%u.dot", f->index);
	out = report_open(rep, name);
	if (out) {
		fputs("digraph chain {\n  label=\"", out);
		put(out, f->name);
		fprintf(out, ", message %llu\";\n  labelloc=t;\n  node [fontname=\"sans-serif\"];\n"
			"  edge [fontname=\"sans-serif\"];\n", (unsigned long long)f->shown_seq);
		for (size_t i = 0; i < f->view_count && !err; i++)
			err = print_view(rep, f, i, out);
		fputs("}\n", out);
	}
	closed = report_close(out);
	return err ? err : closed;
}

int dot_write(struct report *rep)
{
	int err = 0;
	size_t n = 0;

	for (const struct flow *f = rep->r->engine.flows; f && !err; f = f->next)
		if (flow_selected(f, rep->flow) && f->view_count && n++ < FLOWS_MAX)
			err = write_flow(rep, f);
	return err;
}
