// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program on a pseudo-terminal prints some lines and sends one small datagram, while a TCP
 * connection is alive on lo. Its terminal writes and the connection's acknowledgements look
 * like the datagram to whoever goes by time and process name; none of them is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exitcode.h"
#include "common/msg.h"
#include "traffic/cmd.h"
#include "traffic/pty.h"
#include "traffic/signals.h"
#include "traffic/udp.h"

/* The reference study saw writes of these lengths: 22, 1 and 37 bytes. */
static const char before[] = "Sending a message now\n";
static const char blank[] = "\n";
static const char after[] = "Message sent, waiting for the answer\n";

struct beside {
	int master;
	char slave[64];
	pid_t drain, tcp;
};

static int open_pty(int *master, char *slave, size_t size)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (grantpt(fd) || unlockpt(fd))
		err = -errno;
	if (!err)
		err = -ptsname_r(fd, slave, size);
	if (!err && access(slave, R_OK | W_OK))
		err = -errno;
	if (err)
		close(fd);
	else
		*master = fd;
	return err;
}

static int can(char *why, size_t size)
{
	char slave[64];
	int master, err = open_pty(&master, slave, sizeof(slave));

	if (err)
		snprintf(why, size, "no pseudo-terminal: %s; is devpts mounted on /dev/pts?",
			 strerror(-err));
	else
		close(master);
	return err;
}

/* The terminal's other side: reads what is printed, until nobody has the terminal open. */
static int drain(struct tf_flow *f)
{
	const struct beside *b = f->private;
	char buf[512];

	while (read(b->master, buf, sizeof(buf)) > 0)
		;
	return 0;
}

static int connect_pair(int ends[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || ends[0] < 0 || bind(listener, (struct sockaddr *)&at, len) ||
	    listen(listener, 1) || getsockname(listener, (struct sockaddr *)&at, &len) ||
	    connect(ends[0], (struct sockaddr *)&at, len))
		return -errno;
	ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return ends[1] < 0 ? -errno : 0;
}

