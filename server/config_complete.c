/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defaults, and checks that need more than one value.  See config.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config_private.h"
#include "listen.h"
#include "process_params.h"

/* The place of the key that a complaint begins with; if it has none, that of the device. */
static struct rzs_config_place device_place(const struct rzs_config_device *d, const char *why)
{
	size_t len = strcspn(why, "=:");

	for (unsigned i = 0; i < RZS_DEVICE_PARAMS_KEYS; i++) {
		const char *key = rzs_device_params_keys[i];

		if (strlen(key) == len && strncmp(key, why, len) == 0 &&
		    d->place[RZS_CONFIG_PLACE_KEYS + i].line)
			return d->place[RZS_CONFIG_PLACE_KEYS + i];
	}
	return d->place[RZS_CONFIG_PLACE_SECTION];
}

static unsigned default_threads(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus < 1)
		return 1;
	return cpus > (long)RZS_CONFIG_MAX_THREADS ? RZS_CONFIG_MAX_THREADS : (unsigned)cpus;
}

static void check_listen(struct rzs_config_sink *sink)
{
	const struct rzsd_config *c = sink->config;
	struct rzs_config_place place = c->place[RZS_CONFIG_KEY_listen];

	for (unsigned i = 0; i < c->nr_listen; i++) {
		const struct rzs_config_listen *l = &c->listen[i];

		if (!c->allow_tcp_anywhere && !rzs_listen_is_local(&l->addr))
			rzs_config_complain(sink, place,
					    "listen=%s: whoever can reach this address can read "
					    "and change what is stored; use "
					    "127.0.0.1, or a unix socket and a tunnel, or set "
					    "allow-tcp-anywhere=yes",
					    l->text);
		if (strcmp(l->text, c->control) == 0)
			rzs_config_complain(sink, place,
					    "listen=%s: the control socket has the same path; "
					    "change one of them",
					    l->text);
		for (unsigned j = 0; j < i; j++)
			if (memcmp(&l->addr, &c->listen[j].addr, sizeof(l->addr)) == 0)
				rzs_config_complain(sink, place,
						    "listen=%s: given twice; remove one", l->text);
	}
}

/* Add swap0, swap1, ... up to num-devices. */
static void add_devices(struct rzs_config_sink *sink)
{
	struct rzsd_config *c = sink->config;
	bool none = c->num_devices < 0 && c->nr_devices == 0;
	char name[16], why[RZS_WHY_MAX];

	for (int i = 0; i < (none ? 1 : c->num_devices); i++) {
		unsigned before = c->nr_devices;

		snprintf(name, sizeof(name), "swap%d", i);
		if (rzs_config_set_device(c, name, NULL, NULL, why) < 0) {
			rzs_config_complain(sink, c->place[RZS_CONFIG_KEY_num_devices],
					    "num-devices=%d: %s", c->num_devices, why);
			return;
		}
		if (c->nr_devices > before)
			c->device[before].init = none;
	}
}

/* Check each device on a copy: its parameters are completed when it is initialised. */
static void check_devices(struct rzs_config_sink *sink)
{
	const struct rzsd_config *c = sink->config;
	struct rzs_device_params params;
	char why[RZS_WHY_MAX];

	for (unsigned i = 0; i < c->nr_devices; i++) {
		const struct rzs_config_device *d = &c->device[i];

		params = d->params;
		if (rzs_device_params_complete(&params, c->threads + 1, NULL, why) < 0)
			rzs_config_complain(sink, device_place(d, why), "[device %s] %s", d->name,
					    why);
	}
}

unsigned rzs_config_complete(struct rzsd_config *c, void (*complain)(void *arg, const char *text),
			     void *arg)
{
	struct rzs_config_sink sink = {.config = c, .complain = complain, .arg = arg};
	char why[RZS_WHY_MAX];

	if (c->threads == 0)
		c->threads = default_threads();
	if (rzs_process_params_ballast(&c->ballast, c->ballast_given, why) < 0)
		rzs_config_complain(&sink, c->place[RZS_CONFIG_KEY_ballast], "%s", why);
	check_listen(&sink);
	add_devices(&sink);
	check_devices(&sink);
	return rzs_config_complain_end(&sink);
}
