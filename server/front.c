/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listeners, and what all clients in their handshake have in common.  See front.h; handshake.c has
 * the client itself, and calls back through struct rzs_front.
 *
 * When the system has no descriptor or no memory for another client, accept() fails at once, and
 * the listener stays readable.  So accepting then pauses, or the loop would spin.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front_private.h"
#include "say.h"

#define ACCEPTS_AT_ONCE	       16 /* then the loop serves other events */
#define PAUSE_MS	       200
#define MAX_HANDSHAKES_DEFAULT 64u
#define GRACE_MS_DEFAULT       100u

static bool may_connect(const struct rzs_front *f, const struct rzs_peer *peer)
{
	if (!peer->local) /* TCP: whoever can reach the listener's address may connect */
		return true;
	if (!peer->known)
		return false;
	if (peer->uid == 0 || peer->uid == geteuid())
		return true;
	for (unsigned i = 0; i < f->options.nr_users; i++)
		if (f->options.users[i] == peer->uid)
			return true;
	return false;
}

static void refuse_peer(struct rzs_front *f, const struct rzs_peer *peer)
{
	if (!rzs_say_due(&f->strangers, ++f->nr_strangers))
		return;
	if (!peer->known)
		rzs_say_at(RZS_SAY_WARNING,
			   "refused a connection: the system does not say which user it is from");
	else
		rzs_say_at(RZS_SAY_WARNING,
			   "refused a connection from user %u, process %d (%llu such so far): only "
			   "root and the server's own user may connect; --allow-user adds others",
			   (unsigned)peer->uid, (int)peer->pid,
			   (unsigned long long)f->nr_strangers);
}

/* Watch the listeners, or do not.  A negative errno: this failed for at least one. */
static int watch_doors(struct rzs_front *f, bool on)
{
	int err = 0;

	for (unsigned i = 0; i < f->nr_doors; i++) {
		int one = rzs_loop_change(f->loop, &f->doors[i].watched, on ? EPOLLIN : 0);

		err = one < 0 ? one : err;
	}
	return err;
}

static void resume(void *front);

static void pause_accepting(struct rzs_front *f, uint64_t ms)
{
	f->paused = true;
	(void)watch_doors(f, false); /* where that fails, the next client only retries sooner */
	rzs_loop_set_timer(f->loop, &f->pause, ms, resume, f);
}

static void resume(void *front)
{
	struct rzs_front *f = front;

	if (f->held)
		return;
	f->paused = false;
	rzs_loop_clear_timer(f->loop, &f->pause);
	if (watch_doors(f, true) < 0)
		pause_accepting(f, PAUSE_MS);
}

/* A client has left its handshake: the next one may be accepted. */
static void resume_if_paused(struct rzs_front *f)
{
	if (f->paused)
		resume(f);
}

static void say_shortage(struct rzs_front *f, int err)
{
	if (rzs_say_due(&f->shortages, ++f->nr_shortages))
		rzs_say_at(RZS_SAY_WARNING, "cannot accept connections at the moment: %s",
			   strerror(-err));
}

/* Errors of accept() that concern one client, or a signal: the next call may succeed. */
static bool is_transient(int err)
{
	return err == -EINTR || err == -ECONNABORTED || err == -EPROTO || err == -EPERM;
}

static void on_connect(void *arg, uint32_t events)
{
	const struct rzs_front_door *door = arg;
	struct rzs_front *f = door->front;

	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		uint64_t wait = rzs_handshake_wait_ms(f);
		struct rzs_peer peer;
		int fd, err;

		if (wait) {
			pause_accepting(f, wait);
			return;
		}
		fd = rzs_listen_accept(door->listener, &peer);
		if (fd == -EAGAIN)
			return;
		if (fd < 0 && is_transient(fd))
			continue;
		if (fd < 0) {
			say_shortage(f, fd);
			pause_accepting(f, PAUSE_MS);
			return;
		}
		if (!may_connect(f, &peer)) {
			close(fd);
			refuse_peer(f, &peer);
			continue;
		}
		err = rzs_handshake_begin(f, fd, &peer);
		if (err < 0) {
			say_shortage(f, err);
			pause_accepting(f, PAUSE_MS);
			return;
		}
	}
}

