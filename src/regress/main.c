// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/exitcode.h"
#include "common/json.h"
#include "common/msg.h"
#include "common/opt.h"
#include "regress/digest.h"
#include "regress/history.h"
#include "regress/night.h"
#include "regress/night_report.h"
#include "regress/trend.h"

#define NO_SHIFT ULONG_MAX

struct digest_options {
	struct digest_job job;
	unsigned long shift;
	const char *out;
};

#define JOB(member) (offsetof(struct digest_options, job) + offsetof(struct digest_job, member))

static const struct opt digest_opts[] = {
	{OPT_STR, "dir", JOB(dir), "DIR", "folder of the job", 0, 0, NULL},
	{OPT_STR, "label", JOB(label), "NAME", "what reports call the kernel", 0, 0, NULL},
	{OPT_STR, "kernel", JOB(kernel), "NAME", "as guest/kernel.sh knows it", 0, 0, NULL},
	{OPT_STR, "version", JOB(version), "VERSION", "of the kernel", 0, 0, NULL},
	{OPT_STR, "append", JOB(append), "ARGS", "its parameters", 0, 0, NULL},
	{OPT_STR, "setup", JOB(setup), "COMMAND", "run in the guest before", 0, 0, NULL},
	{OPT_STR, "set", JOB(set), "SET", "flows; none: only the census", 0, 0, NULL},
	{OPT_STR, "identity", JOB(identity), "TEXT", "what was measured: image, modules, programs", 0, 0,
	 NULL},
	{OPT_UINT, "shift", offsetof(struct digest_options, shift), "N",
	 "an instruction took 2^N ns; without it there are no costs", 0, 10, NULL},
	{OPT_UINT, "seconds", JOB(seconds), "N", "how long the job took", 0, ULONG_MAX, NULL},
	{OPT_STR, "failed", JOB(failed), "WHY", "nothing was measured", 0, 0, NULL},
	{OPT_STR, "retried", JOB(retried), "WHY", "the first boot died, this is of the second", 0,
	 0, NULL},
	{OPT_STR, "out", offsetof(struct digest_options, out), "FILE", "to write", 0, 0, NULL},
	{0},
};

static const struct opt_command digest_command = {
	"regress digest --dir DIR --label NAME --set SET --out FILE [OPTIONS]",
	"Makes the digest of a kernel from the folder of its job.",
	digest_opts,
};

static int cmd_digest(int argc, char **argv)
{
	struct digest_options o = {.job = {.kernel = "", .version = ""}, .shift = NO_SHIFT};
	struct json_object *digest;
	char why[1024] = "out of memory";
	int i = opt_parse(&digest_command, argc, argv, &o), err;

	if (i < 0)
		return i == -ECANCELED ? EXIT_GOOD : EXIT_USAGE;
	if (i < argc || !o.job.dir || !o.job.label || !o.job.set || !o.out) {
		msg_error("digest takes --dir, --label, --set and --out; --help tells more");
		return EXIT_USAGE;
	}
	o.job.shift = o.shift == NO_SHIFT ? -1 : (long)o.shift;
	digest = digest_make(&o.job, why, sizeof(why));
	if (!digest) {
		msg_error("%s", why);
		return EXIT_ENV;
	}
	err = json_write_file(digest, o.out);
	json_object_put(digest);
	if (err)
		msg_errno(err, "cannot write %s", o.out);
	return err ? EXIT_ENV : EXIT_GOOD;
}

struct compare_options {
	const char *night, *baseline, *out, *accepted, *history;
	unsigned long permille;
	bool kept;
};

static const struct opt compare_opts[] = {
	{OPT_STR, "night", offsetof(struct compare_options, night), "NAME", "of the night", 0, 0,
	 NULL},
	{OPT_STR, "baseline", offsetof(struct compare_options, baseline), "DIGEST",
	 "to compare with", 0, 0, NULL},
	{OPT_FLAG, "kept-baseline", offsetof(struct compare_options, kept), NULL,
	 "it was measured on another night: the history has it there", 0, 0, NULL},
	{OPT_STR, "out", offsetof(struct compare_options, out), "DIR", "for the reports", 0, 0,
	 NULL},
	{OPT_STR, "accepted", offsetof(struct compare_options, accepted), "FILE",
	 "accepted changes", 0, 0, NULL},
	{OPT_STR, "history", offsetof(struct compare_options, history), "DB",
	 "adds the night to it", 0, 0, NULL},
	{OPT_UINT, "cost-permille", offsetof(struct compare_options, permille), "N",
	 "rise of the median cost that is a regression, in thousandths (5); ten times\n"
	 "                           that where messages are of several kinds", 1, 100000, NULL},
	{0},
};

