// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/addr.h"

#include <arpa/inet.h>
#include <errno.h>

socklen_t tf_addr_len(const union tf_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

int tf_addr_read(union tf_addr *a, const char *text, uint16_t port)
{
	*a = (union tf_addr){.in6.sin6_family = AF_INET6};
	if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) != 1) {
		*a = (union tf_addr){.in.sin_family = AF_INET};
		if (inet_pton(AF_INET, text, &a->in.sin_addr) != 1) {
			*a = (union tf_addr){0};
			return -EINVAL;
		}
	}
	tf_addr_set_port(a, port);
	return 0;
}

const char *tf_addr_text(const union tf_addr *a, char text[TF_ADDR_TEXT])
{
	const void *from = a->sa.sa_family == AF_INET6 ? (const void *)&a->in6.sin6_addr :
							 (const void *)&a->in.sin_addr;

	if (!a->sa.sa_family || !inet_ntop(a->sa.sa_family, from, text, TF_ADDR_TEXT))
		return "?";
	return text;
}

uint16_t tf_addr_port(const union tf_addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

void tf_addr_set_port(union tf_addr *a, uint16_t port)
{
	*(a->sa.sa_family == AF_INET6 ? &a->in6.sin6_port : &a->in.sin_port) = htons(port);
}

bool tf_addr_is_any(const union tf_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr) :
					     a->in.sin_addr.s_addr == htonl(INADDR_ANY);
}

void tf_addr_move(union tf_addr *a, const union tf_addr *to)
{
	uint16_t port = tf_addr_port(a);

	*a = *to;
	tf_addr_set_port(a, port);
}
