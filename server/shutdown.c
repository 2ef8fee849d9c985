/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shutting down without failing any I/O.  See shutdown.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "shutdown.h"
#include "notify.h"
#include "say.h"
#include "signals.h"

#define REPEAT_MS 60000

static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

struct rzs_shutdown {
	struct rzs_shutdown_options options;
	struct rzs_loop *loop;
	bool asked, ended;
	struct rzs_loop_call signal;
	struct rzs_loop_timer repeat;
};

/* "swap0 2, swap1 1"; cut if it does not fit. */
static void list_clients(struct rzs_devices *devices, char *out, size_t size)
{
	struct rzs_device_view view;
	struct rzs_target target;
	size_t len = 0;

	out[0] = '\0';
	rzs_devices_target(devices, &target);
	for (unsigned i = 0; target.view(target.arg, i, &view) == 0; i++) {
		if (view.connections && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s %u", len ? ", " : "",
						view.name, view.connections);
	}
}

static void report(struct rzs_shutdown *d)
{
	unsigned nr = rzs_devices_connections(d->options.devices);
	char clients[200];

	list_clients(d->options.devices, clients, sizeof(clients));
	rzs_say("asked to stop: serving until the last client has left (%u connections open: %s); "
		"swapoff and detach the devices; kill -9 loses what is stored",
		nr, clients);
	(void)rzs_notify("STATUS=Stopping, waiting for %u connections to end: %s", nr, clients);
}

static void on_repeat(void *arg)
{
	struct rzs_shutdown *d = arg;

	report(d);
	rzs_loop_set_timer(d->loop, &d->repeat, REPEAT_MS, on_repeat, d);
}

void rzs_shutdown_check(struct rzs_shutdown *d)
{
	if (!d->asked || d->ended || rzs_devices_connections(d->options.devices))
		return;
	d->ended = true;
	rzs_loop_clear_timer(d->loop, &d->repeat);
	d->options.end(d->options.arg);
}

static void on_signal(void *arg)
{
	struct rzs_shutdown *d = arg;
	bool again = d->asked;

	d->asked = true;
	if (!again) {
		(void)rzs_notify("STOPPING=1");
		d->options.begin(d->options.arg);
	}
	rzs_shutdown_check(d);
	if (d->ended)
		return;
	report(d);
	if (!again)
		rzs_loop_set_timer(d->loop, &d->repeat, REPEAT_MS, on_repeat, d);
}

int rzs_shutdown_open(struct rzs_loop *loop, const struct rzs_shutdown_options *options,
		      struct rzs_shutdown **out)
{
	struct rzs_shutdown *d = calloc(1, sizeof(*d));
	int err = 0;

	*out = NULL;
	if (!d)
		return -ENOMEM;
	d->loop = loop;
	d->options = *options;
	rzs_loop_add_call(loop, &d->signal, on_signal, d);
	*out = d;
	for (unsigned i = 0; err == 0 && i < NR_SIGNALS; i++)
		err = rzs_signals_take(signals[i], loop, &d->signal);
	return err;
}

void rzs_shutdown_close(struct rzs_shutdown *d)
{
	if (!d)
		return;
	rzs_loop_clear_timer(d->loop, &d->repeat);
	free(d);
}
