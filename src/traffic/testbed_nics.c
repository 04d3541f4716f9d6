// SPDX-License-Identifier: GPL-2.0-only
/* Two idle network cards, of one model if asked for, each moved into a namespace of its own. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/vec.h"
#include "traffic/ip.h"
#include "traffic/signals.h"
#include "traffic/testbed_ops.h"

#define NET_DIR "/sys/class/net"
#define LOOKS 30 /* cards of a reaped namespace come back a little later */
#define LOOK_MS 100
#define ETHERNET 1 /* ARPHRD_ETHER */

struct tf_card {
	const char *model, *driver;
	long settle; /* ms */
	uint64_t with, without;
};

static const struct tf_card cards[] = {
#define CARD(model, driver, settle, with, without) {model, driver, settle, with, without},
#include "traffic/cards.def"
#undef CARD
};

#define CARDS (ARRAY_SIZE(cards))

/* The card that the testbed's name asks for, or NULL: any will do. */
static const struct tf_card *card_of(const struct tf_testbed *testbed)
{
	const char *model = strchr(testbed->row->name, ':');

	for (size_t i = 0; model && i < CARDS; i++)
		if (!strcmp(cards[i].model, model + 1))
			return &cards[i];
	return NULL;
}

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

/* The name of the driver, which a link leads to. */
static bool is_driven_by(const char *dev, const char *driver)
{
	char path[320], target[320];
	ssize_t len;

	snprintf(path, sizeof(path), NET_DIR "/%s/device/driver", dev);
	len = readlink(path, target, sizeof(target) - 1);
	if (len <= 0)
		return false;
	target[len] = '\0';
	return !strcmp(strrchr(target, '/') ? strrchr(target, '/') + 1 : target, driver);
}

/* A virtio device has them as digits, the first bit first; others have none. */
static uint64_t features_of(const char *dev)
{
	char text[160];
	uint64_t bits = 0;

	if (read_text(dev, "device/features", text, sizeof(text)))
		return 0;
	for (unsigned int i = 0; i < 64 && text[i]; i++)
		bits |= (uint64_t)(text[i] == '1') << i;
	return bits;
}

static bool is_of(const struct tf_card *card, const char *dev)
{
	uint64_t features = features_of(dev);

	return is_driven_by(dev, card->driver) && (features & card->with) == card->with &&
	       !(features & card->without);
}

static void take(struct tf_testbed_end *end, const char *dev)
{
	snprintf(end->dev, sizeof(end->dev), "%.*s", IFNAMSIZ - 1, dev);
}

static int pick(struct tf_testbed *testbed)
{
	const struct tf_card *card = card_of(testbed);
	struct dirent **found;
	int n = scandir(NET_DIR, &found, is_idle_card, versionsort), taken = 0;
	int err = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n && taken < 2; i++)
		if (!card || is_of(card, found[i]->d_name))
			take(taken++ ? &testbed->dst : &testbed->src, found[i]->d_name);
	if (!err && taken < 2) {
		snprintf(testbed->why, sizeof(testbed->why),
			 "needs two network cards%s%s that are down, found %d",
			 card ? " of model " : "", card ? card->model : "", taken);
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

static int pick_patiently(struct tf_testbed *testbed)
{
	int err = pick(testbed);

	for (int i = 0; err == -ENODEV && i < LOOKS && tf_testbed_reaped && !tf_interrupted; i++) {
		pause_ms(LOOK_MS);
		err = pick(testbed);
	}
	return err;
}

static int move(struct tf_testbed *testbed, struct tf_testbed_end *end)
{
	int err;

	if (tf_interrupted)
		return -EINTR;
	err = tf_ip(testbed->why, sizeof(testbed->why), "link set %s netns %s", end->dev, end->ns);
	if (!err)
		end->has_dev = true;
	return err;
}

/* Both are taken for the one that needs the longest, unless it is known which they are. */
static void settle(const struct tf_testbed *testbed)
{
	const struct tf_card *card = card_of(testbed);
	long ms = card ? card->settle : 0;

	for (size_t i = 0; !card && i < CARDS; i++)
		if (cards[i].settle > ms)
			ms = cards[i].settle;
	pause_ms(ms);
}

int tf_nics_up(struct tf_testbed *testbed)
{
	int err = pick_patiently(testbed);

	if (!err)
		err = tf_testbed_spaces(testbed);
	if (!err)
		err = move(testbed, &testbed->src);
	if (!err)
		err = move(testbed, &testbed->dst);
	if (!err)
		err = tf_script_run(testbed, testbed->row->script);
	if (!err)
		err = tf_testbed_neighbours(testbed);
	if (!err)
		err = tf_testbed_carriers(testbed);
	if (!err)
		settle(testbed);
	return err;
}

static void bring_back(struct tf_testbed_end *end)
{
	char why[256];

	if (end->has_dev && (tf_ip(why, sizeof(why), "-n %s link set %s down", end->ns, end->dev) ||
			     tf_ip(why, sizeof(why), "-n %s link set %s netns %d", end->ns,
				   end->dev, (int)getpid())))
		msg_note("network card %s is not back: %s", end->dev, why);
	end->has_dev = false;
}

void tf_nics_down(struct tf_testbed *testbed)
{
	bring_back(&testbed->src);
	bring_back(&testbed->dst);
}
