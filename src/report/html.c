// SPDX-License-Identifier: GPL-2.0-only
/* index.html: one page with everything on it, that needs neither network nor script. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/gnuplot.h"
#include "common/json.h"
#include "report/html_parts.h"
#include "report/plots.h"
#include "report/reproduce.h"
#include "common/text.h"

#define FLOWS_MAX 64 /* with a page each; the rest are in the tables alone */
#define ROWS_MAX 400 /* of a table on the page */

static void print_head(const struct html *h)
{
	const struct analysis *r = h->rep->r;
	const char *verdict = verdict_name(run_verdict(r, h->rep->flow));

	fprintf(h->out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		"<title>copychain: ");
	text_html(h->out, run_name(r));
	fprintf(h->out, "</title>\n<style>\n%s</style></head><body>\n"
		"<a class=\"skip\" href=\"#summary\">Skip to the summary</a>\n<header>\n"
		"<h1>How often the kernel copied the payload</h1>\n<p>Run <code>", html_style);
	text_html(h->out, run_name(r));
	fputs("</code>: Linux ", h->out);
	text_html(h->out, r->run.kernel);
	fprintf(h->out, ", %s, %llu events. Verdict: <span class=\"verdict %s\">%s</span></p>\n",
		strcmp(r->run.machine, "vm") ? "native" : "in a virtual machine",
		(unsigned long long)r->events, verdict, verdict);
}

static const struct flow *next_page(const struct html *h, const struct flow *f)
{
	f = f ? f->next : h->rep->r->engine.flows;
	while (f && !flow_selected(f, h->rep->flow))
		f = f->next;
	return f;
}

static void print_nav(const struct html *h)
{
	const struct flow *f = NULL;
	size_t n = 0;

	fputs("<nav aria-label=\"Contents\"><ul><li><a href=\"#summary\">Summary</a></li>"
	      "<li><a href=\"#plots\">Plots</a></li>", h->out);
	while ((f = next_page(h, f)) && n++ < FLOWS_MAX) {
		fputs("<li>", h->out);
		html_flow_link(h, f);
		fputs("</li>", h->out);
	}
	fputs("<li><a href=\"#census\">Census</a></li><li><a href=\"#loss\">Loss</a></li>"
	      "<li><a href=\"#others\">Other copies</a></li>"
	      "<li><a href=\"#reproduce\">Reproduce</a></li></ul></nav>\n</header>\n<main>\n", h->out);
}

static void print_limits(const struct html *h)
{
	const struct flow *f = NULL;
	size_t n = 0;
	char why[1024];

	while ((f = next_page(h, f))) {
		flow_why(h->rep->r, f, why, sizeof(why));
		if (!*why)
			continue;
		if (!n++)
			fputs("<h3>What limits the verdict</h3>\n<ul>\n", h->out);
		if (n > ROWS_MAX)
			continue;
		fputs("<li>", h->out);
		text_html(h->out, f->name);
		fputs(": ", h->out);
		text_html(h->out, why);
		fputs("</li>\n", h->out);
	}
	fputs(n ? "</ul>\n" : "", h->out);
	if (n > ROWS_MAX)
		fprintf(h->out, "<p>And %zu more flows.</p>\n", n - ROWS_MAX);
}

static void print_summary(const struct html *h)
{
	fputs("<section id=\"summary\" aria-labelledby=\"h-summary\"><h2 id=\"h-summary\">Summary</h2>\n",
	      h->out);
	html_table(h, &(struct html_table){
		.id = SHEET_FLOWS, .caption = "Every flow: how often its bytes were copied",
		.heads = ",flow,size max,messages,delivered,copies mean,copies max,copies per message,"
			 "emulated DMA,DMA,wire,amplification,accounted,latency p50 ns,verdict,",
		.most = ROWS_MAX}, "No message was sent by a protocol that is followed: there is nothing to count.");
	fputs("<p class=\"soft\"><b>exact</b>: every delivered byte has an unbroken chain and no event was lost; "
	      "<b>at-least</b>: the counts are lower bounds; <b>unlinked</b>: no chain could be built.</p>\n",
	      h->out);
	print_limits(h);
	if (sheet_rows(h->rep, SHEET_SKIPPED, NULL))
		html_table(h, &(struct html_table){.id = SHEET_SKIPPED, .most = ROWS_MAX,
			.caption = "Flows that were not run or not followed"}, "");
	if (sheet_rows(h->rep, SHEET_STORES, NULL))
		html_table(h, &(struct html_table){.id = SHEET_STORES, .most = ROWS_MAX,
			.caption = "The audit: every store of payload by the kernel, beside the copies that were recorded"},
			"");
	if (sheet_rows(h->rep, SHEET_DROPS, NULL))
		html_table(h, &(struct html_table){.id = SHEET_DROPS, .most = ROWS_MAX,
			.caption = "Messages that the kernel dropped, by its reason"}, "");
	fputs("</section>\n", h->out);
}

