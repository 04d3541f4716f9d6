// SPDX-License-Identifier: GPL-2.0-only
/*
 * What people and machines hand to the comparison of kernels: the first byte says what the rest is, a
 * digest to compare with another, a traffic log, a census, or accepted changes.
 */
#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "regress/accept.h"
#include "regress/logged_cost.h"
#include "regress/censusdiff.h"
#include "regress/night.h"
#include "regress/night_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char plain[] =
	"{\"schema\":1,\"label\":\"a\",\"status\":\"measured\",\"set\":\"s\",\"flows\":[{\"name\":\"f\",\"size\":1,"
	"\"messages\":100,\"delivered\":100,\"payload_bytes\":100,\"copied_bytes\":200,\"copy_bytes\":200,"
	"\"accounted\":1,\"gap\":{\"mean\":0},"
	"\"verdict\":\"exact\",\"sites\":[{\"kind\":\"copy\",\"symbol\":\"x\",\"primitive\":\"y\",\"bytes\":200}],"
	"\"hops\":[{\"kind\":\"copy\",\"where\":\"x\",\"cost\":5,\"spread\":1}],\"cost\":{\"bare\":{\"messages\":100,"
	"\"median\":50,\"spread\":2,\"middle\":51},\"way_messages\":100}}],"
	"\"census\":[{\"primitive\":\"y\",\"module\":\"\",\"function\":\"x\",\"sites\":1,\"seen\":1,\"blind\":0}]}";

/* Files are named: these have a name as long as they are open. */
static int file_of(const void *data, size_t size, char *path, size_t room)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, room, "/proc/self/fd/%d", fd);
	return fd;
}

static void report_all(struct json_object *report)
{
	static int (*const kinds[])(struct json_object *, const struct night_context *, FILE *) = {
		night_text, night_markdown, night_junit};
	const struct night_context c = {NULL, "/nonexistent"};
	FILE *null = fopen("/dev/null", "w");

	for (size_t i = 0; null && i < 3; i++)
		kinds[i](report, &c, null);
	if (null)
		fclose(null);
}

static void compare(const uint8_t *data, size_t size)
{
	char paths[2][64], why[512];
	int fds[2] = {file_of(plain, strlen(plain), paths[0], sizeof(paths[0])),
		      file_of(data, size, paths[1], sizeof(paths[1]))};

	for (int way = 0; way < 2; way++) {
		const char *items[] = {paths[!way]};
		struct night_input in = {.name = "n", .baseline = paths[way], .digests = {items, 1},
					 .limits = LIMITS_DEFAULT};
		struct json_object *report = night_compare(&in, why, sizeof(why));

		if (report)
			report_all(report);
		json_object_put(report);
	}
	close(fds[0]);
	close(fds[1]);
}

static void read_log(const uint8_t *data, size_t size)
{
	char path[64];
	int fd = file_of(data, size, path, sizeof(path));
	struct logged_costs b;

	logged_costs_read(path, &b);
	logged_costs_free(&b);
	close(fd);
}

static void read_census(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct json_object *o = json_tokener_parse(text), *base = json_tokener_parse(plain), *own;

	free(text);
	own = census_digest(o);
	json_object_put(census_compare(own, json_object_object_get(base, "census")));
	json_object_put(census_compare(o, own));
	json_object_put(own);
	json_object_put(o);
	json_object_put(base);
}

static void read_accepted(const uint8_t *data, size_t size)
{
	char path[64], why[512] = "";
	int fd = file_of(data, size, path, sizeof(path));
	struct accepts a;

	if (accepts_load(path, &a, why, sizeof(why)) && !*why)
		abort();
	accepts_free(&a);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const uint8_t *, size_t) = {compare, read_log, read_census,
								 read_accepted};

	if (size)
		kinds[*data % 4](data + 1, size - 1);
	return 0;
}
