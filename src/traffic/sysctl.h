/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRAFFIC_SYSCTL_H
#define TRAFFIC_SYSCTL_H

/* Writes a value below /proc/sys in a namespace, "" for the one we are in; 0 or -errno. */
int tf_sysctl(const char *ns, const char *name, const char *value);

#endif
