// SPDX-License-Identifier: GPL-2.0-only
#include "report/plots.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/cost.h"
#include "common/file.h"
#include "common/gnuplot.h"
#include "common/msg.h"
#include "common/vec.h"
#include "report/sheet.h"

#define FLOWS_MAX 40 /* in one plot: more labels than that cannot be read */
#define SITES_MAX 24

/* A name as gnuplot takes it: what could be a command or markup to it is left out. */
static void plot_word(const char *name, char *buf, size_t size)
{
	size_t n = 0;

	for (; *name && n + 1 < size; name++) {
		bool plain = (*name >= '0' && *name <= '9') || (*name >= 'A' && *name <= 'Z') ||
			     (*name >= 'a' && *name <= 'z') || strchr(" .:+-/[]_", *name);

		buf[n++] = plain ? *name : '?';
	}
	buf[n] = '\0';
}

/* The flows that a plot shows, in order; ends with NULL. */
static const struct flow *next_flow(const struct report *rep, const struct flow *f, size_t shown)
{
	f = f ? f->next : rep->r->engine.flows;
	while (f && !flow_selected(f, rep->flow))
		f = f->next;
	return shown < FLOWS_MAX ? f : NULL;
}

static size_t copies_data(const struct report *rep, FILE *out)
{
	const struct flow *f = NULL;
	char name[64];
	size_t n = 0;

	fprintf(out, "# row flow copies-per-message copies-mean emulated-dma-mean\n");
	while ((f = next_flow(rep, f, n))) {
		plot_word(f->name, name, sizeof(name));
		fprintf(out, "%zu \"%s\" %.6f %.6f %.6f\n", n++, name,
			flow_times(f, f->chain_copy_bytes + f->dead_bytes), range_mean(&f->figures[FIGURE_COPIES]),
			range_mean(&f->figures[FIGURE_EMULATED]));
	}
	return n;
}

/* Flows that fall on one point share its label, or none could be read. */
static size_t same_point(const struct report *rep, const struct flow *f, bool *first)
{
	size_t others = 0;

	*first = true;
	for (const struct flow *o = rep->r->engine.flows; o; o = o->next) {
		if (o == f || !flow_selected(o, rep->flow) || o->max_size != f->max_size ||
		    flow_amplification(o) != flow_amplification(f) ||
		    flow_emulated_amplification(o) != flow_emulated_amplification(f))
			continue;
		others++;
		*first &= o->index > f->index;
	}
	return others;
}

static size_t amplification_data(const struct report *rep, FILE *out)
{
	const struct flow *f = NULL;
	size_t n = 0, rows = 0;
	char name[64], more[32];
	bool first;

	fprintf(out, "# bytes amplification emulated-amplification flow\n");
	while ((f = next_flow(rep, f, n++))) {
		size_t others = same_point(rep, f, &first);

		if (!f->max_size)
			continue;
		plot_word(f->name, name, sizeof(name));
		snprintf(more, sizeof(more), " +%zu", others);
		fprintf(out, "%llu %.6f %.6f \"%s%s\"\n", (unsigned long long)f->max_size,
			flow_amplification(f), flow_emulated_amplification(f), first ? name : "",
			first && others ? more : "");
		rows++;
	}
	return rows;
}

static size_t hops_data(const struct report *rep, FILE *out)
{
	const struct flow *f = NULL;
	size_t n = 0, rows = 0;
	char name[64], where[320], word[320];

	fprintf(out, "# row from-us to-us kind flow kind-name where all-us\n");
	while ((f = next_flow(rep, f, n))) {
		const struct way *w = cost_main_way(f->cost);
		uint64_t at = 0, whole = 0;

		plot_word(f->name, name, sizeof(name));
		for (size_t k = 1; w && k < w->view.count; k++)
			whole += dist_percentile(&w->hops[k], 50);
		for (size_t k = 1; w && k < w->view.count; k++) {
			uint64_t median = dist_percentile(&w->hops[k], 50);

			step_where(&w->view.steps[k], where, sizeof(where));
			plot_word(where, word, sizeof(word));
			fprintf(out, "%zu %.3f %.3f %d \"%s\" \"%s\" \"%s\" %.3f\n", n,
				(double)at / 1000, (double)(at + median) / 1000,
				w->view.steps[k].kind, name,
				hop_kind_name((enum hop_kind)w->view.steps[k].kind), word,
				(double)whole / 1000);
			at += median;
			rows++;
		}
		n++;
	}
	return rows;
}

