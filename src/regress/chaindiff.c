// SPDX-License-Identifier: GPL-2.0-only
#include "regress/chaindiff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

static bool same_hop(struct json_object *a, struct json_object *b)
{
	return !strcmp(json_str(a, "kind", ""), json_str(b, "kind", "")) &&
	       !strcmp(json_str(a, "where", ""), json_str(b, "where", ""));
}

/* common[i][k]: hops in common from i and k on; rows of m + 1. */
static unsigned int *count_common(struct json_object *from, struct json_object *to, size_t n,
				  size_t m)
{
	unsigned int *common = calloc((n + 1) * (m + 1), sizeof(*common));

	for (size_t i = n; common && i-- > 0;)
		for (size_t k = m; k-- > 0;) {
			unsigned int *at = &common[i * (m + 1) + k];

			if (same_hop(json_at(from, i), json_at(to, k)))
				*at = at[m + 2] + 1;
			else
				*at = at[m + 1] > at[1] ? at[m + 1] : at[1];
		}
	return common;
}

static void add_step(struct chaindiff *d, enum step_change change, struct json_object *from,
		     struct json_object *to)
{
	d->steps[d->count++] = (struct chain_step_pair){change, from, to};
	d->changes += change != STEP_KEPT;
}

int chaindiff_make(struct json_object *from, struct json_object *to, struct chaindiff *out)
{
	size_t n = json_length(from), m = json_length(to), i = 0, k = 0;
	unsigned int *common = count_common(from, to, n, m);

	memset(out, 0, sizeof(*out));
	out->steps = calloc(n + m + 1, sizeof(*out->steps));
	if (!common || !out->steps) {
		free(common);
		return -ENOMEM;
	}
	while (i < n || k < m) {
		const unsigned int *at = &common[i * (m + 1) + k];

		if (i < n && k < m && same_hop(json_at(from, i), json_at(to, k))) {
			add_step(out, STEP_KEPT, json_at(from, i), json_at(to, k));
			i++, k++;
		} else if (k == m || (i < n && at[m + 1] >= at[1])) {
			add_step(out, STEP_GONE, json_at(from, i++), NULL);
		} else {
			add_step(out, STEP_NEW, NULL, json_at(to, k++));
		}
	}
	free(common);
	return 0;
}

void chaindiff_free(struct chaindiff *d)
{
	free(d->steps);
	memset(d, 0, sizeof(*d));
}

void hop_text(struct json_object *hop, char *buf, size_t size)
{
	const char *kind = json_str(hop, "kind", "?"), *where = json_str(hop, "where", "");
	bool code = !strcmp(kind, "copy") || !strcmp(kind, "emulated-dma");

	if (!strcmp(kind, "wire") || !*where)
		snprintf(buf, size, "%s", kind);
	else
		snprintf(buf, size, "%s %s%s", kind, code ? "at " : "", where);
}
