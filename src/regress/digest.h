/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The digest of a kernel: what it did with a set of flows, and all its copy sites, in one small
 * file (docs/regress.md). Kernels are compared by their digests alone; one kept is a baseline.
 */
#ifndef REGRESS_DIGEST_H
#define REGRESS_DIGEST_H

#include <stddef.h>

struct json_object;

#define DIGEST_SCHEMA 1

/* What is known of a job beside the files in its folder. */
struct digest_job {
	const char *dir;     /* holds run/, analysis.json, bare.jsonl, sites.json as far as made */
	const char *label, *kernel, *version, *append, *setup, *set;
	const char *identity; /* what was measured: image, modules, programs; or NULL */
	const char *failed;  /* why there are no figures, or NULL */
	const char *retried; /* why a first boot died, where a second one was measured, or NULL */
	long shift;	     /* an instruction is 2^shift ns; -1: times are no instructions */
	unsigned long seconds;
};

/* NULL, with *why told in one line, where the folder's files are damaged or missing. */
struct json_object *digest_make(const struct digest_job *job, char *why, size_t size);

/* Reads a digest and sees that it is one; NULL with *why told. */
struct json_object *digest_load(const char *path, char *why, size_t size);

/* The flow of that name, or NULL. */
struct json_object *digest_flow(struct json_object *digest, const char *name);

#endif
