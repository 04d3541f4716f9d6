// SPDX-License-Identifier: GPL-2.0-only
/* Writes the seeds of fuzz_census into the folder given. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FUNCTION 512 /* as in fuzz_census.c, and the function called is the ninth */
#define CALLED (8 * FUNCTION)

static void write_seed(const char *dir, const char *name, const uint8_t *text, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f)
		return;
	fwrite(text, 1, size, f);
	fclose(f);
}

/* Calls and jumps, of each kind one, from the first function to the last. */
static void write_calls(const char *dir)
{
	static const char *const opcodes[] = {"\xe8", "\xe9", "\x0f\x84"};
	uint8_t text[FUNCTION];
	size_t at = 0;

	memset(text, 0x90, sizeof(text));
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(*opcodes); i++) {
		size_t length = strlen(opcodes[i]);
		int32_t rel = CALLED - (int32_t)(at + length + sizeof(rel));

		memcpy(text + at, opcodes[i], length);
		memcpy(text + at + length, &rel, sizeof(rel));
		at += length + sizeof(rel);
	}
	write_seed(dir, "calls", text, sizeof(text));
	text[0] = 0xcc;
	write_seed(dir, "probed", text, sizeof(text));
}

/* A copy of which rep movsq moves the middle, its length in a register, and one of 0x4c bytes. */
static const uint8_t whole[] =
	"\x0f\x1f\x44\x00\x00"
	"\x48\x8b\x86\xd0\x00\x00\x00\x48\x8d\x78\x08\x48\x83\xe7\xf8\x48\x8b\xb2\xd0\x00\x00\x00"
	"\x48\x8b\x16\x48\x89\x10\x4a\x8b\x54\x3e\xf8\x4a\x89\x54\x38\xf8"
	"\x48\x29\xf8\x48\x29\xc6\x44\x01\xf8\xc1\xe8\x03\x89\xc1\xf3\x48\xa5\x74\xfe"
	"\x48\x8b\x45\x10\x48\x8d\x75\x10\x48\x89\x03\x48\x8b\x45\x54\x48\x89\x43\x44"
	"\x48\x8d\x7b\x08\x48\x83\xe7\xf8\x48\x89\xd9\x48\x29\xf9\x48\x29\xce\x83\xc1\x4c"
	"\xc1\xe9\x03\xf3\x48\xa5\xc3";

static const uint8_t each[] = "\xf3\xa4\xf3\x66\xa5\x66\xf3\xa5\xf3\xa5\xf3\x48\xa5\xf2\x48\xa5"
			      "\xf3\x6c\xf3\x66\x6d\xf3\x6d\xf3\x6e\xf3\x66\x6f\xf3\x6f\xc3";

/* Bytes of other instructions that look like one. */
static const uint8_t none[] = "\x48\xb8\x01\x02\xf3\x48\xa5\x03\x04\x05\xb9\xf3\xa4\x00\x00"
			      "\xf3\x48\xab\xc3\xcc\x48\xa5\xcc\x48\xa5";

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : ".";

	write_calls(dir);
	write_seed(dir, "whole", whole, sizeof(whole) - 1);
	write_seed(dir, "each", each, sizeof(each) - 1);
	write_seed(dir, "none", none, sizeof(none) - 1);
	return 0;
}
