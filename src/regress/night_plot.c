// SPDX-License-Identifier: GPL-2.0-only
#include "regress/night_plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/gnuplot.h"

int plot_series(struct plot *p, const char *name)
{
	size_t i = 0;

	while (i < p->series_count && strcmp(p->series[i], name))
		i++;
	if (i < p->series_count)
		return (int)i;
	if (i == PLOT_SERIES)
		return -1;
	p->series[i] = strdup(name);
	if (!p->series[i])
		return -1;
	p->series_count++;
	return (int)i;
}

static int add_row(struct plot *p, const char *label)
{
	size_t n = p->rows + 1;
	char **labels = realloc(p->labels, n * sizeof(*labels));
	double *values;

	if (!labels)
		return -1;
	p->labels = labels;
	values = realloc(p->values, n * PLOT_SERIES * sizeof(*values));
	if (!values)
		return -1;
	p->values = values;
	labels[p->rows] = strdup(label);
	if (!labels[p->rows])
		return -1;
	for (size_t i = 0; i < PLOT_SERIES; i++)
		values[p->rows * PLOT_SERIES + i] = NAN;
	p->rows = n;
	return (int)n - 1;
}

int plot_row(struct plot *p, const char *label)
{
	for (size_t i = 0; i < p->rows; i++)
		if (!strcmp(p->labels[i], label))
			return (int)i;
	return add_row(p, label);
}

void plot_set(struct plot *p, int row, int series, double value)
{
	if (row >= 0 && series >= 0)
		p->values[(size_t)row * PLOT_SERIES + (size_t)series] = value;
}

void plot_free(struct plot *p)
{
	for (size_t i = 0; i < p->series_count; i++)
		free(p->series[i]);
	for (size_t i = 0; i < p->rows; i++)
		free(p->labels[i]);
	free(p->labels);
	free(p->values);
	memset(p, 0, sizeof(*p));
}

/* Within double quotes of gnuplot, whose enhanced text is off. */
static void put_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++)
		fputc(strchr("\"\\`\n", *text) ? '\'' : *text, out);
	fputc('"', out);
}

static void put_data(const struct plot *p, FILE *out)
{
	fputs("$data << COPYCHAIN_END\n", out);
	for (size_t i = 0; i < p->rows; i++) {
		put_quoted(p->labels[i], out);
		for (size_t k = 0; k < p->series_count; k++) {
			double v = p->values[i * PLOT_SERIES + k];

			if (isnan(v))
				fputs(" ?", out);
			else
				fprintf(out, " %.9g", v);
		}
		fputc('\n', out);
	}
	fputs("COPYCHAIN_END\n", out);
}

static void put_script(const struct plot *p, FILE *out)
{
	put_data(p, out);
	fputs("set terminal svg size 900,360 noenhanced font 'sans-serif,12' background 'white'\n"
	      "set datafile missing '?'\nset yrange [0:*]\nset grid ytics lc rgb '#dddddd'\n"
	      "set key outside right top\nset xtics rotate by -30 scale 0\nset title ", out);
	put_quoted(p->title, out);
	fputs("\nset ylabel ", out);
	put_quoted(p->unit, out);
	if (!p->lines)
		fputs("\nset style data histograms\nset style histogram clustered gap 1\n"
		      "set style fill solid 0.8 noborder", out);
	else
		fputs("\nset style data linespoints", out);
	fputs("\nplot ", out);
	for (size_t k = 0; k < p->series_count; k++) {
		fprintf(out, "%s$data using %zu:xtic(1) title ", k ? ", " : "", k + 2);
		put_quoted(p->series[k], out);
	}
	fputc('\n', out);
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
	if (err)
		unlink(svg);
	return err;
}
