// SPDX-License-Identifier: GPL-2.0-only
/* Two network cards that nobody uses, each moved into a namespace of its own. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/ip.h"
#include "traffic/signals.h"
#include "traffic/testbed_ops.h"

#define NET_DIR "/sys/class/net"
#define LOOKS 30 /* cards of a reaped namespace come back a little later */
#define LOOK_MS 100
#define ETHERNET 1 /* ARPHRD_ETHER */

/* QEMU's e1000 queues what comes within a second of the driver's enabling reception. */
#define SETTLE_MS 1100

static int read_text(const char *dev, const char *name, char *text, size_t size)
{
	char path[320];
	FILE *f;

	snprintf(path, sizeof(path), NET_DIR "/%s/%s", dev, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (!fgets(text, size, f))
		text[0] = '\0';
	fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static bool has(const char *dev, const char *name)
{
	char path[320];

	snprintf(path, sizeof(path), NET_DIR "/%s/%s", dev, name);
	return !access(path, F_OK);
}

/* A card that is down carries neither a route nor anybody's traffic. */
static int is_idle_card(const struct dirent *entry)
{
	const char *dev = entry->d_name;
	char type[16], flags[24];

	if (dev[0] == '.' || strlen(dev) >= IFNAMSIZ || !has(dev, "device"))
		return 0;
	if (has(dev, "master") || has(dev, "phy80211"))
		return 0;
	if (read_text(dev, "type", type, sizeof(type)) ||
	    read_text(dev, "flags", flags, sizeof(flags)))
		return 0;
	return atoi(type) == ETHERNET && !(strtoul(flags, NULL, 16) & IFF_UP);
}

static int pick(struct tf_bed *bed)
{
	struct dirent **found;
	int n = scandir(NET_DIR, &found, is_idle_card, versionsort);
	int err = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n && i < 2; i++) {
		struct tf_bed_end *end = i ? &bed->dst : &bed->src;

		snprintf(end->dev, sizeof(end->dev), "%.*s", IFNAMSIZ - 1, found[i]->d_name);
	}
	if (n < 2) {
		snprintf(bed->why, sizeof(bed->why),
			 "needs two network cards that are down, found %d", n);
		err = -ENODEV;
	}
	for (int i = 0; i < n; i++)
		free(found[i]);
	free(found);
	return err;
}

static void pause_ms(long ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&ts, NULL);
}

static int pick_patiently(struct tf_bed *bed)
{
	int err = pick(bed);

	for (int i = 0; err == -ENODEV && i < LOOKS && tf_bed_reaped && !tf_interrupted; i++) {
		pause_ms(LOOK_MS);
		err = pick(bed);
	}
	return err;
}

static int move(struct tf_bed *bed, struct tf_bed_end *end)
{
	int err;

	if (tf_interrupted)
		return -EINTR;
	err = tf_ip(bed->why, sizeof(bed->why), "link set %s netns %s", end->dev, end->ns);
	if (!err)
		end->has_dev = true;
	return err;
}

int tf_nics_up(struct tf_bed *bed)
{
	int err = pick_patiently(bed);

	if (!err)
		err = tf_bed_spaces(bed);
	if (!err)
		err = move(bed, &bed->src);
	if (!err)
		err = move(bed, &bed->dst);
	if (!err)
		err = tf_script_run(bed, bed->row->script);
	if (!err)
		err = tf_bed_neighbours(bed);
	if (!err)
		err = tf_bed_carriers(bed);
	if (!err)
		pause_ms(SETTLE_MS);
	return err;
}

static void bring_back(struct tf_bed_end *end)
{
	char why[256];

	if (end->has_dev && (tf_ip(why, sizeof(why), "-n %s link set %s down", end->ns, end->dev) ||
			     tf_ip(why, sizeof(why), "-n %s link set %s netns %d", end->ns,
				   end->dev, (int)getpid())))
		msg_note("network card %s is not back: %s", end->dev, why);
	end->has_dev = false;
}

void tf_nics_down(struct tf_bed *bed)
{
	bring_back(&bed->src);
	bring_back(&bed->dst);
}
