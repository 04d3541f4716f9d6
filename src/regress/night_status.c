// SPDX-License-Identifier: GPL-2.0-only
/* What the exit status of a night follows from. */
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "common/exitcode.h"
#include "common/json.h"
#include "regress/finding.h"
#include "regress/night.h"

static bool has_traffic(struct json_object *report)
{
	return strcmp(json_str(report, "set", ""), "none") != 0;
}

static bool is_compared(struct json_object *flow)
{
	struct json_object *list = json_get(flow, "findings");

	return json_get(flow, "from") && json_get(flow, "to") && !findings_about(list, "flow") &&
	       !findings_about(list, "lost");
}

/* How much of a kernel was compared: its flows, or the census where there is no traffic. */
static size_t compared(struct json_object *kernel, bool traffic)
{
	struct json_object *flows = json_get(kernel, "flows");
	size_t n = 0;

	if (!traffic)
		return json_get(kernel, "census") &&
		       !findings_have(json_get(kernel, "findings"), OUTCOME_NOT_COMPARABLE);
	for (size_t i = 0; i < json_length(flows); i++)
		n += is_compared(json_at(flows, i));
	return n;
}

size_t night_compared(struct json_object *report)
{
	struct json_object *kernels = json_get(report, "kernels");
	size_t n = 0;

	for (size_t i = 0; i < json_length(kernels); i++)
		n += compared(json_at(kernels, i), has_traffic(report));
	return n;
}

/* A flow that the baseline did not run is nothing that was lost. */
static int flow_status(struct json_object *flow)
{
	struct json_object *list = json_get(flow, "findings");

	if (json_get(flow, "from") && findings_have(list, OUTCOME_NOT_COMPARABLE))
		return EXIT_INEXACT;
	return findings_have(list, OUTCOME_REGRESSION) ? EXIT_ASSERT : EXIT_GOOD;
}

static int kernel_status(struct json_object *kernel)
{
	struct json_object *flows = json_get(kernel, "flows"), *list = json_get(kernel, "findings");
	int status = EXIT_GOOD;

	if (findings_about(list, "digest"))
		return EXIT_ENV;
	if (findings_have(list, OUTCOME_NOT_COMPARABLE))
		return EXIT_INEXACT;
	for (size_t i = 0; i < json_length(flows); i++) {
		int s = flow_status(json_at(flows, i));

		status = s > status ? s : status;
	}
	return status;
}

/* Whatever is missing was accepted: the kernel, or some of its flows. */
static bool is_accepted(struct json_object *kernel)
{
	struct json_object *flows = json_get(kernel, "flows");
	bool some = findings_about(json_get(kernel, "findings"), "kernel");

	for (size_t i = 0; i < json_length(flows); i++)
		some |= outcome_parse(json_str(json_at(flows, i), "outcome", "")) ==
			OUTCOME_ACCEPTED;
	return some;
}

int night_status(struct json_object *report)
{
	struct json_object *kernels = json_get(report, "kernels");
	int status = EXIT_GOOD;

	for (size_t i = 0; i < json_length(kernels); i++) {
		struct json_object *kernel = json_at(kernels, i);
		int s = kernel_status(kernel);

		if (s < EXIT_INEXACT && !compared(kernel, has_traffic(report)) &&
		    !is_accepted(kernel))
			s = EXIT_INEXACT;
		status = s > status ? s : status;
	}
	/* That nothing could be compared is no good news, even where each case is accepted. */
	return status < EXIT_INEXACT && !night_compared(report) ? EXIT_INEXACT : status;
}
