/* SPDX-License-Identifier: GPL-2.0-only */
/* The census as sites.json and as a table for people. */
#ifndef COLLECT_SITES_H
#define COLLECT_SITES_H

#include <stdio.h>

#include "collect/census.h"

/* 0 or -errno. */
int sites_write_json(const struct census *c, const char *path);

/* all: every site; else only those that the network can reach. */
void sites_print(const struct census *c, FILE *f, int all);

/* How many sites have a status. */
size_t sites_count(const struct census *c, enum site_status status);

#endif
