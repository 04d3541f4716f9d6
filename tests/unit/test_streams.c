// SPDX-License-Identifier: GPL-2.0-only
/* What the audit takes for payload, of stores by all kinds of copies, cut by interrupts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "audit/streams.h"
#include "common/vec.h"

#define DST UINT64_C(0xffff888000100000)
#define STACK UINT64_C(0xffffc90000003f00)
#define CODE UINT64_C(0xffffffff81000000)
#define FRAME 66 /* bytes of headers that a frame begins with */

static struct {
	struct streams ss;
	uint64_t calls, pc, bytes[MARK_FLOWS];
	int caller; /* by whom the CPU is where it is */
	bool preempts; /* interrupts do, and another program receives eight pieces of a message of flow 8 */
	uint64_t others;
	unsigned int seed, irq; /* one store in so many is followed by an interrupt; 0: none */
} w;

struct context {
	int caller;
};

static void found(void *ctx, struct stream *s, const struct store *st)
{
	(void)ctx;
	(void)st;
	((struct context *)s->context)->caller = w.caller;
}

static bool same(void *ctx, const struct stream *s)
{
	(void)ctx;
	return ((const struct context *)s->context)->caller == w.caller;
}

static void payload(void *ctx, const void *context, uint32_t flow, uint64_t bytes)
{
	(void)ctx;
	(void)context;
	w.bytes[flow] += bytes;
}

static int begin(void **state)
{
	static const struct streams_user user = {found, same, payload, NULL, sizeof(struct context)};

	(void)state;
	memset(&w, 0, sizeof(w));
	return streams_init(&w.ss, &user);
}

static int end(void **state)
{
	(void)state;
	streams_free(&w.ss);
	return 0;
}

static void store(uint64_t addr, uint64_t pc, const void *bytes, unsigned int size)
{
	struct store st = {.addr = addr, .pc = pc, .calls = w.calls, .size = size};

	memcpy(st.bytes, bytes, size);
	streams_store(&w.ss, &st);
}

/* Registers go onto a stack, functions are called, structures are filled, other data is copied. */
static void interrupt(void)
{
	uint64_t sp = STACK, field = DST + 0x800000 + (uint64_t)(rand_r(&w.seed) % 64) * 256;
	unsigned char other[64];

	for (size_t i = 0; i < sizeof(other); i++)
		other[i] = (unsigned char)rand_r(&w.seed);
	for (unsigned int i = 0; i < 40; i++) {
		w.calls += i % 5 == 0;
		sp -= 8;
		store(sp, CODE + 0x9000 + i * 3, other + i % 8, 8);
		store(field + i * 8, CODE + 0x9800 + i * 7, other + i % 16, 8);
	}
	for (unsigned int i = 0; i < sizeof(other); i++)
		store(field + 4096 + i, CODE + 0xa000, other + i, 1);
}

static void preempt(void)
{
	unsigned char b[8 * 80];
	unsigned int irq = w.irq;
	int caller = w.caller;

	w.irq = 0;
	w.caller = -1;
	for (size_t i = 0; i < sizeof(b); i++) {
		mark_bytes(8, b + i / MARK_LEN * MARK_LEN);
		i += MARK_LEN - 1;
	}
	for (unsigned int k = 0; k < 8; k++, w.calls++)
		for (size_t i = 0; i < 80; i += 8)
			store(DST + 0x900000 + k * 0x200 + i, CODE + 0x40 + i % 64, b + k * 80 + i, 8);
	w.others += sizeof(b);
	w.irq = irq;
	w.caller = caller;
}

static void interrupt_maybe(void)
{
	if (!w.irq || rand_r(&w.seed) % w.irq)
		return;
	interrupt();
	if (w.preempts)
		preempt();
}

/* ---- copies ---- */

static void by_rep(uint64_t dst, const unsigned char *b, size_t len, unsigned int size)
{
	for (size_t i = 0; i + size <= len; i += size, interrupt_maybe())
		store(dst + i, CODE + 0x10, b + i, size);
	for (size_t i = len / size * size; i < len; i++, interrupt_maybe())
		store(dst + i, CODE + 0x14, b + i, 1);
}

