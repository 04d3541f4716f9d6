/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to the person at the terminal: one line on stderr, led by the program's name. */
#ifndef COMMON_MSG_H
#define COMMON_MSG_H

/* Names the program in every message; the string must outlive the process. */
void msg_program(const char *name);

/* What failed on what, why, and what to do; lower case, no full stop, no newline. */
void msg_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* As msg_error, and gives back err, so that an error path reads `return msg_errno(err, …)`. */
int msg_errno(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Something the user should know that is no failure. */
void msg_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
