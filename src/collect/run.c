// SPDX-License-Identifier: GPL-2.0-only
#include "collect/run.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collect/beacon.h"
#include "collect/datfile.h"
#include "collect/devices.h"
#include "collect/late_modules.h"
#include "collect/loss.h"
#include "collect/manifest.h"
#include "collect/probes.h"
#include "collect/reap.h"
#include "collect/recorder.h"
#include "collect/session.h"
#include "collect/sites.h"
#include "collect/workload.h"
#include "common/exitcode.h"
#include "common/file.h"
#include "common/msg.h"
#include "common/vec.h"

/* Transmit completions and deferred frees come after the workload's last system call. */
#define LINGER_US 300000

static volatile int interrupted;

struct run {
	const struct run_options *opt;
	struct session session;
	struct probes probes;
	struct tracefs_instance *instance;
	struct recorder *recorder;
	struct late_modules *late;
	int late_err;
	struct workload workload;
	struct manifest manifest;
	bool made_dir;
};

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void path_in(const struct run *r, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s/%s", r->opt->out, name);
}

static int make_dir(struct run *r)
{
	if (mkdir(r->opt->out, 0700))
		return msg_errno(-errno, "cannot make the run folder %s", r->opt->out);
	r->made_dir = true;
	return 0;
}

static int fork_workload(struct run *r, char *const argv[])
{
	char env[4200];
	int err;

	path_in(r, "traffic.jsonl", env, sizeof(env) - 32);
	memmove(env + strlen("COPYCHAIN_TRAFFIC_LOG="), env, strlen(env) + 1);
	memcpy(env, "COPYCHAIN_TRAFFIC_LOG=", strlen("COPYCHAIN_TRAFFIC_LOG="));
	err = workload_fork(&r->workload, argv, env);
	return err ? msg_errno(err, "cannot start %s", argv[0]) : 0;
}

static int write_option(struct run *r, const char *file, const char *value)
{
	if (tracefs_instance_file_write(r->instance, file, value) < 0)
		return msg_errno(-errno, "cannot set %s of the tracing instance to %s", file, value);
	return 0;
}

/*
 * Kernels since 6.19 add what a program passed to a system call to its event: a payload's bytes, which
 * nothing here reads and no trace should hold (kernel/trace/trace_syscalls.c).
 */
static int leave_contents_out(struct run *r)
{
	static const char file[] = "syscall_user_buf_size";

	if (!tracefs_file_exists(r->instance, file))
		return 0;
	return write_option(r, file, "0");
}

/* Nothing is overwritten once recorded: what does not fit is dropped and counted. */
static int make_instance(struct run *r)
{
	char size[32];
	int err;

	r->instance = tracefs_instance_create(r->probes.group);
	if (!r->instance)
		return msg_errno(-errno, "cannot make the tracing instance %s", r->probes.group);
	snprintf(size, sizeof(size), "%lu", r->opt->buffer_kb);
	err = write_option(r, "tracing_on", "0");
	if (!err)
		err = write_option(r, "trace_clock", "mono");
	if (!err)
		err = write_option(r, "options/overwrite", "0");
	if (!err)
		err = write_option(r, "buffer_size_kb", size);
	if (!err)
		err = leave_contents_out(r);
	return err;
}

/*
 * The functions between the probes are told for reading, never for evidence; so only those of the
 * workload's own threads are recorded, or they would drown the rest. Old kernels have no
 * function_graph in an instance.
 */
static int trace_functions(struct run *r)
{
	static const char *const tracers[] = {"function_graph", "function"};
	static const char *const own[] = {
#define NOTRACE(pattern) pattern,
#include "collect/notrace.def"
#undef NOTRACE
	};
	char pid[32];
	int err;

	if (!r->opt->steps)
		return 0;
	snprintf(pid, sizeof(pid), "%d", (int)r->workload.pid);
	err = write_option(r, "set_ftrace_pid", pid);
	if (!err)
		err = write_option(r, "options/function-fork", "1");
	/* A kernel has some of them only. */
	for (size_t i = 0; !err && i < ARRAY_SIZE(own); i++)
		tracefs_instance_file_append(r->instance, "set_ftrace_notrace", own[i]);
	for (size_t i = 0; !err && i < ARRAY_SIZE(tracers); i++)
		if (tracefs_instance_file_write(r->instance, "current_tracer", tracers[i]) >= 0) {
			r->manifest.tracer = tracers[i];
			return 0;
		}
	return err ? err : msg_errno(-errno, "cannot record functions (--steps): this kernel has no "
				     "function tracer for an instance");
}

static int start_recorder(struct run *r)
{
	unsigned int n = recorder_cpus();
	int *tids = calloc(n + 1, sizeof(*tids)), err;

	if (!tids)
		return -ENOMEM;
	err = recorder_start(r->instance, r->opt->out, &r->recorder);
	if (err)
		msg_errno(err, "cannot record into %s", r->opt->out);
	for (unsigned int i = 0; !err && i < n; i++)
		tids[i] = recorder_tid(r->recorder, i);
	tids[n] = (int)gettid();
	if (!err)
		err = probes_filter(&r->probes, r->instance, tids, n + 1);
	free(tids);
	return err;
}