/* ---- exports ---- */

/* The devices' answer, unless there are too many connections. */
static int find_export(struct rzs_front *f, const char *name, size_t len,
		       struct rzs_nbd_export *out, const char **out_why)
{
	int err = f->devices.find(f->devices.arg, name, len, out, out_why);

	if (err < 0 || rzs_devices_connections(f->options.devices) < f->options.max_connections)
		return err;
	if (rzs_say_due(&f->crowds, ++f->nr_crowds))
		rzs_say_at(RZS_SAY_WARNING,
			   "refused a connection: all %u of --max-connections are in use",
			   f->options.max_connections);
	*out_why = "all connections that the server allows are in use";
	return -EBUSY;
}

/* ---- connections that end ---- */

void rzs_front_closed(void *front, const struct rzs_nbd_session *session)
{
	struct rzs_front *f = front;

	rzs_devices_left(session);
	rzs_loop_call(f->loop, &f->closed_call);
}

static void on_closed(void *front)
{
	struct rzs_front *f = front;

	if (f->io)
		rzs_io_tidy(f->io);
	rzs_handshake_retry(f);
	f->options.left(f->options.arg);
}

/* ---- life ---- */

int rzs_front_open(struct rzs_loop *loop, const struct rzs_front_options *options,
		   struct rzs_front **out)
{
	struct rzs_front *f = calloc(1, sizeof(*f));

	*out = NULL;
	if (!f)
		return -ENOMEM;
	f->loop = loop;
	f->options = *options;
	if (f->options.max_handshakes == 0)
		f->options.max_handshakes = MAX_HANDSHAKES_DEFAULT;
	if (f->options.grace_ms == 0)
		f->options.grace_ms = GRACE_MS_DEFAULT;
	rzs_devices_exports(options->devices, &f->devices);
	f->find = find_export;
	f->resume = resume_if_paused;
	f->closed = rzs_front_closed;
	rzs_loop_add_call(loop, &f->closed_call, on_closed, f);
	*out = f;
	return 0;
}

int rzs_front_serve(struct rzs_front *f, struct rzs_io *io, struct rzs_listener *listeners,
		    unsigned nr_listeners)
{
	f->io = io;
	for (unsigned i = 0; i < nr_listeners; i++) {
		struct rzs_front_door *door = &f->doors[i];
		int err;

		door->front = f;
		door->listener = &listeners[i];
		door->watched = (struct rzs_loop_fd){listeners[i].fd, on_connect, door};
		err = rzs_loop_add(f->loop, &door->watched, EPOLLIN);
		if (err < 0)
			return err;
		f->nr_doors++;
	}
	return 0;
}

void rzs_front_hold(struct rzs_front *f)
{
	f->held = true;
	(void)watch_doors(f, false);
}

void rzs_front_release(struct rzs_front *f)
{
	f->held = false;
	resume(f);
}

unsigned rzs_front_handshakes(const struct rzs_front *f)
{
	return f->nr_handshakes;
}

void rzs_front_shutdown(struct rzs_front *f)
{
	f->paused = false;
	rzs_loop_clear_timer(f->loop, &f->pause);
	for (unsigned i = 0; i < f->nr_doors; i++) {
		(void)rzs_loop_remove(f->loop, &f->doors[i].watched); /* so does closing it */
		rzs_listen_close(f->doors[i].listener);
	}
	f->nr_doors = 0;
	rzs_handshake_shutdown_all(f);
}

void rzs_front_close(struct rzs_front *f)
{
	if (!f)
		return;
	rzs_front_shutdown(f);
	rzs_handshake_drop_all(f);
	rzs_loop_clear_timer(f->loop, &f->pause);
	rzs_loop_clear_timer(f->loop, &f->deadline);
	free(f);
}
