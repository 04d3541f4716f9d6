/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages in a buffer, as system calls take them: each in one segment or in many. */
#ifndef TRAFFIC_VECTOR_H
#define TRAFFIC_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "traffic/buffer.h"

#define TF_SEGMENTS_MAX 1024 /* UIO_MAXIOV: of a message, and messages of a call */
#define TF_CONTROL 64	     /* bytes of control messages that come with a message */

/* How the messages of an end lie in its buffer. */
struct tf_layout {
	size_t size;	       /* of a message */
	unsigned int segments; /* that it is cut into; between them other bytes lie */
	unsigned int messages;
};

struct tf_vector {
	struct tf_layout layout;
	struct mmsghdr *msgs;
	struct iovec *iov; /* layout.segments for each message */
	char *control;	   /* TF_CONTROL bytes for each, or NULL */
	char *joined;	   /* a message in one piece, where it is not so anyway; else NULL */
};

/* Bytes of the buffer that such messages need: each starts a page. */
size_t tf_layout_room(const struct tf_layout *l);

/* 0 or -ENOMEM; to be freed either way. */
int tf_vector_init(struct tf_vector *v, const struct tf_layout *l, const struct tf_buffer *b,
		   bool control);
void tf_vector_free(struct tf_vector *v);

/* Message i in one piece: what is written there goes where it belongs by tf_vector_scatter. */
void *tf_vector_whole(const struct tf_vector *v, unsigned int i);
void tf_vector_scatter(const struct tf_vector *v, unsigned int i);

/* Its first len bytes, gathered from its segments. */
const void *tf_vector_gather(const struct tf_vector *v, unsigned int i, size_t len);

#endif
