/* SPDX-License-Identifier: GPL-2.0-only */
/* The plots of a night's page: what kernels did, and what changed over the nights. */
#ifndef REGRESS_NIGHT_PICTURES_H
#define REGRESS_NIGHT_PICTURES_H

#include <stdio.h>

struct json_object;
struct night_context;

/* Leaves each picture as a file in c->dir, too; one that cannot be drawn is told on the page. */
void night_pictures(struct json_object *report, const struct night_context *c, FILE *out);

#endif
