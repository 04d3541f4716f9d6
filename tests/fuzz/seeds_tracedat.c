// SPDX-License-Identifier: GPL-2.0-only
/* Writes the seeds of fuzz_tracedat into the folder given. */
#include <stdio.h>
#include <string.h>

#include "mktrace.h"

static const uint32_t extend[] = {30 | 7u << 5, 12}, stamp[] = {31 | 7u << 5, 1u << 20},
		      discarded[] = {29 | 1u << 5, 12, 0, 0}, rest[] = {29, 0};

static void write_seed(struct mktrace *mk, const char *dir, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	mktrace_write(mk, path);
	mktrace_free(mk);
}

static struct mktrace *begin(unsigned cpus)
{
	struct mktrace *mk = mktrace_new(cpus);

	mktrace_event_format(mk, "ftrace", mktrace_format("function", 1, "u64 ip; u64 parent_ip"));
	mktrace_event_format(mk, "net",
			     mktrace_format("copy", 300,
					    "u64 dst; u32 len; s16 ret; __data_loc char[] name; "
					    "__rel_loc u32[] rel; char[16] comm"));
	mktrace_kallsyms(mk, "ffffffff81000000 T _text\nffffffffc0000000 t init\t[e1000]\n");
	mktrace_cmdlines(mk, "1 init\n77 some name\n");
	mktrace_option(mk, 4, "local [mono] boot", 18);
	mktrace_option(mk, 2, "CPU: 0\nentries: 0\noverrun: 0\n", 30);
	return mk;
}

static void add(struct mktrace *mk, unsigned cpu, uint64_t ts)
{
	uint8_t payload[48] = {0};
	uint32_t loc = 40 | 5u << 16;

	memcpy(payload + 16, &loc, 4);
	memcpy(payload + 32, "hello", 6);
	mktrace_add(mk, cpu, ts, 300, payload, sizeof(payload));
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : ".";
	struct mktrace *mk = begin(1);
	uint8_t big[1000] = {0};

	add(mk, 0, 1000);
	write_seed(mk, dir, "one");

	mk = begin(3);
	for (unsigned i = 0; i < 40; i++)
		add(mk, i % 2, 1000 + i * 100);
	mktrace_option(mk, 3, "\0\0\0\0\0\0\0\0inst", 13);
	write_seed(mk, dir, "merge");

	mk = begin(1);
	add(mk, 0, 1000);
	mktrace_raw(mk, 0, extend, 2);
	add(mk, 0, 2000);
	mktrace_raw(mk, 0, stamp, 2);
	mktrace_raw(mk, 0, discarded, 4);
	mktrace_add(mk, 0, 2000, 1, big, sizeof(big));
	mktrace_missed(mk, 0, 5);
	mktrace_end_page(mk, 0);
	mktrace_add(mk, 0, UINT64_C(1) << 50, 300, big, sizeof(big));
	mktrace_raw(mk, 0, rest, 2);
	mktrace_missed(mk, 0, -1);
	write_seed(mk, dir, "kinds");

	write_seed(mktrace_new(0), dir, "bare");
	return 0;
}
