// SPDX-License-Identifier: GPL-2.0-only
#include "proofcheck/names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/json.h"
#include "common/vec.h"

struct named {
	char *name;
	uint64_t sport, dport; /* 0: any */
};

static int add_flow(struct names *n, const char *row)
{
	struct json_object *o = json_tokener_parse(row);
	struct named new = {strdup(json_str(o, "name", "")), json_uint(o, "sport", 0), json_uint(o, "dport", 0)};

	json_object_put(o);
	if (!new.name || vec_reserve(&n->flows, &n->cap, n->count + 1)) {
		free(new.name);
		return -ENOMEM;
	}
	n->flows[n->count++] = new;
	return 0;
}

int names_open(struct names *n, const char *run)
{
	char *path, *row = NULL;
	size_t size = 0;
	FILE *f;
	int err = 0;

	*n = (struct names){0};
	if (asprintf(&path, "%s/traffic.jsonl", run) < 0)
		return -ENOMEM;
	f = fopen(path, "re");
	free(path);
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (!err && getline(&row, &size, f) > 0)
		if (strstr(row, "\"kind\":\"flow\""))
			err = add_flow(n, row);
	free(row);
	fclose(f);
	return err;
}

void names_close(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->flows[i].name);
	free(n->flows);
	*n = (struct names){0};
}

static uint64_t port_to(const struct record *send)
{
	bool named = record_get(send, N_name) && record_get(send, N_fam) != AF_PACKET;

	return ntohs((uint16_t)record_get(send, named ? N_nport : N_rport));
}

uint64_t send_destination(const struct record *send)
{
	bool named = record_get(send, N_name) && record_get(send, N_fam) != AF_PACKET;
	uint64_t key = port_to(send) << 32 | record_get(send, named ? N_naddr : N_raddr);
	const struct field *f = &send->format->fields[named ? N_naddr6 : N_raddr6];
	uint32_t len = 0;
	const unsigned char *at = record_get(send, N_fam) == AF_INET6 ? field_bytes(&send->raw, f, &len) : NULL;

	for (uint32_t i = 0; at && i < len; i++)
		key = key * 31 + at[i];
	return key;
}

static const char *protocol(const struct record *send)
{
	if (record_get(send, N_fam) == AF_PACKET)
		return "packet";
	switch (record_get(send, N_proto)) {
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_UDPLITE:
		return "udplite";
	default:
		return "raw";
	}
}

bool names_of_send(const struct names *n, const struct record *send, const char *name)
{
	char plain[32];

	for (size_t i = 0; i < n->count; i++) {
		const struct named *f = &n->flows[i];

		if ((f->sport && f->sport != record_get(send, N_lport)) || (f->dport && f->dport != port_to(send)))
			continue;
		if (!strcmp(f->name, name))
			return true;
	}
	snprintf(plain, sizeof(plain), "%s:%llu", protocol(send), (unsigned long long)port_to(send));
	return !strcmp(plain, name);
}

bool names_has(const struct names *n, const char *name)
{
	const char *p = name;

	for (size_t i = 0; i < n->count; i++)
		if (!strcmp(n->flows[i].name, name))
			return true;
	while (islower((unsigned char)*p))
		p++;
	if (!strcmp(name, "rdma-send") || !strcmp(name, "rdma-write") || !strcmp(name, "rdma-read"))
		return true;
	if (p == name || *p++ != ':' || !isdigit((unsigned char)*p))
		return false;
	while (isdigit((unsigned char)*p))
		p++;
	return !*p;
}