struct latency_plot {
	const struct report *rep;
	FILE *out;
	const struct flow *flow;
	size_t rows;
};

static void latency_row(void *ctx, const struct row *row)
{
	struct latency_plot *p = ctx;
	uint64_t from = row->i ? 1ULL << (row->i - 1) : 0, to = row->i < 64 ? 1ULL << row->i : UINT64_MAX;
	const struct dist *d = &row->flow->cost->latency;
	char name[64];

	if (p->flow != row->flow) {
		plot_word(row->flow->name, name, sizeof(name));
		fprintf(p->out, "%s\"%s\"\n", p->rows ? "\n\n" : "", name);
	}
	p->flow = row->flow;
	fprintf(p->out, "%.3f %.3f %.6f\n", (double)from / 1000, (double)to / 1000,
		(double)dist_between(d, from, to) / (double)d->count);
	p->rows++;
}

static size_t latency_data(const struct report *rep, FILE *out)
{
	struct latency_plot p = {rep, out, NULL, 0};
	const struct flow *f = NULL;
	size_t n = 0;

	fprintf(out, "# a block per flow: from-us to-us share\n");
	while ((f = next_flow(rep, f, n))) {
		sheet_of(SHEET_LATENCY)->each(rep, f, latency_row, &p);
		n++;
	}
	return p.rows;
}

struct site_bytes {
	char name[320];
	int kind;
	uint64_t bytes;
};

struct site_list {
	struct site_bytes *items;
	size_t count, cap;
	int err;
};

static void add_site(void *ctx, const struct row *row)
{
	const struct site_stat *s = &row->flow->sites[row->i];
	struct site_list *l = ctx;
	struct site_bytes one = {.name = "site unknown", .kind = s->kind};

	if (s->kind != HOP_COPY_UNKNOWN)
		rundir_site_name(s->site, s->ip, one.name, sizeof(one.name));
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].kind == one.kind && !strcmp(l->items[i].name, one.name)) {
			l->items[i].bytes += s->bytes;
			return;
		}
	if (vec_reserve(&l->items, &l->cap, l->count + 1))
		return;
	one.bytes = s->bytes;
	l->items[l->count++] = one;
}

