/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks a proof.md against the trace it cites. It shares nothing with what wrote the proof but
 * the reader of trace files: what an event means is worked out here once more, from the record.
 */
#ifndef PROOFCHECK_PROOFCHECK_H
#define PROOFCHECK_PROOFCHECK_H

#include <stddef.h>
#include <stdio.h>

/*
 * 0: every line holds; then *conclusions tells how many counts it proves, and proven, where it is not
 * NULL, gets them, a line each. -EINVAL: one does not, and why says which. Other -errno: the proof or
 * the run cannot be read, and why says what.
 */
int proof_check(const char *proof, const char *run, size_t *conclusions, FILE *proven, char *why, size_t size);

/* A line that does not hold, or from which nothing follows. */
struct proof_fault {
	unsigned int line;
	char why[256];
};

/*
 * All such lines, in their order, of a proof's text, malloc'ed, which is the callee's from now on; the list is the
 * caller's to free. -errno: the text or the run cannot be read as a proof and its run, and why says
 * what is wrong.
 */
int proof_faults(char *text, const char *run, struct proof_fault **faults, size_t *count, char *why,
		 size_t size);

#endif
