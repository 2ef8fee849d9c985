/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rzsd: compressed RAM as block devices over NBD.  The process does, in this order:
 *
 *   read options and files; protect itself; fork into the background if asked to; protect what a
 *   fork would undo; open the sockets, so that a second server fails before it takes any memory;
 *   create devices; start threads; serve clients; on a signal wait for the last one to leave; end.
 *
 * With survive=yes the process that was started is a keeper (keeper.h), and does this in a child.
 * A child that replaces another takes sockets and devices from that, instead of making them.
 *
 * Threading: this is the front thread.  Its loop (host/loop.c) serves the listeners and handshakes
 * (front.c), the control socket (host/control.c), and the signals (shutdown.c, signals.c).
 *
 * Exit codes: 0 ended as asked; 1 could not start or serve; 2 wrong options or files.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "daemon.h"
#include "front.h"
#include "notify.h"
#include "kept.h"
#include "options.h"
#include "pid_file.h"
#include "program.h"
#include "say.h"
#include "shutdown.h"
#include "signals.h"
#include "stat_table.h"
#include "std_fds.h"
#include "successor.h"
#include "upkeep.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

#define HOLD_MS 10000u /* for threads that have no connections */

#define OTHER_DESCRIPTORS 512u /* besides those of clients: many more than there are */

static struct rzsd_config config;
static struct rzs_options options;

static struct rzs_loop loop = RZS_LOOP_CLOSED;
static struct rzs_listener listeners[RZS_FRONT_LISTENERS];
static unsigned nr_listeners;
static struct rzs_listener given_control = {.fd = -1}; /* from the service manager */
static struct rzs_devices *devices;
static struct rzs_target target;
static struct rzs_front *front;
static struct rzs_io *io;
static struct rzs_control *control;
static struct rzs_shutdown *leaving;
static struct rzs_loop_call usr1;
static int pid_file = -1;

static struct rzs_keeper_child kept; /* what this process has from its keeper */
static struct rzs_successor *successor;
static struct rzs_successor_sockets taken = {.control = -1};

static void say_error(const char *text)
{
	rzs_say_at(RZS_SAY_ERROR, "%s", text);
}

/* ---- while it runs ---- */

static void on_usr1(void *unused)
{
	struct rzs_device_view view;

	(void)unused;
	rzs_stat_say_process();
	for (unsigned i = 0; target.view(target.arg, i, &view) == 0; i++) {
		if (!view.store)
			continue;
		rzs_say("device=%s", view.name);
		rzs_stat_say_device(&view);
	}
}

static void on_left(void *unused)
{
	(void)unused;
	rzs_shutdown_check(leaving);
}

static void on_shutdown_begin(void *unused)
{
	(void)unused;
	rzs_devices_shutdown(devices);
	rzs_front_shutdown(front);
}

static void on_shutdown_end(void *unused)
{
	(void)unused;
	rzs_loop_stop(&loop);
}

/* Close what the loop serves; also after a start that failed half-way. */
static void close_all(void)
{
	rzs_signals_end();
	if (io)
		rzs_io_stop(io);
	if (control)
		rzs_control_stop(control);
	rzs_front_close(front);
	rzs_kept_close();
	rzs_shutdown_close(leaving);
	rzs_loop_close(&loop);
}

/* ---- sockets ---- */

static int refuse_control(const char *why)
{
	rzs_say_at(RZS_SAY_ERROR, "sockets from the service manager: %s", why);
	return -EINVAL;
}

/* The one that is named "control". */
static int open_given_control(int fd)
{
	char why[RZS_WHY_MAX];

	if (given_control.fd >= 0)
		return refuse_control("two are named \"control\"; there is only one control "
				      "socket: give the other another "
				      "FileDescriptorName=");
	if (rzs_listen_adopt(fd, true, &given_control, why) < 0)
		return refuse_control(why);
	if (!given_control.local)
		return refuse_control("the one named \"control\" is not a unix socket");
	return 0;
}