static int by_bytes(const void *a, const void *b)
{
	const struct site_bytes *x = a, *y = b;

	return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

static size_t sites_data(const struct report *rep, FILE *out)
{
	struct site_list l = {0};
	char name[320];
	size_t n;

	sheet_of(SHEET_SITES)->each(rep, NULL, add_site, &l);
	if (l.count)
		qsort(l.items, l.count, sizeof(*l.items), by_bytes);
	fprintf(out, "# row site bytes kind\n");
	for (n = 0; n < l.count && n < SITES_MAX; n++) {
		plot_word(l.items[n].name, name, sizeof(name));
		fprintf(out, "%zu \"%s\" %llu %d\n", n, name, (unsigned long long)l.items[n].bytes,
			l.items[n].kind);
	}
	free(l.items);
	return n;
}

#define LOOKS                                                                                      \
	"set encoding utf8\n"                                                                      \
	"set border 3 linecolor rgb 'black'\n"                                                     \
	"set tics nomirror\n"                                                                      \
	"set grid linecolor rgb '#9a9a9a' linewidth 0.5\n"                                         \
	"set style fill solid 0.9 border -1\n"                                                     \
	"colours = '#2a78b8 #c2571a #3d9a5f #7d3c98 #b58a00 #d1495b #138a8a #7a6a58'\n"            \
	"do for [i = 1:40] { set linetype i linecolor rgb word(colours, (i - 1) % 8 + 1) }\n"

/* Rows of bars from top to bottom, each with its flow's name. */
#define ROWS                                                                                       \
	"stats FILE using 1 nooutput\n"                                                            \
	"rows = int(STATS_max) + 1\n"                                                              \
	"set terminal svg size 560,(150 + 28 * rows) font 'sans-serif,15' noenhanced\n"            \
	"set output SVG\n"                                                                        \
	"set ytics scale 0\n"                                                                      \
	"set xtics rangelimited\n"

/* Behind the statistics, which see only what is in range. */
#define RANGE "set yrange [rows - 0.4:-0.6]\n"

#define FIXED "set terminal svg size 560,400 font 'sans-serif,15' noenhanced\nset output SVG\n"

/* The scripts below name kinds of hops in the order of hops.def. */
_Static_assert(HOP_KINDS == 13 && HOP_EMULATED_DMA == 8, "kinds of hops in plots");

const struct plot plots[] = {
	{"copies", "Copies and emulated DMA per message, by flow",
	 LOOKS "FILE = 'copies.dat'\n" ROWS
	 "stats FILE using ($3 + $5) nooutput\n"
	 "set xrange [0:STATS_max * 1.15 + 0.1]\n"
	 "stats FILE using 5 nooutput\n"
	 "emulated = STATS_max > 0\n"
	 "set xlabel 'times each byte of a message was moved by the CPU'\n"
	 "set key outside bottom center horizontal\n"
	 RANGE "plot FILE using 3:1:(0):3:($1-0.35):($1+0.35):ytic(2) with boxxyerror linecolor rgb '#2a78b8' title 'copies', \\\n"
	 "     for [i = 1:emulated] FILE using 3:1:3:($3+$5):($1-0.35):($1+0.35) with boxxyerror linecolor rgb '#c2571a' title 'emulated DMA', \\\n"
	 "     FILE using ($3+$5):1:(sprintf(' %.3f', $3+$5)) with labels left notitle\n",
	 copies_data},
	{"amplification", "Copy amplification against message size",
	 LOOKS FIXED
	 "FILE = 'amplification.dat'\n"
	 "stats FILE using 3 nooutput\n"
	 "emulated = STATS_max > 0\n"
	 "set logscale x 2\n"
	 "set offsets graph 0.1, graph 0.2, graph 0.4, 0\n"
	 "set yrange [0:*]\n"
	 "set xlabel 'bytes per message'\n"
	 "set ylabel 'bytes copied / bytes delivered'\n"
	 "set key outside bottom center horizontal\n"
	 "set format x '%.0b %BB'\n"
	 "plot FILE using 1:2 with points pointtype 7 pointsize 0.9 linecolor rgb '#2a78b8' title 'copies', \\\n"
	 "     for [i = 1:emulated] FILE using 1:3 with points pointtype 5 pointsize 0.9 linecolor rgb '#c2571a' title 'emulated DMA', \\\n"
	 "     FILE using 1:2:4 with labels left rotate by 30 offset 0.5,0.5 font ',12' notitle\n",
	 amplification_data},
	{"hops", "Median time per hop, by flow",
	 LOOKS "FILE = 'hops.dat'\n" ROWS
	 "set xrange [0:130]\n"
	 "set xtics 0,25,100\n"
	 "set xlabel 'share of the time from send to delivery, % (medians, added up)' offset 0,0.5\n"
	 "set key outside bottom center horizontal\n"
	 "kinds = 'start copy copy,_site_unknown transform handoff pin dma pio emulated-dma wire drop gap gap_(user_space)'\n"
	 "of_kind = '#888888 #2a78b8 #7d3c98 #138a8a #8fa3ad #b58a00 #3d9a5f #7a6a58 #c2571a #c9a227 #333333 #d1495b #e0a0a8'\n"
	 "present = ''\n"
	 "do for [k = 0:words(kinds) - 1] {\n"
	 "  stats FILE using ($4 == k) nooutput\n"
	 "  if (STATS_sum > 0) { present = present . ' ' . k }\n"
	 "}\n"
	 "kind(i) = int(word(present, i))\n"
	 RANGE "plot for [i = 1:words(present)] FILE \\\n"
	 "     using ($4 == kind(i) ? $2/$8*100 : NaN):1:($2/$8*100):($3/$8*100):($1-0.35):($1+0.35):ytic(5) with boxxyerror \\\n"
	 "     linecolor rgb word(of_kind, kind(i) + 1) title word(kinds, kind(i) + 1), \\\n"
	 "     FILE using ($2 == 0 ? 100 : NaN):1:(sprintf(' %.0f us', $8)) with labels left font ',12' notitle\n",
	 hops_data},
	{"latency", "Latency distribution: from send to delivery",
	 LOOKS FIXED
	 "set logscale x 2\n"
	 "set xlabel 'microseconds (each bin is twice as wide as the one before)' offset 0,0.5\n"
	 "set ylabel 'share of messages'\n"
	 "set yrange [0:*]\n"
	 "set key outside bottom center horizontal font ',12'\n"
	 "stats 'latency.dat' using 1 nooutput\n"
	 "plot for [b = 0:STATS_blocks - 1] 'latency.dat' index b using (sqrt($1 * $2)):3 \\\n"
	 "     with linespoints linewidth 2 pointsize 0.5 title columnheader(1)\n",
	 latency_data},
	{"sites", "Bytes by copy site",
	 LOOKS "FILE = 'sites.dat'\n" ROWS
	 "stats FILE using 3 nooutput\n"
	 "set xrange [0:*]\n"
	 "set xtics STATS_max / 4.0\n"
	 "set format x '%.1s%c'\n"
	 "set xlabel 'bytes'\n"
	 "stats FILE using ($4 == 8) nooutput\n"
	 "emulated = STATS_sum > 0\n"
	 "set key outside bottom center horizontal\n"
	 RANGE "plot FILE using ($4 == 8 ? NaN : $3):1:(0):3:($1-0.35):($1+0.35):ytic(2) with boxxyerror linecolor rgb '#2a78b8' title 'copies', \\\n"
	 "     for [i = 1:emulated] FILE using ($4 == 8 ? $3 : NaN):1:(0):3:($1-0.35):($1+0.35):ytic(2) with boxxyerror linecolor rgb '#c2571a' title 'emulated DMA'\n",
	 sites_data},
};

const size_t plot_count = ARRAY_SIZE(plots);

/* In the folder of the plots. 0, -ENOPKG where there is no gnuplot, -EIO where it failed. */
static int draw(const struct report *rep, const char *script)
{
	char folder[PATH_MAX + 16], path[PATH_MAX + 80];
	int fd, err;

	snprintf(folder, sizeof(folder), "%s/plots", rep->dir);
	snprintf(path, sizeof(path), "%s/%s", rep->dir, script);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -EIO;
	err = gnuplot_run(folder, fd, -1);
	close(fd);
	return err;
}

/* The output is opened behind the terminal, whose height depends on the data. */
static int write_script(const struct report *rep, const struct plot *p, char *name, size_t size)
{
	FILE *f;

	snprintf(name, size, "plots/%s.gp", p->name);
	f = report_open(rep, name);
	if (f)
		fprintf(f, "# %s. Draw it again with: gnuplot %s.gp\nSVG = '%s.svg'\n%s", p->title,
			p->name, p->name, p->script);
	return report_close(f);
}

static int make_plot(struct report *rep, const struct plot *p)
{
	char name[64];
	size_t rows = 0;
	FILE *f;
	int err;

	snprintf(name, sizeof(name), "plots/%s.dat", p->name);
	f = report_open(rep, name);
	if (f)
		rows = p->data(rep, f);
	err = report_close(f);
	if (!err)
		err = write_script(rep, p, name, sizeof(name));
	if (err || !rows || rep->no_gnuplot)
		return err;
	err = draw(rep, name);
	if (err == -ENOPKG) {
		rep->no_gnuplot = true;
		msg_note("no plots: gnuplot is missing; apt-get install gnuplot-nox");
		err = 0;
	}
	if (err == -EIO)
		msg_error("gnuplot failed; 'gnuplot %s' in %s/plots says why", strrchr(name, '/') + 1, rep->dir);
	return err;
}

int plots_write(struct report *rep)
{
	int err = 0;

	for (size_t i = 0; i < plot_count && !err && !rep->drawn; i++)
		err = make_plot(rep, &plots[i]);
	rep->drawn = true;
	return err;
}

char *plot_svg(const struct report *rep, const struct plot *p)
{
	char path[PATH_MAX + 64], *text = NULL;

	snprintf(path, sizeof(path), "%s/plots/%s.svg", rep->dir, p->name);
	if (rep->no_gnuplot || file_read(path, &text, NULL))
		return NULL;
	return text;
}
