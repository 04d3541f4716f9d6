// SPDX-License-Identifier: GPL-2.0-only
#include "proofcheck/form.h"

#include <string.h>

#include "common/vec.h"

const char *const proof_intro[] = {
#define PROOF_ROW(text) text,
#include "proofcheck/form.def"
	NULL,
};

const char *const proof_remarks[PROOF_REMARKS] = {
#define PROOF_REMARK(id, text) text,
#include "proofcheck/form.def"
};

const char *proof_words(const char *rule)
{
	static const struct {
		const char *rule, *words;
	} all[] = {
#define PROOF_WORDS(rule, text) {rule, text},
#include "proofcheck/form.def"
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(rule, all[i].rule))
			return all[i].words;
	return NULL;
}

bool proof_is_idle(const char *row)
{
	if (!*row)
		return true;
	for (size_t i = 0; proof_intro[i]; i++)
		if (!strcmp(row, proof_intro[i]))
			return true;
	return proof_is_remark(row) || !strcmp(row, proof_remarks[PROOF_NO_MORE]);
}

bool proof_is_remark(const char *row)
{
	for (size_t i = 0; i < PROOF_REMARKS; i++)
		if (i != PROOF_NO_MORE && !strcmp(row, proof_remarks[i]))
			return true;
	return false;
}
