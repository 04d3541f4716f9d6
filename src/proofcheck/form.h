/* SPDX-License-Identifier: GPL-2.0-only */
/* The words of a proof, as form.def has them. */
#ifndef PROOFCHECK_FORM_H
#define PROOFCHECK_FORM_H

#include <stdbool.h>
#include <stddef.h>

enum proof_remark {
#define PROOF_REMARK(id, text) PROOF_##id,
#include "proofcheck/form.def"
	PROOF_REMARKS,
};

extern const char *const proof_remarks[PROOF_REMARKS];
extern const char *const proof_intro[]; /* rows; NULL last */

/* What stands behind a line of that rule, or NULL: there is no such rule. */
const char *proof_words(const char *rule);

/* Is the row one of those that claim nothing? */
bool proof_is_idle(const char *row);

/* Does it say that nothing is concluded? */
bool proof_is_remark(const char *row);

#endif
