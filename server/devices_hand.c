/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that one process hands to the next: names, parameters, and the shared memory of stores.
 * See devices.h.
 *
 * Threading: the front thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "devices_private.h"
#include "device_live.h"
#include "hand.h"
#include "say.h"
#include "upkeep.h"

void rzs_devices_share_memory(struct rzs_devices *devices)
{
	devices->sharing = true;
}

void rzs_devices_freeze(struct rzs_devices *devices, bool frozen)
{
	devices->frozen = frozen;
}

/* ---- to the successor ---- */

/* Append a line for each parameter that has a value.  -E2BIG: there is no space. */
static int put_params(struct rzs_hand_message *m, char kind, const struct rzs_device_params *p)
{
	char text[RZS_VALUE_SIZE_MAX];

	for (unsigned key = 0; key < RZS_DEVICE_PARAMS_KEYS; key++) {
		size_t room = sizeof(m->rest) - m->len;
		int n;

		rzs_device_params_show(p, key, text);
		if (!text[0])
			continue;
		n = snprintf((char *)m->rest + m->len, room, "%c %s=%s\n", kind,
			     rzs_device_params_keys[key], text);
		if (n < 0 || (size_t)n >= room)
			return -E2BIG;
		m->len += (uint32_t)n;
	}
	return 0;
}

static int send_device(struct rzs_device *d, int fd, struct rzs_hand_message *m)
{
	struct rzs_devices_entry *e = rzs_devices_entry(d);
	int err;

	m->kind = RZS_HAND_DEVICE;
	m->len = 0;
	m->fd = -1;
	memset(&m->device, 0, sizeof(m->device));
	strcpy(m->device.name, d->name);
	m->device.segment = d->store ? e->share.id : -1;
	if (d->store)
		rzs_device_live_refresh(&d->params, d->store);
	err = put_params(m, 'c', d->store ? &e->configured : &d->params);
	if (err == 0 && d->store)
		err = put_params(m, 'p', &d->params);
	return err == 0 ? rzs_hand_send(fd, m) : err;
}

int rzs_devices_hand(struct rzs_devices *devices, int fd, struct rzs_hand_message *m)
{
	int err = 0;

	for (struct rzs_device *d = devices->first; d && err == 0; d = d->next)
		err = send_device(d, fd, m);
	return err;
}

/* ---- from the predecessor ---- */

/* Set the lines of a kind.  text is overwritten. */
static int get_params(char *text, char kind, struct rzs_device_params *p, char *why)
{
	for (char *line = text, *end; *line; line = end + 1) {
		char *value;
		int err = 0;

		end = strchr(line, '\n');
		value = strchr(line, '=');
		if (!end || !value || value > end || line[1] != ' ')
			return rzs_value_fail(why, -EPROTO, "a parameter is not KEY=VALUE");
		*end = '\0';
		*value = '\0';
		if (line[0] == kind)
			err = rzs_device_params_set(p, line + 2, value + 1, why);
		*value = '=';
		*end = '\n';
		if (err < 0)
			return err;
	}
	return 0;
}

/* Attach to the store's memory, and look whether it can be adopted; change nothing of it. */
static int attach(struct rzs_devices_entry *e, int segment, unsigned nr_workers, char *text,
		  char *why)
{
	struct rzs_device_params *p = &e->device.params;
	char reason[RZS_WHY_MAX];
	const char *what = NULL;
	uint64_t blocks;
	int err;

	e->configured = *p;
	rzs_device_params_init(p);
	err = get_params(text, 'p', p, reason);
	if (err == 0)
		err = rzs_device_params_complete(p, nr_workers, NULL, reason);
	if (err < 0)
		return rzs_value_fail(why, err, "%s: %.180s", e->device.name, reason);
	err = rzs_blocks_attach(segment, &e->inherited, &what);
	if (err == 0)
		what = rzs_store_refuses(&p->store, e->inherited);
	if (err == 0 && what)
		err = -EINVAL;
	/* So that the first use of a page does not wait; what fails here is made then. */
	if (err == 0)
		(void)rzs_blocks_map(e->inherited, &blocks);
	else
		rzs_value_fail(why, err, "%s: %s", e->device.name, what ? what : strerror(-err));
	e->share = (struct rzs_blocks_share){.id = segment};
	return err;
}

