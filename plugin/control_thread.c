/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket of the plugin: an ordinary thread with a loop of its own.  Its target has one
 * device, which exists from the plugin's start to its end.  Only the device's live keys can change.
 *
 * Threading: nbdkit's main thread starts and stops it.  The loop, and the copy of the device's
 * parameters, belong to the thread.  It reaches everything else through the store, which any thread
 * may use, and atomics.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "control.h"
#include "control_thread.h"
#include "device_live.h"
#include "protect_server.h"
#include "quit.h"
#include "threads.h"

#define DEVICE "rzs"

static struct {
	bool running;
	pthread_t thread;
	struct rzs_loop loop;
	struct rzs_loop_call stop;
	struct rzs_control *control;
	struct rzs_device_params params;
	struct rzs_control_thread_options options;
} own;

static int view(void *arg, unsigned i, struct rzs_device_view *out)
{
	unsigned clients;
	pid_t holder;
	bool held;

	(void)arg;
	memset(out, 0, sizeof(*out));
	if (i > 0)
		return -ENOENT;
	(void)rzs_quit_asked(&clients);
	held = rzs_client_holder(&holder);
	*out = (struct rzs_device_view){
		.name = DEVICE,
		.params = &own.params,
		.store = own.options.store,
		.latency = own.options.latency,
		.connections = clients,
		.held = held,
		.holder = holder,
		.memlimit = own.params.store.limit_bytes,
	};
	return 0;
}

static int set(void *arg, const char *name, const char *key, const char *value,
	       char why[RZS_WHY_MAX])
{
	(void)arg;
	if (strcmp(name, DEVICE) != 0) {
		snprintf(why, RZS_WHY_MAX, "%s: no such device; there is " DEVICE, name);
		return -ENOENT;
	}
	if (!rzs_device_params_is_live(key) || strncmp(key, "spill", strlen("spill")) == 0) {
		snprintf(why, RZS_WHY_MAX,
			 "%.60s: only memlimit, merge-..., recompress... and idle-step can be "
			 "changed while nbdkit runs; "
			 "give others to nbdkit when you start it",
			 key);
		return -EOPNOTSUPP;
	}
	return rzs_device_live_set(&own.params, own.options.store, key, value, own.options.limited,
				   why);
}

static const struct rzs_target target = {
	.program = "nbdkit",
	.view = view,
	.set = set,
};

static void on_stop(void *unused)
{
	(void)unused;
	rzs_loop_stop(&own.loop);
}

static void *thread_main(void *unused)
{
	(void)unused;
	(void)rzs_protect_server_thread(RZS_THREAD_HELPER);
	rzs_loop_run(&own.loop); /* until on_stop() */
	return NULL;
}

int rzs_control_thread_start(const struct rzs_control_thread_options *options,
			     char why[RZS_WHY_MAX])
{
	struct rzs_control_options control = {.path = options->path, .fd = -1};
	int err = rzs_loop_open(&own.loop);

	if (err < 0) {
		snprintf(why, RZS_WHY_MAX, "no control socket: %s", strerror(-err));
		return err;
	}
	own.options = *options;
	own.params = *options->params;
	rzs_loop_add_call(&own.loop, &own.stop, on_stop, NULL);
	err = rzs_control_start(&own.loop, &control, &target, &own.control, why);
	if (err < 0) {
		rzs_loop_close(&own.loop);
		return err;
	}
	err = rzs_threads_start(&own.thread, "rzs-control", thread_main, NULL);
	if (err < 0) {
		snprintf(why, RZS_WHY_MAX, "no thread for the control socket: %s", strerror(-err));
		rzs_control_stop(own.control);
		rzs_loop_close(&own.loop);
	}
	own.running = err == 0;
	return err;
}

void rzs_control_thread_stop(void)
{
	if (!own.running)
		return;
	own.running = false;
	rzs_loop_call(&own.loop, &own.stop);
	pthread_join(own.thread, NULL);
	rzs_control_stop(own.control);
	rzs_loop_close(&own.loop);
}
