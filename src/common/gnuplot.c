// SPDX-License-Identifier: GPL-2.0-only
#include "common/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"
#include "common/vec.h"

static int prepare(posix_spawn_file_actions_t *fa, const char *dir, int in, int out)
{
	int err = posix_spawn_file_actions_adddup2(fa, in, 0);

	if (!err && out >= 0)
		err = posix_spawn_file_actions_adddup2(fa, out, 1);
	if (!err && out < 0)
		err = posix_spawn_file_actions_addopen(fa, 1, "/dev/null", O_WRONLY, 0);
	/* It warns of ranges of a single value, which are no fault. */
	if (!err)
		err = posix_spawn_file_actions_addopen(fa, 2, "/dev/null", O_WRONLY, 0);
	if (!err && dir)
		err = posix_spawn_file_actions_addchdir_np(fa, dir);
	return err;
}

int gnuplot_run(const char *dir, int in, int out)
{
	char *argv[] = {"gnuplot", "-", NULL};
	posix_spawn_file_actions_t fa;
	int status = -1, err;
	pid_t pid;

	if (posix_spawn_file_actions_init(&fa))
		return -ENOMEM;
	err = prepare(&fa, dir, in, out);
	if (!err)
		err = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (err)
		return err == ENOENT ? -ENOPKG : -err;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? -EIO : 0;
}

/* Does text begin with the word? Then it is stepped over. */
static bool take(const char **text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*text, word, n) != 0)
		return false;
	*text += n;
	return true;
}

/* What is changed on the way: a word of gnuplot's, and what stands for it. */
static bool replaced(const char **p, const char *name, FILE *out)
{
	static const struct {
		const char *from, *to; /* %: the plot's name */
	} words[] = {
		{" id=\"", " id=\"%-"},	 {" id='", " id='%-"},	{"xlink:href='#", "href='#%-"},
		{"xlink:href=\"#", "href=\"#%-"}, {"url(#", "url(#%-"},
		{"rgb(  0,   0,   0)", "currentColor"}, {"\"black\"", "\"currentColor\""},
		{"'black'", "'currentColor'"}, {"rgb(0,0,0)", "currentColor"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *mark = strchr(words[i].to, '%');

		if (!take(p, words[i].from))
			continue;
		if (mark)
			fprintf(out, "%.*s%s%s", (int)(mark - words[i].to), words[i].to, name, mark + 1);
		else
			fputs(words[i].to, out);
		return true;
	}
	return false;
}

void gnuplot_embed(FILE *out, const char *svg, const char *name, const char *title)
{
	const char *p = strstr(svg, "<svg");

	if (!p)
		return;
	fputs("<svg role=\"img\" aria-label=\"", out);
	text_html(out, title);
	fputc('"', out);
	p += 4;
	while (*p)
		if (!replaced(&p, name, out))
			fputc(*p++, out);
}
