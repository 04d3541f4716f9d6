// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/ip.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define WORDS 32
#define LINE 256

static void split(char *line, char *argv[WORDS + 1])
{
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " ", &save); w && n < WORDS; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	argv[n] = NULL;
}

/* In a process group of its own, so that ^C does not stop the removal of a bed. */
static int spawn(pid_t *pid, char *const argv[], int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int err;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	err = posix_spawnp(pid, argv[0], &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

/* Keeps the first line of what the command says, reads the rest away. */
static void read_said(int fd, char *said, size_t size)
{
	char rest[256];
	size_t len = 0;

	for (;;) {
		bool room = len + 1 < size;
		ssize_t n =
			read(fd, room ? said + len : rest, room ? size - 1 - len : sizeof(rest));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (room)
			len += n;
	}
	said[len] = '\0';
	said[strcspn(said, "\n")] = '\0';
}

static int run(char *const argv[], const char *package, char *said, size_t size)
{
	int status, pipefd[2], err;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return -errno;
	err = spawn(&pid, argv, pipefd[1]);
	close(pipefd[1]);
	if (!err) {
		read_said(pipefd[0], said, size);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		err = WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
	} else {
		snprintf(said, size, "%s%s%s", strerror(-err), err == -ENOENT ? "; install " : "",
			 err == -ENOENT ? package : "");
	}
	close(pipefd[0]);
	return err;
}

static int run_line(char *why, size_t size, const char *package, const char *line)
{
	char words[LINE], said[160] = "";
	char *argv[WORDS + 1];
	int err;

	snprintf(words, sizeof(words), "%s", line);
	split(words, argv);
	err = run(argv, package, said, sizeof(said));
	if (err)
		snprintf(why, size, "%s: %s", line, said[0] ? said : "failed without a word");
	return err;
}

int tf_ip(char *why, size_t size, const char *fmt, ...)
{
	char line[LINE] = "ip ";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + 3, sizeof(line) - 3, fmt, ap);
	va_end(ap);
	return run_line(why, size, "iproute2", line);
}

int tf_tool(char *why, size_t size, const char *package, const char *fmt, ...)
{
	char line[LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return run_line(why, size, package, line);
}
