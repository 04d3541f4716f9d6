// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyze/analysis.h"
#include "common/exitcode.h"
#include "common/msg.h"
#include "common/opt.h"
#include "proofcheck/proofcheck.h"
#include "report/report.h"

struct options {
	unsigned long max_copies, message;
	bool require_exact, no_report, redact, unverified;
	const char *flow, *out, *kinds, *proof;
};

static const struct opt opts[] = {
	{OPT_UINT, "max-copies", offsetof(struct options, max_copies), "N",
	 "exit 1 if any byte was copied more than N times, 3 where that is not sure", 0, 1000000, NULL},
	{OPT_FLAG, "require-exact", offsetof(struct options, require_exact), NULL,
	 "exit 3 unless every flow's verdict is exact", 0, 0, NULL},
	{OPT_UINT, "message", offsetof(struct options, message), "N",
	 "show the chain of message N of each flow, from 0", 0, ULONG_MAX - 1, NULL},
	{OPT_STR, "flow", offsetof(struct options, flow), "NAME",
	 "only this flow, by name or number", 0, 0, NULL},
	{OPT_STR, "out", offsetof(struct options, out), "DIR",
	 "where to write the report (reports/RUN)", 0, 0, NULL},
	{OPT_STR, "report", offsetof(struct options, kinds), "KIND[,KIND]",
	 "which reports to write (all)", 0, 0, NULL},
	{OPT_FLAG, "redact", offsetof(struct options, redact), NULL,
	 "put aliases in the place of addresses, for publishing (reports/RUN-redacted)", 0, 0, NULL},
	{OPT_STR, "check-proof", offsetof(struct options, proof), "FILE",
	 "only check this proof.md against RUN", 0, 0, NULL},
	{OPT_FLAG, "unverified", offsetof(struct options, unverified), NULL,
	 "take files that are not what was recorded", 0, 0, NULL},
	{OPT_FLAG, "no-report", offsetof(struct options, no_report), NULL,
	 "only print", 0, 0, NULL},
	{0},
};

static const struct opt_command command = {
	"analyze [OPTIONS] [RUN]",
	"Follows every message of a run folder from the sender's buffer to the receiver's, and\n"
	"counts its copies. Without RUN it takes the newest one in runs/.",
	opts,
};

static bool is_run(const char *dir, struct stat *st)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/run.json", dir) < (int)sizeof(path) &&
	       !stat(path, st);
}

/* The folder in runs/ whose run.json is the newest. */
static int newest_run(char *out, size_t size)
{
	struct timespec best = {0};
	struct dirent *e;
	struct stat st;
	DIR *dir = opendir("runs");
	int err = -ENOENT;

	while (dir && (e = readdir(dir))) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "runs/%s", e->d_name);
		/* runs/latest is a link to one of the others. */
		if (e->d_name[0] == '.' || lstat(path, &st) || !S_ISDIR(st.st_mode) ||
		    !is_run(path, &st))
			continue;
		if (st.st_mtim.tv_sec < best.tv_sec ||
		    (st.st_mtim.tv_sec == best.tv_sec && st.st_mtim.tv_nsec <= best.tv_nsec))
			continue;
		best = st.st_mtim;
		snprintf(out, size, "%s", path);
		err = 0;
	}
	if (dir)
		closedir(dir);
	return err;
}

/* The highest status that applies. */
static int judge(const struct analysis *r, const struct options *o)
{
	int status = EXIT_GOOD;
	size_t n = 0;

	for (const struct flow *f = r->engine.flows; f; f = f->next) {
		if (!flow_selected(f, o->flow))
			continue;
		n++;
		if (o->max_copies != ULONG_MAX && f->figures[FIGURE_COPIES].max > o->max_copies) {
			msg_error("%s: %llu copies, more than %lu", f->name,
				  (unsigned long long)f->figures[FIGURE_COPIES].max, o->max_copies);
			status = status > EXIT_ASSERT ? status : EXIT_ASSERT;
		}
		if ((o->require_exact || o->max_copies != ULONG_MAX) &&
		    flow_verdict(r, f) != VERDICT_EXACT)
			status = EXIT_INEXACT;
		if (o->message != ULONG_MAX && !f->shown)
			msg_note("%s has no message %lu that arrived; it sent %llu, counted from 0",
				 f->name, o->message, (unsigned long long)f->next_seq);
	}
	if (!n && r->engine.flows) {
		msg_error("no flow '%s' in this run", o->flow);
		return EXIT_USAGE;
	}
	if (!n) {
		msg_error("%s holds no message: nothing sent by a protocol that is followed (UDP, "
			  "ICMP and raw sockets)", r->run.dir);
		return EXIT_ENV;
	}
	return status;
}

