// SPDX-License-Identifier: GPL-2.0-only
/* Options of a command that is one end of a flow. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "traffic/cmd.h"

int tf_parse_addr(const struct tf_addr_option *option, const char *text, struct sockaddr_in *to)
{
	size_t len = strcspn(text, ":");
	const char *port_text = text[len] ? text + len + 1 : NULL;
	char addr[INET_ADDRSTRLEN] = "", *end = NULL;
	unsigned long port = option->port;

	*to = (struct sockaddr_in){0};
	if (port_text)
		port = strtoul(port_text, &end, 10);
	snprintf(addr, sizeof(addr), "%.*s", (int)len, text);
	if (inet_pton(AF_INET, addr, &to->sin_addr) != 1 || len >= sizeof(addr) || port > 65535 ||
	    (port_text && (*end || end == port_text)) || (option->goes_there && !port)) {
		msg_error("%s: '%s' is not an IPv4 ADDR%s", option->name, text,
			  option->goes_there && !option->port ? ":PORT" : "[:PORT]");
		return -EINVAL;
	}
	to->sin_family = AF_INET;
	to->sin_port = htons(port);
	return 0;
}

int tf_check_ends(bool send, bool recv, bool has_to, bool hold, enum tf_ends *ends)
{
	const char *why = NULL;

	if (send && recv)
		why = "--send and --recv: give one of them, or neither for both ends";
	else if (send && !has_to)
		why = "--send needs --to, where the receiver is";
	else if (recv && has_to)
		why = "--to is for the sender, not for --recv";
	else if ((send || recv) && hold)
		why = "--hold needs both ends in one command";
	*ends = send ? ENDS_SEND : recv ? ENDS_RECV : ENDS_BOTH;
	if (why)
		msg_error("%s", why);
	return why ? -EINVAL : 0;
}
