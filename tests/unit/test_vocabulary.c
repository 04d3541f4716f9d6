// SPDX-License-Identifier: GPL-2.0-only
/* The probe tables of collect against the event vocabulary. */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "collect/points.h"
#include "collect/primitives.h"
#include "common/vec.h"
#include "trace/vocabulary.h"

#define OWN_GROUP "copychain_1"

/* "dst=%di:x64 ..." as the vocabulary writes it: "u64 dst; ...". */
static void fetched(const char *args, char *out, size_t size)
{
	char *copy = strdup(args), *save = NULL;
	size_t n = 0;

	assert_non_null(copy);
	*out = '\0';
	for (char *arg = strtok_r(copy, " ", &save); arg; arg = strtok_r(NULL, " ", &save)) {
		char *type = strrchr(arg, ':'), *equals = strchr(arg, '=');

		assert_non_null(type);
		assert_non_null(equals);
		*equals = '\0';
		if (*++type == 'x')
			*type = 'u';
		if (!strcmp(type, "string"))
			type = "__data_loc char[]";
		n += (size_t)snprintf(out + n, size - n, "%s%s %s", n ? "; " : "", type, arg);
		assert_true(n < size);
	}
	free(copy);
}

static void assert_fetches(const char *what, enum event_kind kind, const char *args)
{
	const struct event_info *e = event_info(kind);
	char have[2048];

	fetched(args, have, sizeof(have));
	if (strcmp(have, e->fields))
		fail_msg("%s records %s with\n%s\nwhich the vocabulary declares with\n%s", what, e->name,
			 have, e->fields);
	assert_int_equal(fnmatch(e->system, OWN_GROUP, 0), 0);
}

static void points_fetch_what_is_declared(void **state)
{
	(void)state;
	for (size_t i = 0; i < point_count; i++) {
		const struct point *pt = &points[i];

		if (pt->how != POINT_PLAIN)
			assert_fetches(pt->target, pt->event, pt->args);
	}
	for (int i = SHAPE_NONE + 1; i < SHAPE_COUNT; i++)
		assert_fetches("a copy site", shapes[i].event, shapes[i].args);
}

static void plain_tracepoints_are_read_as_declared(void **state)
{
	(void)state;
	for (size_t i = 0; i < point_count; i++) {
		char system[64], *name;

		if (points[i].how != POINT_PLAIN)
			continue;
		snprintf(system, sizeof(system), "%s", points[i].target);
		name = strchr(system, '/');
		assert_non_null(name);
		*name++ = '\0';
		if (event_kind_of(system, name) != points[i].event)
			fail_msg("%s is read as %s", points[i].target,
				 event_kind_name(event_kind_of(system, name)));
	}
}

static bool is_recorded(enum event_kind kind)
{
	for (size_t i = 0; i < point_count; i++)
		if (points[i].event == kind)
			return true;
	for (int i = SHAPE_NONE + 1; i < SHAPE_COUNT; i++)
		if (shapes[i].event == kind)
			return true;
	return kind == EV_GUARD; /* stands in functions that the census finds */
}

static void all_events_are_recorded(void **state)
{
	(void)state;
	for (int k = EV_OTHER + 1; k < EV_COUNT; k++) {
		const struct event_info *e = event_info((enum event_kind)k);

		if (!is_recorded((enum event_kind)k))
			fail_msg("nothing records %s", e->name);
		assert_int_not_equal(e->category, CATEGORY_OTHER);
		assert_int_equal(event_kind_of(fnmatch(e->system, OWN_GROUP, 0) ? e->system : OWN_GROUP,
					       e->name), k);
	}
}

static bool is_field(const char *name, bool array)
{
	for (size_t i = 0; i < (array ? (size_t)A_COUNT : F_COUNT); i++)
		if (!strcmp(array ? event_arrays[i].name : event_fields[i].name, name))
			return true;
	return false;
}

/* A field that is fetched and not decoded costs the patient for nothing. */
static void all_fields_are_decoded(void **state)
{
	(void)state;
	for (int k = EV_OTHER + 1; k < EV_COUNT; k++) {
		char *copy = strdup(event_info((enum event_kind)k)->fields), *save = NULL;

		assert_non_null(copy);
		for (char *f = strtok_r(copy, ";", &save); f; f = strtok_r(NULL, ";", &save)) {
			char *name = strrchr(f, ' ') + 1;

			if (!is_field(name, strchr(f, '[')))
				fail_msg("%s has a field %s that nobody decodes",
					 event_kind_name((enum event_kind)k), name);
		}
		free(copy);
	}
}

/* Memory that an event is about is named by fields that it has. */
static void touched_fields_exist(void **state)
{
	(void)state;
	for (int k = EV_OTHER + 1; k < EV_COUNT; k++) {
		const struct event_info *e = event_info((enum event_kind)k);

		for (size_t i = 0; i < EVENT_TOUCHES; i++) {
			const struct event_touch *t = &e->touches[i];
			char at[64], len[64], all[1024];

			if (t->how == TOUCH_NOTHING)
				continue;
			snprintf(all, sizeof(all), "%s;", e->fields);
			snprintf(at, sizeof(at), " %s;", event_fields[t->at].name);
			snprintf(len, sizeof(len), " %s;", event_fields[t->len].name);
			if (!strstr(all, at) || !strstr(all, len))
				fail_msg("%s lacks%s or%s", e->name, at, len);
			if (t->how == TOUCH_PAGE)
				assert_non_null(strstr(all, " off;"));
			if (t->how == TOUCH_UNITS)
				assert_non_null(strstr(all, " width;"));
			if (t->how == TOUCH_SKB)
				assert_non_null(strstr(all, " skb;"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_fetch_what_is_declared),
		cmocka_unit_test(plain_tracepoints_are_read_as_declared),
		cmocka_unit_test(all_events_are_recorded),
		cmocka_unit_test(all_fields_are_decoded),
		cmocka_unit_test(touched_fields_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
