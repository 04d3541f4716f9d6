// SPDX-License-Identifier: GPL-2.0-only
#include "collect/primitives.h"

#include "common/vec.h"

const struct shape shapes[SHAPE_COUNT] = {
#define SHAPE(id, event, args) [SHAPE_##id] = {EV_##event, args},
#include "collect/shapes.def"
#undef SHAPE
};

const struct primitive primitives[] = {
#define PRIMITIVE(symbol, kind, shape, scope)                                                      \
	{#symbol, PRIM_##kind, SHAPE_##shape, SCOPE_##scope, 0, 0},
#define INLINED(name, opcode, width, shape, scope)                                                 \
	{name, PRIM_INLINED, SHAPE_##shape, SCOPE_##scope, opcode, width},
#include "collect/primitives.def"
#undef PRIMITIVE
#undef INLINED
};
const size_t primitive_count = ARRAY_SIZE(primitives);

const struct scope scopes[] = {
#define SCOPE(rule, what) {RULE_##rule, what},
#include "collect/scopes.def"
#undef SCOPE
};
const size_t scope_count = ARRAY_SIZE(scopes);

const char *primitive_kind_name(enum prim_kind kind)
{
	static const char *const names[] = {"leaf", "wrapper", "inlined"};

	return names[kind];
}
