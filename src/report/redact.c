// SPDX-License-Identifier: GPL-2.0-only
#include "report/redact.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/vec.h"
#include "report/evidence.h"

#define CHUNK_BITS 21
#define LOW(v) ((v) & ((1ULL << CHUNK_BITS) - 1))
#define SMALL 0x10000 /* below it nothing is an address */

/* Where each sort of address is shown to lie; all are where an unrandomized kernel has them. */
#define SHOWN_DIRECT 0xffff888000000000ULL
#define SHOWN_PAGES 0xffffea0000000000ULL
#define SHOWN_KERNEL 0xffffc90000000000ULL
#define SHOWN_USER 0x7f0000000000ULL

enum domain { PHYSICAL, KERNEL, USER, DOMAINS };

struct redact {
	const struct rundir *run;
	struct hashmap chunks[DOMAINS]; /* chunk → its alias, as a pointer */
	uint64_t next[DOMAINS];
	struct hashmap hosts; /* IPv4 address → number */
	uint64_t next_host;
};

static uint64_t alias(struct hashmap *t, uint64_t *next, uint64_t key)
{
	void *have = hashmap_find(t, key);

	if (have)
		return (uint64_t)(uintptr_t)have;
	++*next;
	/* Without memory all that is new looks alike, which hides it too. */
	if (hashmap_set(t, key, (void *)(uintptr_t)*next))
		return 1;
	return *next;
}

static uint64_t chunk_alias(struct redact *h, enum domain d, uint64_t v)
{
	return alias(&h->chunks[d], &h->next[d], v >> CHUNK_BITS) << CHUNK_BITS | LOW(v);
}

/* Not of a value that is nowhere. */
static uint64_t redact_address(struct redact *h, uint64_t v)
{
	const struct rundir *run = h->run;
	uint64_t pages = run->vmemmap + run->direct_map / run->page_size * run->page_struct;

	if (v < SMALL)
		return v;
	if (v < run->direct_map)
		return chunk_alias(h, PHYSICAL, v);
	if (rundir_phys(run, v) || v == run->page_offset)
		return SHOWN_DIRECT + chunk_alias(h, PHYSICAL, v - run->page_offset);
	if (run->vmemmap && v >= run->vmemmap && v < pages) {
		uint64_t pa = (v - run->vmemmap) / run->page_struct * run->page_size;

		return SHOWN_PAGES + chunk_alias(h, PHYSICAL, pa) / run->page_size * run->page_struct +
		       (v - run->vmemmap) % run->page_struct;
	}
	if (is_kernel_address(v))
		return SHOWN_KERNEL + chunk_alias(h, KERNEL, v);
	return SHOWN_USER + chunk_alias(h, USER, v);
}

/* Above user space and below the kernel's nothing lies: what looks so may be part of an address. */
static bool is_nowhere(uint64_t v)
{
	return v >> 47 && !is_kernel_address(v);
}

static void see(struct redact *h, uint64_t v)
{
	if (!is_nowhere(v))
		redact_address(h, v);
}

static void see_event(struct redact *h, const struct event *ev)
{
	static const enum event_field fields[] = {
		F_dst, F_src, F_page, F_ibase, F_iter, F_caller, F_skb, F_head, F_data, F_sk, F_sock, F_file,
		F_msg, F_name, F_ret, F_priv, F_to, F_dma, F_phys, F_where, F___probe_ip, F___probe_func,
		F_qp, F_scq, F_rcq, F_cq, F_bth, F_wqe, F_mr, F_umem, F_iova, F_base, F_sgt, F_va,
	};
	static const enum event_array arrays[] = {A_seg, A_pages};
	uint64_t word;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		see(h, ev->v[fields[i]]);
	for (size_t a = 0; a < ARRAY_SIZE(arrays); a++)
		for (uint32_t i = 0; ev->array[arrays[a]] && i + 8 <= ev->array_len[arrays[a]]; i += 8) {
			memcpy(&word, ev->array[arrays[a]] + i, 8);
			see(h, word);
		}
}

static bool see_only(void *ctx, const struct event *ev)
{
	see_event(ctx, ev);
	return false;
}

static int see_trace(struct redact *h, const struct analysis *r)
{
	struct evidence e;
	int err = evidence_open(&e, r);

	if (!err)
		err = evidence_pass(&e, 0, UINT64_MAX, see_only, h);
	evidence_close(&e);
	return err;
}

static void see_pages(struct redact *h, const struct logged_pages *p)
{
	redact_address(h, p->va);
	for (size_t i = 0; i < p->count; i++)
		redact_address(h, p->pfns[i] * h->run->page_size);
}

