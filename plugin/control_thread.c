/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin's control socket: an ordinary thread with a libuv loop of its own, on a target of one
 * device that is there and ready from the plugin's start to its end.  Only its memlimit can be
 * changed.
 *
 * Threading: start and stop on nbdkit's main thread; the loop and the copy of the device's
 * parameters belong to the thread in between.  Everybody else is reached through the store, which
 * is made for it, and atomics.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "client.h"
#include "control.h"
#include "control_thread.h"
#include "drain.h"
#include "lockdown.h"
#include "threads.h"

#define DEVICE "rzs"

static struct {
	bool running;
	pthread_t thread;
	uv_loop_t loop;
	uv_async_t stop;
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
	(void)rzs_drain_asked(&clients);
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
	if (strcmp(key, "memlimit") != 0) {
		snprintf(why, RZS_WHY_MAX,
			 "%.60s: only memlimit can be changed while nbdkit runs; give others to "
			 "nbdkit when you start it",
			 key);
		return -EOPNOTSUPP;
	}
	return rzs_device_params_relimit(&own.params, own.options.store, value, own.options.limited,
					 why);
}

static const struct rzs_target target = {
	.program = "nbdkit",
	.view = view,
	.set = set,
};

static void on_stop(uv_async_t *stop)
{
	uv_close((uv_handle_t *)stop, NULL);
	rzs_control_stop(own.control, NULL, NULL);
}

static void *thread_main(void *unused)
{
	(void)unused;
	(void)rzs_lockdown_thread(RZS_THREAD_HELPER);
	uv_run(&own.loop, UV_RUN_DEFAULT); /* until on_stop() */
	return NULL;
}

/* By whoever has the loop, after the last handle was told to close. */
static void close_loop(void)
{
	uv_run(&own.loop, UV_RUN_DEFAULT);
	uv_loop_close(&own.loop);
}

static int start_loop(char why[RZS_WHY_MAX])
{
	struct rzs_control_options options = {.path = own.options.path, .fd = -1};
	int err = uv_async_init(&own.loop, &own.stop, on_stop);

	if (err < 0) {
		snprintf(why, RZS_WHY_MAX, "no control socket: %s", uv_strerror(err));
		return err;
	}
	err = rzs_control_start(&own.loop, &options, &target, &own.control, why);
	if (err < 0) {
		uv_close((uv_handle_t *)&own.stop, NULL);
		return err;
	}
	err = rzs_threads_start(&own.thread, "rzs-control", thread_main, NULL);
	if (err < 0) {
		snprintf(why, RZS_WHY_MAX, "no thread for the control socket: %s", strerror(-err));
		on_stop(&own.stop);
	}
	return err;
}

int rzs_control_thread_start(const struct rzs_control_thread_options *options,
			     char why[RZS_WHY_MAX])
{
	int err = uv_loop_init(&own.loop);

	if (err < 0) {
		snprintf(why, RZS_WHY_MAX, "no control socket: %s", uv_strerror(err));
		return err;
	}
	own.options = *options;
	own.params = *options->params;
	err = start_loop(why);
	if (err < 0)
		close_loop();
	own.running = err == 0;
	return err;
}

void rzs_control_thread_stop(void)
{
	if (!own.running)
		return;
	own.running = false;
	uv_async_send(&own.stop);
	pthread_join(own.thread, NULL);
	close_loop();
}