static const struct opt_command compare_command = {
	"regress compare --night NAME --baseline DIGEST --out DIR [OPTIONS] DIGEST...",
	"Compares kernels by their digests, prints and writes the reports.\n"
	"Exit status: 0 nothing is worse; 1 a regression; 3 a kernel or flow could not be compared;\n"
	"4 an input is damaged or a report could not be written.",
	compare_opts,
};

static int add_to_history(const char *path, struct json_object *report)
{
	char why[1024] = "out of memory";
	struct history *h;
	int err = history_open(path, true, &h, why, sizeof(why));

	if (!err)
		err = history_add(h, report, why, sizeof(why));
	history_close(h);
	if (err == -EBADMSG)
		msg_error("history %s: %s; it was left as it is: 'regress.sh history --rebuild' puts "
			  "it aside and makes another from the nights", path, why);
	else if (err)
		msg_error("history %s: %s; 'regress.sh history --rebuild' makes up for it", path,
			  why);
	return err;
}

/* What reports say of a baseline that is kept, and of one that has the name of a kernel. */
static void describe_baseline(struct json_object *report, bool kept)
{
	struct json_object *base = json_get(report, "baseline"), *list = json_get(report, "kernels");
	const char *label = json_str(base, "label", "");
	bool taken = false;
	char *name;

	if (kept)
		json_add_bool(base, "kept", true);
	for (size_t i = 0; i < json_length(list); i++)
		taken |= !strcmp(json_str(json_at(list, i), "label", ""), label);
	if (taken && asprintf(&name, "%s (baseline)", label) >= 0) {
		json_add_str(base, "label", name);
		free(name);
	}
}

static int compare(struct night_input *in, const struct compare_options *o)
{
	struct night_context c = {o->history, o->out};
	char why[1024] = "out of memory";
	struct json_object *report;
	int status;

	report = night_compare(in, why, sizeof(why));
	if (!report) {
		msg_error("%s", why);
		return EXIT_ENV;
	}
	describe_baseline(report, o->kept);
	status = night_status(report);
	if (o->history && add_to_history(o->history, report)) {
		c.history = NULL;
		status = EXIT_ENV;
	}
	if (night_reports(report, &c))
		status = EXIT_ENV;
	night_text(report, &c, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		msg_errno(-errno, "cannot write to standard output");
		status = EXIT_ENV;
	}
	json_object_put(report);
	return status;
}

static int cmd_compare(int argc, char **argv)
{
	struct compare_options o = {.permille = 5};
	struct night_input in = {.limits = LIMITS_DEFAULT};
	struct accepts accepts = {0};
	char why[1024];
	int i = opt_parse(&compare_command, argc, argv, &o), status;

	if (i < 0)
		return i == -ECANCELED ? EXIT_GOOD : EXIT_USAGE;
	if (!o.night || !o.baseline || !o.out) {
		msg_error("compare takes --night, --baseline and --out; --help tells more");
		return EXIT_USAGE;
	}
	if (i == argc) {
		msg_error("nothing to compare with the baseline: name at least one DIGEST");
		return EXIT_USAGE;
	}
	if (o.accepted && accepts_load(o.accepted, &accepts, why, sizeof(why))) {
		msg_error("%s", why);
		accepts_free(&accepts);
		return EXIT_ENV;
	}
	in.name = o.night;
	in.baseline = o.baseline;
	in.digests = (struct opt_list){.items = (const char **)argv + i,
				       .count = (size_t)(argc - i)};
	in.limits.message = (double)o.permille / 1000;
	in.limits.unsteady = 10 * in.limits.message;
	in.accepts = &accepts;
	status = compare(&in, &o);
	accepts_free(&accepts);
	return status;
}

struct history_options {
	const char *db, *kernel, *flow, *value, *svg;
	bool add;
};

