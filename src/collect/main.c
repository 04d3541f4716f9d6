// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collect/manifest.h"
#include "collect/run.h"
#include "collect/session.h"
#include "collect/sites.h"
#include "common/command.h"
#include "common/exitcode.h"
#include "common/msg.h"

static const struct opt run_opts[] = {
	{OPT_STR, "out", offsetof(struct run_options, out), "DIR",
	 "the run folder to make", 0, 0, NULL},
	{OPT_LIST, "exclude-site", offsetof(struct run_options, excluded), "SITE",
	 "do not probe this function, function+0xoffset or primitive", 0, 0, NULL},
	{OPT_UINT, "buffer-kb", offsetof(struct run_options, buffer_kb), "N",
	 "ring buffer per CPU in KiB (16384)", 4, 1 << 22, NULL},
	{OPT_FLAG, "steps", offsetof(struct run_options, steps), NULL,
	 "record every kernel function that COMMAND passes, too: for a few messages", 0, 0, NULL},
	{OPT_FLAG, "audit", offsetof(struct run_options, audit), NULL,
	 "an emulator looks on (guest/run.sh --audit)", 0, 0, NULL},
	{OPT_FLAG, "quiet", offsetof(struct run_options, quiet), NULL,
	 "do not sum up the census", 0, 0, NULL},
	{0},
};

static const struct opt_command run_command = {
	"collect run --out DIR [OPTIONS] -- COMMAND [ARGUMENT…]",
	"Probes this kernel's copy sites while COMMAND runs, and makes a run folder.",
	run_opts,
};

static int cmd_run(int argc, char **argv)
{
	struct run_options o = {.buffer_kb = 16384};
	int i = opt_parse(&run_command, argc, argv, &o), status = EXIT_USAGE;

	if (i == -ECANCELED)
		status = EXIT_GOOD;
	else if (i >= 0 && !o.out)
		msg_error("--out DIR is needed: where the run folder is to be made");
	else if (i >= 0 && i >= argc)
		msg_error("no command to observe; give one after --");
	else if (i >= 0)
		status = run_record(&o, argv + i);
	opt_list_free(&o.excluded);
	return status;
}

struct sites_options {
	const char *json;
	bool all;
};

static const struct opt sites_opts[] = {
	{OPT_STR, "json", offsetof(struct sites_options, json), "FILE",
	 "write the census as JSON", 0, 0, NULL},
	{OPT_FLAG, "all", offsetof(struct sites_options, all), NULL,
	 "list the sites outside the scopes too", 0, 0, NULL},
	{0},
};

static const struct opt_command sites_command = {
	"collect sites [OPTIONS]",
	"Prints the census: every site in this kernel from which payload can be copied.",
	sites_opts,
};

static int cmd_sites(int argc, char **argv)
{
	struct sites_options o = {0};
	struct session s;
	int i = opt_parse(&sites_command, argc, argv, &o), err;

	if (i < 0)
		return i == -ECANCELED ? EXIT_GOOD : EXIT_USAGE;
	if (i < argc) {
		msg_error("'%s' is not expected here; --help lists the options", argv[i]);
		return EXIT_USAGE;
	}
	err = session_open(&s, NULL);
	if (!err && o.json) {
		err = sites_write_json(&s.census, o.json);
		if (err)
			msg_errno(err, "cannot write %s", o.json);
	} else if (!err) {
		sites_print(&s.census, stdout, o.all);
	}
	session_close(&s);
	return err ? EXIT_ENV : EXIT_GOOD;
}

static const struct opt seal_opts[] = {{0}};

static const struct opt_command seal_command = {
	"collect seal RUN",
	"Takes the checksums of files that came into a run folder after the recording into its run.json.",
	seal_opts,
};

static int cmd_seal(int argc, char **argv)
{
	int i = opt_parse(&seal_command, argc, argv, NULL), err;

	if (i < 0)
		return i == -ECANCELED ? EXIT_GOOD : EXIT_USAGE;
	if (i + 1 != argc) {
		msg_error("seal takes a run folder");
		return EXIT_USAGE;
	}
	err = manifest_seal(argv[i]);
	if (err)
		msg_errno(err, "cannot take checksums into %s/run.json", argv[i]);
	return err ? EXIT_ENV : EXIT_GOOD;
}

static const struct command commands[] = {
	{"run", cmd_run, "record a command"},
	{"sites", cmd_sites, "print the copy sites of this kernel"},
	{"seal", cmd_seal, "take files that were added to a run into its checksums"},
	{0},
};

int main(int argc, char **argv)
{
	return command_main("collect", commands, "./collect.sh is the front door: it builds,\n"
			    "fetches a kernel and starts a virtual machine.", argc, argv);
}
