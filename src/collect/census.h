/* SPDX-License-Identifier: GPL-2.0-only */
/* The census: every copy site in the running kernel, found by decoding its live text. */
#ifndef COLLECT_CENSUS_H
#define COLLECT_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/kallsyms.h"
#include "collect/kcore.h"
#include "collect/primitives.h"

enum site_kind {
	SITE_CALL,  /* call rel32 */
	SITE_JUMP,  /* tail jump, conditional or not */
	SITE_TAKEN, /* takes the primitive's address: callers follow that no decoding shows */
	SITE_ENTRY, /* not from decoding: the primitive's own first instruction, probed */
	SITE_INLINED, /* the instruction is the primitive */
};

enum site_status {
	SITE_PROBED,   /* carries a probe */
	SITE_COVERED,  /* its copies are seen by an entry probe */
	SITE_INSIDE,   /* in a primitive that is itself seen; never counted */
	SITE_UNPROBED, /* outside the scopes */
	SITE_WRAPPER,  /* calls a wrapper, whose leaves are seen */
	SITE_BLIND,    /* the kernel lets nothing see it */
	SITE_REFUSED,  /* the kernel refused the probe */
	SITE_EXCLUDED, /* by request */
	SITE_REFERENCE, /* an address taken, no copy of its own */
};

struct site {
	uint64_t addr;
	uint64_t ret; /* the instruction after it */
	uint64_t probe; /* where its probe stands, of calls at addr; 0: it has none */
	const struct ksym *func;
	unsigned int prim; /* index into primitives[] */
	enum site_kind kind;
	enum site_status status;
	bool emulates; /* in a module that stands in for a device: its copies are that device's DMA */
	char *why; /* the kernel's reason, malloc'ed, or NULL */
	struct inlined *inlined; /* how to probe an inlined one, malloc'ed, or NULL */
};

/* How the copies that go through a primitive are seen. */
enum cover {
	COVER_ABSENT, /* this kernel has no such symbol */
	COVER_SITES,  /* by probes on its sites */
	COVER_ENTRY,  /* by a probe on its entry */
	COVER_CALLEE, /* by entry probes on the primitives that it calls */
	COVER_GUARD,  /* not at all, but a probe tells whether anyone who knows its address ran */
	COVER_NONE,   /* not at all */
	COVER_WRAPPER,
};

/* A call of a function that the caller of census_take asked for. */
struct call {
	uint64_t addr, ret;
	const struct ksym *func;
	unsigned int wanted; /* index into the names asked for */
};

struct census {
	struct site *sites; /* by address */
	size_t count, room;
	struct call *calls;
	size_t call_count;
	const struct ksym **syms;  /* per primitive, NULL where absent */
	enum cover *covers;	   /* per primitive */
	size_t *indirect;	   /* per primitive: how often its address is taken */
	uint64_t text_bytes;
};

struct census_names {
	const char **names;
	size_t count;
};

/*
 * Decodes kernel and module text; finds the direct calls of the functions named in wanted
 * (primitives apart) in the same pass. On any error *c is safe to free.
 */
int census_take(struct census *c, const struct kallsyms *ks, const struct kcore *kc,
		const struct census_names *wanted);

/* The same of one module's text alone; known: all symbols so far, those of the module last. */
int census_take_module(struct census *c, const struct kallsyms *const known[], size_t known_count,
		       const struct kcore *kc, const char *module,
		       const struct census_names *wanted);

/* The bytes of a function, malloc'ed, up to the next symbol. 0 or -errno. */
int census_read_function(const struct kallsyms *ks, const struct kcore *kc,
			 const struct ksym *func, uint8_t **code, size_t *size);
void census_free(struct census *c);

int census_add(struct census *c, const struct site *s);
const char *site_status_name(enum site_status status);
const char *site_kind_name(enum site_kind kind);

/* As assemblers write it; NULL where the site is none. */
const char *site_instruction(const struct site *s);
const char *cover_name(enum cover cover);

/* "module:function+0x12" for people and, where the name is unique, for kprobe_events. */
void site_name(const struct site *s, char *buf, size_t size);

#endif
