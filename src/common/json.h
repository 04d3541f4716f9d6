/* SPDX-License-Identifier: GPL-2.0-only */
/* Short hands for json-c: addresses are strings of hex, so that no reader rounds them. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

void json_add_str(struct json_object *o, const char *key, const char *value);
void json_add_uint(struct json_object *o, const char *key, uint64_t value);
void json_add_int(struct json_object *o, const char *key, int64_t value);
void json_add_bool(struct json_object *o, const char *key, bool value);
void json_add_hex(struct json_object *o, const char *key, uint64_t value);
void json_add_double(struct json_object *o, const char *key, double value, int digits);

/* Absent or of another type: the default. */
const char *json_str(struct json_object *o, const char *key, const char *none);
uint64_t json_uint(struct json_object *o, const char *key, uint64_t none);
int64_t json_int(struct json_object *o, const char *key, int64_t none);
uint64_t json_hex(struct json_object *o, const char *key, uint64_t none);
struct json_object *json_get(struct json_object *o, const char *key);

/* Members of a list; what is no list has none. */
size_t json_length(struct json_object *list);
struct json_object *json_at(struct json_object *list, size_t i);

/* Writes beside path and renames, so that a file of this name is always whole. 0 or -errno. */
int json_write_file(struct json_object *o, const char *path);

/* Gives an object that the caller puts, or NULL with *err set: -EBADMSG for what is no JSON. */
struct json_object *json_read_file(const char *path, int *err);

#endif
