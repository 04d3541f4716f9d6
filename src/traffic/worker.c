// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exitcode.h"
#include "common/msg.h"
#include "traffic/call.h"
#include "traffic/end.h"
#include "traffic/signals.h"
#include "traffic/udp.h"

static bool is_dup(const struct tf_spec *spec, const char *word)
{
	return spec->udp.dup && !strcmp(spec->udp.dup, word);
}

static bool has_child(const struct tf_spec *spec)
{
	return is_dup(spec, "fork") || is_dup(spec, "exec") || is_dup(spec, "scm");
}

unsigned int tf_workers_of(const struct tf_spec *spec)
{
	if (has_child(spec))
		return 2;
	return spec->udp.threads ? spec->udp.threads : 1;
}

/* Another end with the same socket, if that is open. */
static struct tf_end another(const struct tf_end *first, unsigned int worker)
{
	return (struct tf_end){.flow = first->flow,
			       .share = first->share,
			       .me = first->me,
			       .sender = first->sender,
			       .index = first->index,
			       .worker = worker,
			       .workers = first->workers,
			       .fd = first->fd};
}

static int loop(struct tf_end *e)
{
	int err = tf_end_buffers(e);

	if (!err)
		err = tf_end_attach(e);
	if (err)
		return err;
	tf_buffer_pages(&e->buf, &e->before);
	tf_worker_set(&e->me->ready);
	tf_end_await_start(e);
	err = tf_end_loop(e);
	if (!err)
		tf_worker_set(&e->me->done);
	return err;
}

static void *thread(void *arg)
{
	struct tf_end *e = arg;

	e->tid = gettid();
	e->err = loop(e);
	return NULL;
}

/* In a process of its own. */
static int child(struct tf_end *e)
{
	int err = loop(e);

	if (!err) {
		tf_end_await_log(e);
		err = tf_end_log(e);
	}
	tf_end_free(e);
	return err ? EXIT_ENV : EXIT_GOOD;
}

static int send_socket(int channel, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec iov = {&byte, 1};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(channel, &h, MSG_NOSIGNAL) == 1 ? 0 : msg_errno(-errno, "SCM_RIGHTS");
}

static int recv_socket(int channel, int *fd)
{
	char byte, control[CMSG_SPACE(sizeof(*fd))];
	struct iovec iov = {&byte, 1};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;

	if (recvmsg(channel, &h, MSG_CMSG_CLOEXEC) != 1)
		return msg_errno(-errno, "socket of the other process");
	c = CMSG_FIRSTHDR(&h);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return msg_errno(-EBADMSG, "socket of the other process");
	memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return 0;
}

/* Gets the socket when its parent has opened it. */
static int scm_child(struct tf_end *e, int channel)
{
	int err = recv_socket(channel, &e->fd);

	close(channel);
	return err ? EXIT_ENV : child(e);
}

int tf_workers_prepare(struct tf_workers *w, struct tf_end *first)
{
	struct tf_end e = another(first, 1);
	int pair[2];

	tf_signals_parent();
	if (!is_dup(first->flow->spec, "scm"))
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return msg_errno(-errno, "socketpair");
	w->channel = pair[0];
	w->child = fork();
	if (!w->child) {
		tf_signals_child();
		close(pair[0]);
		_exit(scm_child(&e, pair[1]));
	}
	close(pair[1]);
	return w->child < 0 ? msg_errno(-errno, "fork") : 0;
}

/* Another program, that gets files and nothing else. */
static void exec_child(const struct tf_end *e)
{
	const struct tf_flow *f = e->flow;
	int fds[] = {f->share_fd, e->fd, f->log->fd};
	char share[12], sock[12], log[12], index[12];

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFD, 0);
	snprintf(share, sizeof(share), "%d", f->share_fd);
	snprintf(sock, sizeof(sock), "%d", e->fd);
	snprintf(log, sizeof(log), "%d", f->log->fd);
	snprintf(index, sizeof(index), "%u", e->index);
	execl("/proc/self/exe", "traffic", "worker", e->sender ? "send" : "recv", share, sock, log,
	      index, tf_udp_call(f->spec, e->sender)->name, tf_socket_of(f->spec)->word, NULL);
	msg_errno(-errno, "exec");
}