int rzs_devices_receive(struct rzs_devices *devices, struct rzs_hand_message *m,
			char why[RZS_WHY_MAX])
{
	struct rzs_device_params params;
	char *text = (char *)m->rest;
	struct rzs_device *d;
	int err;

	m->device.name[RZS_DEVICE_NAME_MAX] = '\0';
	rzs_device_params_init(&params);
	if (!rzs_device_name_ok(m->device.name))
		return rzs_value_fail(why, -EPROTO, "a device's name is none");
	err = get_params(text, 'c', &params, why);
	if (err == 0)
		err = rzs_devices_add(devices, m->device.name, &params, why);
	if (err < 0 || m->device.segment < 0)
		return err;
	d = rzs_devices_find(devices, m->device.name, strlen(m->device.name));
	return attach(rzs_devices_entry(d), m->device.segment, devices->nr_workers, text, why);
}

/* ---- adopting the stores ---- */

static int prepare(struct rzs_devices *devices, struct rzs_devices_entry *e, char *why)
{
	struct rzs_device *d = &e->device;
	int err = rzs_store_adopt_begin(&d->params.store, e->inherited, &e->found, &e->prepared);

	if (err == 0)
		err = rzs_latency_create(devices->nr_workers - 1, &d->latency);
	if (err == 0)
		err = rzs_upkeep_prepare(d->name, e->prepared);
	if (err < 0)
		rzs_value_fail(why, err, "%s: %s", d->name,
			       e->found.what ? e->found.what : strerror(-err));
	return err;
}

int rzs_devices_prepare(struct rzs_devices *devices, char why[RZS_WHY_MAX])
{
	int err = 0;

	for (struct rzs_device *d = devices->first; d && err == 0; d = d->next)
		if (rzs_devices_entry(d)->inherited)
			err = prepare(devices, rzs_devices_entry(d), why);
	return err;
}

void rzs_devices_unprepare(struct rzs_device *d)
{
	struct rzs_devices_entry *e = rzs_devices_entry(d);

	if (!e->inherited)
		return;
	if (e->prepared)
		rzs_upkeep_remove(e->prepared);
	rzs_store_adopt_cancel(e->prepared);
	e->prepared = NULL;
	rzs_latency_destroy(d->latency);
	d->latency = NULL;
}

int rzs_devices_find_blocks(struct rzs_devices *devices)
{
	int err = 0;

	for (struct rzs_device *d = devices->first; d && err == 0; d = d->next) {
		struct rzs_devices_entry *e = rzs_devices_entry(d);

		if (e->inherited)
			err = rzs_blocks_find(e->inherited);
	}
	return err;
}

static int adopt(struct rzs_devices_entry *e, char *why)
{
	struct rzs_device *d = &e->device;
	struct rzs_store *store = e->prepared;
	int err = rzs_store_adopt_end(store, false, &e->found);

	if (err < 0) {
		rzs_upkeep_remove(store); /* which only compares it */
		e->prepared = NULL;
		return rzs_value_fail(why, err, "%s: %s", d->name,
				      e->found.what ? e->found.what : strerror(-err));
	}
	e->inherited = NULL;
	atomic_store(&d->limited, d->params.store.limit_bytes != 0);
	d->store = store;
	rzs_upkeep_begin(store);
	return 0;
}

int rzs_devices_adopt(struct rzs_devices *devices, char why[RZS_WHY_MAX])
{
	int err = 0;

	for (struct rzs_device *d = devices->first; d && err == 0; d = d->next)
		if (rzs_devices_entry(d)->inherited)
			err = adopt(rzs_devices_entry(d), why);
	return err;
}

/* One line about what was found, if not all is as it should be. */
static void report(const char *name, const struct rzs_adopted *found)
{
	enum rzs_say_level level = RZS_SAY_INFO;

	if (found->pages_lost || found->blocks_dropped)
		level = RZS_SAY_WARNING;
	rzs_say_at(level,
		   "%s: taken over, generation %llu: %llu pages, %llu of them lost; %llu blocks "
		   "dropped",
		   name, (unsigned long long)found->generation, (unsigned long long)found->pages,
		   (unsigned long long)found->pages_lost,
		   (unsigned long long)found->blocks_dropped);
}

static void go_on(struct rzs_devices_entry *e)
{
	struct rzs_device *d = &e->device;
	char why[RZS_WHY_MAX];
	int err;

	report(d->name, &e->found);
	err = rzs_device_live_apply(&d->params, d->store, why);
	if (err < 0)
		rzs_say_at(RZS_SAY_WARNING, "%s: does not merge or recompress any more: %.180s",
			   d->name, why);
	e->prepared = NULL; /* it is the device's, as the others */
}

void rzs_devices_go_on(struct rzs_devices *devices)
{
	for (struct rzs_device *d = devices->first; d; d = d->next)
		if (rzs_devices_entry(d)->prepared)
			go_on(rzs_devices_entry(d));
}
