// SPDX-License-Identifier: GPL-2.0-only
#include "report/html_parts.h"

#include <stdlib.h>
#include <string.h>

#include "report/chain_graph.h"
#include "common/text.h"

struct table_print {
	const struct html *h;
	const struct html_table *t;
	const struct sheet *s;
	size_t shown, left;
};

static bool has_column(const struct html_table *t, const char *head)
{
	char word[64];

	snprintf(word, sizeof(word), ",%s,", head);
	return !t->heads || strstr(t->heads, word);
}

void html_flow_link(const struct html *h, const struct flow *f)
{
	fprintf(h->out, "<a href=\"#flow-%u\">", f->index);
	text_html(h->out, f->name);
	fputs("</a>", h->out);
}

/* Shares and means are shown short; their value is the one of the other reports. */
static void print_number(FILE *out, const char *text)
{
	if (strchr(text, '.'))
		fprintf(out, "<data value=\"%s\">%.3f</data>", text, strtod(text, NULL));
	else
		text_html(out, text);
}

static void print_cell(struct table_print *p, const struct row *row, const struct sheet_column *c)
{
	FILE *out = p->h->out;
	char text[1024];

	c->put(p->h->rep, row, text, sizeof(text));
	fprintf(out, "<td class=\"%s\">", c->type == COL_NUMBER ? "num" : c->type == COL_ADDRESS ?
		"addr" : strlen(text) > 40 ? "wrap" : "text");
	if (!strcmp(c->head, "verdict")) {
		fprintf(out, "<span class=\"verdict %s\">%s</span>", text, text);
	} else if (!strcmp(c->head, "flow") && row->flow && p->t->id == SHEET_FLOWS) {
		html_flow_link(p->h, row->flow);
	} else if (c->type == COL_NUMBER) {
		print_number(out, text);
	} else {
		text_html(out, text);
	}
	fputs("</td>", out);
}

static bool row_moves(const struct html_table *t, const struct row *row)
{
	return t->id == SHEET_HOPS && step_moves(&row->flow->views[row->i].steps[row->k]);
}

static void print_row(void *ctx, const struct row *row)
{
	struct table_print *p = ctx;

	if (p->t->wanted && !p->t->wanted(row))
		return;
	if (p->shown == p->t->most) {
		p->left++;
		return;
	}
	p->shown++;
	fputs(row_moves(p->t, row) ? "<tr class=\"moves\">" : "<tr>", p->h->out);
	for (size_t i = 0; i < p->s->count; i++)
		if (has_column(p->t, p->s->columns[i].head))
			print_cell(p, row, &p->s->columns[i]);
	fputs("</tr>\n", p->h->out);
}

static void count_wanted(void *ctx, const struct row *row)
{
	struct table_print *p = ctx;

	p->left += !p->t->wanted || p->t->wanted(row);
}

void html_table(const struct html *h, const struct html_table *t, const char *empty)
{
	struct table_print p = {h, t, sheet_of(t->id), 0, 0};

	p.s->each(h->rep, t->flow, count_wanted, &p);
	if (!p.left) {
		fprintf(h->out, "<p class=\"soft\">%s</p>\n", empty);
		return;
	}
	p.left = 0;
	fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", h->out);
	text_html(h->out, t->caption);
	fputs("\"><table><caption>", h->out);
	text_html(h->out, t->caption);
	fputs("</caption><thead><tr>", h->out);
	for (size_t i = 0; i < p.s->count; i++)
		if (has_column(t, p.s->columns[i].head))
			fprintf(h->out, "<th scope=\"col\"%s>%s</th>",
				p.s->columns[i].type == COL_NUMBER ? " class=\"num\"" : "",
				p.s->columns[i].head);
	fputs("</tr></thead><tbody>\n", h->out);
	p.s->each(h->rep, t->flow, print_row, &p);
	fputs("</tbody></table></div>\n", h->out);
	if (p.left)
		fprintf(h->out, "<p class=\"soft\">A sample: %zu more rows are in csv/%s.csv.</p>\n",
			p.left, p.s->name);
}

static void print_place(const struct html *h, const struct chain_view *v, const struct place *p)
{
	static const char *const classes[] = {"sender", "kernel", "device", "receiver", "unknown"};
	FILE *out = h->out;
	char text[320], time[32];

	fprintf(out, "<div class=\"place %s\"><b>", classes[p->kind]);
	text_html(out, p->title);
	fputs("</b>", out);
	if (p->addr)
		fprintf(out, "<code>0x%llx</code> <span class=\"soft\">physical</span> <code>",
			(unsigned long long)p->addr);
	if (p->addr && p->phys)
		fprintf(out, "0x%llx</code>, ", (unsigned long long)p->phys);
	else if (p->addr)
		fputs("unknown</code>, ", out);
	fprintf(out, "%llu bytes", (unsigned long long)p->len);
	if (p->end > p->into + 1)
		fputs("<ul>", out);
	for (size_t i = p->into + 1; i < p->end; i++) {
		step_where(&v->steps[i], text, sizeof(text));
		step_time(v, i, time, sizeof(time));
		fprintf(out, "<li>%s at %s: ", hop_kind_name((enum hop_kind)v->steps[i].kind), time);
		text_html(out, text);
		fputs("</li>", out);
	}
	fprintf(out, "%s</div>", p->end > p->into + 1 ? "</ul>" : "");
}

void html_chain(const struct html *h, const struct flow *f, const struct chain_view *v)
{
	struct chain_graph c;
	char text[512], time[32];

	if (chain_graph_make(h->rep->r, f, v, &c))
		return;
	fputs("<ol class=\"chain\">\n", h->out);
	for (size_t i = 0; i < c.count; i++) {
		bool moves = step_moves(&v->steps[c.places[i].into]);

		fputs("<li>", h->out);
		if (i) {
			chain_graph_arrow(v, &c.places[i], text, sizeof(text));
			step_time(v, c.places[i].into, time, sizeof(time));
			fprintf(h->out, "<div class=\"arrow%s\">", moves ? " moves" : "");
			text_html(h->out, text);
			fprintf(h->out, "%s%s</div>", *time ? " at " : "", time);
		}
		print_place(h, v, &c.places[i]);
		fputs("</li>\n", h->out);
	}
	fputs("</ol>\n", h->out);
	chain_graph_free(&c);
}
