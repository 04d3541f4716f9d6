// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/vector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GAP 64 /* no segment continues the one before it */

/* The first segments are a byte longer where the size cannot be shared out evenly. */
static size_t segment_len(const struct tf_layout *l, unsigned int i)
{
	return l->size / l->segments + (i < l->size % l->segments);
}

static size_t stride(const struct tf_layout *l)
{
	return l->segments == 1 ? l->size : (segment_len(l, 0) + 2 * GAP - 1) / GAP * GAP;
}

static size_t slot(const struct tf_layout *l)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (stride(l) * l->segments + page - 1) / page * page;
}

size_t tf_layout_room(const struct tf_layout *l)
{
	return slot(l) * l->messages;
}

static void lay_out(struct tf_vector *v, const struct tf_buffer *b)
{
	const struct tf_layout *l = &v->layout;

	for (unsigned int m = 0; m < l->messages; m++) {
		struct msghdr *h = &v->msgs[m].msg_hdr;
		char *at = (char *)b->va + slot(l) * m;

		h->msg_iov = v->iov + (size_t)m * l->segments;
		h->msg_iovlen = l->segments;
		for (unsigned int i = 0; i < l->segments; i++)
			h->msg_iov[i] = (struct iovec){at + stride(l) * i, segment_len(l, i)};
	}
}

int tf_vector_init(struct tf_vector *v, const struct tf_layout *l, const struct tf_buffer *b,
		   bool control)
{
	*v = (struct tf_vector){.layout = *l};
	v->msgs = calloc(l->messages, sizeof(*v->msgs));
	v->iov = calloc((size_t)l->messages * l->segments, sizeof(*v->iov));
	v->control = control ? calloc(l->messages, TF_CONTROL) : NULL;
	v->joined = l->segments > 1 ? calloc(1, l->size) : NULL;
	if (!v->msgs || !v->iov || (control && !v->control) || (l->segments > 1 && !v->joined))
		return -ENOMEM;
	lay_out(v, b);
	return 0;
}

void tf_vector_free(struct tf_vector *v)
{
	free(v->msgs);
	free(v->iov);
	free(v->control);
	free(v->joined);
	*v = (struct tf_vector){0};
}

void *tf_vector_whole(const struct tf_vector *v, unsigned int i)
{
	return v->joined ? v->joined : v->msgs[i].msg_hdr.msg_iov[0].iov_base;
}

void tf_vector_scatter(const struct tf_vector *v, unsigned int i)
{
	const struct msghdr *h = &v->msgs[i].msg_hdr;
	size_t at = 0;

	for (size_t k = 0; v->joined && k < h->msg_iovlen; k++) {
		memcpy(h->msg_iov[k].iov_base, v->joined + at, h->msg_iov[k].iov_len);
		at += h->msg_iov[k].iov_len;
	}
}

const void *tf_vector_gather(const struct tf_vector *v, unsigned int i, size_t len)
{
	const struct msghdr *h = &v->msgs[i].msg_hdr;
	size_t at = 0;

	for (size_t k = 0; v->joined && k < h->msg_iovlen && at < len; k++) {
		size_t n = h->msg_iov[k].iov_len < len - at ? h->msg_iov[k].iov_len : len - at;

		memcpy(v->joined + at, h->msg_iov[k].iov_base, n);
		at += n;
	}
	return tf_vector_whole(v, i);
}
