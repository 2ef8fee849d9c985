/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaving without failing anybody's I/O.  See drain.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "drain.h"
#include "notify.h"
#include "say.h"

#define REPEAT_MS 60000

static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

struct rzs_drain {
	struct rzs_drain_options options;
	bool asked, ended;
	uv_signal_t signals[NR_SIGNALS];
	uv_timer_t repeat;
	unsigned open_handles;
};

/* "swap0 2, swap1 1", or as much of it as fits. */
static void list_clients(struct rzs_devices *devices, char *out, size_t room)
{
	struct rzs_device_view view;
	struct rzs_target target;
	size_t len = 0;

	out[0] = '\0';
	rzs_devices_target(devices, &target);
	for (unsigned i = 0; target.view(target.arg, i, &view) == 0; i++) {
		if (view.connections && len < room)
			len += (size_t)snprintf(out + len, room - len, "%s%s %u", len ? ", " : "",
						view.name, view.connections);
	}
}

static void tell(struct rzs_drain *d)
{
	unsigned nr = rzs_devices_connections(d->options.devices);
	char clients[200];

	list_clients(d->options.devices, clients, sizeof(clients));
	rzs_say("asked to stop: serving until the last client has left (%u connections open: %s); "
		"swapoff and detach the devices, a kill -9 loses what is stored",
		nr, clients);
	(void)rzs_notify("STATUS=Stopping, waiting for %u connections to end: %s", nr, clients);
}

static void on_repeat(uv_timer_t *timer)
{
	tell(timer->data);
}

void rzs_drain_check(struct rzs_drain *d)
{
	if (!d->asked || d->ended || rzs_devices_connections(d->options.devices))
		return;
	d->ended = true;
	(void)uv_timer_stop(&d->repeat);
	d->options.end(d->options.arg);
}

static void on_signal(uv_signal_t *handle, int sig)
{
	struct rzs_drain *d = handle->data;
	bool again = d->asked;

	(void)sig;
	d->asked = true;
	if (!again) {
		(void)rzs_notify("STOPPING=1");
		d->options.begin(d->options.arg);
	}
	rzs_drain_check(d);
	if (d->ended)
		return;
	tell(d);
	if (!again)
		(void)uv_timer_start(&d->repeat, on_repeat, REPEAT_MS, REPEAT_MS);
}

static void on_closed(uv_handle_t *h)
{
	struct rzs_drain *d = h->data;

	if (--d->open_handles == 0)
		free(d);
}

int rzs_drain_open(uv_loop_t *loop, const struct rzs_drain_options *options, struct rzs_drain **out)
{
	struct rzs_drain *d = calloc(1, sizeof(*d));
	int err = 0;

	*out = NULL;
	if (!d)
		return -ENOMEM;
	d->options = *options;
	(void)uv_timer_init(loop, &d->repeat);
	d->repeat.data = d;
	d->open_handles = 1;
	for (unsigned i = 0; err == 0 && i < NR_SIGNALS; i++) {
		err = uv_signal_init(loop, &d->signals[i]);
		if (err < 0)
			break;
		d->signals[i].data = d;
		d->open_handles++;
		err = uv_signal_start(&d->signals[i], on_signal, signals[i]);
	}
	if (err < 0) {
		rzs_drain_close(d);
		return err;
	}
	*out = d;
	return 0;
}

void rzs_drain_close(struct rzs_drain *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < NR_SIGNALS; i++)
		if (d->signals[i].data)
			uv_close((uv_handle_t *)&d->signals[i], on_closed);
	uv_close((uv_handle_t *)&d->repeat, on_closed);
}
