/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzs.so: the compressed RAM store as an nbdkit plugin.  It translates calls and errors; the store
 * (core/rzs_store.h) does the rest.  This file has the life of the process, and what clients are
 * told about the device.  Requests are in io.c, parameters in params.c, the shutdown is in quit.c,
 * and protections, compaction and messages are in server/host.  The table of callbacks is at the
 * end.
 *
 * Threading: there is one store in the process.  after_fork() creates it, because memory locks and
 * threads do not survive the fork of a daemon.  Errors that can be foreseen are found earlier, in
 * config_complete() and get_ready(), while the user still sees standard error.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "control_thread.h"
#include "device_live.h"
#include "io.h"
#include "latency.h"
#include "liblzo.h"
#include "listen_unix.h"
#include "protect_server.h"
#include "params.h"
#include "quit.h"
#include "rzs_store.h"
#include "say.h"
#include "stat_table.h"
#include "upkeep.h"

/*
 * Each connection has one request in progress at a time; connections are served in parallel.
 * Several threads for a connection do harm.  Up to 1.33.9 nbdkit aborts when a client vanishes
 * while several of its requests are in progress, and everything stored is lost.  From 1.33.10 on
 * (up to 1.42.3 at least) the other threads continue to read after the client's NBD_CMD_DISC, until
 * the client closes the socket.  A client that waits for the server to close it, as the protocol
 * says, waits for ever, and counts as attached meanwhile.
 */
#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS

NBDKIT_DLL_PUBLIC int rzs_debug_stats;	 /* -D rzs.stats=1: statistics at the end */
NBDKIT_DLL_PUBLIC int rzs_debug_without; /* -D rzs.without=BITS: protections to leave out */

static struct rzs_params params;
static struct rzs_store *store;
static struct rzs_latency *latency; /* a lane for each worker that serves I/O */
static atomic_bool limited;	    /* a memlimit is in force */
static atomic_bool want_stats;	    /* set by SIGUSR1 */

static void *rzs_open(int readonly)
{
	void *handle = rzs_client_open(readonly);

	if (!handle)
		return NULL;
	rzs_quit_enter();
	rzs_io_enter();
	return handle;
}

static void rzs_close(void *handle)
{
	rzs_client_close(handle);
	if (rzs_quit_leave())
		nbdkit_shutdown();
}

/* During a shutdown the last clients are served, and new ones are refused. */
static int rzs_preconnect(int readonly)
{
	unsigned clients;

	(void)readonly;
	if (!rzs_quit_asked(&clients))
		return 0;
	nbdkit_debug("rzs: shutting down, %u connections still served, no new ones", clients);
	return -1;
}

static int64_t rzs_get_size(void *handle)
{
	(void)handle;
	return (int64_t)(params.device.store.nr_pages << RZS_PAGE_SHIFT);
}

static int rzs_block_size(void *handle, uint32_t *minimum, uint32_t *preferred, uint32_t *maximum)
{
	(void)handle;
	*minimum = 1;
	*preferred = RZS_PAGE_SIZE;
	*maximum = 32u << 20;
	return 0;
}

static int rzs_no(void *handle)
{
	(void)handle;
	return 0;
}

static int rzs_yes(void *handle)
{
	(void)handle;
	return 1;
}

static int rzs_can_fua(void *handle)
{
	(void)handle;
	return NBDKIT_FUA_NATIVE;
}

static int rzs_can_cache(void *handle)
{
	(void)handle;
	return NBDKIT_CACHE_NATIVE;
}

static int rzs_list_exports(int readonly, int is_tls, struct nbdkit_exports *exports)
{
	(void)readonly;
	(void)is_tls;
	return nbdkit_add_export(exports, "", "compressed RAM");
}

static const char *rzs_default_export(int readonly, int is_tls)
{
	(void)readonly;
	(void)is_tls;
	return "";
}

static const char *rzs_export_description(void *handle)
{
	(void)handle;
	return "compressed RAM";
}

static void rzs_on_load(void)
{
	rzs_params_init(&params);
}

static int rzs_config(const char *key, const char *value)
{
	return rzs_params_set(&params, key, value);
}

static int rzs_config_complete(void)
{
	return rzs_params_complete(&params);
}

static void error(const char *text)
{
	nbdkit_error("%s", text);
}

/* After this the user may no longer see standard error. */
static int rzs_get_ready(void)
{
	const struct rzs_protect_server_options options = {
		.mode = params.protect,
		.realtime = params.realtime,
		.without = (unsigned)rzs_debug_without,
		.ballast = params.ballast,
		.fill_heap = true,
		.error = error,
	};
	char why[RZS_WHY_MAX];

	if (params.control && rzs_listen_unix_check(params.control, why) < 0) {
		nbdkit_error("control: %s", why);
		return -1;
	}
	return rzs_protect_server_early(&options) < 0 ? -1 : 0;
}

static void say_stats(void)
{
	const struct rzs_device_view view = {.store = store, .latency = latency};

	rzs_stat_say_process();
	rzs_stat_say_device(&view);
}