static void by_unrolled(uint64_t dst, const unsigned char *b, size_t len)
{
	size_t i = 0;

	for (; i + 8 <= len; i += 8, interrupt_maybe())
		store(dst + i, CODE + 0x40 + i % 64, b + i, 8);
	for (; i < len; i++, interrupt_maybe())
		store(dst + i, CODE + 0x90, b + i, 1);
}

/* As a checksum is computed on the way: four bytes, words, and what is left. */
static void by_checksum(uint64_t dst, const unsigned char *b, size_t len)
{
	size_t i = 4;

	store(dst, CODE + 0x1a0, b, 4);
	interrupt_maybe();
	for (; i + 8 <= len; i += 8, interrupt_maybe())
		store(dst + i, CODE + 0x1b0 + i % 64, b + i, 8);
	for (; i + 2 <= len; i += 2, interrupt_maybe())
		store(dst + i, CODE + 0x200, b + i, 2);
	if (i < len)
		store(dst + i, CODE + 0x208, b + i, 1);
}

/* The last store reaches back over what has been stored. */
static void by_overlap(uint64_t dst, const unsigned char *b, size_t len)
{
	size_t i = 0;

	for (; i + 16 <= len; i += 16)
		store(dst + i, CODE + 0xc0 + i % 64, b + i, 16);
	store(dst + len - 16, CODE + 0x110, b + len - 16, 16);
}

/* Each word first as nothing, by the same instruction. */
static void by_dummy(uint64_t dst, const unsigned char *b, size_t len)
{
	static const unsigned char nothing[16];
	size_t i = 0;

	for (; i + 4 <= len; i += 4, interrupt_maybe()) {
		store(dst + i, CODE + 0x180, nothing, 4);
		store(dst + i, CODE + 0x180, b + i, 4);
	}
	for (; i < len; i++)
		store(dst + i, CODE + 0x184, b + i, 1);
}

static void downwards(uint64_t dst, const unsigned char *b, size_t len)
{
	size_t i = len;

	for (; i >= 8; i -= 8)
		store(dst + i - 8, CODE + 0x140, b + i - 8, 8);
	for (; i > 0; i--)
		store(dst + i - 1, CODE + 0x148, b + i - 1, 1);
}

static size_t make_message(unsigned char *b, uint32_t flow, size_t len)
{
	uint32_t seq = (uint32_t)rand_r(&w.seed), size = (uint32_t)len;

	for (size_t i = 0; i < 8; i++)
		b[i] = (unsigned char)rand_r(&w.seed);
	memcpy(b + PAYLOAD_MAGIC_AT, PAYLOAD_MAGIC, 4);
	memcpy(b + 12, &flow, 4);
	memcpy(b + 16, &seq, 4);
	memcpy(b + 20, &size, 4);
	for (size_t i = PAYLOAD_HEAD; i < len; i += MARK_LEN) {
		unsigned char mark[MARK_LEN];

		mark_bytes(flow, mark);
		memcpy(b + i, mark, len - i < MARK_LEN ? len - i : MARK_LEN);
	}
	return len;
}

static void copy(int how, uint64_t dst, const unsigned char *b, size_t len)
{
	w.calls++;
	w.caller = how;
	if (how < 5)
		by_rep(dst, b, len, 1u << how);
	else if (how == 5)
		by_unrolled(dst, b, len);
	else if (how == 6)
		by_overlap(dst, b, len);
	else if (how == 7)
		downwards(dst, b, len);
	else if (how == 8)
		by_dummy(dst, b, len);
	else
		by_checksum(dst, b, len);
	w.calls++;
}

#define HOWS 10

static void test_every_copy(void **state)
{
	static unsigned char frame[FRAME + 9000];
	static const size_t sizes[] = {64, 65, 71, 128, 255, 1400, 1473, 8000};

	end(state);
	for (int how = 0; how < HOWS; how++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
			for (size_t before = 0; before <= FRAME; before += 11) {
				begin(state);
				make_message(frame + before, 7, sizes[s]);
				copy(how, DST + before, frame, before + sizes[s]);
				streams_flush(&w.ss);
				if (w.bytes[7] != sizes[s])
					fail_msg("%d, %zu bytes before %zu: %lu", how, before, sizes[s], w.bytes[7]);
				end(state);
			}
	begin(state);
}

/* The same place is written again and again, as buffers of programs are. */
static void test_again(void **state)
{
	static unsigned char b[1400];

	(void)state;
	for (int i = 0; i < 50; i++) {
		make_message(b, 3, sizeof(b));
		copy(i % 2 ? 0 : 5, DST, b, sizeof(b));
	}
	streams_flush(&w.ss);
	assert_int_equal(w.bytes[3], 50 * sizeof(b));
}

/* Pieces of a message, the first with its head, of several flows at once. */
static void test_pieces(void **state)
{
	static unsigned char b[8000];

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		make_message(b, i, sizeof(b));
		for (size_t at = 0; at < sizeof(b); at += 1480)
			copy((int)(i % 6), DST + 0x4000 * i + at * 2, b + at, sizeof(b) - at < 1480 ? sizeof(b) - at : 1480);
	}
	streams_flush(&w.ss);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(w.bytes[i], sizeof(b));
}

