// SPDX-License-Identifier: GPL-2.0-only
/* prop_rangemap with nodes so small that the tree grows and shrinks by many levels. */
#define RT_LEAF 8
#define RT_FAN 8
#include "../../src/common/rangemap_tree.c"
#include "../../src/common/rangemap.c"
#define ops prop_ops
#include "prop_rangemap.c"
