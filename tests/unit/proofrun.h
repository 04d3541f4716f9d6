/* SPDX-License-Identifier: GPL-2.0-only */
/* A run with one message over lo, for tests of what is made from runs. */
#ifndef TESTS_PROOFRUN_H
#define TESTS_PROOFRUN_H

#include "mkrun.h"

struct onemessage {
	unsigned long len, nonce;
	const char *without; /* hand-offs of this name are left out; NULL: none */
};

/* The code that copies, as mkrun knows it. */
void proof_sites(struct mkrun *mk);

/* Adds the events of a message. */
void proof_message(struct mkrun *mk, const struct onemessage *m);

/* A whole run with one of 64 bytes, written. */
struct mkrun *proof_run(void);

#endif
