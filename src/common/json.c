// SPDX-License-Identifier: GPL-2.0-only
#include "common/json.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

void json_add_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

void json_add_uint(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

void json_add_int(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

void json_add_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

void json_add_hex(struct json_object *o, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	json_add_str(o, key, text);
}

void json_add_double(struct json_object *o, const char *key, double value, int digits)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*f", digits, value);
	json_object_object_add(o, key, json_object_new_double_s(value, text));
}

struct json_object *json_get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &v) ?
		       v : NULL;
}

const char *json_str(struct json_object *o, const char *key, const char *none)
{
	struct json_object *v = json_get(o, key);

	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : none;
}

uint64_t json_uint(struct json_object *o, const char *key, uint64_t none)
{
	struct json_object *v = json_get(o, key);

	return json_object_is_type(v, json_type_int) ? json_object_get_uint64(v) : none;
}

int64_t json_int(struct json_object *o, const char *key, int64_t none)
{
	struct json_object *v = json_get(o, key);

	return json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : none;
}

uint64_t json_hex(struct json_object *o, const char *key, uint64_t none)
{
	const char *text = json_str(o, key, NULL);
	char *end;
	uint64_t v;

	if (!text)
		return none;
	v = strtoull(text, &end, 16);
	return end == text || *end ? none : v;
}

size_t json_length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

struct json_object *json_at(struct json_object *list, size_t i)
{
	return i < json_length(list) ? json_object_array_get_idx(list, i) : NULL;
}

int json_write_file(struct json_object *o, const char *path)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_SPACED |
							     JSON_C_TO_STRING_NOSLASHESCAPE);
	char *part = NULL;
	int fd, err;

	if (!text || asprintf(&part, "%s.part", path) < 0)
		return -ENOMEM;
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	err = fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
	if (!err)
		err = file_write_all(fd, "\n", 1);
	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	if (!err && rename(part, path))
		err = -errno;
	if (err)
		unlink(part);
	free(part);
	return err;
}

struct json_object *json_read_file(const char *path, int *err)
{
	struct json_object *o = NULL;
	struct json_tokener *tok;
	size_t size = 0;
	char *text;

	*err = file_read(path, &text, &size);
	if (*err)
		return NULL;
	tok = json_tokener_new();
	if (tok)
		o = json_tokener_parse_ex(tok, text, size > INT32_MAX ? 0 : (int)size);
	json_tokener_free(tok);
	free(text);
	if (!o)
		*err = -EBADMSG;
	return o;
}
