// SPDX-License-Identifier: GPL-2.0-only
#include "collect/string_ops.h"

#include <stdbool.h>
#include <string.h>

#include "collect/primitives.h"

#define REPNE 0xf2
#define REP 0xf3
#define INT3 0xcc
#define RET 0xc3
#define OPERAND_SIZE 0x66
#define REX_W 0x48

static bool is_rex(uint8_t b)
{
	return (b & 0xf0) == 0x40;
}

static bool is_repeat(uint8_t b)
{
	return b == REP || b == REPNE;
}

static bool is_opcode(uint8_t b)
{
	for (size_t i = 0; i < primitive_count; i++)
		if (primitives[i].kind == PRIM_INLINED && primitives[i].opcode == b)
			return true;
	return false;
}

/* The offset behind an opcode to which the repeat prefix at i belongs, or 0. */
static size_t end_of(const uint8_t *buf, size_t size, size_t i)
{
	i++;
	while (i < size && (is_repeat(buf[i]) || buf[i] == OPERAND_SIZE))
		i++;
	i += i < size && is_rex(buf[i]);
	return i < size && is_opcode(buf[i]) ? i + 1 : 0;
}

/* Behind a return, an int3 stops speculation (CONFIG_SLS); in a row they are padding. */
static bool hides_prefix(const uint8_t *buf, size_t i)
{
	return buf[i] == INT3 && i && buf[i - 1] != RET && buf[i - 1] != INT3;
}

/* Does any of the 8 bytes at p equal what in all of them repeats, where mask is set? */
static bool has_byte(const uint8_t *p, uint64_t mask, uint64_t what)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	word = (word & mask) ^ what;
	return (word - 0x0101010101010101) & ~word & 0x8080808080808080;
}

/* No repeat prefix and no int3 in these 8 bytes: most text is passed quickly. */
static bool is_dull(const uint8_t *p)
{
	return !has_byte(p, 0xfefefefefefefefe, 0xf2f2f2f2f2f2f2f2) &&
	       !has_byte(p, ~0ULL, 0xcccccccccccccccc);
}

size_t string_ops_next(uint8_t *buf, size_t size, size_t from)
{
	for (size_t i = from; i < size; i++) {
		size_t end;

		while (i + 8 <= size && is_dull(buf + i))
			i += 8;
		if (i >= size || (!is_repeat(buf[i]) && !hides_prefix(buf, i)))
			continue;
		end = end_of(buf, size, i);
		if (!end)
			continue;
		if (buf[i] == INT3)
			buf[i] = REP;
		return end;
	}
	return 0;
}

int string_ops_primitive(const uint8_t *code, size_t length)
{
	bool repeats = false, word = false, wide = false;
	size_t i = 0;
	unsigned int width;

	for (; i + 1 < length && (is_repeat(code[i]) || code[i] == OPERAND_SIZE); i++) {
		repeats |= is_repeat(code[i]);
		word |= code[i] == OPERAND_SIZE;
	}
	if (i + 1 < length && is_rex(code[i]))
		wide = (code[i++] & REX_W) == REX_W;
	if (!repeats || i + 1 != length)
		return -1;
	for (size_t p = 0; p < primitive_count; p++) {
		if (primitives[p].kind != PRIM_INLINED || primitives[p].opcode != code[i])
			continue;
		/* Even opcodes move bytes; of the others, port I/O knows no 8 bytes at once. */
		width = !(code[i] & 1) ? 1 : wide && code[i] == 0xa5 ? 8 : word && !wide ? 2 : 4;
		if (primitives[p].width == width)
			return (int)p;
	}
	return -1;
}
