// SPDX-License-Identifier: GPL-2.0-only
/* prop_provmap with nodes so small that the tree grows and shrinks by many levels. */
#define PT_LEAF 8
#define PT_FAN 8
#include "../../src/analyze/provmap_tree.c"
#include "../../src/analyze/provmap_spaces.c"
#include "../../src/analyze/provmap.c"
#define ops prop_ops
#include "prop_provmap.c"