static const struct opt history_opts[] = {
	{OPT_STR, "db", offsetof(struct history_options, db), "FILE", "the history", 0, 0, NULL},
	{OPT_STR, "kernel", offsetof(struct history_options, kernel), "PATTERN",
	 "only kernels called so", 0, 0, NULL},
	{OPT_STR, "flow", offsetof(struct history_options, flow), "PATTERN", "only these flows", 0,
	 0, NULL},
	{OPT_STR, "value", offsetof(struct history_options, value), "NAME",
	 "what to follow (copies)", 0, 0, NULL},
	{OPT_STR, "svg", offsetof(struct history_options, svg), "FILE", "plot the trend", 0, 0,
	 NULL},
	{OPT_FLAG, "add", offsetof(struct history_options, add), NULL,
	 "add the nights of REPORTS (report.json)", 0, 0, NULL},
	{0},
};

static const struct opt_command history_command = {
	"regress history --db FILE [OPTIONS] [REPORT...]",
	"Shows what a value did over the nights, and on which night it was first another.",
	history_opts,
};

static struct json_object *read_report(const char *path)
{
	int err;
	struct json_object *report = json_read_file(path, &err);

	if (!report) {
		msg_error("%s: %s; this night is left out", path,
			  err == -EBADMSG ? "no JSON" : strerror(-err));
	} else if (!history_is_report(report)) {
		msg_error("%s is no report of a night; left out", path);
		json_object_put(report);
		report = NULL;
	}
	return report;
}

static int add_reports(const char *db, int count, char **paths)
{
	int status = EXIT_GOOD;

	for (int i = 0; i < count; i++) {
		struct json_object *report = read_report(paths[i]);

		if (!report || add_to_history(db, report))
			status = EXIT_ENV;
		json_object_put(report);
	}
	return status;
}

static int show(struct history *h, const struct history_options *o, const struct history_value *v)
{
	const struct history_query q = {o->kernel, o->flow, v, false};
	struct trend t = {0};
	int err = trend_print(h, &q, stdout);

	if (err || !o->svg)
		return err;
	err = trend_plot(h, &q, false, &t);
	if (!err)
		err = plot_draw(&t.plot, o->svg);
	plot_free(&t.plot);
	if (err == -ENOPKG)
		msg_error("no gnuplot on this machine: apt-get install gnuplot-nox");
	else if (err == -EINVAL)
		msg_error("%s is no number: it has no plot", v->name);
	else if (err == -ENODATA)
		msg_error("nothing to plot: no night has such a value");
	else if (err)
		msg_errno(err, "cannot plot into %s", o->svg);
	return err;
}

static const struct history_value *find_value(const char *name)
{
	const struct history_value *v = history_value(name ? name : "copies");

	if (v)
		return v;
	msg_error("no value '%s'; these can be followed:", name);
	for (v = history_values; v->name; v++)
		fprintf(stderr, "  %-14s %s\n", v->name, v->about);
	return NULL;
}

static int cmd_history(int argc, char **argv)
{
	struct history_options o = {0};
	const struct history_value *v;
	char why[1024] = "out of memory";
	struct history *h;
	int i = opt_parse(&history_command, argc, argv, &o), err;

	if (i < 0)
		return i == -ECANCELED ? EXIT_GOOD : EXIT_USAGE;
	if (!o.db || (i < argc && !o.add)) {
		msg_error("history takes --db; --help tells more");
		return EXIT_USAGE;
	}
	if (o.add)
		return add_reports(o.db, argc - i, argv + i);
	v = find_value(o.value);
	if (!v)
		return EXIT_USAGE;
	err = history_open(o.db, false, &h, why, sizeof(why));
	if (err) {
		msg_error("history %s: %s%s", o.db, why,
			  err == -ENOENT ? "; the first night makes it" :
			  "; 'regress.sh history --rebuild' puts it aside and makes another from the nights");
		return EXIT_ENV;
	}
	err = show(h, &o, v);
	history_close(h);
	return err == -EINVAL ? EXIT_USAGE : err ? EXIT_ENV : EXIT_GOOD;
}

static const struct command commands[] = {
	{"digest", cmd_digest, "what one kernel did, from the folder of its job"},
	{"compare", cmd_compare, "kernels by their digests, with reports"},
	{"history", cmd_history, "what a value did over the nights"},
	{0},
};

int main(int argc, char **argv)
{
	return command_main("regress", commands, "./regress.sh is the front door: it boots the\n"
			    "kernels and calls this program.", argc, argv);
}
