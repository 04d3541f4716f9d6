/* SPDX-License-Identifier: GPL-2.0-only */
/* What the questions and the claims of the worksheet share. */
#ifndef REPORT_WORKSHEET_PARTS_H
#define REPORT_WORKSHEET_PARTS_H

#include "report/evidence.h"
#include "report/report.h"

#define SAMPLES 8      /* events of a sort that are cited */
#define FLOWS_SEEN 64 /* whose chains are looked at */

struct sheet_of_study {
	const struct analysis *r;
	struct evidence evidence;
	struct hashmap shown;  /* places of the events on the chains shown */
	uint64_t terminal;   /* writes to a terminal, by programs that send */
	uint64_t packets;    /* of 66 bytes, of no message */
	uint64_t with_payload; /* of those */
};

enum judgement { NOT_EXAMINED, CONFIRMED, REFUTED };

/* Prints the reasons, with the events. */
struct claim_of_study {
	const char *text;
	enum judgement (*judge)(const struct sheet_of_study *w, FILE *out);
};

extern const struct claim_of_study claims[];
extern const size_t claim_count;

void cite(const struct sheet_of_study *w, uint64_t at, FILE *out);
bool is_terminal_copy(const struct analysis *r, const struct event *ev);
bool is_66_packet(const struct event *ev);
const struct step *first_step(const struct chain_view *v, int kind);
const struct step *last_step(const struct chain_view *v, int kind);
const struct step *packet_step(const struct chain_view *v);
const struct flow *emulated_flow(const struct analysis *r);

/* Bytes behind the headers of a packet with an Ethernet header, or -1: not IPv4 with TCP or UDP. */
int packet_payload(const struct event *ev);

#endif
