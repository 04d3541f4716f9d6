// SPDX-License-Identifier: GPL-2.0-only
/* Options of a command that is one end of a flow. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "traffic/cmd.h"

/* "ADDR", "ADDR:PORT", "[ADDR]" or "[ADDR]:PORT"; a bare address may have colons of its own. */
static const char *split(const char *text, char addr[TF_ADDR_TEXT])
{
	bool bracket = *text == '[', bare = !bracket && strchr(text, ':') != strrchr(text, ':');
	size_t len = bare ? strlen(text) : strcspn(text + bracket, bracket ? "]" : ":");
	const char *rest = text + len + 2 * bracket;

	if (len >= TF_ADDR_TEXT || (bracket && text[len + 1] != ']'))
		return NULL;
	memcpy(addr, text + bracket, len);
	addr[len] = '\0';
	return *rest && *rest != ':' ? NULL : rest;
}

int tf_parse_addr(const struct tf_addr_option *option, const char *text, union tf_addr *to)
{
	char addr[TF_ADDR_TEXT] = "", *end = NULL;
	const char *rest = split(text, addr);
	bool with_port = rest && *rest == ':';
	unsigned long port = with_port ? strtoul(rest + 1, &end, 10) : option->port;

	if (!rest || port > 65535 || (with_port && (*end || end == rest + 1)) ||
	    (option->goes_there && !port) || tf_addr_read(to, addr, port) ||
	    (to->sa.sa_family == AF_INET6 && !option->ipv6)) {
		msg_error("%s: '%s' is not an %s ADDR%s", option->name, text,
			  option->ipv6 ? "IP" : "IPv4",
			  option->goes_there && !option->port ? ":PORT" : "[:PORT]");
		return -EINVAL;
	}
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