static int open_given(void)
{
	struct rzs_given given[RZS_GIVEN_MAX];
	char why[RZS_WHY_MAX];
	unsigned nr;
	int err = rzs_notify_given(given, &nr);

	if (err < 0) {
		rzs_say_at(RZS_SAY_ERROR, "sockets from the service manager: LISTEN_FDS: %s",
			   strerror(-err));
		return err;
	}
	for (unsigned i = 0; i < nr; i++) {
		if (strcmp(given[i].name, "control") == 0) {
			err = open_given_control(given[i].fd);
			if (err < 0)
				return err;
			continue;
		}
		err = rzs_listen_adopt(given[i].fd, config.allow_tcp_anywhere,
				       &listeners[nr_listeners], why);
		if (err < 0) {
			say_error(why);
			return err;
		}
		nr_listeners++;
	}
	return 0;
}

/* Sockets from the service manager replace the configured ones. */
static int open_listeners(void)
{
	/* With allow-user the file lets all users in, and the front checks who connects. */
	mode_t mode = config.nr_allow_user ? 0666 : 0600;
	char why[RZS_WHY_MAX];
	int err = open_given();

	if (err < 0 || nr_listeners)
		return err;
	for (unsigned i = 0; i < config.nr_listen; i++) {
		const struct rzs_config_listen *l = &config.listen[i];

		err = rzs_listen_open((const struct sockaddr *)&l->addr, l->addr_len, mode,
				      &listeners[nr_listeners], why);
		if (l->optional && (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL))
			continue;
		if (err < 0) {
			say_error(why);
			return err;
		}
		nr_listeners++;
	}
	return 0;
}

static void close_listeners(void)
{
	for (unsigned i = 0; i < nr_listeners; i++)
		rzs_listen_close(&listeners[i]);
}

static int open_control(void)
{
	struct rzs_control_options o = {.path = config.control, .fd = -1};
	char why[RZS_WHY_MAX];
	int err;

	rzs_devices_target(devices, &target);
	if (kept.keeper >= 0) {
		target.upgrade = rzs_kept_ask;
		target.not_replaced = rzs_kept_not_replaced;
	}
	for (unsigned i = 0; i < nr_listeners && !target.socket; i++)
		if (listeners[i].local)
			target.socket = listeners[i].name;
	if (taken.control >= 0) {
		o.path = NULL;
		o.fd = taken.control;
		o.remove = taken.control_remove ? taken.control_path : NULL;
	} else if (given_control.fd >= 0) {
		o = (struct rzs_control_options){.path = NULL, .fd = given_control.fd};
	} else if (!config.control[0]) {
		return 0;
	}
	rzs_hold_set_control(o.path ? o.path : o.remove ? o.remove : given_control.name);
	err = rzs_control_start(&loop, &o, &target, &control, why);
	if (err < 0)
		say_error(why);
	return err;
}

/* ---- the start ---- */

static int open_signals(void)
{
	const struct rzs_shutdown_options o = {
		.devices = devices, .begin = on_shutdown_begin, .end = on_shutdown_end};
	int err = rzs_shutdown_open(&loop, &o, &leaving);

	rzs_loop_add_call(&loop, &usr1, on_usr1, NULL);
	return err < 0 ? err : rzs_signals_take(SIGUSR1, &loop, &usr1);
}

static int make_devices(void)
{
	char why[RZS_WHY_MAX];
	int err = 0;

	for (unsigned i = 0; err == 0 && i < config.nr_devices; i++) {
		const struct rzs_config_device *d = &config.device[i];

		err = rzs_devices_add(devices, d->name, &d->params, why);
		if (err == 0 && d->init)
			err = target.init(target.arg, d->name, why);
	}
	if (err < 0)
		say_error(why);
	return err;
}

static int fail_start(int err)
{
	if (err < 0)
		rzs_say_at(RZS_SAY_ERROR, "cannot start: %s", strerror(-err));
	return err;
}

/* Threads, and the listeners.  Nobody is served before the loop runs. */
static int start_threads(void)
{
	const struct rzs_io_options o = {
		.nr_threads = config.threads,
		.max_connections = config.max_connections,
		.closed = rzs_front_closed,
		.arg = front,
	};
	int err = rzs_upkeep_start(config.threads, NULL);

	if (err == 0)
		err = rzs_io_start(&o, &io);
	if (err == 0)
		err = rzs_front_serve(front, io, listeners, nr_listeners);
	return fail_start(err);
}