/* Say nothing about clients that leave within a second, such as the command of nbdkit --run. */
static void say_quit(void)
{
	static unsigned ticks;
	unsigned clients;

	if (rzs_quit_asked(&clients) && clients && ++ticks == 2)
		rzs_say("asked to stop: serving until the last client has left (%u connections "
			"open)",
			clients);
}

/* On the upkeep thread. */
static void tick(void)
{
	say_quit();
	if (atomic_exchange(&want_stats, false))
		say_stats();
}

static void on_usr1(int sig)
{
	(void)sig;
	atomic_store(&want_stats, true);
	rzs_upkeep_wake();
}

static int start_upkeep(void)
{
	const struct sigaction sa = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};
	char why[RZS_WHY_MAX];
	int err = rzs_device_live_start(&params.device, NULL, store, why);

	if (err < 0) {
		nbdkit_error("%s", why);
		return err;
	}
	err = rzs_upkeep_start(params.io_workers, tick);
	if (err == 0 && sigaction(SIGUSR1, &sa, NULL) < 0)
		err = -errno;
	return err;
}

static int start_control(void)
{
	const struct rzs_control_thread_options options = {
		.path = params.control,
		.params = &params.device,
		.store = store,
		.latency = latency,
		.limited = &limited,
	};
	char why[RZS_WHY_MAX];

	if (!params.control || rzs_control_thread_start(&options, why) == 0)
		return 0;
	nbdkit_error("control: %s", why);
	return -1;
}

static int rzs_after_fork(void)
{
	int err;

	if (rzs_protect_server_late() < 0)
		return -1;
	err = rzs_device_params_make(&params.device, &store);
	if (err < 0) {
		nbdkit_error("cannot make a store of %llu bytes: %s",
			     (unsigned long long)params.device.size, strerror(-err));
		return -1;
	}
	atomic_store(&limited, params.device.store.limit_bytes != 0);
	rzs_client_start(params.device.shared, params.control);
	err = rzs_latency_create(params.io_workers, &latency);
	rzs_io_start(store, params.io_workers, latency, &limited);
	if (err == 0)
		err = start_upkeep();
	if (err == 0)
		err = rzs_quit_setup();
	if (err < 0) {
		nbdkit_error("cannot start: %s", strerror(-err));
		return -1;
	}
	return start_control();
}

static void rzs_cleanup(void)
{
	rzs_control_thread_stop();
	rzs_upkeep_stop();
	if (rzs_debug_stats && store)
		say_stats();
}

/* Also called after a start that failed half-way, without cleanup(). */
static void rzs_unload(void)
{
	rzs_control_thread_stop();
	rzs_upkeep_stop();
	rzs_upkeep_remove(store);
	rzs_store_destroy(store);
	rzs_latency_destroy(latency);
	rzs_protect_server_end();
	rzs_params_free(&params);
}

static void rzs_dump_plugin(void)
{
	const char *name;

	printf("rzs_codecs=");
	for (unsigned i = 0; (name = rzs_codec_name(i)) != NULL; i++)
		printf("%s%s", i ? "," : "", name);
	printf("\nrzs_lzo=%s\n", rzs_liblzo_version());
	printf("rzs_control=%s\n", RZS_HAVE_CONTROL ? "yes" : "no");
	printf("rzs_max_size=%llu\n", (unsigned long long)(RZS_MAX_PAGES << RZS_PAGE_SHIFT));
	printf("rzs_max_workers=%u\n", RZS_MAX_WORKERS - 1);
	printf("rzs_page_size=%u\n", RZS_PAGE_SIZE);
	printf("rzs_stats_version=%u\n", RZS_STATS_VERSION);
	printf("rzs_swap_protect=yes\n");
}

static struct nbdkit_plugin plugin = {
	.name = "rzs",
	.longname = "compressed RAM store",
	.version = PACKAGE_VERSION,
	.description =
		"A block device in RAM that stores its pages compressed, made to be swapped to.",
	.magic_config_key = "size",
	.config_help = rzs_params_help,
	.errno_is_preserved = 1,

	.load = rzs_on_load,
	.config = rzs_config,
	.config_complete = rzs_config_complete,
	.get_ready = rzs_get_ready,
	.after_fork = rzs_after_fork,
	.cleanup = rzs_cleanup,
	.unload = rzs_unload,
	.dump_plugin = rzs_dump_plugin,

	.preconnect = rzs_preconnect,
	.list_exports = rzs_list_exports,
	.default_export = rzs_default_export,
	.export_description = rzs_export_description,
	.open = rzs_open,
	.close = rzs_close,
	.get_size = rzs_get_size,
	.block_size = rzs_block_size,
	.is_rotational = rzs_no,
	.can_fast_zero = rzs_yes,
	.can_fua = rzs_can_fua,
	.can_write = rzs_client_can_write,
	.can_multi_conn = rzs_client_can_multi_conn,
	.can_cache = rzs_can_cache,

	.pread = rzs_io_pread,
	.pwrite = rzs_io_pwrite,
	.flush = rzs_io_flush,
	.trim = rzs_io_trim,
	.zero = rzs_io_zero,
	.extents = rzs_io_extents,
};

/* The macro defines this function, but does not declare it. */
NBDKIT_DLL_PUBLIC struct nbdkit_plugin *plugin_init(void);

NBDKIT_REGISTER_PLUGIN(plugin)
