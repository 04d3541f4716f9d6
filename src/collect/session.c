// SPDX-License-Identifier: GPL-2.0-only
#include "collect/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tracefs/tracefs.h>

#include "common/file.h"
#include "common/msg.h"

static int check_environment(void)
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
		msg_error("this kernel has no kprobe events (CONFIG_KPROBE_EVENTS): leave out "
			  "--native to record in a virtual machine");
		return -ENODEV;
	}
	return 0;
}

static int load_symbols(struct session *s)
{
	int err = kallsyms_load("/proc/kallsyms", &s->ks);

	if (err)
		return msg_errno(err, "cannot read kernel addresses from /proc/kallsyms (try "
				      "sysctl kernel.kptr_restrict=1)");
	err = kcore_open("/proc/kcore", &s->kc);
	if (err)
		return msg_errno(err, "cannot read kernel text from /proc/kcore (lockdown?)");
	err = ktypes_load(&s->kt);
	if (err)
		return msg_errno(err, "cannot load the kernel's types from /sys/kernel/btf/vmlinux");
	return 0;
}

static int load_census(struct session *s, const struct opt_list *excluded)
{
	struct ktypes_names traceable = {0};
	char *path = tracefs_get_tracing_file("available_filter_functions"), *text = NULL;
	int err = path ? file_read(path, &text, NULL) : -ENOMEM;

	tracefs_put_tracing_file(path);
	if (!err)
		err = plan_load_traceable(text, &traceable);
	free(text);
	if (err)
		return msg_errno(err, "cannot read available_filter_functions of tracefs");
	err = census_take(&s->census, &s->ks, &s->kc);
	if (!err)
		err = plan_probes(&s->census, &s->kt, &traceable, excluded);
	ktypes_names_free(&traceable);
	return err ? msg_errno(err, "cannot take the census of copy sites") : 0;
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
	err = check_environment();
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
