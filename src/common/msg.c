// SPDX-License-Identifier: GPL-2.0-only
#include "common/msg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *program = "copychain";

void msg_program(const char *name)
{
	program = name;
}

/* One write per line keeps lines of several processes whole. */
__attribute__((format(printf, 2, 0))) static void print_line(const char *kind, const char *fmt,
								va_list ap, const char *why)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	fprintf(stderr, "%s: %s%s%s%s\n", program, kind, line, why ? ": " : "", why ? why : "");
}

void msg_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line("", fmt, ap, NULL);
	va_end(ap);
}

int msg_errno(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line("", fmt, ap, strerror(err < 0 ? -err : err));
	va_end(ap);
	return err;
}

void msg_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line("note: ", fmt, ap, NULL);
	va_end(ap);
}
