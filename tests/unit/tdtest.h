/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the trace reader share. */
#ifndef TESTS_TDTEST_H
#define TESTS_TDTEST_H

#include "mktrace.h"
#include "trace/tracedat.h"

/* A file with the formats ftrace:function (1) and test:foo (100: u64 a; s32 b). */
struct mktrace *tdtest_simple(unsigned cpus);

/* Adds a test:foo whose a is given and whose b is -5. */
void tdtest_add(struct mktrace *mk, unsigned cpu, uint64_t ts, uint64_t a);

/* Opens what mk makes; fails the test where that fails. */
struct tracedat *tdtest_open(struct mktrace *mk);

/* Reads all events: "cpu:ts:a " each, the last return value in *end. Static, until the next call.
 */
const char *tdtest_show(struct tracedat *td, int *end);

#endif
