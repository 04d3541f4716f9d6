// SPDX-License-Identifier: GPL-2.0-only
/* The true proof of the run that fuzz_proof.c holds its input against. */
#include <stdio.h>
#include <stdlib.h>

#include "proofrun.h"
#include "report/report.h"

int main(int argc, char **argv)
{
	struct mkrun *run = proof_run();
	struct analysis r;
	struct report rep = {.r = &r, .dir = argc > 1 ? argv[1] : "."};
	int err = analysis_load(&r, run->dir, UINT64_MAX);

	if (!err)
		err = report_write(&rep, "proof");
	analysis_free(&r);
	mkrun_free(run);
	return err != 0;
}
