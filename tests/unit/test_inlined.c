// SPDX-License-Identifier: GPL-2.0-only
/* The census of made-up text: inlined copies, found, told whole, and probed; modules that come late. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/census.h"
#include "collect/inlined.h"
#include "collect/late_modules.h"
#include "collect/string_ops.h"
#include "common/vec.h"

#define BASE 0xffffffff81000000ULL
#define MOVSQ_ARGS "dst=%di:x64 src=%si:x64 n=%cx:u64"

static const char *name_of(const char *code, size_t length)
{
	int prim = string_ops_primitive((const uint8_t *)code, length);

	return prim < 0 ? "none" : primitives[prim].name;
}

#define NAME(bytes) name_of(bytes, sizeof(bytes) - 1)

static void each_by_its_bytes(void **state)
{
	(void)state;
	assert_string_equal(NAME("\xf3\xa4"), "rep movsb");
	assert_string_equal(NAME("\xf3\x66\xa5"), "rep movsw");
	assert_string_equal(NAME("\x66\xf3\xa5"), "rep movsw");
	assert_string_equal(NAME("\xf3\xa5"), "rep movsl");
	assert_string_equal(NAME("\xf3\x48\xa5"), "rep movsq");
	assert_string_equal(NAME("\xf2\x48\xa5"), "rep movsq");
	assert_string_equal(NAME("\xf3\x66\xf3\xa4"), "rep movsb");
	assert_string_equal(NAME("\xf3\x48\xa4"), "rep movsb");
	assert_string_equal(NAME("\xf3\x6c"), "rep insb");
	assert_string_equal(NAME("\xf3\x66\x6d"), "rep insw");
	assert_string_equal(NAME("\xf3\x6d"), "rep insl");
	assert_string_equal(NAME("\xf3\x48\x6d"), "rep insl");
	assert_string_equal(NAME("\xf3\x6e"), "rep outsb");
	assert_string_equal(NAME("\x66\xf3\x6f"), "rep outsw");
	assert_string_equal(NAME("\xf3\x6f"), "rep outsl");
}

static void others_are_none(void **state)
{
	(void)state;
	assert_string_equal(NAME("\x48\xa5"), "none");	       /* movsq, once */
	assert_string_equal(NAME("\xf3\x48\xab"), "none");     /* rep stosq */
	assert_string_equal(NAME("\xf3\xa6"), "none");	       /* rep cmpsb */
	assert_string_equal(NAME("\xf3\x0f\x1e\xfa"), "none"); /* endbr64 */
	assert_string_equal(NAME("\xf3"), "none");
}

/* What string_ops_next gives, one after the other. */
static void assert_ends(const char *bytes, size_t size, const size_t *ends, size_t count)
{
	uint8_t buf[64];
	size_t at = 0;

	memcpy(buf, bytes, size);
	for (size_t i = 0; i < count; i++) {
		at = string_ops_next(buf, size, at);
		assert_int_equal(at, ends[i]);
	}
	assert_int_equal(string_ops_next(buf, size, at), 0);
}

static void found_at_any_offset(void **state)
{
	char bytes[32];

	(void)state;
	for (size_t i = 0; i + 3 <= sizeof(bytes); i++) {
		size_t end = i + 3;

		memset(bytes, 0x90, sizeof(bytes));
		memcpy(bytes + i, "\xf3\x48\xa5", 3);
		assert_ends(bytes, sizeof(bytes), &end, 1);
	}
	assert_ends("\xf3\x48\xa5\xf3\xa4\x90\xf3\x66\xa5", 9, (size_t[]){3, 5, 9}, 3);
	assert_ends("\xf3\x66\xf3\xa4", 4, (size_t[]){4}, 1);
	assert_ends("\x90\x90\xf3\x48", 4, NULL, 0);
	assert_ends("\xf3\xf3\x48", 3, NULL, 0);
}

static void a_probe_on_it_hides_nothing(void **state)
{
	uint8_t probed[] = {0x90, 0xcc, 0x48, 0xa5}, sls[] = {0xc3, 0xcc, 0x48, 0xa5};
	uint8_t padding[] = {0xcc, 0xcc, 0xcc, 0xa5};

	(void)state;
	assert_int_equal(string_ops_next(probed, sizeof(probed), 0), 4);
	assert_int_equal(probed[1], 0xf3);
	assert_int_equal(string_ops_next(sls, sizeof(sls), 0), 0);
	assert_int_equal(sls[1], 0xcc);
	assert_int_equal(string_ops_next(padding, sizeof(padding), 0), 0);
}