static void interrupted(bool preempts)
{
	static unsigned char bare[1400], framed[FRAME + 1400];
	static const int hows[] = {0, 2, 3, 4, 5, 9};

	w.irq = 200;
	w.preempts = preempts;
	for (unsigned int i = 0; i < 4000; i++) {
		bool headers = i % 3;

		make_message(headers ? framed + FRAME : bare, 5, 1400);
		copy(hows[i % ARRAY_SIZE(hows)], DST + (i % 7) * 0x1000, headers ? framed : bare,
		     headers ? sizeof(framed) : sizeof(bare));
	}
	streams_flush(&w.ss);
	/* What was cut off may be forgotten before the rest comes: one in 40,000 bytes, at such a rate. */
	assert_in_range(w.bytes[5], 4000 * 1400 - 4000 * 1400 / 20000, 4000 * 1400);
	assert_int_equal(w.bytes[8], w.others);
}

static void test_interrupted(void **state)
{
	(void)state;
	interrupted(false);
}

static void test_preempted(void **state)
{
	(void)state;
	interrupted(true);
}

/* Headers that were written just before a piece of payload, and happen to end like its mark. */
static void test_headers_before(void **state)
{
	static unsigned char b[1400], header[12];

	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		make_message(b, 2, sizeof(b));
		for (size_t k = 0; k < sizeof(header); k++)
			header[k] = (unsigned char)rand_r(&w.seed);
		memcpy(header + sizeof(header) - i % 4, b + 1000 + 4 - i % 4, i % 4);
		copy(2, DST + i % 5 * 0x1000, header, sizeof(header));
		interrupt();
		copy(3, DST + i % 5 * 0x1000 + sizeof(header), b + 1000, 400);
	}
	streams_flush(&w.ss);
	assert_int_equal(w.bytes[2], 2000 * 400);
}

/* What probes keep of a payload, registers, and data that only looks like it. */
static void test_what_is_none(void **state)
{
	unsigned char b[256];

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		make_message(b, 9, sizeof(b));
		store(STACK - i % 64 * 8, CODE + 0x300, b + 64 + i % 4, 8);
		for (size_t at = 0; at < 64; at += 8)
			b[at] ^= (unsigned char)(rand_r(&w.seed) | 1);
		by_rep(DST + (i & 1) * 0x100, b, 48, 1);
		by_rep(DST + 0x10000, b + 40, 28, 4);
		interrupt();
	}
	streams_flush(&w.ss);
	for (size_t i = 0; i < MARK_FLOWS; i++)
		assert_int_equal(w.bytes[i], 0);
}

static void test_marks(void **state)
{
	unsigned char m[3 * MARK_LEN];

	(void)state;
	for (uint32_t flow = 0; flow < MARK_FLOWS; flow++) {
		for (size_t i = 0; i < 3; i++)
			mark_bytes(flow, m + i * MARK_LEN);
		assert_true(mark_is(m));
		assert_int_equal(mark_flow(m), flow);
		for (size_t phase = 0; phase < MARK_LEN; phase++) {
			uint64_t v;

			memcpy(&v, m + phase, sizeof(v));
			assert_true(mark_in(v));
			assert_true(phase == 0 || !mark_is(m + phase));
		}
	}
	assert_false(mark_in(0));
	assert_false(mark_in(UINT64_MAX));
	assert_false(mark_in(UINT64_C(0x4000b7d34000b7d2)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_copy), TEST(test_again),	TEST(test_pieces),
		TEST(test_interrupted), TEST(test_preempted), TEST(test_headers_before), TEST(test_what_is_none), TEST(test_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
