/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files with rules share. */
#ifndef PROOFCHECK_RULES_H
#define PROOFCHECK_RULES_H

#include "proofcheck/check.h"

const struct record *record_in(const struct line *l);
uint64_t get(const struct line *l, enum record_field f);
void device_name(const struct record *r, char *buf, size_t size);

/* The first premise that is a copy event. */
struct line *copy_in(const struct check *c, const struct line *l);

/* The part of a premise's bytes that the line speaks of: none other may follow from it. */
int part_of(struct check *c, const struct line *l, const struct claim *from, struct claim *x);

/* Does the line say what follows? by: the site of a copy, or "". */
int conclude_lies(struct check *c, struct line *l, const struct claim *x, const char *by);
int same_text(struct check *c, struct line *l, const char *text);
void frame_text(const struct claim *x, const char *by, char *buf, size_t size);

int device_reads(struct check *c, struct line *l);
int device_wrote(struct check *c, struct line *l);
int device_owns(struct check *c, struct line *l);
int wire(struct check *c, struct line *l);

/*
 * Memory beyond an skb's head that the driver put into it as it made it of a frame: the packet which
 * it hands up is the one it found in that memory.
 */
bool is_found(const struct check *c, const struct line *l, const struct line *to, const struct claim *x);

#endif