/* ---- a made-up kernel ---- */

#define TEXT_SIZE 0x1000
#define MEMCPY 0x800

static const char symbols[] =
	"ffffffff81000000 T _stext\n"
	"ffffffff81000100 T calls\n"
	"ffffffff81000200 T inlines\n"
	"ffffffff81000300 T looks_like_it\n"
	"ffffffff81000800 T memcpy\n"
	"ffffffff81001000 T _etext\n";

/* Two functions in a page, and a third a page on. */
static const char module_symbols_text[] =
	"ffffffffc0000010 t first\t[m]\n"
	"ffffffffc0000100 t second\t[m]\n"
	"ffffffffc0001000 t third\t[m]\n"
	"ffffffffc0001800 d data\t[m]\n";

#define MODULE_BASE 0xffffffffc0000000ULL
#define MODULE_SIZE 0x2000

static uint8_t text[TEXT_SIZE], module_text[MODULE_SIZE];

/* A call of memcpy. */
static void put_call(int at)
{
	int32_t rel = MEMCPY - (at + 5);

	text[at] = 0xe8;
	memcpy(text + at + 1, &rel, sizeof(rel));
}

static void make_text(void)
{
	static const uint8_t inlines[] = {
		0xf3, 0x48, 0xa5,	     /* rep movsq */
		0xf3, 0xa4,		     /* rep movsb */
		0xe8, 0, 0, 0, 0,	     /* call memcpy */
		0xf3, 0x66, 0x6d,	     /* rep insw */
		0xc3};
	static const uint8_t looks[] = {
		0x48, 0xb8, 1, 2, 0xf3, 0x48, 0xa5, 3, 4, 5, /* movabs $..., %rax */
		0xb9, 0xf3, 0xa4, 0, 0,			     /* mov $0xa4f3, %ecx */
		0xf3, 0x48, 0xab,			     /* rep stosq */
		0xc3};
	int32_t rel;

	memset(text, 0x90, sizeof(text));
	put_call(0);
	put_call(0x100);
	put_call(TEXT_SIZE - 5);
	memcpy(text + 0x200, inlines, sizeof(inlines));
	put_call(0x205);
	memcpy(text + 0x300, looks, sizeof(looks));
	memcpy(text + MEMCPY, "\xf3\xa4\xc3", 3);
	memset(module_text, 0x90, sizeof(module_text));
	memcpy(module_text + 0x10, "\xf3\xa5\xc3", 3);
	memcpy(module_text + 0x100, "\xf3\x6f\xc3", 3);
	rel = (int32_t)(BASE + MEMCPY - (MODULE_BASE + 0x1005));
	module_text[0x1000] = 0xe8;
	memcpy(module_text + 0x1001, &rel, sizeof(rel));
}

static void write_file(char *path, const void *data, size_t size)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

/* The text as /proc/kcore shows it. */
static void write_kcore(char *path)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph[2];
		uint8_t text[TEXT_SIZE], module_text[MODULE_SIZE];
	} core = {.eh = {.e_ident = ELFMAG, .e_phoff = sizeof(Elf64_Ehdr), .e_phnum = 2,
			 .e_phentsize = sizeof(Elf64_Phdr)},
		  .ph = {{.p_type = PT_LOAD, .p_vaddr = BASE, .p_memsz = TEXT_SIZE},
			 {.p_type = PT_LOAD, .p_vaddr = MODULE_BASE, .p_memsz = MODULE_SIZE}}};

	core.ph[0].p_offset = sizeof(core.eh) + sizeof(core.ph);
	core.ph[1].p_offset = core.ph[0].p_offset + TEXT_SIZE;
	memcpy(core.text, text, sizeof(text));
	memcpy(core.module_text, module_text, sizeof(module_text));
	write_file(path, &core, sizeof(core));
}

static void assert_site(const struct site *s, uint64_t addr, enum site_kind kind,
			const char *primitive, const char *instruction)
{
	assert_int_equal(s->addr, BASE + addr);
	assert_int_equal(s->kind, kind);
	assert_string_equal(primitives[s->prim].name, primitive);
	assert_string_equal(site_instruction(s), instruction);
}

