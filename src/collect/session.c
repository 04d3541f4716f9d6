// SPDX-License-Identifier: GPL-2.0-only
#include "collect/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tracefs/tracefs.h>

#include "collect/probes.h"
#include "common/file.h"
#include "common/msg.h"

int session_check(void)
{
	if (geteuid()) {
		msg_error("recording needs root: run it as root, or leave out --native to record "
			  "in a virtual machine");
		return -EPERM;
	}
	if (!tracefs_tracing_dir()) {
		msg_error("no tracefs is mounted: mount -t tracefs tracefs /sys/kernel/tracing, "
			  "or leave out --native");
		return -ENODEV;
	}
	if (!tracefs_file_exists(NULL, "kprobe_events") ||
	    !tracefs_file_exists(NULL, "dynamic_events")) {
		msg_error("this kernel offers no kprobe events (CONFIG_KPROBE_EVENTS, or "
			  "lockdown=confidentiality): leave out --native to record in a virtual "
			  "machine");
		return -ENODEV;
	}
	return 0;
}

static int load_symbols(struct session *s)
{
	int err = kallsyms_load("/proc/kallsyms", "/proc/modules", &s->ks);

	if (err)
		return msg_errno(err, "cannot read kernel addresses from /proc/kallsyms (try "
				      "sysctl kernel.kptr_restrict=1)");
	err = kcore_open("/proc/kcore", &s->kc);
	if (err)
		return msg_errno(err, "cannot read kernel text from /proc/kcore (it takes "
				      "CONFIG_PROC_KCORE, and no lockdown)");
	err = ktypes_load(&s->kt);
	if (err)
		return msg_errno(err, "cannot load the kernel's types from /sys/kernel/btf/vmlinux "
				      "(it takes CONFIG_DEBUG_INFO_BTF)");
	return 0;
}

static int wanted_functions(struct census_names *out)
{
	const char **names = calloc(point_count, sizeof(*names));
	char (*text)[128] = calloc(point_count, sizeof(*text));
	const char *pattern;

	*out = (struct census_names){names, point_count};
	if (!names || !text) {
		free(text);
		return -ENOMEM;
	}
	for (size_t i = 0; i < point_count; i++) {
		if (point_is_call(&points[i]))
			point_function(&points[i], text[i], sizeof(text[i]), &pattern);
		names[i] = text[i];
	}
	return 0;
}

static void free_wanted(struct census_names *wanted)
{
	if (wanted->names)
		free((char *)wanted->names[0]);
	free(wanted->names);
}

static int load_census(struct session *s, const struct opt_list *excluded)
{
	char *path = tracefs_get_tracing_file("available_filter_functions"), *text = NULL;
	int err = path ? file_read(path, &text, NULL) : -ENOMEM;

	tracefs_put_tracing_file(path);
	if (!err)
		err = plan_load_traceable(text, &s->traceable);
	free(text);
	if (err)
		return msg_errno(err, "cannot read available_filter_functions of tracefs (it takes "
				      "CONFIG_FUNCTION_TRACER)");
	err = wanted_functions(&s->wanted);
	if (!err)
		err = census_take(&s->census, &s->ks, &s->kc, &s->wanted);
	if (!err)
		err = plan_load_emulating(&s->emulating);
	if (!err)
		err = plan_probes(&s->census, &s->kt, &s->traceable, &s->emulating, excluded);
	/* What is to be excluded and is not there has been told. */
	return err && err != -ENOENT ? msg_errno(err, "cannot take the census of copy sites") : err;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int session_open(struct session *s, const struct opt_list *excluded)
{
	double start = now();
	int err;

	memset(s, 0, sizeof(*s));
	err = session_check();
	if (!err)
		err = load_symbols(s);
	if (!err)
		err = load_census(s, excluded);
	s->census_seconds = now() - start;
	return err;
}

void session_close(struct session *s)
{
	census_free(&s->census);
	free_wanted(&s->wanted);
	ktypes_names_free(&s->traceable);
	ktypes_names_free(&s->emulating);
	ktypes_free(&s->kt);
	kcore_close(&s->kc);
	kallsyms_free(&s->ks);
}

uint64_t session_variable(const struct session *s, const char *name)
{
	const struct ksym *sym = kallsyms_find(&s->ks, name);
	uint64_t value = 0;

	if (sym && kcore_read(&s->kc, sym->addr, &value, sizeof(value)))
		value = 0;
	return value;
}