static void print_plots(const struct html *h)
{
	fputs("<section id=\"plots\" aria-labelledby=\"h-plots\"><h2 id=\"h-plots\">Plots</h2>\n", h->out);
	if (h->rep->no_gnuplot)
		fputs("<p>There are none: gnuplot is missing. <code>apt-get install gnuplot-nox</code>, "
		      "then run <code>./analyze</code> again.</p>\n", h->out);
	fputs("<div class=\"plots\">\n", h->out);
	for (size_t i = 0; i < plot_count; i++) {
		char *svg = plot_svg(h->rep, &plots[i]);

		if (!svg)
			continue;
		fprintf(h->out, "<figure id=\"plot-%s\"><figcaption>%s</figcaption>\n", plots[i].name,
			plots[i].title);
		gnuplot_embed(h->out, svg, plots[i].name, plots[i].title);
		fputs("</figure>\n", h->out);
		free(svg);
	}
	fputs("</div>\n<p class=\"soft\">Data and gnuplot scripts are in the folder plots.</p></section>\n",
	      h->out);
}

static void print_socket(const struct html *h, const char *who, const struct socket_view *s)
{
	char local[64], remote[64];

	if (!s->sk)
		return;
	socket_text(s, false, local, sizeof(local));
	socket_text(s, true, remote, sizeof(remote));
	fprintf(h->out, "<dt>%s</dt><dd>fd %lld → file <code>0x%llx</code> → socket <code>0x%llx</code> → "
		"sock <code>0x%llx</code>; local %s, remote %s%s</dd>\n", who, (long long)s->fd,
		(unsigned long long)s->file, (unsigned long long)s->socket, (unsigned long long)s->sk,
		local, remote, s->linked ? "" : " (fd not linked to the file)");
}

static void print_facts(const struct html *h, const struct flow *f)
{
	const char *verdict = verdict_name(flow_verdict(h->rep->r, f));
	char why[1024];

	flow_why(h->rep->r, f, why, sizeof(why));
	fprintf(h->out, "<dl><dt>verdict</dt><dd><span class=\"verdict %s\">%s</span> ", verdict, verdict);
	text_html(h->out, why);
	fprintf(h->out, "</dd>\n<dt>messages</dt><dd>%llu sent, %llu delivered, %llu dropped, %llu neither</dd>\n"
		"<dt>copies</dt><dd><data value=\"%.6f\">%.3f</data> per delivered byte (%llu to %llu)</dd>\n",
		(unsigned long long)f->messages, (unsigned long long)f->delivered,
		(unsigned long long)f->dropped, (unsigned long long)f->undelivered,
		range_mean(&f->figures[FIGURE_COPIES]), range_mean(&f->figures[FIGURE_COPIES]), (unsigned long long)f->figures[FIGURE_COPIES].min,
		(unsigned long long)f->figures[FIGURE_COPIES].max);
	print_socket(h, "sender", &f->sender);
	print_socket(h, "receiver", &f->receiver);
	fputs("</dl>\n", h->out);
}

static void print_chain(const struct html *h, const struct flow *f)
{
	if (!f->view_count) {
		fputs("<p>No chain to show.</p>\n", h->out);
		return;
	}
	fprintf(h->out, "<h3>The chain of message %llu</h3>\n", (unsigned long long)f->shown_seq);
	for (size_t i = 0; i < f->view_count; i++) {
		const struct chain_view *v = &f->views[i];

		if (v->pieces > 1)
			fprintf(h->out, "<p>%llu bytes came in %llu pieces this way; the first of them:</p>\n",
				(unsigned long long)v->bytes, (unsigned long long)v->pieces);
		else if (i)
			fputs("<p>And another chain:</p>\n", h->out);
		html_chain(h, f, v);
	}
	if (f->more_views)
		fprintf(h->out, "<p>And %llu more pieces, on other ways.</p>\n",
			(unsigned long long)f->more_views);
	html_table(h, &(struct html_table){.id = SHEET_HOPS, .flow = f, .most = ROWS_MAX,
		.caption = "Each hop: addresses, content check, code, and what it costs",
		.heads = ",way,hop,kind,function or holder,primitive,source,source physical,destination,"
			 "destination physical,length,content,median cost ns,CPU,thread,"}, "");
}