static void open_kernel(struct kcore *kc, struct kallsyms *ks, struct kallsyms *module)
{
	char core[] = "/tmp/copychain-kcore-XXXXXX", names[] = "/tmp/copychain-kallsyms-XXXXXX";

	make_text();
	write_kcore(core);
	write_file(names, symbols, sizeof(symbols) - 1);
	assert_int_equal(kallsyms_load(names, NULL, ks), 0);
	assert_int_equal(kallsyms_parse(strdup(module_symbols_text), NULL, module), 0);
	assert_int_equal(kcore_open(core, kc), 0);
	unlink(core);
	unlink(names);
}

static void close_kernel(struct kcore *kc, struct kallsyms *ks, struct kallsyms *module)
{
	kcore_close(kc);
	kallsyms_free(ks);
	kallsyms_free(module);
}

static void a_census_of_both(void **state)
{
	struct census_names none = {0};
	struct kallsyms ks, module;
	struct kcore kc;
	struct census c;

	(void)state;
	open_kernel(&kc, &ks, &module);
	assert_int_equal(census_take(&c, &ks, &kc, &none), 0);
	assert_int_equal(c.count, 8);
	assert_site(&c.sites[0], 0, SITE_CALL, "memcpy", "call");
	assert_site(&c.sites[1], 0x100, SITE_CALL, "memcpy", "call");
	assert_site(&c.sites[2], 0x200, SITE_INLINED, "rep movsq", "rep movsq");
	assert_int_equal(c.sites[2].ret, BASE + 0x203);
	assert_string_equal(c.sites[2].func->name, "inlines");
	assert_site(&c.sites[3], 0x203, SITE_INLINED, "rep movsb", "rep movsb");
	assert_site(&c.sites[4], 0x205, SITE_CALL, "memcpy", "call");
	assert_site(&c.sites[5], 0x20a, SITE_INLINED, "rep insw", "rep insw");
	assert_site(&c.sites[6], MEMCPY, SITE_INLINED, "rep movsb", "rep movsb");
	assert_site(&c.sites[7], TEXT_SIZE - 5, SITE_CALL, "memcpy", "call");
	census_free(&c);
	close_kernel(&kc, &ks, &module);
}

/* Its symbols alone are at hand, and the kernel's for what it calls; each of its pages is read once. */
static void a_census_of_a_module_that_came_late(void **state)
{
	const char *wanted_names[] = {"second", "memcpy"};
	struct census_names wanted = {wanted_names, ARRAY_SIZE(wanted_names)};
	struct kallsyms ks, module;
	const struct kallsyms *known[] = {&ks, &module};
	struct kcore kc;
	struct census c;

	(void)state;
	open_kernel(&kc, &ks, &module);
	assert_int_equal(census_take_module(&c, known, 2, &kc, "m", &wanted), 0);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.text_bytes, 0x1ff0);
	assert_int_equal(c.sites[0].addr, MODULE_BASE + 0x10);
	assert_string_equal(site_instruction(&c.sites[0]), "rep movsl");
	assert_int_equal(c.sites[1].addr, MODULE_BASE + 0x100);
	assert_string_equal(site_instruction(&c.sites[1]), "rep outsl");
	assert_int_equal(c.sites[2].addr, MODULE_BASE + 0x1000);
	assert_string_equal(primitives[c.sites[2].prim].name, "memcpy");
	assert_ptr_equal(c.syms[c.sites[2].prim], kallsyms_find(&ks, "memcpy"));
	census_free(&c);
	assert_int_equal(census_take_module(&c, known, 2, &kc, "another", &wanted), 0);
	assert_int_equal(c.count, 0);
	census_free(&c);
	close_kernel(&kc, &ks, &module);
}

/* A table that has outgrown the search for its functions is no census that finds fewer. */
static void more_functions_than_can_be_looked_for(void **state)
{
	char names[100][8], *list = malloc(sizeof(names) * 8), *end = list;
	const char *wanted_names[ARRAY_SIZE(names)];
	struct census_names wanted = {wanted_names, ARRAY_SIZE(names)};
	struct kallsyms ks, module;
	const struct kallsyms *known[2] = {&module};
	struct kcore kc;
	struct census c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(names[i], sizeof(names[i]), "f%zu", i);
		wanted_names[i] = names[i];
		end += sprintf(end, "%llx t %s\t[m]\n", MODULE_BASE + 16 * i, names[i]);
	}
	open_kernel(&kc, &ks, &module);
	kallsyms_free(&module);
	assert_int_equal(kallsyms_parse(list, NULL, &module), 0);
	assert_int_equal(census_take_module(&c, known, 1, &kc, "m", &wanted), -ENOBUFS);
	census_free(&c);
	close_kernel(&kc, &ks, &module);
}

