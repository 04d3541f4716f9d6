// SPDX-License-Identifier: GPL-2.0-only
/* Checksums of files, and what a run's folder must not hold. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "analyze/rundir.h"
#include "common/checksum.h"
#include "common/file.h"

static char dir[] = "/tmp/copychain-test-XXXXXX";

static const char *path(const char *name)
{
	static char p[64];

	snprintf(p, sizeof(p), "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int begin(void **state)
{
	(void)state;
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
	static const char *const names[] = {"a", "run.json", "trace.dat", "sites.json", "traffic.jsonl"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(path(names[i]));
	return rmdir(dir);
}

/* As xxhsum -H2 prints it. */
static void it_is_what_others_compute(void **state)
{
	char text[CHECKSUM_TEXT];

	(void)state;
	put("a", "");
	assert_int_equal(checksum_file(path("a"), text), 0);
	assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
}

static void special_files_are_refused_at_once(void **state)
{
	char text[CHECKSUM_TEXT], *all;

	(void)state;
	assert_int_equal(mkfifo(path("a"), 0600), 0);
	assert_int_equal(checksum_file(path("a"), text), -EINVAL);
	assert_int_equal(file_read(path("a"), &all, NULL), -EINVAL);
	assert_int_equal(file_read("/dev/zero", &all, NULL), -EINVAL);
	assert_int_equal(file_read(dir, &all, NULL), -EISDIR);
	unlink(path("a"));
	put("a", "");
	assert_int_equal(truncate(path("a"), (off_t)1 << 40), 0);
	assert_int_equal(file_read(path("a"), &all, NULL), -EFBIG);
	assert_string_equal(file_strerror(-EINVAL), "it is no regular file");
}

static int verify(char *why, size_t size)
{
	return rundir_verify(dir, why, size);
}

static void every_part_is_held_against_its_checksum(void **state)
{
	char a[CHECKSUM_TEXT], b[CHECKSUM_TEXT], json[256], why[512] = "";

	(void)state;
	put("trace.dat", "events");
	put("sites.json", "{}");
	assert_int_equal(checksum_file(path("trace.dat"), a), 0);
	assert_int_equal(checksum_file(path("sites.json"), b), 0);
	snprintf(json, sizeof(json), "{\"schema\":1,\"checksums\":{\"trace.dat\":\"%s\",\"sites.json\":\"%s\"}}", a, b);
	put("run.json", json);
	assert_int_equal(verify(why, sizeof(why)), 0);
	put("trace.dat", "Events");
	assert_int_equal(verify(why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "trace.dat is not the file that was recorded"));
	put("trace.dat", "events");
	/* A log that the workload did not write. */
	put("traffic.jsonl", "");
	assert_int_equal(verify(why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "traffic.jsonl"));
	unlink(path("traffic.jsonl"));
	unlink(path("sites.json"));
	assert_int_equal(verify(why, sizeof(why)), -ENOENT);
	/* Recorded before there were checksums. */
	put("run.json", "{\"schema\":1}");
	assert_int_equal(verify(why, sizeof(why)), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_what_others_compute),
		TEST(special_files_are_refused_at_once),
		TEST(every_part_is_held_against_its_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