static void print_flow(const struct html *h, const struct flow *f)
{
	fprintf(h->out, "<article id=\"flow-%u\" aria-labelledby=\"h-flow-%u\"><h2 id=\"h-flow-%u\">Flow ",
		f->index, f->index, f->index);
	text_html(h->out, f->name);
	fputs("</h2>\n", h->out);
	print_facts(h, f);
	html_table(h, &(struct html_table){.id = SHEET_SITES, .flow = f, .most = ROWS_MAX,
		.caption = "Where its bytes were copied",
		.heads = ",site,primitive,kind,hits,bytes,times,"}, "No copy was counted.");
	print_chain(h, f);
	html_table(h, &(struct html_table){.id = SHEET_LATENCY, .flow = f, .most = ROWS_MAX,
		.caption = "Time from send to delivery, in bins of powers of two"}, "");
	fputs("</article>\n", h->out);
}

static void print_flows(const struct html *h)
{
	const struct flow *f = NULL;
	size_t n = 0;

	while ((f = next_page(h, f)))
		if (n++ < FLOWS_MAX)
			print_flow(h, f);
	if (n > FLOWS_MAX)
		fprintf(h->out, "<p>A sample: the first %d of %zu flows are shown in full; "
			"<code>./analyze --flow NAME</code> shows another, and the tables of the folder csv "
			"hold all.</p>\n", FLOWS_MAX, n);
}

static bool is_seen(const struct row *row)
{
	return strcmp(row->word, "unprobed") != 0;
}

static void print_census(const struct html *h)
{
	struct json_object *probes = json_get(h->rep->r->run.manifest, "probes");

	fprintf(h->out, "<section id=\"census\" aria-labelledby=\"h-census\"><h2 id=\"h-census\">Census of copy sites</h2>\n"
		"<p>%zu places in this kernel from which payload can be copied; %llu carry a probe. "
		"%llu calls of memcpy and its kin lie outside the network and were not probed; they are in "
		"csv/census.csv.</p>\n",
		sheet_rows(h->rep, SHEET_CENSUS, NULL),
		(unsigned long long)json_uint(probes, "sites", 0),
		(unsigned long long)json_uint(probes, "unprobed", 0));
	html_table(h, &(struct html_table){.id = SHEET_CENSUS, .most = 1000, .wanted = is_seen,
		.caption = "Copy sites that are probed, or seen or missed otherwise"},
		"No site but unprobed ones.");
	fputs("</section>\n", h->out);
}

static void print_loss(const struct html *h)
{
	fputs("<section id=\"loss\" aria-labelledby=\"h-loss\"><h2 id=\"h-loss\">Loss</h2>\n"
	      "<p>What the recording did not catch. One lost event keeps every verdict from exact.</p>\n",
	      h->out);
	html_table(h, &(struct html_table){.id = SHEET_LOSS, .most = ROWS_MAX,
		.caption = "Events lost, by place"}, "");
	fputs("</section>\n<section id=\"others\" aria-labelledby=\"h-others\"><h2 id=\"h-others\">Other copies</h2>\n"
	      "<p>Copies seen by the probes whose bytes are of no message: terminals, files, netlink. They lie on "
	      "no chain and are in no count.</p>\n<details><summary>Show them</summary>\n", h->out);
	html_table(h, &(struct html_table){.id = SHEET_UNLINKED, .most = ROWS_MAX,
		.caption = "Copies on no chain"}, "There are none.");
	fputs("</details></section>\n", h->out);
}

int html_write(struct report *rep)
{
	struct html h = {.rep = rep};
	int err = plots_write(rep);

	if (err)
		return err;
	h.out = report_open(rep, "index.html");
	if (!h.out)
		return report_close(NULL);
	print_head(&h);
	print_nav(&h);
	print_summary(&h);
	print_plots(&h);
	print_flows(&h);
	print_census(&h);
	print_loss(&h);
	fputs("<section id=\"reproduce\" aria-labelledby=\"h-reproduce\"><h2 id=\"h-reproduce\">How to reproduce</h2>\n<pre>",
	      h.out);
	reproduce_print(rep, h.out, text_html);
	fputs("</pre></section>\n</main>\n<footer><p class=\"soft\">Made by copychain. Every number rests on "
	      "recorded events; analysis.json holds them for programs.</p></footer>\n</body></html>\n", h.out);
	return report_close(h.out);
}
