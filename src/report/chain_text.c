// SPDX-License-Identifier: GPL-2.0-only
/* One worked chain on the terminal: a box for each place, an arrow for each hop that moves bytes. */
#include "report/chain_text.h"

#include <string.h>

#include "report/chain_graph.h"
#include "report/report.h"
#include "common/text.h"

#define INNER (SCREEN_WIDTH - 6) /* columns between the sides of a box */

static size_t places_of(const struct analysis *r, const struct flow *f)
{
	struct chain_graph c;
	size_t n = 0;

	if (f->view_count && !chain_graph_make(r, f, &f->views[0], &c)) {
		n = c.count;
		chain_graph_free(&c);
	}
	return n;
}

const struct flow *worked_flow(const struct analysis *r, const char *flow)
{
	const struct flow *best = NULL;
	size_t most = 0;

	for (const struct flow *f = r->engine.flows; f; f = f->next) {
		size_t n = flow_selected(f, flow) ? places_of(r, f) : 0;

		if (n > most) {
			best = f;
			most = n;
		}
	}
	return best;
}

static void print_edge(const char *left, const char *right, FILE *out)
{
	fprintf(out, "  %s", left);
	for (int i = 0; i < INNER; i++)
		fputs("─", out);
	fprintf(out, "%s\n", right);
}

static void print_inside(const char *text, FILE *out)
{
	char cut[INNER * 4];

	text_cut(text, INNER - 2, cut, sizeof(cut));
	fprintf(out, "  │ %s%*s │\n", cut, (int)(INNER - 2 - text_width(cut)), "");
}

static void print_place(const struct chain_view *v, const struct place *p, FILE *out)
{
	char line[512], time[32], where[320];
	int n = snprintf(line, sizeof(line), "%-18s", p->title);

	if (p->addr)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %#-18llx",
			      (unsigned long long)p->addr);
	if (p->addr && p->phys)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " pa %#-11llx",
			      (unsigned long long)p->phys);
	else if (p->addr)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " pa %-11s", "unknown");
	snprintf(line + n, sizeof(line) - (size_t)n, " %llu bytes", (unsigned long long)p->len);
	print_edge("┌", "┐", out);
	print_inside(line, out);
	for (size_t i = p->into + 1; i < p->end; i++) {
		step_where(&v->steps[i], where, sizeof(where));
		step_time(v, i, time, sizeof(time));
		snprintf(line, sizeof(line), "  %12s  %-8s %s", time,
			 hop_kind_name((enum hop_kind)v->steps[i].kind), where);
		print_inside(line, out);
	}
	print_edge("└", "┘", out);
}

static void print_arrow(const struct chain_view *v, const struct place *p, FILE *out)
{
	char line[512], time[32], cut[SCREEN_WIDTH * 4];

	chain_graph_arrow(v, p, line, sizeof(line));
	step_time(v, p->into, time, sizeof(time));
	text_cut(line, SCREEN_WIDTH - 23, cut, sizeof(cut));
	fprintf(out, "       %s %12s %s\n       ▼\n", step_moves(&v->steps[p->into]) ? "★" : "│",
		time, cut);
}

static void print_socket(const char *who, const struct socket_view *s, FILE *out)
{
	char local[64], remote[64];

	if (!s->sk)
		return;
	socket_text(s, false, local, sizeof(local));
	socket_text(s, true, remote, sizeof(remote));
	fprintf(out, "  %-8s fd %lld → file %#llx → socket %#llx → sock %#llx\n"
		"           → local %s, remote %s%s\n", who, (long long)s->fd,
		(unsigned long long)s->file, (unsigned long long)s->socket,
		(unsigned long long)s->sk, local, remote,
		s->linked ? "" : " (fd not linked to the file)");
}

static void print_region(const struct analysis *r, const struct rdma_region *g,
			 const struct logged_pages *p, FILE *out)
{
	fprintf(out, "           → region %#llx + %llu, lkey %#x, rkey %#x\n"
		"           → %llu page%s pinned", (unsigned long long)g->va,
		(unsigned long long)g->len, g->lkey, g->rkey, (unsigned long long)g->pinned,
		g->pinned == 1 ? "" : "s");
	if (g->page_count)
		fprintf(out, ", the first at pa %#llx",
			(unsigned long long)rundir_phys(&r->run, g->pages[0].kva));
	if (p)
		fprintf(out, "; %llu of them where pagemap says",
			(unsigned long long)region_agreed(r, g, p));
	fputc('\n', out);
}

static void print_queue(const struct analysis *r, const char *who, const struct rdma_view *v,
			const struct logged_pages *p, FILE *out)
{
	if (!v->known)
		return;
	fprintf(out, "  %-8s pid %d, queue pair %u%s%s\n", who, v->tgid, v->qpn,
		*v->dev ? " of " : "", v->dev);
	if (v->region)
		print_region(r, v->region, p, out);
}

static void print_view(const struct analysis *r, const struct flow *f, const struct chain_view *v,
		       FILE *out)
{
	struct chain_graph c;

	if (v->pieces > 1)
		fprintf(out, "  %llu bytes came in %llu pieces this way; the first of them:\n",
			(unsigned long long)v->bytes, (unsigned long long)v->pieces);
	if (chain_graph_make(r, f, v, &c))
		return;
	for (size_t i = 0; i < c.count; i++) {
		if (i)
			print_arrow(v, &c.places[i], out);
		print_place(v, &c.places[i], out);
	}
	chain_graph_free(&c);
}

static bool same_end(const struct chain_view *a, const struct chain_view *b)
{
	const struct step *x = &a->steps[a->count - 1], *y = &b->steps[b->count - 1];

	return x->site == y->site && x->sk == y->sk && x->tid == y->tid && a->count == b->count;
}

void chain_text_print(const struct analysis *r, const struct flow *f, FILE *out)
{
	size_t other = 0;

	fprintf(out, "\n%s, message %llu: the chain of its %llu bytes (★ the CPU moves them, pa: physical)\n",
		f->name, (unsigned long long)f->shown_seq, (unsigned long long)f->views[0].bytes);
	print_socket("sender", &f->sender, out);
	print_socket("receiver", &f->receiver, out);
	print_queue(r, "sender", &f->from, f->log ? &f->log->send : NULL, out);
	print_queue(r, "receiver", &f->to, f->log ? &f->log->recv : NULL, out);
	for (size_t i = 0; i < f->view_count; i++) {
		if (i && same_end(&f->views[0], &f->views[i])) {
			other++;
			continue;
		}
		if (i)
			fprintf(out, "\n  and by another chain:\n");
		print_view(r, f, &f->views[i], out);
	}
	if (other)
		fprintf(out, "  and %zu more the same way, in other calls or pieces\n", other);
	if (f->more_views)
		fprintf(out, "  and %llu more pieces, on other ways\n",
			(unsigned long long)f->more_views);
}
