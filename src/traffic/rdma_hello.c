// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/rdma_hello.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/vec.h"

#define NAME_WORDS (IBV_SYSFS_NAME_MAX / sizeof(uint64_t))
#define GID_WORDS (sizeof(union ibv_gid) / sizeof(uint64_t))
#define IS_FILLED (1ULL << 32)

enum word {
	HELLO_SENDS,
	HELLO_OP,
	HELLO_UD,
	HELLO_INLINE,
	HELLO_SIZE,
	HELLO_COUNT,
	HELLO_DEPTH,
	HELLO_MTU,
	HELLO_FILL,
	HELLO_SEED,
	HELLO_GID_INDEX,
	HELLO_LID,
	HELLO_ACTIVE_MTU,
	HELLO_GID,
	HELLO_NAME = HELLO_GID + GID_WORDS,
	HELLO_WORDS = HELLO_NAME + NAME_WORDS,
};

_Static_assert(HELLO_WORDS <= TF_WIRE_WORDS, "a hello does not fit into a frame");

void tf_hello_pack(const struct tf_spec *spec, const struct tf_rdma_side *mine, uint64_t seed,
		   struct tf_wire *frame)
{
	uint64_t *w = frame->words;

	*frame = (struct tf_wire){.kind = WIRE_HELLO, .count = HELLO_WORDS};
	w[HELLO_SENDS] = spec->ends == ENDS_SEND;
	w[HELLO_OP] = spec->rdma.op;
	w[HELLO_UD] = spec->rdma.ud;
	w[HELLO_INLINE] = spec->rdma.inline_data;
	w[HELLO_SIZE] = spec->size;
	w[HELLO_COUNT] = spec->count;
	w[HELLO_DEPTH] = spec->rdma.depth;
	w[HELLO_MTU] = spec->rdma.mtu;
	w[HELLO_FILL] = spec->has_fill ? IS_FILLED | spec->fill : 0;
	w[HELLO_SEED] = seed;
	w[HELLO_GID_INDEX] = mine->gid_index;
	w[HELLO_LID] = mine->lid;
	w[HELLO_ACTIVE_MTU] = mine->active_mtu;
	memcpy(&w[HELLO_GID], &mine->gid, sizeof(mine->gid));
	memcpy(&w[HELLO_NAME], mine->dev, sizeof(mine->dev));
	for (size_t i = HELLO_GID; i < HELLO_WORDS; i++) /* bytes in their order, whoever reads */
		w[i] = le64toh(w[i]);
}

static void show_op(uint64_t value, char *text, size_t size)
{
	snprintf(text, size, "%s", value <= RDMA_READ ? tf_rdma_verbs[value].name : "unknown");
}

static void show_qp(uint64_t value, char *text, size_t size)
{
	snprintf(text, size, "%s", value ? "ud" : "rc");
}

static void show_flag(uint64_t value, char *text, size_t size)
{
	snprintf(text, size, "%s", value ? "given" : "not given");
}

static void show_number(uint64_t value, char *text, size_t size)
{
	snprintf(text, size, "%" PRIu64, value);
}

static void show_mtu(uint64_t value, char *text, size_t size)
{
	if (value)
		show_number(value, text, size);
	else
		snprintf(text, size, "not given");
}

static void show_fill(uint64_t value, char *text, size_t size)
{
	if (value)
		snprintf(text, size, "%08" PRIx32, (uint32_t)value);
	else
		snprintf(text, size, "not given");
}

/* Both must have been asked for the same. */
static const struct {
	enum word word;
	const char *option;
	void (*show)(uint64_t value, char *text, size_t size);
} agreed[] = {
	{HELLO_OP, "--op", show_op},	       {HELLO_UD, "--qp", show_qp},
	{HELLO_INLINE, "--inline", show_flag}, {HELLO_SIZE, "--size", show_number},
	{HELLO_COUNT, "--count", show_number}, {HELLO_DEPTH, "--depth", show_number},
	{HELLO_MTU, "--mtu", show_mtu},	       {HELLO_FILL, "--fill", show_fill},
};

static int compare(const struct tf_wire *mine, const struct tf_wire *other, char *why, size_t size)
{
	if (mine->words[HELLO_SENDS] == other->words[HELLO_SENDS]) {
		snprintf(why, size, "both ends %s; give --send to one and --recv to the other",
			 mine->words[HELLO_SENDS] ? "send" : "receive");
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(agreed); i++) {
		uint64_t here = mine->words[agreed[i].word], there = other->words[agreed[i].word];
		char texts[2][24];

		if (here == there)
			continue;
		agreed[i].show(here, texts[0], sizeof(texts[0]));
		agreed[i].show(there, texts[1], sizeof(texts[1]));
		snprintf(why, size, "%s: %s here, %s at the other end; both must be the same",
			 agreed[i].option, texts[0], texts[1]);
		return -EINVAL;
	}
	return 0;
}

static bool is_mtu(uint64_t value)
{
	return value >= 256 && value <= 4096 && !(value & (value - 1));
}

static bool is_name(const char *name, size_t size)
{
	size_t len = strnlen(name, size);

	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)name[i]))
			return false;
	return len && len < size;
}

int tf_hello_take(const struct tf_spec *spec, const struct tf_wire *frame,
		  struct tf_rdma_side *other, uint64_t *seed, char *why, size_t size)
{
	struct tf_wire mine;
	uint64_t bytes[HELLO_WORDS];
	int err;

	tf_hello_pack(spec, other, 0, &mine);
	if (frame->kind != WIRE_HELLO || frame->count != HELLO_WORDS)
		return -EBADMSG;
	for (size_t i = HELLO_GID; i < HELLO_WORDS; i++)
		bytes[i] = htole64(frame->words[i]);
	if (!is_mtu(frame->words[HELLO_ACTIVE_MTU]) ||
	    !is_name((const char *)&bytes[HELLO_NAME], sizeof(other->dev)))
		return -EBADMSG;
	err = compare(&mine, frame, why, size);
	if (err)
		return err;
	other->gid_index = frame->words[HELLO_GID_INDEX];
	other->lid = frame->words[HELLO_LID];
	other->active_mtu = frame->words[HELLO_ACTIVE_MTU];
	memcpy(&other->gid, &bytes[HELLO_GID], sizeof(other->gid));
	memcpy(other->dev, &bytes[HELLO_NAME], sizeof(other->dev));
	if (frame->words[HELLO_SENDS])
		*seed = frame->words[HELLO_SEED];
	return 0;
}
