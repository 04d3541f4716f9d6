// SPDX-License-Identifier: GPL-2.0-only
#include "proofcheck/proofcheck.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proofcheck/check.h"

static int check_lines(struct check *c, size_t *conclusions)
{
	int err = facts_resolve(c);

	for (size_t i = 0; i < c->lines.count && !err; i++)
		if (!c->lines.items[i].fact)
			err = rule_apply(c, &c->lines.items[i]);
	for (size_t i = 0; i < c->lines.count && !err; i++) {
		const struct line *l = &c->lines.items[i];

		*conclusions += l->meaning == MEANS_COUNT;
		/* What leads nowhere once led somewhere: the rest of its derivation was taken out. */
		if (!l->used)
			err = reject(c, l, "nothing follows from it");
		else if (l->therefore && l->meaning != MEANS_COUNT)
			err = reject(c, l, "a number of copies is concluded from it, and it is no count");
	}
	if (!err && !*conclusions) {
		snprintf(c->why, c->size, "it concludes nothing");
		err = -EINVAL;
	}
	return err;
}

int proof_check(const char *proof, const char *run, size_t *conclusions, char *why, size_t size)
{
	struct check c = {.why = why, .size = size};
	struct tracedat *td = NULL;
	int err;

	*conclusions = 0;
	*why = '\0';
	c.run = run;
	err = lines_read(proof, &c.lines, why, size);
	if (!err) {
		err = tracedat_open_run(run, &td);
		if (err)
			snprintf(why, size, "%s", td ? tracedat_error(td) : "out of memory");
	}
	if (!err)
		err = world_open(&c.world, run, td, why, size);
	if (!err)
		err = check_lines(&c, conclusions);
	lines_free(&c.lines);
	world_close(&c.world);
	tracedat_close(td);
	return err;
}