static int start_loop(void)
{
	const struct rzs_front_options o = {
		.devices = devices,
		.max_connections = config.max_connections,
		.handshake_ms = config.handshake_timeout * 1000,
		.users = config.allow_user,
		.nr_users = config.nr_allow_user,
		.left = on_left,
	};
	int err = rzs_loop_open(&loop);

	if (err == 0)
		err = rzs_front_open(&loop, &o, &front);
	if (err == 0)
		err = open_signals();
	return fail_start(err);
}

/* What the keeper asks for comes through the loop. */
static int open_kept(void)
{
	const struct rzs_predecessor_options o = {
		.devices = devices,
		.front = front,
		.io = io,
		.listeners = listeners,
		.nr_listeners = nr_listeners,
		.control = control,
	};

	return kept.keeper >= 0 ? fail_start(rzs_kept_open(&loop, kept.keeper, &o)) : 0;
}

/* Report that the server is ready, in each way that was asked for. */
static int announce(void)
{
	struct rzs_device_view view;
	char why[RZS_WHY_MAX];
	unsigned ready = 0, nr = 0;

	if (config.pid_file[0] && kept.keeper < 0) {
		pid_file = rzs_pid_file_open(config.pid_file, why);
		if (pid_file < 0) {
			say_error(why);
			return pid_file;
		}
	}
	for (; target.view(target.arg, nr, &view) == 0; nr++)
		ready += view.store != NULL;
	for (unsigned i = 0; i < nr_listeners; i++)
		rzs_say("serving %u of %u devices on %s", ready, nr, listeners[i].name);
	(void)rzs_notify("READY=1\nSTATUS=Serving %u of %u devices", ready, nr);
	rzs_daemon_ready();
	return kept.keeper >= 0 && !successor ? fail_start(rzs_kept_serves()) : 0;
}

/* All that the predecessor's devices, sockets and clients take memory for. */
static int prepare(unsigned connections, char *why)
{
	int err = 0;

	if (taken.control >= 0 && !taken.control_remove) {
		/* The service manager's: known by its own name. */
		err = rzs_listen_adopt(taken.control, true, &given_control, why);
		taken.control = -1;
	}
	if (err == 0)
		err = rzs_devices_prepare(devices, why);
	if (err == 0)
		err = open_control();
	if (err == 0)
		err = start_threads();
	if (err == 0)
		err = rzs_io_hold(io, HOLD_MS);
	if (err == 0)
		err = rzs_io_prepare(io, connections);
	return err == 0 ? open_kept() : err;
}

/*
 * Everything from a predecessor, which ends: devices, sockets, clients.  *raised: this thread has
 * the priority of I/O threads now (predecessor.c).
 */
static int take_all(bool *raised, char *why)
{
	unsigned connections;
	int err = rzs_successor_begin(kept.predecessor, devices, &taken, &connections, &successor,
				      why);

	memcpy(listeners, taken.listeners, sizeof(listeners));
	nr_listeners = taken.nr_listeners;
	if (err == 0)
		err = prepare(connections, why);
	if (err == 0)
		err = rzs_successor_find(successor, why);
	if (err == 0)
		err = rzs_protect_server_main();
	if (err == 0 && !rzs_protect_server_may_replace())
		err = rzs_value_fail(why, -EBUSY, "%s", RZS_PROTECT_SERVER_NOT_NOW);
	*raised = err == 0 && rzs_threads_raise(rzs_protect_server_front());
	if (err == 0)
		err = rzs_successor_take(successor, io, front, why);
	if (err < 0 && !why[0])
		rzs_value_fail(why, err, "%s", strerror(-err));
	return err;
}

/* Until clients are served, nothing here allocates, or waits for what may wait for memory. */
static int take_over(void)
{
	char why[RZS_WHY_MAX];
	uint64_t served;
	bool raised;
	int err = take_all(&raised, why);

	if (err < 0) {
		say_error(why);
		rzs_successor_refuse(successor, why);
		/* All that would be undone, files included, is the old server's, which goes on. */
		_exit(EXIT_FAILED);
	}
	err = rzs_devices_adopt(devices, why);
	if (err < 0) {
		say_error(why);
		return err;
	}
	served = rzs_clock_ns();
	rzs_io_release(io);
	if (raised)
		rzs_threads_lower(rzs_protect_server_front());
	rzs_successor_served(successor, served);
	err = rzs_kept_serves();
	rzs_devices_go_on(devices);
	return fail_start(err);
}

