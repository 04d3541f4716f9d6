// SPDX-License-Identifier: GPL-2.0-only
#include "regress/finding.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/vec.h"

static const char *const outcome_names[OUTCOMES] = {
	[OUTCOME_SAME] = "same",
	[OUTCOME_ACCEPTED] = "accepted",
	[OUTCOME_IMPROVEMENT] = "improvement",
	[OUTCOME_CHANGE] = "change",
	[OUTCOME_NOT_COMPARABLE] = "not comparable",
	[OUTCOME_REGRESSION] = "regression",
};

const char *outcome_name(enum outcome o)
{
	return outcome_names[o];
}

enum outcome outcome_parse(const char *name)
{
	for (int o = 0; o < OUTCOMES; o++)
		if (!strcmp(outcome_names[o], name))
			return (enum outcome)o;
	return OUTCOMES;
}

struct json_object *finding_add(struct json_object *list, enum outcome class, const char *what,
				const char *fmt, ...)
{
	struct json_object *o = json_object_new_object();
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_add_str(o, "class", outcome_name(class));
	json_add_str(o, "what", what);
	json_add_str(o, "text", text);
	json_object_array_add(list, o);
	return o;
}

struct json_object *finding_worst(struct json_object *list)
{
	struct json_object *worst = NULL;
	enum outcome of_worst = OUTCOME_SAME;

	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *f = json_at(list, i);
		enum outcome o = outcome_parse(json_str(f, "class", ""));

		if (o != OUTCOMES && o > of_worst && !json_str(f, "accepted", NULL)) {
			worst = f;
			of_worst = o;
		}
	}
	return worst;
}

bool findings_have(struct json_object *list, enum outcome class)
{
	for (size_t i = 0; i < json_length(list); i++) {
		struct json_object *f = json_at(list, i);

		if (!strcmp(json_str(f, "class", ""), outcome_name(class)) &&
		    !json_str(f, "accepted", NULL))
			return true;
	}
	return false;
}

bool findings_about(struct json_object *list, const char *what)
{
	for (size_t i = 0; i < json_length(list); i++)
		if (!strcmp(json_str(json_at(list, i), "what", ""), what))
			return true;
	return false;
}

enum outcome findings_outcome(struct json_object *list)
{
	struct json_object *worst = finding_worst(list);

	if (worst)
		return outcome_parse(json_str(worst, "class", ""));
	for (size_t i = 0; i < json_length(list); i++)
		if (json_str(json_at(list, i), "accepted", NULL))
			return OUTCOME_ACCEPTED;
	return OUTCOME_SAME;
}

const char *finding_about(const char *what)
{
	static const struct {
		const char *what, *about;
	} kinds[] = {
#define FINDING(what, limit, about) {what, about},
#include "regress/findings.def"
#undef FINDING
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].what, what))
			return kinds[i].about;
	return NULL;
}
