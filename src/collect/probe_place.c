// SPDX-License-Identifier: GPL-2.0-only
#include "collect/probe_place.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "collect/insn.h"

/* In the order of their encoding: names as in fetch arguments. */
static const char *const names[PLACE_REGISTERS] = {
	"%ax", "%cx", "%dx", "%bx", "%sp", "%bp", "%si", "%di",
	"%r8", "%r9", "%r10", "%r11", "%r12", "%r13", "%r14", "%r15",
};

/* Which registers hold the value that each stood for at the start; 0: nobody asks for it. */
struct values {
	uint16_t in[PLACE_REGISTERS];
	bool narrow[PLACE_REGISTERS]; /* only its lower 4 bytes matter */
};

/* The register named at s, if any, by its number. */
static int register_at(const char *s)
{
	for (int i = PLACE_REGISTERS - 1; i >= 0; i--)
		if (!strncmp(s, names[i], strlen(names[i])))
			return i;
	return -1;
}

bool probe_place_names(const char *args, int reg)
{
	for (const char *s = args; (s = strchr(s, '%')); s++)
		if (register_at(s) == reg)
			return true;
	return false;
}

static void values_of(const char *args, struct values *v)
{
	memset(v, 0, sizeof(*v));
	for (const char *s = args; (s = strchr(s, '%')); s++) {
		int reg = register_at(s);
		const char *type;
		bool narrow;

		if (reg < 0)
			continue;
		type = s + strlen(names[reg]);
		narrow = !strncmp(type, ":x32", 4) || !strncmp(type, ":u32", 4);
		v->narrow[reg] = narrow && (!v->in[reg] || v->narrow[reg]);
		v->in[reg] = (uint16_t)(1u << reg);
	}
}

static bool is_move(const struct insn *in)
{
	return in->d.mnemonic == ZYDIS_MNEMONIC_MOV && in->d.operand_width >= 32 &&
	       in->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       in->ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       insn_register(in->ops[0].reg.value) >= 0 && insn_register(in->ops[1].reg.value) >= 0;
}

/* Takes the instruction's moves and writes into account; false: a value asked for is gone. */
static bool follow_values(const struct insn *in, struct values *v)
{
	uint16_t written = insn_written(in);

	for (int i = 0; i < PLACE_REGISTERS; i++) {
		bool moved = is_move(in) && (in->d.operand_width == 64 || v->narrow[i]) &&
			     (v->in[i] & 1u << insn_register(in->ops[1].reg.value));

		if (!v->in[i])
			continue;
		v->in[i] &= (uint16_t)~written;
		if (moved)
			v->in[i] |= written;
		if (!v->in[i])
			return false;
	}
	return true;
}

/* push and sub $n,%rsp are all that a prologue does to the stack; anything else ends the search. */
static bool track_stack(const struct insn *in, unsigned int *stack)
{
	if (in->d.mnemonic == ZYDIS_MNEMONIC_PUSH) {
		*stack += 8;
		return true;
	}
	for (unsigned int i = 0; i < in->d.operand_count; i++)
		if (in->ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    in->ops[i].reg.value == ZYDIS_REGISTER_RSP &&
		    (in->ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)) {
			if (in->d.mnemonic != ZYDIS_MNEMONIC_SUB ||
			    in->ops[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
				return false;
			*stack += (unsigned int)in->ops[1].imm.value.u;
		}
	return true;
}

/* Does any branch of the function lead into (from, to]? */
static bool is_target(const ZydisDecoder *dec, const uint8_t *code, size_t size, size_t from,
		      size_t to)
{
	struct insn in;

	for (size_t off = 0; off < size; off += in.d.length) {
		int64_t target;

		if (!insn_decode(dec, code, size, off, &in)) {
			in.d.length = 1;
			continue;
		}
		if (!insn_is_relative_branch(&in.d))
			continue;
		target = insn_target(&in.d, off);
		if (target > (int64_t)from && target <= (int64_t)to)
			return true;
	}
	return false;
}

struct probe_place probe_place_here(uint64_t addr)
{
	struct probe_place at = {.addr = addr};

	for (int i = 0; i < PLACE_REGISTERS; i++)
		at.moved[i] = (signed char)i;
	return at;
}

static void settle(const struct values *v, struct probe_place *out)
{
	for (int i = 0; i < PLACE_REGISTERS; i++) {
		out->moved[i] = (signed char)i;
		if (v->in[i] && !(v->in[i] & 1u << i))
			out->moved[i] = (signed char)__builtin_ctz(v->in[i]);
	}
}

int probe_place_find(const uint8_t *code, size_t size, uint64_t base, uint64_t from, const char *args,
	       struct probe_place *out)
{
	size_t start = (size_t)(from - base), off;
	bool wants_stack = strstr(args, "$stack");
	struct probe_place at = {0};
	struct values v;
	ZydisDecoder dec;
	struct insn in;

	values_of(args, &v);
	*out = probe_place_here(from);
	if (insn_decoder(&dec))
		return -EINVAL;
	off = start ? start : insn_behind_ftrace(&dec, code, size);
	for (; insn_decode(&dec, code, size, off, &in); off += in.d.length) {
		/* An int3 here is another's kprobe: it chose the place for the same reasons. */
		if (code[off] == INT3 || insn_stays_int3(&dec, code, size, off)) {
			if (code[off] != INT3 && is_target(&dec, code, size, start, off))
				return -ENOENT;
			at.addr = base + off;
			settle(&v, &at);
			*out = at;
			return 0;
		}
		if (insn_is_branch(&in.d) || !follow_values(&in, &v) ||
		    (!track_stack(&in, &at.stack) && wants_stack))
			return -ENOENT;
	}
	return -ENOENT;
}

int probe_place_rewrite(const struct probe_place *at, const char *args, char *out, size_t size)
{
	size_t used = 0;

	while (*args) {
		int reg = *args == '%' ? register_at(args) : -1;
		char word[16] = {*args};
		size_t take = 1;

		if (reg >= 0) {
			if (at->moved[reg] == PLACE_CONSTANT)
				snprintf(word, sizeof(word), "\\%u", at->constant);
			else
				snprintf(word, sizeof(word), "%s", names[(int)at->moved[reg]]);
			take = strlen(names[reg]);
		} else if (!strncmp(args, "$stack0", 7)) {
			snprintf(word, sizeof(word), "$stack%u", at->stack / 8);
			take = 7;
		}
		if (used + strlen(word) >= size)
			return -E2BIG;
		memcpy(out + used, word, strlen(word));
		used += strlen(word);
		args += take;
	}
	out[used] = '\0';
	return 0;
}
