// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and decoding every event of a trace.dat, beside `trace-cmd report` on the same file.
 * usage: bench_trace [FILE]; without FILE it makes one of 1,000,000 events on 2 CPUs.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <traceevent/event-parse.h>
#include <unistd.h>

#include "mktrace.h"
#include "trace/fields.h"
#include "trace/tracedat.h"

#define EVENTS 1000000
#define ROUNDS 3

struct cost {
	double seconds;
	long kib;
};

/* An event like those of the recorder. */
static void make_file(const char *path)
{
	struct mktrace *mk = mktrace_new(2);
	struct {
		uint64_t ip, dst, src, len, nonce;
	} p = {.ip = 0xffffffff81234567, .len = 1400};

	mktrace_event_format(
		mk, "copychain",
		mktrace_format("copy_from", 1500,
			       "u64 __probe_ip; u64 dst; u64 src; u64 len; u64 nonce"));
	mktrace_cmdlines(mk, "1 traffic\n");
	mktrace_option(mk, TRACEDAT_OPT_TRACECLOCK, "[mono]", 7);
	for (unsigned i = 0; i < EVENTS; i++) {
		p.dst = 0xffff888000000000 + i * 2048ull;
		p.src = 0x7f0000000000 + i % 16 * 4096ull;
		p.nonce = i;
		mktrace_add(mk, i / 3 % 2, 1000000000ull + i * 700ull, 1500, &p, sizeof(p));
	}
	mktrace_write(mk, path);
	mktrace_free(mk);
}

/* Reads all events, adding up every number in every field, looked up once per format. */
static int read_file(const char *path)
{
	enum { TYPES = 65536, FIELDS = 16 };
	static struct field fields[TYPES][FIELDS], *f;
	static signed char count[TYPES]; /* -1: no format */
	struct tracedat *td;
	struct td_event ev;
	uint64_t n = 0, sum = 0;
	int got;

	if (tracedat_open(path, &td))
		errx(1, "%s", tracedat_error(td));
	while ((got = tracedat_next(td, &ev)) > 0) {
		n++;
		if (!count[ev.type]) {
			struct tep_event *e = tep_find_event(tracedat_tep(td), ev.type);

			count[ev.type] = -1;
			if (!e)
				continue;
			count[ev.type] = 0;
			for (struct tep_format_field *t = e->format.fields;
			     t && count[ev.type] < FIELDS; t = t->next)
				field_find(e, t->name, &fields[ev.type][count[ev.type]++]);
		}
		f = fields[ev.type];
		for (int i = 0; i < count[ev.type]; i++)
			sum += field_u64(&ev, &f[i], NULL);
	}
	if (got)
		errx(1, "%s", tracedat_error(td));
	printf("%llu events, sum %llx\n", (unsigned long long)n, (unsigned long long)sum);
	tracedat_close(td);
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Runs a command with its output thrown away: the best time of some rounds, the largest memory. */
static struct cost measure(char *const argv[])
{
	struct cost best = {1e9, 0};

	for (int i = 0; i < ROUNDS; i++) {
		struct rusage used;
		double start = now();
		int status;
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (!pid) {
			int null = open("/dev/null", O_WRONLY);

			dup2(null, 1);
			dup2(null, 2);
			execvp(argv[0], argv);
			_exit(127);
		}
		if (wait4(pid, &status, 0, &used) < 0 || status)
			errx(1, "%s failed", argv[0]);
		if (now() - start < best.seconds)
			best.seconds = now() - start;
		if (used.ru_maxrss > best.kib)
			best.kib = used.ru_maxrss;
	}
	return best;
}

static void make_in_child(const char *path)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		make_file(path);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		errx(1, "cannot make %s", path);
}

/* Lines of the report that tell an event: not "cpus=N", and none about dropped events. */
static long report_lines(const char *path)
{
	char command[4200], line[65536];
	FILE *f;
	long n = 0;

	snprintf(command, sizeof(command), "trace-cmd report '%s' 2>/dev/null", path);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f))
		n += strncmp(line, "cpus=", 5) && strncmp(line, "CPU:", 4);
	if (!f || pclose(f))
		errx(1, "trace-cmd report failed");
	return n;
}

static void compare(char *self, char *path)
{
	struct cost ours = measure((char *[]){self, "read", path, NULL});
	struct cost theirs = measure((char *[]){"trace-cmd", "report", path, NULL});

	printf("reading a trace.dat of %ld events\n%-28s %10s %12s\n", report_lines(path), "",
	       "seconds", "max RSS KiB");
	printf("%-28s %10.3f %12ld\n", "tracedat_next and all fields", ours.seconds, ours.kib);
	printf("%-28s %10.3f %12ld\n", "trace-cmd report", theirs.seconds, theirs.kib);
	printf("%-28s %10.4f %12.4f\n", "ratio", ours.seconds / theirs.seconds,
	       (double)ours.kib / (double)theirs.kib);
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/bench_trace_XXXXXX";
	int fd;

	if (argc == 3 && !strcmp(argv[1], "read"))
		return read_file(argv[2]);
	if (argc == 2) {
		compare(argv[0], argv[1]);
		return 0;
	}
	fd = mkstemp(path);
	if (fd < 0)
		err(1, "%s", path);
	close(fd);
	make_in_child(path);
	compare(argv[0], path);
	printf("(%s)\n", "made of 5-field events on 2 CPUs");
	unlink(path);
	return 0;
}
