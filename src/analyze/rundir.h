/* SPDX-License-Identifier: GPL-2.0-only */
/* The run folder's run.json and sites.json, as the analysis needs them. */
#ifndef ANALYZE_RUNDIR_H
#define ANALYZE_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

struct site {
	uint64_t addr, ret, offset;
	uint64_t probe; /* where its probe stands */
	const char *function, *module, *primitive;
	bool jumps;   /* a jump, after which its primitive returns to the site's caller */
	bool inlined; /* its primitive is an instruction */
	bool ragged;  /* inlined, and fewer than 16 bytes of each copy are not in its event */
	bool entry;   /* probed at the primitive's entry: its callers are sites too */
	bool probed;  /* or was to be: neither outside the scopes nor where no probe may stand */
	bool left_out; /* by the user or the kernel */
	bool counted; /* false: what happens here is seen elsewhere */
	bool emulates; /* in a software device: its copies stand in for DMA */
};

/* A module that was loaded during the run. What it did before live_ns left no event. */
struct late_module {
	const char *name;
	uint64_t loaded_ns; /* 0: unknown */
	uint64_t live_ns;   /* 0: it was never probed */
	int64_t sites;	    /* -1: unknown */
	uint64_t probed;    /* of them */
	uint64_t unseen;    /* ways to copy that no probe sees, though it was probed */
};

/* Values of the kernel's enum iter_type; -1 where it lacks one. */
struct iter_types {
	int iovec, kvec, bvec, ubuf;
};

/* struct scatterlist; size 0: the run tells nothing of it. */
struct sg_layout {
	uint64_t size, offset, length;
};

struct rundir {
	char *dir;
	struct json_object *manifest, *census;
	const char *kernel, *machine;
	uint64_t page_offset, vmemmap, page_struct, page_size;
	uint64_t direct_map; /* bytes of memory that page_offset maps */
	bool iommu, sync_always;
	bool partial; /* a probe is known to be missing: refused, renamed or left out */
	uint64_t umem_sgt; /* offset of struct ib_umem's sgt_append */
	struct sg_layout sg;
	uint64_t copy_to_region; /* of enum rxe_mr_copy_dir: into a memory region */
	struct iter_types iter;
	int64_t lost; /* -1: the kernel did not tell */
	struct site *sites; /* by probe */
	struct site **by_ret;
	size_t site_count;
	struct late_module *late; /* as they were loaded */
	size_t late_count;
};

/*
 * Reads DIR/run.json and DIR/sites.json. On an error why gets one line that names the file;
 * -ENOENT: the folder holds no finished run. Safe to free either way.
 */
int rundir_open(const char *dir, struct rundir *run, char *why, size_t size);
void rundir_close(struct rundir *run);

/*
 * Is each part of the run the file that was recorded? 0; -EBADMSG where one is not, -errno where one
 * cannot be read, and why says which. A run of before there were checksums passes.
 */
int rundir_verify(const char *dir, char *why, size_t size);

/* The site whose probe stands at probe, or whose call returns to ret; or NULL. */
const struct site *rundir_site(const struct rundir *run, uint64_t probe);
const struct site *rundir_site_returning(const struct rundir *run, uint64_t ret);

/* The site whose instruction or call stands at addr, or NULL. */
const struct site *rundir_site_at(const struct rundir *run, uint64_t addr);

/* "e1000:e1000_clean_rx_irq+0x28e"; for NULL "address …", or "site unknown" without one. */
void rundir_site_name(const struct site *s, uint64_t addr, char *buf, size_t size);

/* Kernel text name of a value of skb_drop_reason, or NULL. */
const char *rundir_drop_reason(const struct rundir *run, uint64_t value);

/* Kernel virtual address of a byte in a struct page; physical address of a direct-map one, or 0. */
uint64_t rundir_page_va(const struct rundir *run, uint64_t page, uint64_t off);
uint64_t rundir_phys(const struct rundir *run, uint64_t va);
uint64_t rundir_phys_va(const struct rundir *run, uint64_t phys);

#endif
