/* SPDX-License-Identifier: GPL-2.0-only */
/* What an audit sees of the recorder: when it records, and which address space is its own. */
#ifndef COLLECT_BEACON_H
#define COLLECT_BEACON_H

#include <stdbool.h>

/* Stores, once, what common/auditfile.h says for the beginning of a recording, or for its end. */
void beacon(bool begins);

#endif