static int start_anew(void)
{
	int err = open_listeners();

	if (err == 0)
		err = open_control();
	if (err == 0)
		err = make_devices();
	if (err == 0)
		err = start_threads();
	return err == 0 ? open_kept() : err;
}

static int start(void)
{
	int err = rzs_devices_open(config.threads + 1, &devices);

	if (err < 0) {
		say_error("no memory");
		return err;
	}
	if (kept.keeper >= 0)
		rzs_devices_share_memory(devices);
	err = start_loop();
	if (err == 0)
		err = kept.predecessor >= 0 ? take_over() : start_anew();
	if (err == 0)
		err = announce();
	rzs_successor_close(successor);
	return err;
}

/* ---- the whole ---- */

static void set_up_log(void)
{
	if (config.log != RZS_CONFIG_LOG_AUTO)
		rzs_say_set_target(config.log == RZS_CONFIG_LOG_SYSLOG);
	if (config.verbose)
		rzs_say_set_level(RZS_SAY_DEBUG);
}

static int protect_and_fork(void)
{
	const struct rzs_protect_server_options o = {
		.mode = config.protect,
		.realtime = config.realtime,
		.ballast = config.ballast,
		/* The predecessor serves while this one asks for memory. */
		.main_later = kept.predecessor >= 0,
		.error = say_error,
	};
	int err = rzs_protect_server_early(&o);

	if (err == 0 && options.daemon) {
		err = rzs_daemon_fork();
		if (err < 0)
			rzs_say_at(RZS_SAY_ERROR, "daemon: %s", strerror(-err));
	}
	/* While this process has one thread.  Without it a change of servers may take longer. */
	if (err == 0 && kept.keeper >= 0 && config.protect != RZS_PROTECT_OFF)
		(void)rzs_program_fill();
	if (err == 0)
		err = rzs_protect_server_late();
	return err;
}

/* Allow a descriptor for each connection.  Without one, a client waits to be accepted (front.c). */
static void raise_descriptor_limit(void)
{
	const rlim_t wanted = config.max_connections + OTHER_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Start, serve, and undo everything in one place. */
static int serve(void)
{
	int err = start();

	if (err == 0)
		rzs_loop_run(&loop);
	close_all();
	rzs_upkeep_stop();
	rzs_devices_close(devices);
	rzs_protect_server_end();
	close_listeners();
	if (pid_file >= 0)
		rzs_pid_file_close(config.pid_file, pid_file);
	return err;
}

/* Be the keeper, with the protections that a process of its kind needs.  The exit status. */
static int keep(char **argv)
{
	static struct rzs_protect protect;
	const struct rzs_keeper_options o = {
		.pid_file = config.pid_file[0] ? config.pid_file : NULL,
		.error = say_error,
	};
	int err;

	rzs_protect_init(&protect, config.protect, false);
	err = rzs_protect_early(&protect);
	if (err == 0)
		err = rzs_protect_process(&protect);
	if (err < 0) {
		rzs_say_at(RZS_SAY_ERROR, "protect=require: the keeper: %s", strerror(-err));
		return EXIT_FAILED;
	}
	return rzs_keeper_run(argv, &o);
}

/* For --help and the like, whose purpose is their output: whether it was written. */
static int said(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "rzsd: cannot write to standard output: %s\n", strerror(errno));
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	if (rzs_std_fds_fill() < 0)
		return EXIT_FAILED;
	switch (rzs_options_parse(argc, argv, &config, &options)) {
	case RZS_OPTIONS_GO:
		break;
	case RZS_OPTIONS_DONE:
		return said();
	case RZS_OPTIONS_WRONG:
		return EXIT_USAGE;
	}
	if (options.check) {
		printf("rzsd: the configuration is valid\n");
		return said();
	}
	/* systemd spares such a process at the end of a shutdown. */
	if (config.survive_shutdown)
		argv[0][0] = '@';
	signal(SIGPIPE, SIG_IGN);
	set_up_log();
	raise_descriptor_limit();
	rzs_keeper_child(&kept);
	if (config.survive && kept.keeper < 0)
		return keep(argv);
	if (protect_and_fork() < 0)
		return EXIT_FAILED;
	return serve() < 0 ? EXIT_FAILED : 0;
}