int redact_new(const struct analysis *r, struct redact **out)
{
	struct redact *h = calloc(1, sizeof(*h));
	int err;

	*out = h;
	if (!h)
		return -ENOMEM;
	h->run = &r->run;
	err = see_trace(h, r);
	for (size_t i = 0; i < r->log.count; i++) {
		see_pages(h, &r->log.flows[i].send);
		see_pages(h, &r->log.flows[i].recv);
		for (size_t k = 0; k < r->log.flows[i].more_count; k++)
			see_pages(h, &r->log.flows[i].more[k]);
	}
	return err;
}

void redact_free(struct redact *h)
{
	for (int d = 0; h && d < DOMAINS; d++)
		hashmap_free(&h->chunks[d]);
	if (h)
		hashmap_free(&h->hosts);
	free(h);
}

/* ---- text ---- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* "0x…", unless it is an offset into a function. */
static const char *take_hex(struct redact *h, const char *p, char before, FILE *out)
{
	char *end;
	uint64_t v;
	int width;

	if (p[0] != '0' || p[1] != 'x' || !isxdigit((unsigned char)p[2]) || is_word(before))
		return NULL;
	v = strtoull(p, &end, 16);
	if (before == '+') {
		fprintf(out, "%.*s", (int)(end - p), p);
		return end;
	}
	width = is_nowhere(v) ? fprintf(out, "hidden") :
				fprintf(out, "0x%llx", (unsigned long long)redact_address(h, v));
	/* What stands in columns goes on standing in them. */
	if (end[0] == ' ' && end[1] == ' ') {
		fprintf(out, "%*s", (int)(end - p) > width ? (int)(end - p) - width : 0, "");
		for (int more = width - (int)(end - p); more > 0 && end[1] == ' '; more--)
			end++;
	}
	return end;
}

/* What a packet or a payload holds, and addresses in the order of the network, are told by their names. */
static const char *take_hidden(const char *p, char before, FILE *out)
{
	static const char *const names[] = {"hdr=", "laddr=", "raddr=", "naddr=", "s="};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]);

		if (is_word(before) || strncmp(p, names[i], n) != 0)
			continue;
		fprintf(out, "%shidden", names[i]);
		return p + n + strspn(p + n, "0123456789abcdefx,");
	}
	return NULL;
}

/* From the range for documentation (RFC 5737); what is not a host's own address stays. */
static const char *take_ipv4(struct redact *h, const char *p, char before, FILE *out)
{
	size_t n = strspn(p, "0123456789.");
	char text[INET_ADDRSTRLEN] = "";
	struct in_addr a;
	uint64_t host;

	if (is_word(before) || before == '.' || !isdigit((unsigned char)*p) || n >= sizeof(text))
		return NULL;
	memcpy(text, p, n);
	if (is_word(p[n]) || inet_pton(AF_INET, text, &a) != 1)
		return NULL;
	host = ntohl(a.s_addr);
	if (!host || host >> 24 == 127)
		return NULL;
	host = alias(&h->hosts, &h->next_host, host);
	fprintf(out, "198.51.%llu.%llu", (unsigned long long)(100 + host / 254 % 100),
		(unsigned long long)(host % 254 + 1));
	return p + n;
}

static const char *take_ipv6(struct redact *h, const char *p, char before, FILE *out)
{
	size_t n = *p == '[' ? strspn(p + 1, "0123456789abcdef:.") : 0;
	char text[INET6_ADDRSTRLEN] = "";
	struct in6_addr a;
	uint64_t words[2];

	(void)before;
	if (n < 2 || p[n + 1] != ']' || n >= sizeof(text))
		return NULL;
	memcpy(text, p + 1, n);
	if (inet_pton(AF_INET6, text, &a) != 1 || IN6_IS_ADDR_UNSPECIFIED(&a) || IN6_IS_ADDR_LOOPBACK(&a))
		return NULL;
	memcpy(words, &a, sizeof(words));
	fprintf(out, "[2001:db8::%llx]", (unsigned long long)alias(&h->hosts, &h->next_host,
								 mix(words[0], words[1], 6)));
	return p + n + 2;
}

void redact_text(struct redact *h, const char *text, FILE *out)
{
	char before = '\0';

	for (const char *p = text; *p;) {
		const char *next = take_hex(h, p, before, out);

		if (!next)
			next = take_hidden(p, before, out);
		if (!next)
			next = take_ipv4(h, p, before, out);
		if (!next)
			next = take_ipv6(h, p, before, out);
		if (!next) {
			fputc(*p, out);
			next = p + 1;
		}
		before = next[-1];
		p = next;
	}
}
