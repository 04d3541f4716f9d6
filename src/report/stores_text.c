// SPDX-License-Identifier: GPL-2.0-only
#include "report/stores_text.h"

static void print_unclosed(const struct stores_flow *s, const struct flow *f, FILE *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct stored_at *at = &s->at[i];
		char name[300];

		if (at->site && at->seen == at->recorded)
			continue;
		stored_name(at, name, sizeof(name));
		fprintf(out, "%s: audit not closed: %llu bytes stored at %s, %llu recorded\n", f->name,
			(unsigned long long)at->seen, name, (unsigned long long)at->recorded);
	}
}

void stores_print(const struct analysis *r, const char *pattern, FILE *out)
{
	uint64_t flows = 0, closed = 0, bytes = 0;

	if (!r->stores.present)
		return;
	if (!r->stores.whole)
		fprintf(out, "audit: the emulator was ended before it had written all\n");
	for (const struct flow *f = r->engine.flows; f; f = f->next) {
		const struct stores_flow *s = stores_of(&r->stores, f);

		if (!s || !flow_selected(f, pattern))
			continue;
		flows++;
		closed += s->closed;
		bytes += s->seen;
		print_unclosed(s, f, out);
	}
	fprintf(out, "audit: of %llu flows the kernel stored %llu bytes of payload; closed: %llu, where each store is "
		"a recorded copy's\n", (unsigned long long)flows, (unsigned long long)bytes, (unsigned long long)closed);
}
