// SPDX-License-Identifier: GPL-2.0-only
/* RDMA devices that were there before and after: in hardware, their counters are the evidence. */
#include <json-c/json.h>
#include <string.h>

#include "analyze/analysis.h"
#include "common/json.h"

static struct json_object *same_port(struct json_object *list, struct json_object *port)
{
	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *o = json_at(list, i);

		if (!strcmp(json_str(o, "dev", ""), json_str(port, "dev", "?")) &&
		    json_int(o, "port", 0) == json_int(port, "port", 0))
			return o;
	}
	return NULL;
}

/* What both readings have and what differs between them. */
static struct json_object *differences(struct json_object *before, struct json_object *after)
{
	struct json_object *o = json_object_new_object();

	if (!json_object_is_type(after, json_type_object))
		return o;
	json_object_object_foreach(after, key, val) {
		struct json_object *was = json_get(before, key);
		int64_t by = json_object_get_int64(val) - json_object_get_int64(was);

		if (was && by)
			json_add_int(o, key, by);
	}
	return o;
}

struct json_object *rdma_counters_moved(const struct rundir *run)
{
	static const char *const kinds[] = {"counters", "hw_counters"};
	struct json_object *all = json_get(run->manifest, "rdma_devices"),
			   *after = json_get(all, "after"), *list = json_object_new_array();

	for (size_t i = 0; i < json_length(after); i++) {
		struct json_object *b = json_at(after, i), *a = same_port(json_get(all, "before"), b);
		struct json_object *o;

		if (!a)
			continue;
		o = json_object_new_object();
		json_add_str(o, "dev", json_str(b, "dev", "?"));
		json_add_int(o, "port", json_int(b, "port", 0));
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			json_object_object_add(o, kinds[k],
					       differences(json_get(a, kinds[k]), json_get(b, kinds[k])));
		json_object_array_add(list, o);
	}
	return list;
}

/* InfiniBand counts data in words of 4 bytes (IBA 16.1.3.5: PortCounters). */
void rdma_counters_print(const struct rundir *run, FILE *out)
{
	struct json_object *list = rdma_counters_moved(run);

	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *o = json_at(list, i), *c = json_get(o, "counters");

		if (json_int(c, "port_xmit_data", 0) || json_int(c, "port_rcv_data", 0))
			fprintf(out, "%s port %lld: %lld bytes out, %lld bytes in by the device's own "
				"count; no probe stands on its way\n", json_str(o, "dev", "?"),
				(long long)json_int(o, "port", 0),
				4LL * json_int(c, "port_xmit_data", 0),
				4LL * json_int(c, "port_rcv_data", 0));
	}
	json_object_put(list);
}
