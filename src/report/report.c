// SPDX-License-Identifier: GPL-2.0-only
#include "report/report.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/msg.h"
#include "common/vec.h"

static const struct report_kind kinds[] = {
	{"html", "index.html", html_write},
	{"summary", "summary.txt", summary_write},
	{"proof", "proof.md", proof_write},
	{"worksheet", "worksheet.md", worksheet_write},
	{"json", "analysis.json", json_write},
	{"steps", "steps.txt", steps_write},
	{"plots", "plots/", plots_write},
	{"trace", "trace.json", trace_write},
	{"dot", "dot/", dot_write},
	{"csv", "csv/", csv_write},
};

#define KINDS ARRAY_SIZE(kinds)

/* Does the list "a,b" hold the word? No list holds all. */
static bool listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *w = list; w; w = strchr(w, ',') ? strchr(w, ',') + 1 : NULL)
		if (!strncmp(w, word, len) && (w[len] == ',' || !w[len]))
			return true;
	return !list;
}

static bool is_kind(const char *word, size_t len)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strlen(kinds[i].name) == len && !memcmp(kinds[i].name, word, len))
			return true;
	return false;
}

static void say_unknown(const char *word, size_t len)
{
	char names[256] = "";

	for (size_t i = 0; i < KINDS; i++) {
		size_t used = strlen(names);

		snprintf(names + used, sizeof(names) - used, " %s", kinds[i].name);
	}
	msg_error("--report: '%.*s' is not one of:%s", (int)len, word, names);
}

bool report_kinds_known(const char *list)
{
	const char *w = list;

	while (w) {
		size_t len = strcspn(w, ",");

		if (!is_kind(w, len)) {
			say_unknown(w, len);
			return false;
		}
		w = w[len] ? w + len + 1 : NULL;
	}
	return true;
}

static int make_dirs(const char *path)
{
	char *part = strdup(path);
	int err = part ? 0 : -ENOMEM;

	for (char *slash = part; slash && !err;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			err = -errno;
		if (slash)
			*slash = '/';
	}
	free(part);
	return err;
}

/* A file whose addresses must be hidden is kept until it is whole. */
struct hidden {
	struct redact *hide;
	char *path, *text;
	size_t used, cap;
};

static ssize_t write_hidden(void *cookie, const char *buf, size_t size)
{
	struct hidden *x = cookie;

	if (vec_reserve(&x->text, &x->cap, x->used + size + 1))
		return 0;
	memcpy(x->text + x->used, buf, size);
	x->used += size;
	x->text[x->used] = '\0';
	return (ssize_t)size;
}

static int close_hidden(void *cookie)
{
	struct hidden *x = cookie;
	FILE *f = fopen(x->path, "we");
	int err = f ? 0 : -1;

	if (f && x->text)
		redact_text(x->hide, x->text, f);
	if (f && (ferror(f) | fclose(f)))
		err = -1;
	free(x->text);
	free(x->path);
	free(x);
	return err;
}

static FILE *open_hidden(struct redact *hide, const char *path)
{
	struct hidden *x = calloc(1, sizeof(*x));
	FILE *f = NULL;

	if (x)
		*x = (struct hidden){.hide = hide, .path = strdup(path)};
	if (x && x->path)
		f = fopencookie(x, "w", (cookie_io_functions_t){.write = write_hidden, .close = close_hidden});
	if (!f && x)
		free(x->path);
	if (!f)
		free(x);
	return f;
}

FILE *report_open(const struct report *rep, const char *name)
{
	char path[PATH_MAX + 64], *slash;

	snprintf(path, sizeof(path), "%s/%s", rep->dir, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	if (make_dirs(path))
		return NULL;
	*slash = '/';
	return rep->hide ? open_hidden(rep->hide, path) : fopen(path, "we");
}

int report_close(FILE *f)
{
	int err;

	if (!f)
		return errno ? -errno : -EIO;
	err = ferror(f) ? -EIO : 0;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

int report_write(struct report *rep, const char *list)
{
	const char *first = NULL;
	size_t others = 0;
	int err;

	if (!report_kinds_known(list))
		return -EINVAL;
	err = make_dirs(rep->dir);
	if (err)
		return msg_errno(err, "cannot make %s", rep->dir);
	for (size_t i = 0; i < KINDS; i++) {
		if (!listed(list, kinds[i].name))
			continue;
		err = kinds[i].write(rep);
		if (err)
			return msg_errno(err, "cannot write %s to %s", kinds[i].files, rep->dir);
		if (!first)
			first = kinds[i].files;
		others++;
	}
	printf("\nreport: %s/%s", rep->dir, first);
	if (others > 1)
		printf(" and %zu more in that folder", others - 1);
	printf("\n");
	return 0;
}

const char *run_name(const struct analysis *r)
{
	const char *base = strrchr(r->run.dir, '/');

	return base ? base + 1 : r->run.dir;
}
