/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of copy primitives and of the ways their arguments are recorded. */
#ifndef COLLECT_PRIMITIVES_H
#define COLLECT_PRIMITIVES_H

#include <stddef.h>
#include <stdint.h>

#include "trace/vocabulary.h"

enum shape_id {
	SHAPE_NONE,
#define SHAPE(id, event, args) SHAPE_##id,
#include "collect/shapes.def"
#undef SHAPE
	SHAPE_COUNT,
};

struct shape {
	enum event_kind event;
	const char *args;
};

enum prim_kind { PRIM_LEAF, PRIM_WRAPPER, PRIM_INLINED };
enum prim_scope { SCOPE_ALL, SCOPE_NET };

struct primitive {
	const char *name;
	enum prim_kind kind;
	enum shape_id shape;
	enum prim_scope scope;
	uint8_t opcode; /* of PRIM_INLINED, and how many bytes it moves each time */
	uint8_t width;
};

enum scope_rule { RULE_TYPE, RULE_PREFIX, RULE_MODULES, RULE_EMULATORS };

struct scope {
	enum scope_rule rule;
	const char *what;
};

extern const struct shape shapes[SHAPE_COUNT];
extern const struct primitive primitives[];
extern const size_t primitive_count;
extern const struct scope scopes[];
extern const size_t scope_count;

const char *primitive_kind_name(enum prim_kind kind);

#endif
