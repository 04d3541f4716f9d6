// SPDX-License-Identifier: GPL-2.0-only
/* One worked chain per flow: every hop of a message with its addresses and the code behind it. */
#include <string.h>

#include "analyze/result.h"

static void print_socket(const char *who, const struct socket_view *s, FILE *out)
{
	char local[64], remote[64];

	if (!s->sk)
		return;
	socket_text(s, false, local, sizeof(local));
	socket_text(s, true, remote, sizeof(remote));
	fprintf(out, "  %-8s fd %lld -> file %#llx -> socket %#llx -> sock %#llx\n"
		"           -> local %s, remote %s%s\n", who, (long long)s->fd,
		(unsigned long long)s->file, (unsigned long long)s->socket,
		(unsigned long long)s->sk, local, remote,
		s->linked ? "" : " (fd not linked to the file)");
}

static void print_region(const struct result *r, const struct rdma_region *g,
			 const struct logged_pages *p, FILE *out)
{
	fprintf(out, "           -> region %#llx + %llu, lkey %#x, rkey %#x\n"
		"           -> %llu page%s pinned", (unsigned long long)g->va,
		(unsigned long long)g->len, g->lkey, g->rkey, (unsigned long long)g->pinned,
		g->pinned == 1 ? "" : "s");
	if (g->page_count)
		fprintf(out, ", the first at pa %#llx",
			(unsigned long long)runfile_phys(&r->run, g->pages[0].kva));
	if (p)
		fprintf(out, "; %llu of them where pagemap says",
			(unsigned long long)region_agreed(r, g, p));
	fputc('\n', out);
}

static void print_queue(const struct result *r, const char *who, const struct rdma_view *v,
			const struct logged_pages *p, FILE *out)
{
	if (!v->known)
		return;
	fprintf(out, "  %-8s pid %d, queue pair %u%s%s\n", who, v->tgid, v->qpn,
		*v->dev ? " of " : "", v->dev);
	if (v->region)
		print_region(r, v->region, p, out);
}

static void print_address(const struct result *r, const struct flow *f, const struct step *s,
			  bool dst, FILE *out)
{
	uint64_t va = dst ? s->dst : s->src, pa = step_phys(r, f, s, dst);

	if (!va) {
		fprintf(out, "%-18s %-14s", "not recorded", "");
		return;
	}
	if (pa)
		fprintf(out, "%#-18llx pa %#-11llx", (unsigned long long)va,
			(unsigned long long)pa);
	else
		fprintf(out, "%#-18llx pa %-9s", (unsigned long long)va, "unknown");
}

void step_where(const struct step *s, char *buf, size_t size)
{
	switch (s->kind) {
	case HOP_COPY:
	case HOP_EMULATED_DMA:
		runfile_site_name(s->site, s->ip, buf, size);
		break;
	case HOP_COPY_UNKNOWN:
		snprintf(buf, size, "site unknown: no probe saw it");
		break;
	case HOP_HANDOFF:
		snprintf(buf, size, "%s%s%s", holder_name((enum holder)s->holder),
			 *s->dev ? " " : "", s->dev);
		break;
	case HOP_DMA:
		snprintf(buf, size, "%s", s->holder == BY_DEVICE ? "device reads" : "device wrote");
		break;
	case HOP_GAP:
	case HOP_GAP_USER:
		snprintf(buf, size, "%s", s->why ? s->why : "not explained");
		break;
	case HOP_START:
		snprintf(buf, size, "sender's buffer");
		break;
	default:
		snprintf(buf, size, "packet identity and content agree");
	}
}

static bool moves(const struct step *s)
{
	return s->kind == HOP_COPY || s->kind == HOP_COPY_UNKNOWN || s->kind == HOP_EMULATED_DMA ||
	       s->kind == HOP_GAP_USER;
}

static const char *kind_word(const struct step *s)
{
	switch (s->kind) {
	case HOP_COPY_UNKNOWN:
		return "copy ?";
	case HOP_GAP_USER:
		return "gap (user)";
	default:
		return hop_kind_name((enum hop_kind)s->kind);
	}
}

static void print_step(const struct result *r, const struct flow *f, const struct step *s,
		       uint64_t start, FILE *out)
{
	char what[320];

	step_where(s, what, sizeof(what));
	if (s->kind == HOP_WIRE || s->kind == HOP_GAP || s->kind == HOP_COPY_UNKNOWN)
		fprintf(out, "  %c %11s %-12s ", moves(s) ? '*' : ' ', "", kind_word(s));
	else
		fprintf(out, "  %c %8.1f us %-12s ", moves(s) ? '*' : ' ',
			(double)(s->ts - start) / 1000, kind_word(s));
	if (s->kind == HOP_WIRE || s->kind == HOP_GAP) {
		fprintf(out, "%s\n", what);
		return;
	}
	print_address(r, f, s, moves(s), out);
	fprintf(out, "  %s%s\n", what, s->checked && moves(s) ? ", content agrees" : "");
}

static void print_view(const struct result *r, const struct flow *f, const struct chain_view *v,
		       FILE *out)
{
	uint64_t start = v->steps[0].ts;

	if (v->pieces > 1)
		fprintf(out, "  %llu bytes came in %llu pieces this way; the first of them:\n",
			(unsigned long long)v->bytes, (unsigned long long)v->pieces);
	for (size_t i = 0; i < v->count; i++)
		print_step(r, f, &v->steps[i], start, out);
}

void chain_print(const struct result *r, const struct flow *f, FILE *out)
{
	if (!f->view_count)
		return;
	fprintf(out, "\n%s, message %llu: the way of its %llu bytes (* moves them, pa: physical)\n",
		f->name, (unsigned long long)f->shown_seq,
		(unsigned long long)f->views[0].bytes);
	print_socket("sender", &f->sender, out);
	print_socket("receiver", &f->receiver, out);
	print_queue(r, "sender", &f->from, f->log ? &f->log->send : NULL, out);
	print_queue(r, "receiver", &f->to, f->log ? &f->log->recv : NULL, out);
	for (size_t i = 0; i < f->view_count; i++)
		print_view(r, f, &f->views[i], out);
	if (f->more_views)
		fprintf(out, "  and %llu more pieces, on other ways\n",
			(unsigned long long)f->more_views);
}