/* Prints, judges, and writes what is asked for; the highest status that applies. */
static int report(const struct analysis *r, const struct options *o)
{
	struct report rep = {.r = r, .flow = o->flow};
	int status = EXIT_ENV, err = o->redact ? redact_new(r, &rep.hide) : 0;
	char dir[PATH_MAX];

	if (o->out)
		snprintf(dir, sizeof(dir), "%s", o->out);
	else
		snprintf(dir, sizeof(dir), "reports/%s%s", run_name(r), o->redact ? "-redacted" : "");
	rep.dir = dir;
	if (err) {
		msg_errno(err, "cannot find aliases for the addresses of %s", r->run.dir);
		goto out;
	}
	summary_print(&rep, stdout);
	status = judge(r, o);
	/* Of a flow that does not exist there is nothing to write. */
	if (!o->no_report && status != EXIT_USAGE && report_write(&rep, o->kinds))
		status = EXIT_ENV;
out:
	redact_free(rep.hide);
	return status;
}

static int analyze(const char *dir, const struct options *o)
{
	struct analysis r;
	int status = EXIT_ENV, err = analysis_load(&r, dir, o->message);

	if (err) {
		if (err == -ENOMEM)
			snprintf(r.problem, sizeof(r.problem), "out of memory");
		msg_error("%s", r.problem);
	} else {
		status = report(&r, o);
	}
	if (fflush(stdout) || ferror(stdout)) {
		msg_errno(-errno, "cannot write to standard output");
		status = EXIT_ENV;
	}
	analysis_free(&r);
	return status;
}

static int check_proof(const char *dir, const struct options *o)
{
	size_t conclusions, size;
	char why[4400], *proven = NULL;
	FILE *out = open_memstream(&proven, &size);
	int err = out ? proof_check(o->proof, dir, &conclusions, out, why, sizeof(why)) : -ENOMEM;

	if (out && fclose(out) && !err)
		err = -ENOMEM;
	if (err == -EINVAL)
		msg_error("%s proves nothing of %s: %s", o->proof, dir, why);
	else if (err)
		msg_error("%s", err == -ENOMEM ? "out of memory" : why);
	else
		printf("%s: %zu conclusion%s, and every line holds against %s\n%s", o->proof, conclusions,
		       conclusions == 1 ? "" : "s", dir, proven);
	free(proven);
	return !err ? EXIT_GOOD : err == -EINVAL ? EXIT_ASSERT : EXIT_ENV;
}

static void strip_slashes(char *path)
{
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
}

int main(int argc, char **argv)
{
	struct options o = {.max_copies = ULONG_MAX, .message = ULONG_MAX};
	const char *run = NULL;
	char dir[PATH_MAX], why[PATH_MAX + 256];
	int i;

	msg_program("analyze");
	i = opt_parse(&command, argc, argv, &o);
	if (i < 0)
		return i == -ECANCELED ? EXIT_GOOD : EXIT_USAGE;
	if (i < argc) {
		snprintf(dir, sizeof(dir), "%s", argv[i]);
		strip_slashes(dir);
		run = argv[i];
		/* Options may follow the run. */
		argc -= i;
		argv += i;
		i = opt_parse(&command, argc, argv, &o);
		if (i < 0)
			return i == -ECANCELED ? EXIT_GOOD : EXIT_USAGE;
	}
	if (i < argc) {
		msg_error("one run at a time; '%s' is too many", argv[i]);
		return EXIT_USAGE;
	}
	if (!report_kinds_known(o.kinds))
		return EXIT_USAGE;
	if (!run && newest_run(dir, sizeof(dir))) {
		msg_error("no run in runs/; './collect.sh run' makes one");
		return EXIT_ENV;
	}
	if (!o.unverified && rundir_verify(dir, why, sizeof(why))) {
		msg_error("%s", why);
		return EXIT_ENV;
	}
	/* Reports tell of addresses and payload: they are for whoever may read the run. */
	if (!o.redact)
		umask(umask(0) | 077);
	return o.proof ? check_proof(dir, &o) : analyze(dir, &o);
}
