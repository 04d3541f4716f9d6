/* SPDX-License-Identifier: GPL-2.0-only */
/* What a message holds: docs/formats.md, last paragraph. No I/O, no state. */
#ifndef TRAFFIC_PAYLOAD_H
#define TRAFFIC_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TF_SEQ_UNKNOWN (-1)

struct tf_payload {
	uint64_t seed; /* the nonces follow from it and from the sequence numbers */
	bool has_seed; /* a receiver on its own knows no seed and believes the nonce it reads */
	bool has_fill;
	uint32_t fill;	  /* every 4 bytes, little endian */
	bool marked;	  /* behind the head the mark of the flow: common/mark.h */
	const char *text; /* the message, where it is always the same, else NULL */
	uint32_t flow;
};

/* The nonce of a message; those of one seed all differ. */
uint64_t tf_payload_nonce(uint64_t seed, uint32_t seq);

void tf_payload_write(const struct tf_payload *p, uint32_t seq, void *buf, size_t len);

/*
 * The sequence number of the message in buf: read from it, or, where it is too short for
 * that, found by its nonce among the messages from expect to before count.
 */
int64_t tf_payload_seq(const struct tf_payload *p, uint32_t expect, uint32_t count, const void *buf,
		       size_t len);

/* Whether buf holds message seq, whole and unchanged. */
bool tf_payload_check(const struct tf_payload *p, int64_t seq, const void *buf, size_t len);

/* Whether it holds the first len bytes of message seq, which has size. */
bool tf_payload_check_part(const struct tf_payload *p, int64_t seq, const void *buf, size_t len,
			   size_t size);

/* Reads 8 hex digits, 0x allowed in front; 0 or -EINVAL. */
int tf_payload_word(const char *text, uint32_t *word);

#endif
