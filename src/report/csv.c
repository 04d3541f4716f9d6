// SPDX-License-Identifier: GPL-2.0-only
/* The folder csv: each table as a file for spreadsheets and scripts. */
#include "report/sheet.h"
#include "common/text.h"

struct csv {
	const struct report *rep;
	const struct sheet *sheet;
	FILE *out;
};

static void print_row(void *ctx, const struct row *row)
{
	const struct csv *c = ctx;
	char cell[1024];

	for (size_t i = 0; i < c->sheet->count; i++) {
		c->sheet->columns[i].put(c->rep, row, cell, sizeof(cell));
		if (i)
			fputc(',', c->out);
		text_csv(c->out, cell);
	}
	fputs("\r\n", c->out);
}

static int write_sheet(struct report *rep, const struct sheet *s)
{
	struct csv c = {.rep = rep, .sheet = s};
	char name[64];

	snprintf(name, sizeof(name), "csv/%s.csv", s->name);
	c.out = report_open(rep, name);
	for (size_t i = 0; c.out && i < s->count; i++) {
		fputs(i ? "," : "", c.out);
		text_csv(c.out, s->columns[i].head);
	}
	if (c.out) {
		fputs("\r\n", c.out);
		s->each(rep, NULL, print_row, &c);
	}
	return report_close(c.out);
}

int csv_write(struct report *rep)
{
	int err = 0;

	for (int i = 0; i < SHEETS && !err; i++)
		err = write_sheet(rep, sheet_of((enum sheet_id)i));
	return err;
}
