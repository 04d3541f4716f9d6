// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/ip.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

static int spawn_as(pid_t *pid, const char *program, char *const argv[], int in, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int err;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	err = posix_spawnp(pid, program, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

/*
 * In a process group of its own, so that ^C does not stop the removal of a testbed. The path of
 * a user who became root by su alone leads past /usr/sbin.
 */
static int spawn(pid_t *pid, char *const argv[], int in, int out)
{
	char path[64];
	int err = spawn_as(pid, argv[0], argv, in, out);

	if (err != -ENOENT || strchr(argv[0], '/'))
		return err;
	snprintf(path, sizeof(path), "/usr/sbin/%s", argv[0]);
	return spawn_as(pid, path, argv, in, out);
}

/* Keeps the beginning of what the command says, reads the rest away. */
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
}

static int run(char *const argv[], const char *package, int in, char *said, size_t size)
{
	int status, pipefd[2], err;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return -errno;
	err = spawn(&pid, argv, in, pipefd[1]);
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

/* A memory file that is read from its beginning. */
static int open_input(const char *lines)
{
	size_t len = strlen(lines);
	int fd = memfd_create("lines", MFD_CLOEXEC);

	if (fd >= 0 && (write(fd, lines, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))) {
		close(fd);
		return -EIO;
	}
	return fd < 0 ? -errno : fd;
}

/* ip and tc tell the number of the line that failed, nft tells the line itself. */
static void name_line(const char *said, const char *lines, char *line, size_t size)
{
	const char *mark = strstr(said, "Command failed -:");
	int number = mark ? atoi(mark + strlen("Command failed -:")) : 0;

	line[0] = '\0';
	while (number > 1 && *lines) {
		lines += strcspn(lines, "\n");
		lines += *lines == '\n';
		number--;
	}
	if (number == 1)
		snprintf(line, size, " %.*s", (int)strcspn(lines, "\n"), lines);
}

static int run_line(char *why, size_t size, const char *package, const char *command,
		    const char *lines)
{
	char words[LINE], said[480] = "", line[LINE] = "";
	char *argv[WORDS + 1];
	int in = lines ? open_input(lines) : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int err = in < 0 ? in : 0;

	snprintf(words, sizeof(words), "%s", command);
	split(words, argv);
	if (!err)
		err = run(argv, package, in, said, sizeof(said));
	if (in >= 0)
		close(in);
	if (!err)
		return 0;
	if (lines)
		name_line(said, lines, line, sizeof(line));
	said[strcspn(said, "\n")] = '\0';
	snprintf(why, size, "%s%s: %s", line[0] ? argv[0] : command, line,
		 said[0] ? said : "failed without a word");
	return err;
}

int tf_ip(char *why, size_t size, const char *fmt, ...)
{
	char line[LINE] = "ip ";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + 3, sizeof(line) - 3, fmt, ap);
	va_end(ap);
	return run_line(why, size, "iproute2", line, NULL);
}

int tf_tool(char *why, size_t size, const char *package, const char *fmt, ...)
{
	char line[LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return run_line(why, size, package, line, NULL);
}

int tf_tool_lines(char *why, size_t size, const char *package, const char *command,
		  const char *lines)
{
	return run_line(why, size, package, command, lines);
}