/* A few bytes one way; quick acknowledgements make packets of 66 bytes without payload. */
static int pass(struct tf_share *s, int from, int to, const char *text)
{
	const int on = 1;
	size_t len = strlen(text);
	char buf[64];

	setsockopt(to, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
	if (send(from, text, len, MSG_NOSIGNAL) != (ssize_t)len ||
	    recv(to, buf, len, MSG_WAITALL) != (ssize_t)len)
		return -EIO;
	s->tcp_bytes += len;
	return 0;
}

static int keep_tcp(struct tf_flow *f)
{
	struct tf_share *s = f->share;
	int ends[2] = {-1, -1};
	int err = connect_pair(ends);

	if (err)
		msg_errno(err, "TCP connection on lo");
	for (uint32_t turn = 0;; turn++) {
		while (atomic_load(&s->tcp_asked) <= turn)
			tf_wait(&s->tcp_asked, turn, 10000);
		if (!err)
			err = pass(s, ends[0], ends[1], "still there?");
		if (!err)
			err = pass(s, ends[1], ends[0], "yes");
		atomic_store(&s->tcp_done, turn + 1);
		tf_wake(&s->tcp_done);
	}
	return 0;
}

static void tcp_turn(struct tf_share *s)
{
	uint32_t turn = atomic_fetch_add(&s->tcp_asked, 1);
	uint32_t done;

	tf_wake(&s->tcp_asked);
	while ((done = atomic_load(&s->tcp_done)) <= turn && !atomic_load(&s->stop))
		tf_wait(&s->tcp_done, done, TF_TICK_MS);
}

static int start(struct tf_flow *f, pid_t *pid, int (*run)(struct tf_flow *f))
{
	fflush(NULL);
	*pid = fork();
	if (*pid < 0) {
		*pid = 0;
		return msg_errno(-errno, "fork");
	}
	if (!*pid) {
		tf_signals_child();
		_exit(run(f));
	}
	return 0;
}

static int begin(struct tf_flow *f)
{
	struct beside *b = calloc(1, sizeof(*b));
	int err;

	f->private = b;
	if (!b)
		return -ENOMEM;
	b->master = -1;
	err = open_pty(&b->master, b->slave, sizeof(b->slave));
	if (err)
		return msg_errno(err, "pseudo-terminal");
	err = start(f, &b->drain, drain);
	return err ? err : start(f, &b->tcp, keep_tcp);
}

static void stop(pid_t pid)
{
	if (!pid)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void finish(struct tf_flow *f)
{
	struct beside *b = f->private;

	if (!b)
		return;
	stop(b->drain);
	stop(b->tcp);
	if (b->master >= 0)
		close(b->master);
	free(b);
	f->private = NULL;
}

static void describe(const struct tf_flow *f, struct json_object *line)
{
	tf_line_int(line, "tcp_bytes", f->share->tcp_bytes);
}

/* The terminal becomes the controlling one and standard output; stdio buffers by line there. */
static int open_send(struct tf_end *e)
{
	const struct beside *b = e->flow->private;
	int fd;

	if (setsid() < 0)
		return msg_errno(-errno, "setsid");
	fd = open(b->slave, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return msg_errno(-errno, "%s", b->slave);
	if (ioctl(fd, TIOCSCTTY, 0) || dup2(fd, STDOUT_FILENO) < 0)
		return msg_errno(-errno, "terminal %s", b->slave);
	close(fd);
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	return tf_udp_open_send(e);
}

static int print(struct tf_end *e, const char *text)
{
	struct tf_record r = {
		.kind = RECORD_PRINT, .fd = STDOUT_FILENO, .len = strlen(text), .time = tf_now()};

	if (printf("%s", text) < 0)
		return msg_errno(-errno, "terminal");
	return tf_records_add(&e->records, &r);
}

static int send_one(struct tf_end *e, uint32_t seq)
{
	int err = print(e, before);

	tcp_turn(e->share);
	if (!err)
		err = print(e, blank);
	if (err)
		return err;
	err = tf_udp_turn(e, seq);
	if (err)
		return err;
	err = print(e, after);
	tcp_turn(e->share);
	return err;
}

static int loop_send(struct tf_end *e)
{
	int err = 0;

	for (uint32_t seq = 0; seq < e->flow->spec->count && !err; seq++) {
		if (atomic_load(&e->share->stop))
			break;
		err = send_one(e, seq);
	}
	return err;
}

const struct tf_kind tf_pty = {
	.proto = "pty",
	.send = {open_send, loop_send, NULL},
	.recv = {tf_udp_open_recv, tf_udp_loop_recv, NULL},
	.room = tf_udp_room,
	.close = tf_udp_close,
	.can = can,
	.begin = begin,
	.finish = finish,
	.describe = describe,
};

struct args {
	unsigned long count;
	const char *log;
};

static const struct opt opts[] = {
	{OPT_UINT, "count", offsetof(struct args, count), "N", "datagrams, default 1", 1, 1000000,
	 NULL},
	{OPT_STR, "log", offsetof(struct args, log), "FILE",
	 "append to FILE, default $COPYCHAIN_TRAFFIC_LOG", 0, 0, NULL},
	{OPT_END, NULL, 0, NULL, NULL, 0, 0, NULL},
};

const struct opt_command tf_pty_command = {
	.usage = "traffic pty [OPTIONS]",
	.about =
		"A program that prints to a pseudo-terminal sends a 16-byte datagram on lo, while\n"
		"a TCP connection is alive there.",
	.opts = opts,
};

int tf_cmd_pty(int argc, char **argv)
{
	struct tf_spec spec = TF_PTY_SPEC;
	struct args args = {.count = spec.count};
	int at = opt_parse(&tf_pty_command, argc, argv, &args);

	if (at == -ECANCELED)
		return EXIT_GOOD;
	if (at >= 0 && at < argc)
		msg_error("'%s' is too much; pty takes options only", argv[at]);
	if (at != argc)
		return EXIT_USAGE;
	spec.count = args.count;
	return tf_run_one(&spec, args.log);
}
