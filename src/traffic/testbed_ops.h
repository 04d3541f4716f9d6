/* SPDX-License-Identifier: GPL-2.0-only */
/* What the testbeds are made of; for src/traffic/testbed*.c only. */
#ifndef TRAFFIC_TESTBED_OPS_H
#define TRAFFIC_TESTBED_OPS_H

#include "traffic/testbed.h"

#define TF_TESTBED_SPACES "abm" /* the namespaces there may be: both ends, one in the middle */

/* A row of testbeds.def. */
struct tf_testbed_row {
	const char *name, *about;
	const char *modules; /* of the kernel, with parameters, between commas */
	int net;	     /* the third byte of its addresses, so that no two testbeds share one */
	const char *spaces;  /* some of TF_TESTBED_SPACES, or "" */
	const char *src_dev, *dst_dev;
	const char *src, *dst, *to; /* last bytes of addresses; to NULL: dst */
	const char *dst_net;	    /* the first two bytes of dst's; NULL: those of all */
	const char *src6, *dst6;    /* what follows their network; NULL: no IPv6 */
	bool one_link;		    /* both ends are on one link, so that neighbours may be static */
	const char *script;
	int (*up)(struct tf_testbed *testbed);	  /* NULL: tf_script_up */
	void (*down)(struct tf_testbed *testbed); /* NULL: what is common to all will do */
};

int tf_lo_up(struct tf_testbed *testbed);
int tf_nics_up(struct tf_testbed *testbed);
void tf_nics_down(struct tf_testbed *testbed);
int tf_tap_up(struct tf_testbed *testbed);
int tf_tun_up(struct tf_testbed *testbed);
int tf_wireguard_up(struct tf_testbed *testbed);
int tf_xdp_generic_up(struct tf_testbed *testbed);
int tf_xdp_native_up(struct tf_testbed *testbed);
int tf_rxe_up(struct tf_testbed *testbed);
int tf_rxe_lo_up(struct tf_testbed *testbed);
int tf_rxe_dev_up(struct tf_testbed *testbed);
void tf_rxe_down(struct tf_testbed *testbed);

/* Removes soft-RoCE devices and their links whose traffic is dead; gives how many. */
int tf_rxe_reap(void);

/* Namespaces, the script, links: all that most rows need. */
int tf_script_up(struct tf_testbed *testbed);

/*
 * Runs the lines of a script, each "NAMESPACE PROGRAM WORDS", where NAMESPACE is one of
 * TF_TESTBED_SPACES or - for the one we are in, and PROGRAM is ip, tc, nft or sysctl. A line that
 * begins with 6 is left out of a testbed without IPv6. Words in braces stand for what the
 * testbed calls it: {a} {b} {m} namespaces, {n} its number, {src} {dst} {src6} {dst6} {to}
 * addresses, {src_dev} {dst_dev} devices.
 */
int tf_script_run(struct tf_testbed *testbed, const char *script);

/* Loads what is not there yet; what cannot be loaded shows when it is used. */
void tf_testbed_load_modules(const struct tf_testbed *testbed);

/* The name of one of the testbed's namespaces. */
void tf_testbed_space(char space, char *name, size_t size);

/* Names, addresses and namespaces of both ends; IPv6 is off or quiet before a device comes. */
int tf_testbed_spaces(struct tf_testbed *testbed);
void tf_testbed_spaces_down(struct tf_testbed *testbed);

/* Static neighbours, where these are asked for. */
int tf_testbed_neighbours(struct tf_testbed *testbed);

/* Waits until every device that is up has a carrier. */
int tf_testbed_carriers(struct tf_testbed *testbed);

#endif
