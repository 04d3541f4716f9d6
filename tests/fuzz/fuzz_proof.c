// SPDX-License-Identifier: GPL-2.0-only
/* The checker of proofs takes any file: it must neither crash nor accept what is not derived. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proofrun.h"
#include "proofcheck/proofcheck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mkrun *run;
	char path[64], why[4400];
	size_t conclusions;
	int fd = memfd_create("proof", MFD_CLOEXEC);

	if (!run)
		run = proof_run();
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* The run has one message of two copies: no other number can be proven of it. */
	if (!proof_check(path, run->dir, &conclusions, NULL, why, sizeof(why)) &&
	    (!conclusions || !memmem(data, size, "\xe2\x88\xb4 2 copies", strlen("\xe2\x88\xb4 2 copies"))))
		abort();
	close(fd);
	return 0;
}