static int fork_child(struct tf_workers *w, const struct tf_end *first)
{
	struct tf_end e = another(first, 1);

	w->child = fork();
	if (!w->child) {
		tf_signals_child();
		if (!is_dup(first->flow->spec, "exec"))
			_exit(child(&e));
		exec_child(&e);
		_exit(EXIT_ENV);
	}
	return w->child < 0 ? msg_errno(-errno, "fork") : 0;
}

static int start_threads(struct tf_workers *w, const struct tf_end *first)
{
	unsigned int others = first->workers - 1;

	w->ends = calloc(others, sizeof(*w->ends));
	w->threads = calloc(others, sizeof(*w->threads));
	if (!w->ends || !w->threads)
		return -ENOMEM;
	for (; w->count < others; w->count++) {
		int err;

		w->ends[w->count] = another(first, w->count + 1);
		err = pthread_create(&w->threads[w->count], NULL, thread, &w->ends[w->count]);
		if (err)
			return msg_errno(-err, "thread");
	}
	return 0;
}

/* Until the others have all counted there; -ECHILD if one of them never will. */
static int await(struct tf_workers *w, const struct tf_end *first, _Atomic uint32_t *count)
{
	uint32_t seen;

	while ((seen = atomic_load(count)) < first->workers - 1) {
		for (unsigned int i = 0; i < w->count; i++)
			if (w->ends[i].err)
				return w->ends[i].err;
		if (w->child && waitpid(w->child, NULL, WNOHANG) == w->child) {
			w->child = 0;
			return msg_errno(-ECHILD, "the other process of an end");
		}
		tf_wait(count, seen, TF_TICK_MS);
	}
	return 0;
}

int tf_workers_start(struct tf_workers *w, struct tf_end *first)
{
	const struct tf_spec *spec = first->flow->spec;
	int err = 0;

	if (first->workers == 1)
		return 0;
	if (is_dup(spec, "scm"))
		err = send_socket(w->channel, first->fd);
	else if (has_child(spec))
		err = fork_child(w, first);
	else
		err = start_threads(w, first);
	first->me->child = w->child;
	return err ? err : await(w, first, &first->me->ready);
}

int tf_workers_wait(struct tf_workers *w, struct tf_end *first)
{
	return await(w, first, &first->me->done);
}

int tf_workers_log(struct tf_workers *w)
{
	int err = 0, status = 0;

	for (unsigned int i = 0; i < w->count; i++)
		pthread_join(w->threads[i], NULL);
	w->joined = true;
	for (unsigned int i = 0; i < w->count && !err; i++)
		err = tf_end_log(&w->ends[i]);
	if (w->child && waitpid(w->child, &status, 0) == w->child) {
		w->child = 0;
		err = status ? -ECHILD : err;
	}
	return err;
}

/* Threads that still run end with the process. */
void tf_workers_free(struct tf_workers *w)
{
	if (w->channel >= 0)
		close(w->channel);
	if (!w->joined)
		return;
	for (unsigned int i = 0; i < w->count; i++) {
		w->ends[i].fd = -1; /* the first one's */
		tf_end_free(&w->ends[i]);
	}
	free(w->ends);
	free(w->threads);
}

/* traffic worker SIDE SHARED SOCKET LOG INDEX CALL KIND: no user gives it, so nothing is explained. */
int tf_cmd_worker(int argc, char **argv)
{
	bool sender = argc == 8 && !strcmp(argv[1], "send");
	struct tf_shared *s;
	struct tf_spec spec;
	struct tf_log log = {.path = "log"};
	struct tf_flow f = {.log = &log, .kind = tf_kind_find("udp"), .share_fd = -1};
	struct tf_end e = {.flow = &f, .sender = sender, .worker = 1, .workers = 2};

	if (argc != 8)
		return EXIT_USAGE;
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		 atoi(argv[2]), 0);
	if (s == MAP_FAILED)
		return msg_errno(-errno, "shared memory") ? EXIT_ENV : EXIT_GOOD;
	f.index = s->index;
	f.number = s->number;
	f.share = &s->share;
	spec = s->spec; /* others read the shared one */
	spec.udp.socket = argv[7];
	f.spec = &spec;
	log.fd = atoi(argv[4]);
	e.fd = atoi(argv[3]);
	e.index = (unsigned int)atoi(argv[5]) % TF_RECEIVERS;
	e.share = f.share;
	e.me = sender ? &f.share->send : tf_receiver(f.share, e.index);
	e.call = argv[6];
	tf_flow_payload(&f);
	return child(&e);
}
