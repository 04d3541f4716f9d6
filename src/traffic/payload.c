// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/payload.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mark.h"

#define GAMMA 0x9e3779b97f4a7c15ULL

enum { NONCE_END = PAYLOAD_MAGIC_AT, MAGIC_END = 12, FLOW_END = 16, SEQ_END = 20, HEAD_END = PAYLOAD_HEAD };

static const char magic[] = PAYLOAD_MAGIC;
#define MAGIC_LEN (sizeof(magic) - 1)

/* splitmix64's output function: a bijection, so that distinct states give distinct nonces. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t tf_payload_nonce(uint64_t seed, uint32_t seq)
{
	return mix(seed + GAMMA * ((uint64_t)seq + 1));
}

static uint64_t load64(const unsigned char *from)
{
	uint64_t v;

	memcpy(&v, from, sizeof(v));
	return le64toh(v);
}

static uint32_t load32(const unsigned char *from)
{
	uint32_t v;

	memcpy(&v, from, sizeof(v));
	return le32toh(v);
}

static void store32(unsigned char *to, uint32_t v)
{
	v = htole32(v);
	memcpy(to, &v, sizeof(v));
}

static void make_head(unsigned char head[HEAD_END], uint64_t nonce, uint32_t flow, uint32_t seq,
		      size_t len)
{
	uint64_t n = htole64(nonce);

	memcpy(head, &n, sizeof(n));
	memcpy(head + NONCE_END, magic, MAGIC_LEN);
	store32(head + MAGIC_END, flow);
	store32(head + FLOW_END, seq);
	store32(head + SEQ_END, len);
}

/* The 8 bytes at offset at of the message, at a multiple of 8. */
static uint64_t chunk(const struct tf_payload *p, const unsigned char *head, uint64_t nonce,
		      size_t at)
{
	uint64_t v;

	if (p->has_fill)
		return htole64((uint64_t)p->fill << 32 | p->fill);
	if (at < HEAD_END) {
		memcpy(&v, head + at, sizeof(v));
		return v;
	}
	if (p->marked) {
		unsigned char two[2 * MARK_LEN];

		mark_bytes(p->flow, two);
		mark_bytes(p->flow, two + MARK_LEN);
		memcpy(&v, two, sizeof(v));
		return v;
	}
	return htole64(mix(nonce + GAMMA * (at / 8)));
}

void tf_payload_write(const struct tf_payload *p, uint32_t seq, void *buf, size_t len)
{
	uint64_t nonce = tf_payload_nonce(p->seed, seq);
	unsigned char head[HEAD_END];
	unsigned char *to = buf;

	if (p->text) {
		memcpy(buf, p->text, len);
		return;
	}
	make_head(head, nonce, p->flow, seq, len);
	for (size_t at = 0; at < len; at += 8) {
		uint64_t v = chunk(p, head, nonce, at);

		memcpy(to + at, &v, len - at < 8 ? len - at : 8);
	}
}

static int64_t find_nonce(const struct tf_payload *p, uint32_t expect, uint32_t count,
			  const void *buf, size_t len)
{
	for (uint32_t seq = expect; seq < count; seq++) {
		uint64_t nonce = htole64(tf_payload_nonce(p->seed, seq));

		if (!memcmp(&nonce, buf, len < NONCE_END ? len : NONCE_END))
			return seq;
	}
	return TF_SEQ_UNKNOWN;
}

int64_t tf_payload_seq(const struct tf_payload *p, uint32_t expect, uint32_t count, const void *buf,
		       size_t len)
{
	const unsigned char *from = buf;

	if (p->has_fill || p->text || !len)
		return TF_SEQ_UNKNOWN;
	if (len < SEQ_END)
		return p->has_seed ? find_nonce(p, expect, count, buf, len) : TF_SEQ_UNKNOWN;
	if (memcmp(from + NONCE_END, magic, MAGIC_LEN) || load32(from + MAGIC_END) != p->flow)
		return TF_SEQ_UNKNOWN;
	return load32(from + FLOW_END);
}

bool tf_payload_check_part(const struct tf_payload *p, int64_t seq, const void *buf, size_t len,
			   size_t size)
{
	const unsigned char *from = buf;
	unsigned char head[HEAD_END] = {0};
	uint64_t nonce = 0;

	if (p->text)
		return size == strlen(p->text) && len <= size && !memcmp(buf, p->text, len);
	if (!p->has_fill) {
		if (seq < 0)
			return false;
		if (p->has_seed)
			nonce = tf_payload_nonce(p->seed, seq);
		else
			nonce = len >= NONCE_END ? load64(from) : 0;
		make_head(head, nonce, p->flow, seq, size);
	}
	for (size_t at = 0; at < len; at += 8) {
		uint64_t v = chunk(p, head, nonce, at);

		if (memcmp(from + at, &v, len - at < 8 ? len - at : 8))
			return false;
	}
	return true;
}

bool tf_payload_check(const struct tf_payload *p, int64_t seq, const void *buf, size_t len)
{
	return tf_payload_check_part(p, seq, buf, len, len);
}

int tf_payload_word(const char *text, uint32_t *word)
{
	const char *digits = !strncmp(text, "0x", 2) ? text + 2 : text;

	if (strlen(digits) != 8 || strspn(digits, "0123456789abcdefABCDEF") != 8)
		return -EINVAL;
	*word = strtoul(digits, NULL, 16);
	return 0;
}