static int prepare(struct run *r, char *const argv[])
{
	int err = session_check();

	/* First, for a dead one's probes would hide the sites that they stand on. */
	if (!err)
		reap_dead();
	if (!err)
		err = session_open(&r->session, &r->opt->excluded);
	if (!err)
		err = make_dir(r);
	if (!err)
		err = fork_workload(r, argv);
	if (!err)
		err = make_instance(r);
	if (!err)
		err = probes_place(&r->probes, &r->session);
	if (!err)
		err = probes_enable(&r->probes, r->instance);
	if (!err)
		err = trace_functions(r);
	if (!err)
		err = start_recorder(r);
	if (!err)
		err = late_modules_watch(r->probes.group, &r->late);
	if (!err && interrupted) {
		msg_error("interrupted before the workload started");
		err = -EINTR;
	}
	return err;
}

static void take_late_modules(void *ctx)
{
	struct run *r = ctx;
	int err = late_modules_poll(r->late, &r->probes, &r->session, r->instance,
				    &r->opt->excluded);

	if (err && !r->late_err)
		r->late_err = err;
}

static int record(struct run *r)
{
	int err;

	r->manifest.workload_pid = (int)r->workload.pid;
	r->manifest.tasks = manifest_tasks();
	r->manifest.devices_before = devices_read();
	r->manifest.start_ns = monotonic_ns();
	err = write_option(r, "tracing_on", "1");
	if (err)
		return err;
	if (r->opt->audit)
		beacon(true);
	err = workload_release(&r->workload);
	if (!err)
		err = workload_wait(&r->workload, &interrupted, take_late_modules, r);
	if (!err)
		err = r->late_err;
	if (!err)
		err = workload_exec_error(&r->workload);
	if (err)
		return msg_errno(err, "cannot run %s", r->manifest.command[0]);
	usleep(LINGER_US);
	if (r->opt->audit)
		beacon(false);
	r->manifest.stopped = loss_stopped(r->instance);
	err = write_option(r, "tracing_on", "0");
	r->manifest.end_ns = monotonic_ns();
	r->manifest.devices_after = devices_read();
	r->manifest.late_modules = late_modules_json(r->late, &r->session);
	r->manifest.workload_status = r->workload.status;
	r->manifest.interrupted = interrupted;
	return err;
}

static int read_stats(struct run *r)
{
	r->manifest.cpus = recorder_cpus();
	r->manifest.stats = calloc(r->manifest.cpus, sizeof(char *));
	if (!r->manifest.stats)
		return -ENOMEM;
	for (unsigned int i = 0; i < r->manifest.cpus; i++) {
		r->manifest.stats[i] = loss_stats_text(r->instance, i);
		if (!r->manifest.stats[i])
			r->manifest.stats[i] = strdup("");
	}
	return 0;
}

/* Symbols of the functions that the census names, for readers that print names. */
static char *census_symbols(const struct census *c)
{
	const struct ksym *last = NULL;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (size_t i = 0; f && i < c->count; i++) {
		const struct ksym *s = c->sites[i].func;

		if (s != last)
			fprintf(f, "%016llx %c %s%s%s%s\n", (unsigned long long)s->addr, s->type,
				s->name, s->module ? "\t[" : "", s->module ? s->module : "",
				s->module ? "]" : "");
		last = s;
	}
	if (f)
		fclose(f);
	return text;
}

/* The systems whose formats the file describes: our group, and those of plain tracepoints. */
static size_t list_systems(const struct probes *p, const char **systems, char (*names)[64],
			   size_t max)
{
	size_t n = 0;

	systems[n++] = p->group;
	for (size_t i = 0; i < p->plain_count && n < max; i++) {
		size_t known = 1;

		snprintf(names[n], sizeof(names[n]), "%.*s", (int)strcspn(p->plain[i], "/"),
			 p->plain[i]);
		while (known < n && strcmp(systems[known], names[n]))
			known++;
		if (known == n) {
			systems[n] = names[n];
			n++;
		}
	}
	return n;
}

/* With functions in it, the file must name all of them. */
static char *all_symbols(void)
{
	char *text = NULL;

	return file_read("/proc/kallsyms", &text, NULL) ? NULL : text;
}

