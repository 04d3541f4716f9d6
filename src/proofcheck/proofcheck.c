// SPDX-License-Identifier: GPL-2.0-only
#include "proofcheck/proofcheck.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/vec.h"
#include "proofcheck/check.h"

static int fault(struct check *c, struct line *l, int err)
{
	const char *reason = strstr(c->why, "hold: ");
	struct proof_fault *f;

	if (err != -EINVAL || !c->all)
		return err;
	if (vec_reserve(&c->faults, &c->fault_cap, c->fault_count + 1))
		return -ENOMEM;
	f = &c->faults[c->fault_count++];
	f->line = l->number;
	l->meaning = MEANS_NOTHING;
	snprintf(f->why, sizeof(f->why), "%s", reason ? reason + strlen("hold: ") : c->why);
	return 0;
}

/* What leads nowhere once led somewhere: the rest of its derivation was taken out. */
static int check_use(struct check *c, const struct line *l)
{
	if (!l->used)
		return reject(c, l, "nothing follows from it");
	if (l->therefore && l->meaning != MEANS_COUNT)
		return reject(c, l, "a number of copies is concluded from it, and it is no count");
	return 0;
}

static int check_lines(struct check *c, size_t *conclusions)
{
	int err = facts_resolve(c);

	for (size_t i = 0; i < c->lines.count && !err; i++)
		if (!c->lines.items[i].fact)
			err = fault(c, &c->lines.items[i], rule_apply(c, &c->lines.items[i]));
	for (size_t i = 0; i < c->lines.count && !err; i++) {
		struct line *l = &c->lines.items[i];

		if (l->meaning == MEANS_NOTHING)
			continue; /* told already */
		*conclusions += l->meaning == MEANS_COUNT;
		err = fault(c, l, check_use(c, l));
	}
	return err;
}

/* A heading names the message that is counted under it, or at least a flow that there may be. */
static int check_heading(struct check *c, struct line *l)
{
	struct heading *h = l->heading ? &c->lines.headings[l->heading - 1] : NULL;
	const struct line *send = count_send(c, l);

	if (!h)
		return 0;
	if (!send || !names_of_send(&c->names, &send->cited->record, h->name) || h->message != send->cited->nth)
		return reject(c, l, "the heading (row %u) is of another message", h->row);
	h->proven = true;
	return 0;
}

static int check_headings(struct check *c)
{
	int err = 0;

	for (size_t i = 0; i < c->lines.count && !err; i++)
		if (c->lines.items[i].meaning == MEANS_COUNT)
			err = fault(c, &c->lines.items[i], check_heading(c, &c->lines.items[i]));
	for (size_t i = 0; i < c->lines.heading_count && !err; i++) {
		const struct heading *h = &c->lines.headings[i];

		if (h->proven || c->all || (h->remark && names_has(&c->names, h->name)))
			continue;
		snprintf(c->why, c->size, "the heading in row %u %s", h->row,
			 h->remark ? "names no flow of the run" : "has nothing under it");
		err = -EINVAL;
	}
	return err;
}

/* What has been proven, a line each. */
static int tell(const struct check *c, FILE *out)
{
	for (size_t i = 0; i < c->lines.count; i++) {
		const struct line *l = &c->lines.items[i];
		const struct heading *h = l->heading ? &c->lines.headings[l->heading - 1] : NULL;

		if (l->meaning != MEANS_COUNT)
			continue;
		if (h)
			fprintf(out, "%s, message %llu: ", h->name, (unsigned long long)h->message);
		fprintf(out, "%s\n", l->text);
	}
	return ferror(out) ? -EIO : 0;
}

/* With the lines read, holds them against the run. */
static int check_against(struct check *c, const char *run, size_t *conclusions)
{
	struct tracedat *td = NULL;
	int err = tracedat_open_run(run, &td);

	c->td = td;
	if (err)
		snprintf(c->why, c->size, "%s", td ? tracedat_error(td) : "out of memory");
	if (!err)
		err = world_open(&c->world, run, td, c->why, c->size);
	if (!err) {
		err = names_open(&c->names, run);
		if (err)
			snprintf(c->why, c->size, "cannot read the traffic log: %s", strerror(-err));
	}
	if (!err)
		err = check_lines(c, conclusions);
	if (!err)
		err = check_headings(c);
	names_close(&c->names);
	world_close(&c->world);
	tracedat_close(td);
	return err;
}

int proof_check(const char *proof, const char *run, size_t *conclusions, FILE *proven, char *why, size_t size)
{
	struct check c = {.why = why, .size = size};
	int err;

	*conclusions = 0;
	*why = '\0';
	err = lines_read(proof, &c.lines, why, size);
	if (!err)
		err = check_against(&c, run, conclusions);
	if (!err && !*conclusions) {
		snprintf(why, size, "it concludes nothing");
		err = -EINVAL;
	}
	if (!err && proven)
		err = tell(&c, proven);
	lines_free(&c.lines);
	return err;
}

static int by_line(const void *a, const void *b)
{
	const struct proof_fault *x = a, *y = b;

	return x->line < y->line ? -1 : x->line > y->line;
}

int proof_faults(char *text, const char *run, struct proof_fault **faults, size_t *count, char *why,
		 size_t size)
{
	struct check c = {.why = why, .size = size, .all = true};
	size_t conclusions = 0;
	int err;

	*why = '\0';
	err = lines_parse(text, strlen(text), &c.lines, why, size);
	if (!err)
		err = check_against(&c, run, &conclusions);
	lines_free(&c.lines);
	if (c.fault_count)
		qsort(c.faults, c.fault_count, sizeof(*c.faults), by_line);
	*faults = c.faults;
	*count = c.fault_count;
	return err;
}
