/* SPDX-License-Identifier: GPL-2.0-only */
/* Records of a trace and what they mean, as the checker of proofs sees it. */
#ifndef PROOFCHECK_RECORD_H
#define PROOFCHECK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/fields.h"
#include "trace/tracedat.h"

struct json_object;
struct tep_event;

enum record_kind {
	R_OTHER, R_FROM_ITER, R_TO_ITER, R_PAGE_FROM_ITER, R_PAGE_TO_ITER, R_MEM, R_CSUM, R_SEND, R_RECEIVE,
	R_FD_FILE, R_FILL, R_DEV_QUEUE, R_DEV_XMIT, R_NETIF_RX, R_GRO, R_NETIF_RECEIVE, R_SK_QUEUE, R_TAP,
	R_CLONE, R_MORPH, R_COALESCE, R_CONSUME, R_DEFER_FREE, R_DROP, R_DMA_MAP, R_DMA_MAP_RET, R_DMA_MAPPED,
	R_DMA_UNMAP, R_DMA_SYNC, R_DMA_ALLOC, R_DMA_FREE, R_DEV_OUT, R_DEV_IN, R_DEV_DONE, R_DEV_WROTE, R_MEM_REP,
	R_PIO_OUT, R_PIO_IN, R_ENCRYPT, R_DECRYPT, R_GUARD, R_CALL, R_RETURN, R_KINDS,
};

enum record_field {
	N_common_pid, N___probe_ip, N___probe_func, N_dst, N_src, N_len, N_page, N_off, N_itype, N_ioff, N_icnt,
	N_ibase, N_seg, N_caller, N_skb, N_head, N_data, N_end, N_dlen, N_mac, N_dev, N_hdr, N_sk, N_sock,
	N_file, N_fd, N_ret, N_priv, N_priv1, N_priv3, N_to, N_dma, N_phys, N_size, N_dir,
	N_va, N_hlen, N_token, N_n, N_width, N_sg, N_fam, N_proto, N_lport, N_rport, N_raddr, N_raddr6, N_name,
	N_nport, N_naddr, N_naddr6, N_msg, N_FIELDS,
};

struct format {
	enum record_kind kind;
	const char *name;
	struct tep_event *event;
	struct field fields[N_FIELDS];
};

struct record {
	const struct format *format;
	struct td_event raw;
};

/* What of the run the meaning of records rests on. */
struct world {
	struct json_object *manifest, *census;
	uint64_t page_offset, vmemmap, page_struct, page_size;
	int iovec, kvec, bvec, ubuf; /* of enum iter_type */
	uint64_t sg_size, sg_offset, sg_length; /* of struct scatterlist */
	bool iommu;
	bool unsure; /* something may have copied that no probe saw, or what was seen is not all recorded */
	struct format **formats; /* by event id; NULL: not the recorder's */
	int format_count;
};

int world_open(struct world *w, const char *run, struct tracedat *td, char *why, size_t size);
void world_close(struct world *w);

/* Is all that was copied between two times recorded, as far as the recorder knows? */
bool world_is_sure(const struct world *w, uint64_t from, uint64_t to);

/* false: not one of the recorder's events. */
bool record_of(const struct world *w, const struct td_event *raw, struct record *r);

uint64_t record_get(const struct record *r, enum record_field f);
int record_tid(const struct record *r);

/* n bytes go from one place to another; a tid stands for that thread's user memory, 0 for kernel's. */
struct move {
	int from_tid, to_tid;
	uint64_t from, to, n;
};

#define MOVES_MAX 8

/* The moves of a copy event; 0 of any other, or where its iterator cannot be told. */
unsigned int record_moves(const struct world *w, const struct record *r, struct move *out);

/* The kernel memory [from, to) that any event is about but copies and lists of buffers; false: none. */
bool record_memory(const struct world *w, const struct record *r, uint64_t *from, uint64_t *to);

/* The buffers that a queue is told of, as far as the event holds them. */
struct buffer {
	uint64_t at, n;
};

unsigned int record_buffers(const struct world *w, const struct record *r, struct buffer out[MOVES_MAX]);

/* Kernel address that a device's address stands for, and of a mapping record, the CPU's. */
uint64_t record_bus(const struct world *w, const struct record *r);
uint64_t record_mapped(const struct world *w, const struct record *r);

/* Stretches of the sender's or receiver's memory that an iterator begins with. */
unsigned int record_spans(const struct world *w, const struct record *r, uint64_t len, struct move *out);

/*
 * "e1000:e1000_clean_rx_irq+0x28e". Gives whether the site is in a software device that moves bytes
 * in the place of a device's DMA.
 */
bool record_site(const struct world *w, const struct record *r, char *buf, size_t size);

#endif
