// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/offload.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/vec.h"

/* The first argument of an old ioctl each; the names are those of ethtool -K. */
static const struct {
	const char *name;
	unsigned int get, set;
} features[] = {
	{"rx", ETHTOOL_GRXCSUM, ETHTOOL_SRXCSUM}, {"tx", ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM},
	{"sg", ETHTOOL_GSG, ETHTOOL_SSG},	  {"tso", ETHTOOL_GTSO, ETHTOOL_STSO},
	{"gso", ETHTOOL_GGSO, ETHTOOL_SGSO},	  {"gro", ETHTOOL_GGRO, ETHTOOL_SGRO},
};

#define FEATURES (ARRAY_SIZE(features))

/* One step over the words: the feature and its value; 0 at the end, 1, or -EINVAL. */
static int next(const char **words, unsigned int *feature, unsigned int *value)
{
	char name[8], onoff[8];
	int len = 0;

	if (!(*words)[strspn(*words, " ")])
		return 0;
	if (sscanf(*words, "%7s %7s%n", name, onoff, &len) != 2 || !len)
		return -EINVAL;
	for (*feature = 0; *feature < FEATURES; ++*feature)
		if (!strcmp(features[*feature].name, name))
			break;
	*value = !strcmp(onoff, "on");
	*words += len;
	return *feature < FEATURES && (*value || !strcmp(onoff, "off")) ? 1 : -EINVAL;
}

int tf_offload_check(const char *words)
{
	unsigned int feature, value, n = 0;
	const char *at = words;
	int err;

	while ((err = next(&at, &feature, &value)) > 0)
		n++;
	if (!err && n && n <= TF_OFFLOADS)
		return 0;
	msg_error("--ethtool: '%s' is not like 'tx off sg off'; there are rx, tx, sg, tso, gso, gro",
		  words);
	return -EINVAL;
}

struct request {
	const char *dev;
	struct ethtool_value value;
};

static int ask(void *arg)
{
	struct request *r = arg;
	struct ifreq ifr = {.ifr_data = (void *)&r->value};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", r->dev);
	if (ioctl(fd, SIOCETHTOOL, &ifr))
		err = -errno;
	close(fd);
	return err;
}

static int get(const struct tf_testbed_end *end, unsigned int feature, unsigned int *value)
{
	struct request r = {end->dev, {.cmd = features[feature].get}};
	int err = tf_netns_call(end->ns, ask, &r);

	*value = r.value.data;
	return err;
}

static int set(const struct tf_testbed_end *end, unsigned int feature, unsigned int value)
{
	struct request r = {end->dev, {.cmd = features[feature].set, .data = value}};

	return tf_netns_call(end->ns, ask, &r);
}

static int set_one(struct tf_offload *o, const struct tf_testbed *testbed, bool dst, unsigned int feature,
		   unsigned int value)
{
	const struct tf_testbed_end *end = dst ? &testbed->dst : &testbed->src;
	unsigned int was;
	int err = get(end, feature, &was);

	if (err || was == value)
		return err;
	err = set(end, feature, value);
	if (err)
		return err;
	o->was[o->count].dst = dst;
	o->was[o->count].feature = feature;
	o->was[o->count++].value = was;
	return 0;
}

int tf_offload_set(struct tf_offload *o, const struct tf_testbed *testbed, const char *words, char *why,
		   size_t size)
{
	unsigned int feature, value;

	*o = (struct tf_offload){0};
	while (next(&words, &feature, &value) > 0) {
		for (int dst = 0; dst < 2; dst++) {
			int err = set_one(o, testbed, dst, feature, value);

			if (!err)
				continue;
			snprintf(why, size, "%s: %s cannot be switched %s: %s",
				 dst ? testbed->dst.dev : testbed->src.dev, features[feature].name,
				 value ? "on" : "off", strerror(-err));
			return err;
		}
	}
	return 0;
}

void tf_offload_undo(struct tf_offload *o, const struct tf_testbed *testbed)
{
	while (o->count) {
		const struct tf_testbed_end *end = o->was[--o->count].dst ? &testbed->dst : &testbed->src;
		int err = set(end, o->was[o->count].feature, o->was[o->count].value);

		if (err)
			msg_note("%s: %s stays as it is: %s", end->dev,
				 features[o->was[o->count].feature].name, strerror(-err));
	}
}
