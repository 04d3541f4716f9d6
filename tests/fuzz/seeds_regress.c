// SPDX-License-Identifier: GPL-2.0-only
/* Seeds of fuzz_regress: one of each kind of input. */
#include <stdio.h>

#include "common/vec.h"

static const struct {
	const char *name, *text;
} seeds[] = {
	{"digest", "0{\"schema\":1,\"label\":\"b\",\"status\":\"measured\",\"set\":\"s\",\"version\":\"6.1\",\"append\":\"x\","
	 "\"flows\":[{\"name\":\"f\",\"size\":1,\"messages\":100,\"delivered\":99,\"payload_bytes\":100,"
	 "\"copied_bytes\":300,\"copy_bytes\":301,\"emulated_bytes\":5,\"dead_copy_bytes\":6,\"verdict\":\"at-least\","
	 "\"why\":\"lost\",\"sites\":[{\"kind\":\"copy\",\"symbol\":\"z.isra.0\",\"module\":\"m\",\"primitive\":\"y\","
	 "\"bytes\":300}],\"hops\":[{\"kind\":\"dma\",\"where\":\"w\",\"cost\":500,\"spread\":1}],\"cost\":{\"bare\":"
	 "{\"messages\":100,\"median\":5000,\"spread\":2,\"middle\":5100},\"probed\":{\"messages\":1,\"median\":9},"
	 "\"way_messages\":100}}],\"skipped\":[{\"name\":\"g\",\"why\":\"no\"}],\"census\":[{\"primitive\":\"y\","
	 "\"module\":\"\",\"function\":\"x_more\",\"sites\":1,\"seen\":0,\"blind\":1}]}"},
	{"failed", "0{\"schema\":1,\"label\":\"b\",\"status\":\"failed\",\"why\":\"panic\"}"},
	{"log", "1{\"kind\":\"flow\",\"flow\":1,\"name\":\"f\"}\n{\"kind\":\"send\",\"flow\":1,\"seq\":0,\"time\":5}\n"
	 "{\"kind\":\"recv\",\"flow\":1,\"seq\":0,\"time\":9}\n"},
	{"census", "2{\"sites\":[{\"module\":null,\"function\":\"x.part.0\",\"primitive\":\"y\",\"kind\":\"call\","
	 "\"status\":\"probed\"},{\"function\":\"x\",\"primitive\":\"z\",\"kind\":\"jump\",\"status\":\"blind\"}]}"},
	{"accepted", "3# why\nbook* udp-* copies 3 the reason\nk f cost 5% x\nk - kernel - y\n"},
};

int main(int argc, char **argv)
{
	char path[4096];

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", argc > 1 ? argv[1] : ".", seeds[i].name);
		f = fopen(path, "w");
		if (!f || fputs(seeds[i].text, f) < 0 || fclose(f))
			return 1;
	}
	return 0;
}
