// SPDX-License-Identifier: GPL-2.0-only
#include "collect/module_symbols.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/insn.h"
#include "common/vec.h"

#define MODULES_MAX 4096
#define SYMBOLS_MAX (1 << 18)
#define ENTRY_BYTES 16

/* Offsets in struct module, and in struct mod_kallsyms that it points to. */
struct layout {
	int list, name, kallsyms, symtab, num, strtab, typetab;
};

static int find_layout(struct ktypes *kt, struct layout *l)
{
	const struct {
		const char *path;
		int *to;
	} wanted[] = {
		{"module.list", &l->list},	      {"module.name", &l->name},
		{"module.kallsyms", &l->kallsyms},    {"mod_kallsyms.symtab", &l->symtab},
		{"mod_kallsyms.num_symtab", &l->num}, {"mod_kallsyms.strtab", &l->strtab},
		{"mod_kallsyms.typetab", &l->typetab},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		*wanted[i].to = ktypes_offset(kt, wanted[i].path);
		if (*wanted[i].to < 0)
			return *wanted[i].to;
	}
	return 0;
}

static uint64_t word_at(const struct session *s, uint64_t addr)
{
	uint64_t value = 0;

	return kcore_read(&s->kc, addr, &value, sizeof(value)) ? 0 : value;
}

/* Address of the struct module; 0: there is none. The newest come first. */
static uint64_t find_module(const struct session *s, const struct layout *l, const char *module)
{
	const struct ksym *head = kallsyms_find(&s->ks, "modules");
	uint64_t at = head ? word_at(s, head->addr) : 0;

	for (int i = 0; i < MODULES_MAX && at && at != head->addr; i++) {
		uint64_t mod = at - (uint64_t)l->list;
		char name[MODULE_NAME];

		if (kcore_read(&s->kc, mod + (uint64_t)l->name, name, sizeof(name)))
			return 0;
		if (!strncmp(name, module, sizeof(name)))
			return mod;
		at = word_at(s, at);
	}
	return 0;
}

struct table {
	Elf64_Sym *sym;
	char *type, *str;
	uint64_t count, str_size;
};

static int read_block(const struct session *s, uint64_t addr, size_t size, void *out)
{
	void **to = out;

	*to = calloc(1, size + 1);
	return *to ? kcore_read(&s->kc, addr, *to, size) : -ENOMEM;
}

static int read_table(const struct session *s, const struct layout *l, uint64_t mod,
		      struct table *t)
{
	uint64_t k = word_at(s, mod + (uint64_t)l->kallsyms);
	int err;

	t->count = word_at(s, k + (uint64_t)l->num) & 0xffffffff;
	if (!k || !t->count || t->count > SYMBOLS_MAX)
		return -ENOENT;
	err = read_block(s, word_at(s, k + (uint64_t)l->symtab), t->count * sizeof(*t->sym), &t->sym);
	if (!err)
		err = read_block(s, word_at(s, k + (uint64_t)l->typetab), t->count, &t->type);
	for (uint64_t i = 0; !err && i < t->count; i++)
		if (t->sym[i].st_name >= t->str_size)
			t->str_size = t->sym[i].st_name + 1;
	t->str_size += KSYM_NAME;
	if (!err && t->str_size > SYMBOLS_MAX * 64)
		err = -EINVAL;
	return err ? err : read_block(s, word_at(s, k + (uint64_t)l->strtab), t->str_size, &t->str);
}

/* What the module calls elsewhere is in the table until its initialisation has been freed. */
static bool is_own(const struct table *t, uint64_t i)
{
	return t->sym[i].st_shndx != SHN_UNDEF && t->sym[i].st_value && t->type[i] &&
	       t->str[t->sym[i].st_name];
}

/* As /proc/kallsyms would print it; malloc'ed. */
static char *table_text(const struct table *t, const char *module)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (uint64_t i = 0; f && i < t->count; i++)
		if (is_own(t, i))
			fprintf(f, "%016llx %c %.*s\t[%s]\n", (unsigned long long)t->sym[i].st_value,
				t->type[i], KSYM_NAME - 1, t->str + t->sym[i].st_name, module);
	if (f)
		fclose(f);
	return text;
}

static int from_table(struct session *s, const char *module, struct kallsyms *out)
{
	struct table t = {0};
	struct layout l;
	char *text = NULL;
	uint64_t mod;
	int err = find_layout(&s->kt, &l);

	if (err)
		return err;
	mod = find_module(s, &l, module);
	err = mod ? read_table(s, &l, mod, &t) : -ENOENT;
	if (!err)
		text = table_text(&t, module);
	if (!err)
		err = text ? kallsyms_parse(text, NULL, out) : -ENOMEM;
	free(t.sym);
	free(t.type);
	free(t.str);
	return err;
}

int module_symbols(struct session *s, const char *module, struct kallsyms *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = from_table(s, module, out);
	if (!err || err == -ENOMEM)
		return err;
	kallsyms_free(out);
	return kallsyms_load("/proc/kallsyms", "/proc/modules", out);
}

static bool knows_ftrace(const ZydisDecoder *dec, const struct session *s, uint64_t addr)
{
	uint8_t code[ENTRY_BYTES];
	struct insn in;
	size_t end;

	if (kcore_read(&s->kc, addr, code, sizeof(code)))
		return false;
	end = insn_behind_ftrace(dec, code, sizeof(code));
	return insn_decode(dec, code, sizeof(code), end - FTRACE_SIZE, &in) &&
	       in.d.length == FTRACE_SIZE &&
	       (in.d.mnemonic == ZYDIS_MNEMONIC_NOP || in.d.mnemonic == ZYDIS_MNEMONIC_CALL);
}

static int add_if_known(const ZydisDecoder *dec, const struct session *s, const struct ksym *f,
			struct ktypes_names *out)
{
	if (out->count && !strcmp(out->names[out->count - 1], f->name))
		return 0;
	return knows_ftrace(dec, s, f->addr) ? ktypes_names_add(out, f->name) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int module_traceable(const struct session *s, const struct census *c, struct ktypes_names *out)
{
	ZydisDecoder dec;
	int err = insn_decoder(&dec);

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; !err && i < c->count; i++)
		err = add_if_known(&dec, s, c->sites[i].func, out);
	for (size_t i = 0; !err && i < c->call_count; i++)
		err = add_if_known(&dec, s, c->calls[i].func, out);
	if (out->count)
		qsort(out->names, out->count, sizeof(*out->names), by_name);
	return err;
}
