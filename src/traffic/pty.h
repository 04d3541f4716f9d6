/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow of a program that prints to a terminal, as a set and the command have it. */
#ifndef TRAFFIC_PTY_H
#define TRAFFIC_PTY_H

#define TF_PTY_MESSAGE "HELLO_SEND_TRACE"

#define TF_PTY_SPEC                                                                                \
	{                                                                                          \
		.name = "pty-16", .proto = "pty", .path = "lo",                                    \
		.size = sizeof(TF_PTY_MESSAGE) - 1, .count = 1, .timeout = 2000, .verify = true,   \
		.text = TF_PTY_MESSAGE                                                             \
	}

#endif
