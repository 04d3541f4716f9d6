// SPDX-License-Identifier: GPL-2.0-only
#include "regress/night_plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/gnuplot.h"
#include "common/text.h"

/* The number of a text in a list, to which it is added at need; or -ENOMEM. */
static long list_add(char ***list, size_t *count, const char *text)
{
	char **more;

	for (size_t i = 0; i < *count; i++)
		if (!strcmp((*list)[i], text))
			return (long)i;
	more = realloc(*list, (*count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	*list = more;
	more[*count] = strdup(text);
	return more[*count] ? (long)(*count)++ : -ENOMEM;
}

long plot_row(struct plot *p, const char *label)
{
	return list_add(&p->labels, &p->rows, label);
}

int plot_name(struct plot *p, const char *name)
{
	return list_add(&p->names, &p->name_count, name) < 0 ? -ENOMEM : 0;
}

static void free_series(struct plot_series *s)
{
	free(s->name);
	free(s->panel);
	free(s->values);
}

static struct plot_series *new_series(struct plot *p, const char *name, const char *panel)
{
	struct plot_series *more = realloc(p->series, (p->series_count + 1) * sizeof(*more)), *s;

	if (more)
		p->series = more;
	if (!more || plot_name(p, name))
		return NULL;
	s = &more[p->series_count];
	*s = (struct plot_series){.name = strdup(name), .panel = strdup(panel)};
	if (!s->name || !s->panel) {
		free_series(s);
		return NULL;
	}
	p->series_count++;
	return s;
}

static struct plot_series *find_series(struct plot *p, const char *name, const char *panel)
{
	for (size_t i = p->series_count; i-- > 0;)
		if (!strcmp(p->series[i].name, name) && !strcmp(p->series[i].panel, panel))
			return &p->series[i];
	return new_series(p, name, panel);
}

static int set(struct plot_series *s, size_t row, double value)
{
	double *more;

	if (row >= s->count) {
		more = realloc(s->values, (row + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->values = more;
		while (s->count <= row)
			more[s->count++] = NAN;
	}
	s->values[row] = value;
	return 0;
}

int plot_put(struct plot *p, const char *row, const char *series, const char *panel, double value)
{
	struct plot_series *s = find_series(p, series, panel ? panel : "");
	long i = plot_row(p, row);

	return s && i >= 0 ? set(s, (size_t)i, value) : -ENOMEM;
}

double plot_value(const struct plot *p, size_t row, size_t series)
{
	const struct plot_series *s = &p->series[series];

	return row < s->count ? s->values[row] : NAN;
}

void plot_drop(struct plot *p, size_t series)
{
	free_series(&p->series[series]);
	p->series_count--;
	memmove(&p->series[series], &p->series[series + 1],
		(p->series_count - series) * sizeof(*p->series));
}

void plot_free(struct plot *p)
{
	for (size_t i = 0; i < p->series_count; i++)
		free_series(&p->series[i]);
	for (size_t i = 0; i < p->rows; i++)
		free(p->labels[i]);
	for (size_t i = 0; i < p->name_count; i++)
		free(p->names[i]);
	free(p->series);
	free(p->labels);
	free(p->names);
	memset(p, 0, sizeof(*p));
}

void plot_quote(const char *text, size_t columns, FILE *out)
{
	char clean[512], cut[512];

	text_clean(text, clean, sizeof(clean));
	text_cut(clean, columns, cut, sizeof(cut));
	fputc('"', out);
	for (const char *c = cut; *c; c++)
		fputc(strchr("\"\\`\n", *c) ? '\'' : *c, out);
	fputc('"', out);
}

unsigned plot_mark(size_t colour)
{
	static const unsigned filled[] = {5, 7, 9, 13};

	return filled[(colour - 1) / 8 % 4];
}

double plot_step(double span)
{
	double power = pow(10, floor(log10(span / 3))), part = span / 3 / power;

	return power * (part > 5 ? 10 : part > 2 ? 5 : part > 1 ? 2 : 1);
}

bool plot_first(const struct plot *p, size_t series)
{
	for (size_t i = 0; i < series; i++)
		if (!strcmp(p->series[i].name, p->series[series].name))
			return false;
	return true;
}

size_t plot_colour(const struct plot *p, size_t series)
{
	size_t i = 0;

	while (strcmp(p->names[i], p->series[series].name))
		i++;
	return i + 1;
}

static const struct {
	unsigned (*height)(const struct plot *p);
	void (*put)(const struct plot *p, FILE *out);
} kinds[] = {
	[PLOT_BARS] = {plot_bars_height, plot_bars},
	[PLOT_LINES] = {plot_lines_height, plot_lines},
};

void plot_key(const struct plot *p, unsigned below, FILE *out)
{
	double line = (double)PLOT_KEY / kinds[p->kind].height(p);

	for (size_t k = 0; k < p->series_count; k++) {
		if (!plot_first(p, k))
			continue;
		fputs("set label ", out);
		plot_quote(p->series[k].name, 48, out);
		fprintf(out, " at screen 0.04, screen %.5f left offset 1.2,-0.15 point linetype %zu "
			"pointtype %u pointsize 1\n", 1 - line * (below++ + 0.6), plot_colour(p, k),
			plot_mark(plot_colour(p, k)));
	}
}

static void put_script(const struct plot *p, FILE *out)
{
	fprintf(out,
		"set terminal svg size %d,%u font 'sans-serif,15' noenhanced\n"
		"set encoding utf8\n"
		"set border 3 linecolor rgb 'black'\n"
		"set tics nomirror\n"
		"set grid linecolor rgb '#9a9a9a' linewidth 0.5\n"
		"set style fill solid 0.9 noborder\n"
		"colours = '#2a78b8 #c2571a #3d9a5f #7d3c98 #b58a00 #d1495b #138a8a #7a6a58'\n"
		"do for [i = 1:99] { set linetype i linecolor rgb word(colours, (i - 1) %% 8 + 1) }\n",
		PLOT_WIDTH, kinds[p->kind].height(p));
	kinds[p->kind].put(p, out);
}

/* gnuplot reads the script from a file without a name, and prints the picture. */
int plot_draw(const struct plot *p, const char *svg)
{
	FILE *script, *out;
	int err = 0;

	if (!p->rows || !p->series_count)
		return -ENODATA;
	script = tmpfile();
	out = fopen(svg, "we");
	if (!script || !out)
		err = -errno;
	if (!err)
		put_script(p, script);
	if (!err && (fflush(script) || ferror(script) || fseek(script, 0, SEEK_SET)))
		err = -EIO;
	if (!err)
		err = gnuplot_run(NULL, fileno(script), fileno(out));
	if (script)
		fclose(script);
	if (out)
		fclose(out);
	if (err && out)
		unlink(svg);
	return err;
}
