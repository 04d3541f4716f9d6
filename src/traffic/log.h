/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * traffic.jsonl. While messages travel, what happens is kept as records in memory; lines are
 * made and written afterwards, because a file write between two messages is a copy, too.
 */
#ifndef TRAFFIC_LOG_H
#define TRAFFIC_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>

struct tf_log {
	int fd; /* -1: nobody wants a log */
	const char *path;
	char *text;
	size_t len, cap;
};

/* Opens path, else what COPYCHAIN_TRAFFIC_LOG names, else nothing. Prints why it cannot. */
int tf_log_open(struct tf_log *log, const char *path);

/* Takes the object over and buffers its line. */
int tf_log_add(struct tf_log *log, struct json_object *line);

/* Appends what is buffered, whole lines at a time. Prints why it cannot. */
int tf_log_flush(struct tf_log *log);

void tf_log_close(struct tf_log *log);

enum tf_record_kind { RECORD_SEND, RECORD_RECV, RECORD_PRINT };

struct tf_record {
	uint64_t time;
	int64_t seq;
	const void *va;
	uint32_t len;
	int32_t result;
	int32_t flags;
	int32_t fd;
	int32_t tid;	   /* 0: the thread that writes the log */
	uint32_t off;	   /* in the message, of what was moved */
	uint32_t got;	   /* bytes that came into the buffer, where the result says more */
	uint16_t segments; /* of the buffer, where it has more than one */
	uint16_t datagrams; /* that came, where it is more than one */
	uint16_t batch;	   /* messages of the call, where it could have more than one, ... */
	uint16_t entry;	   /* ... and the place of this one */
	uint16_t skip;	   /* bytes of headers before the payload */
	bool outgoing;	   /* seen by an observer on its way out of the device */
	int8_t kind;
	int8_t verified; /* -1: not looked at */
	int8_t status;	 /* of its work completion; RDMA only, as what follows call */
	int8_t call;	 /* of sockets: tf_call_index; of RDMA: enum tf_rdma_call */
	bool has_head;
	uint64_t done; /* when the completion was seen, 0: there is none */
	int64_t wr_id;
	uint64_t head; /* the first bytes of a payload that was posted inline */
};

struct tf_records {
	struct tf_record *items;
	size_t count, cap;
	const char *(*call)(const struct tf_record *r);
	/* NULL or more members */
	void (*more)(const struct tf_record *r, struct json_object *line);
};

/* Room for cap records, there before the first message; cap 0: keep none. */
int tf_records_init(struct tf_records *r, size_t cap);
void tf_records_free(struct tf_records *r);
int tf_records_add(struct tf_records *r, const struct tf_record *record);

/* The lines of all records of this process. */
int tf_records_log(const struct tf_records *r, unsigned int flow, struct tf_log *log);

/*
 * What the log calls flow number index of this command, from 1: a number that no other command of
 * the recording uses, so that several may write one log.
 */
unsigned int tf_log_number(unsigned int index);

/* A new line with its first members; the rest is up to the caller. */
struct json_object *tf_line(const char *kind, unsigned int flow);
void tf_line_str(struct json_object *line, const char *key, const char *value); /* NULL: null */
void tf_line_int(struct json_object *line, const char *key, int64_t value);
void tf_line_addr(struct json_object *line, const char *key, uint64_t value);

#endif