static void a_line_of_a_module_being_loaded(void **state)
{
	char name[16];
	uint64_t ns;

	(void)state;
	assert_true(late_modules_parse("        modprobe-170     [001] .....    20.123456: module_load: veth \n",
				       name, sizeof(name), &ns));
	assert_string_equal(name, "veth");
	assert_int_equal(ns, 20123456000ULL);
	assert_true(late_modules_parse("a b-1 [000] ..... 7.000001: module_load: out_of_tree OE", name,
				       sizeof(name), &ns));
	assert_string_equal(name, "out_of_tree");
	assert_int_equal(ns, 7000001000ULL);
	assert_false(late_modules_parse("CPU:1 [LOST 3 EVENTS]", name, sizeof(name), &ns));
	assert_false(late_modules_parse(": module_load: x", name, sizeof(name), &ns));
	assert_false(late_modules_parse("", name, sizeof(name), &ns));
}

/* ---- what an inlined copy copies ---- */

static void assert_found(const uint8_t *code, size_t size, size_t at, const char *args,
			 size_t probe, const char *want, struct inlined *out)
{
	char have[256];

	inlined_find(code, size, BASE, BASE + at, args, out);
	assert_int_equal(out->place.addr, BASE + probe);
	assert_int_equal(probe_place_rewrite(&out->place, args, have, sizeof(have)), 0);
	assert_string_equal(have, want);
}

/* As gcc 12 makes it of a driver's copybreak: memcpy(skb->data, buffer->data, len). */
static const uint8_t variable[] = {
	0xe8, 0, 0, 0, 0,			/*  0 call */
	0x48, 0x8b, 0x86, 0xd0, 0, 0, 0,	/*  5 mov 0xd0(%rsi),%rax */
	0x48, 0x8d, 0x78, 0x08,			/* 12 lea 0x8(%rax),%rdi */
	0x48, 0x83, 0xe7, 0xf8,			/* 16 and $-8,%rdi */
	0x48, 0x8b, 0xb2, 0xd0, 0, 0, 0,	/* 20 mov 0xd0(%rdx),%rsi */
	0x48, 0x8b, 0x16,			/* 27 mov (%rsi),%rdx */
	0x48, 0x89, 0x10,			/* 30 mov %rdx,(%rax) */
	0x4a, 0x8b, 0x54, 0x3e, 0xf8,		/* 33 mov -0x8(%rsi,%r15),%rdx */
	0x4a, 0x89, 0x54, 0x38, 0xf8,		/* 38 mov %rdx,-0x8(%rax,%r15) */
	0x48, 0x29, 0xf8,			/* 43 sub %rdi,%rax */
	0x48, 0x29, 0xc6,			/* 46 sub %rax,%rsi */
	0x44, 0x01, 0xf8,			/* 49 add %r15d,%eax */
	0xc1, 0xe8, 0x03,			/* 52 shr $3,%eax */
	0x89, 0xc1,				/* 55 mov %eax,%ecx */
	0xf3, 0x48, 0xa5,			/* 57 rep movsq */
	0x0f, 0x1f, 0x44, 0, 0,			/* 60 nop */
	0xc3};					/* 65 ret */

static void a_length_in_a_register(void **state)
{
	struct inlined i;

	(void)state;
	assert_found(variable, sizeof(variable), 57, MOVSQ_ARGS, 43,
		     "dst=%ax:x64 src=%si:x64 n=%r15:u64", &i);
	assert_true(i.whole && !i.ragged && i.interruptible);
}

/* Whoever jumps behind the first moves brings other registers along. */
static void a_branch_into_its_midst(void **state)
{
	uint8_t code[sizeof(variable) + 2];
	struct inlined i;

	(void)state;
	memcpy(code, variable, sizeof(variable));
	code[60] = 0x75; /* jne to 49 */
	code[61] = (uint8_t)(49 - 62);
	assert_found(code, sizeof(variable), 57, MOVSQ_ARGS, 57, MOVSQ_ARGS, &i);
	assert_false(i.whole);
}

