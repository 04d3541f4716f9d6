// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/call.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/vec.h"

/* What all but the last two give: a length for one message. */
static int one(struct mmsghdr *m, ssize_t got)
{
	if (got < 0)
		return -errno;
	m->msg_len = got;
	return 1;
}

static int run_sendto(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	const struct msghdr *h = &m->msg_hdr;

	(void)n;
	return one(m, sendto(fd, h->msg_iov->iov_base, h->msg_iov->iov_len, flags, h->msg_name,
			     h->msg_namelen));
}

static int run_send(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	(void)n;
	return one(m, send(fd, m->msg_hdr.msg_iov->iov_base, m->msg_hdr.msg_iov->iov_len, flags));
}

static int run_sendmsg(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	(void)n;
	return one(m, sendmsg(fd, &m->msg_hdr, flags));
}

static int run_sendmmsg(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	int got = sendmmsg(fd, m, n, flags);

	return got < 0 ? -errno : got;
}

static int run_write(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	(void)n;
	(void)flags;
	return one(m, write(fd, m->msg_hdr.msg_iov->iov_base, m->msg_hdr.msg_iov->iov_len));
}

static int run_writev(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	(void)n;
	(void)flags;
	return one(m, writev(fd, m->msg_hdr.msg_iov, (int)m->msg_hdr.msg_iovlen));
}

static int run_recvfrom(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	struct msghdr *h = &m->msg_hdr;

	(void)n;
	return one(m, recvfrom(fd, h->msg_iov->iov_base, h->msg_iov->iov_len, flags, h->msg_name,
			       h->msg_name ? &h->msg_namelen : NULL));
}

static int run_recv(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	(void)n;
	return one(m, recv(fd, m->msg_hdr.msg_iov->iov_base, m->msg_hdr.msg_iov->iov_len, flags));
}

static int run_recvmsg(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	(void)n;
	return one(m, recvmsg(fd, &m->msg_hdr, flags));
}

/* Waits for the first only: what comes later comes with the next call. */
static int run_recvmmsg(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	int got = recvmmsg(fd, m, n, flags | MSG_WAITFORONE, NULL);

	return got < 0 ? -errno : got;
}

static int run_read(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	(void)n;
	(void)flags;
	return one(m, read(fd, m->msg_hdr.msg_iov->iov_base, m->msg_hdr.msg_iov->iov_len));
}

static int run_readv(int fd, struct mmsghdr *m, unsigned int n, int flags)
{
	(void)n;
	(void)flags;
	return one(m, readv(fd, m->msg_hdr.msg_iov, (int)m->msg_hdr.msg_iovlen));
}

static const struct tf_call calls[] = {
	/* name	       sends  named  flags  segments batch */
	{"sendto",   true,  true,  true,  false, false, run_sendto},
	{"send",     true,  false, true,  false, false, run_send},
	{"sendmsg",  true,  true,  true,  true,  false, run_sendmsg},
	{"sendmmsg", true,  true,  true,  true,  true,  run_sendmmsg},
	{"write",    true,  false, false, false, false, run_write},
	{"writev",   true,  false, false, true,  false, run_writev},
	{"recvfrom", false, true,  true,  false, false, run_recvfrom},
	{"recv",     false, false, true,  false, false, run_recv},
	{"recvmsg",  false, true,  true,  true,  false, run_recvmsg},
	{"recvmmsg", false, true,  true,  true,  true,  run_recvmmsg},
	{"read",     false, false, false, false, false, run_read},
	{"readv",    false, false, false, true,  false, run_readv},
	{"ring",     false, false, false, false, false, NULL}, /* no call at all */
};

#define CALLS (ARRAY_SIZE(calls))

const struct tf_call *tf_call_find(bool sends, const char *name)
{
	for (size_t i = 0; i < CALLS; i++)
		if (calls[i].sends == sends && !strcmp(calls[i].name, name))
			return &calls[i];
	return NULL;
}

bool tf_call_has_control(const struct tf_call *c)
{
	return c->named && c->segments;
}

const struct tf_call *tf_call_for(bool sends, unsigned long messages, unsigned long segments,
				  bool control)
{
	for (size_t i = 0; i < CALLS; i++)
		if (calls[i].sends == sends && calls[i].named && (calls[i].batch || messages == 1) &&
		    (calls[i].segments || segments == 1) &&
		    (tf_call_has_control(&calls[i]) || !control))
			return &calls[i];
	return NULL;
}

const char *tf_call_name(int index)
{
	return calls[index].name;
}

int tf_call_index(const struct tf_call *c)
{
	return (int)(c - calls);
}
