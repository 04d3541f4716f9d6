/* SPDX-License-Identifier: GPL-2.0-only */
/* Socket addresses of either family. */
#ifndef TRAFFIC_ADDR_H
#define TRAFFIC_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* sa.sa_family 0: not known, or not given. */
union tf_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

#define TF_ADDR_TEXT INET6_ADDRSTRLEN

socklen_t tf_addr_len(const union tf_addr *a);

/* An address in digits, of the family that it is written in; 0 or -EINVAL. */
int tf_addr_read(union tf_addr *a, const char *text, uint16_t port);

/* Its digits without the port, "?" for an address that is not known. */
const char *tf_addr_text(const union tf_addr *a, char text[TF_ADDR_TEXT]);

uint16_t tf_addr_port(const union tf_addr *a);
void tf_addr_set_port(union tf_addr *a, uint16_t port);

/* Whether it leaves the address open, whatever the port. */
bool tf_addr_is_any(const union tf_addr *a);

/* Takes over the address of the other, but not its port. */
void tf_addr_move(union tf_addr *a, const union tf_addr *to);

#endif