static int write_dat(struct run *r)
{
	unsigned int cpus = r->manifest.cpus;
	struct datfile_cpu *cpu = calloc(cpus, sizeof(*cpu));
	char (*raw)[4200] = calloc(cpus, sizeof(*raw)), dat[4200], names[8][64];
	const char *systems[8];
	char *clock = tracefs_instance_file_read(r->instance, "trace_clock", NULL);
	char *symbols = r->opt->steps || r->opt->audit ? all_symbols() : census_symbols(&r->session.census);
	struct datfile_input in = {systems, list_systems(&r->probes, systems, names, 8),
				   symbols, clock, cpu, cpus};
	int err = -ENOMEM;

	if (!cpu || !raw || !clock || !symbols)
		goto out;
	for (unsigned int i = 0; i < cpus; i++) {
		recorder_raw_path(r->opt->out, i, raw[i], sizeof(raw[i]));
		cpu[i] = (struct datfile_cpu){raw[i], r->manifest.stats[i]};
	}
	path_in(r, "trace.dat", dat, sizeof(dat));
	err = datfile_write(dat, &in);
	for (unsigned int i = 0; i < cpus; i++)
		unlink(raw[i]);
out:
	free(clock);
	free(symbols);
	free(raw);
	free(cpu);
	return err ? msg_errno(err, "cannot write trace.dat in %s", r->opt->out) : 0;
}

static int finish(struct run *r, int64_t *lost)
{
	char path[4200];
	int err = recorder_stop(r->recorder);

	r->recorder = NULL;
	if (err)
		return msg_errno(err, "cannot write the recording to %s", r->opt->out);
	err = read_stats(r);
	if (!err)
		err = write_dat(r);
	if (err)
		return err;
	path_in(r, "sites.json", path, sizeof(path));
	err = sites_write_json(&r->session.census, path);
	if (!err) {
		path_in(r, "run.json", path, sizeof(path));
		err = manifest_write(r->opt->out, &r->manifest, &r->session, &r->probes, lost);
	}
	return err ? msg_errno(err, "cannot write %s", path) : 0;
}

/* Leaves nothing of ours in the kernel, however far prepare came. */
static void tear_down(struct run *r)
{
	workload_kill(&r->workload);
	if (r->instance)
		tracefs_instance_file_write(r->instance, "tracing_on", "0");
	recorder_stop(r->recorder);
	if (r->instance) {
		tracefs_instance_file_write(r->instance, "events/enable", "0");
		if (r->manifest.tracer)
			tracefs_instance_file_write(r->instance, "current_tracer", "nop");
		tracefs_instance_destroy(r->instance);
		tracefs_instance_free(r->instance);
	}
	probes_remove(&r->probes);
	probes_free(&r->probes);
	session_close(&r->session);
	late_modules_free(r->late);
	for (unsigned int i = 0; i < r->manifest.cpus && r->manifest.stats; i++)
		free(r->manifest.stats[i]);
	free(r->manifest.stats);
	json_object_put(r->manifest.tasks);
	json_object_put(r->manifest.late_modules);
	json_object_put(r->manifest.devices_before);
	json_object_put(r->manifest.devices_after);
}

static void report(const struct run *r, int64_t lost)
{
	const struct census *c = &r->session.census;
	int st = r->workload.status;

	if (!r->opt->quiet)
		printf("census: %zu copy sites in %.1f MB of kernel text, %zu probed, %zu outside "
		       "the scopes, %zu blind (%.1f s)\n",
		       c->count, (double)c->text_bytes / 1e6, r->probes.site_probes,
		       sites_count(c, SITE_UNPROBED), sites_count(c, SITE_BLIND),
		       r->session.census_seconds);
	if (r->manifest.stopped)
		msg_note("the recording was stopped before its end, by another program or by the "
			 "kernel itself (its log tells why): what came after is lost");
	else if (lost < 0)
		msg_note("the kernel does not tell how many events were lost");
	else if (lost)
		msg_note("%lld events were lost; a larger --buffer-kb than %lu keeps more",
			 (long long)lost, r->opt->buffer_kb);
	if (interrupted)
		msg_note("interrupted: the run holds what was recorded until then");
	if (WIFSIGNALED(st))
		msg_note("the workload was ended by signal %d", WTERMSIG(st));
	else if (WEXITSTATUS(st))
		msg_note("the workload ended with status %d", WEXITSTATUS(st));
}

/* Only files of ours are in it; run.json is missing, so it is no run. */
static void discard(const struct run *r)
{
	static const char *const names[] = {
#define PART(name) name,
#include "common/run_parts.def"
#undef PART
		"run.json.part", "sites.json.part"};
	char path[4200];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		path_in(r, names[i], path, sizeof(path));
		unlink(path);
	}
	for (unsigned int i = 0; i < recorder_cpus(); i++) {
		recorder_raw_path(r->opt->out, i, path, sizeof(path));
		unlink(path);
	}
	rmdir(r->opt->out);
}

int run_record(const struct run_options *o, char *const argv[])
{
	struct run r = {.opt = o, .workload = {.gate = -1, .told = -1}, .manifest.command = argv,
			.manifest.buffer_kb = o->buffer_kb};
	int64_t lost = 0;
	int err;

	catch_signals();
	probes_init(&r.probes);
	err = prepare(&r, argv);
	if (!err)
		err = record(&r);
	if (!err)
		err = finish(&r, &lost);
	if (!err)
		report(&r, lost);
	tear_down(&r);
	if (err && r.made_dir)
		discard(&r);
	if (err)
		return EXIT_ENV;
	return interrupted ? EXIT_INEXACT : EXIT_GOOD;
}