/* As it makes *to = *from of a structure of 0x4c bytes. */
static const uint8_t constant[] = {
	0xe8, 0, 0, 0, 0,			/*  0 call */
	0x48, 0x8b, 0x45, 0x10,			/*  5 mov 0x10(%rbp),%rax */
	0x48, 0x8d, 0x75, 0x10,			/*  9 lea 0x10(%rbp),%rsi */
	0x48, 0x89, 0x03,			/* 13 mov %rax,(%rbx) */
	0x48, 0x8b, 0x45, 0x54,			/* 16 mov 0x54(%rbp),%rax */
	0x48, 0x89, 0x43, 0x44,			/* 20 mov %rax,0x44(%rbx) */
	0x48, 0x8d, 0x7b, 0x08,			/* 24 lea 0x8(%rbx),%rdi */
	0x48, 0x83, 0xe7, 0xf8,			/* 28 and $-8,%rdi */
	0x48, 0x89, 0xd9,			/* 32 mov %rbx,%rcx */
	0x48, 0x29, 0xf9,			/* 35 sub %rdi,%rcx */
	0x48, 0x29, 0xce,			/* 38 sub %rcx,%rsi */
	0x83, 0xc1, 0x4c,			/* 41 add $0x4c,%ecx */
	0xc1, 0xe9, 0x03,			/* 44 shr $3,%ecx */
	0xf3, 0x48, 0xa5,			/* 47 rep movsq */
	0x0f, 0x1f, 0x44, 0, 0,			/* 50 nop */
	0xc3};

static void a_constant_length(void **state)
{
	struct inlined i;

	(void)state;
	assert_found(constant, sizeof(constant), 47, MOVSQ_ARGS, 38,
		     "dst=%bx:x64 src=%si:x64 n=\\76:u64", &i);
	assert_true(i.whole && !i.ragged);
}

/* The last bytes of another length than the destination's: not one copy. */
static void moves_that_do_not_match(void **state)
{
	uint8_t code[sizeof(constant)];
	struct inlined i;

	(void)state;
	memcpy(code, constant, sizeof(code));
	code[23] = 0x3c;
	assert_found(code, sizeof(code), 47, MOVSQ_ARGS, 47, MOVSQ_ARGS, &i);
	assert_true(!i.whole && i.ragged);
}

static void nothing_but_the_instruction(void **state)
{
	static const uint8_t code[] = {
		0xe8, 0, 0, 0, 0,	/*  0 call */
		0x4c, 0x89, 0xf7,	/*  5 mov %r14,%rdi */
		0x4c, 0x89, 0xe9,	/*  8 mov %r13,%rcx */
		0x44, 0x89, 0xfa,	/* 11 mov %r15d,%edx */
		0xf3, 0x6d,		/* 14 rep insl */
		0x74, 0x01,		/* 16 je */
		0x90, 0xc3};
	struct inlined i;

	(void)state;
	assert_found(code, sizeof(code), 14, "dst=%di:x64 port=%dx:u64 n=%cx:u64", 14,
		     "dst=%di:x64 port=%dx:u64 n=%cx:u64", &i);
	assert_true(!i.whole && !i.ragged && !i.interruptible);
}

/* No branch in the five bytes that a jump would take: the kernel may put one there. */
static void a_place_that_may_become_a_jump(void **state)
{
	static const uint8_t code[] = {
		0xe8, 0, 0, 0, 0,	/*  0 call */
		0x4c, 0x89, 0xf7,	/*  5 mov %r14,%rdi */
		0xb9, 3, 0, 0, 0,	/*  8 mov $3,%ecx */
		0xf3, 0xa5,		/* 13 rep movsl */
		0x0f, 0x1f, 0x44, 0, 0, /* 15 nop */
		0xc3};
	struct inlined i;

	(void)state;
	assert_found(code, sizeof(code), 13, MOVSQ_ARGS, 13, MOVSQ_ARGS, &i);
	assert_true(i.interruptible && !i.whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_by_its_bytes),
		cmocka_unit_test(others_are_none),
		cmocka_unit_test(found_at_any_offset),
		cmocka_unit_test(a_probe_on_it_hides_nothing),
		cmocka_unit_test(a_census_of_both),
		cmocka_unit_test(a_census_of_a_module_that_came_late),
		cmocka_unit_test(more_functions_than_can_be_looked_for),
		cmocka_unit_test(a_line_of_a_module_being_loaded),
		cmocka_unit_test(a_length_in_a_register),
		cmocka_unit_test(a_branch_into_its_midst),
		cmocka_unit_test(a_constant_length),
		cmocka_unit_test(moves_that_do_not_match),
		cmocka_unit_test(nothing_but_the_instruction),
		cmocka_unit_test(a_place_that_may_become_a_jump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
