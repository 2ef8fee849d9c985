/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front: listeners, and what is common to all clients that haggle.  See front.h; a client is in
 * handshake.c.
 *
 * When the system has no descriptors or memory for another client, accept() fails at once while
 * the listener stays readable: so listeners are left alone for a while then, or the loop would
 * spin.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front_private.h"
#include "say.h"

#define ACCEPTS_AT_ONCE	       16 /* then others have their turn */
#define PAUSE_MS	       200
#define MAX_HANDSHAKES_DEFAULT 64u
#define GRACE_MS_DEFAULT       100u
#define REPEAT_MS	       60000u

/* Whether to speak of a trouble that has just happened once more. */
static bool worth_telling(struct rzs_front_trouble *t, uint64_t now)
{
	t->count++;
	if (t->told && now - t->when < REPEAT_MS)
		return false;
	t->told = true;
	t->when = now;
	return true;
}

static bool may_connect(const struct rzs_front *f, const struct rzs_peer *peer)
{
	if (!peer->local) /* TCP: the listener's address is what decides */
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
	if (!worth_telling(&f->strangers, f->loop->now))
		return;
	if (!peer->known)
		rzs_say_at(RZS_SAY_WARNING,
			   "refused a connection: the system does not tell whose it is");
	else
		rzs_say_at(RZS_SAY_WARNING,
			   "refused a connection from user %u, process %d (%llu such so far): only "
			   "root and the server's own user may connect; --allow-user adds others",
			   (unsigned)peer->uid, (int)peer->pid,
			   (unsigned long long)f->strangers.count);
}

/* Let the loop tell of clients that wait, or not.  A negative errno: not all are as they should. */
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
	(void)watch_doors(f, false); /* else the next who connects has it tried again */
	rzs_loop_set_timer(f->loop, &f->pause, ms, resume, f);
}

static void resume(void *front)
{
	struct rzs_front *f = front;

	f->paused = false;
	rzs_loop_clear_timer(f->loop, &f->pause);
	if (watch_doors(f, true) < 0)
		pause_accepting(f, PAUSE_MS);
}

void rzs_front_resume(struct rzs_front *f)
{
	if (f->paused)
		resume(f);
}

static void say_shortage(struct rzs_front *f, int err)
{
	if (worth_telling(&f->shortages, f->loop->now))
		rzs_say_at(RZS_SAY_WARNING, "cannot accept connections at the moment: %s",
			   strerror(-err));
}

/* Of accept(): the client is gone already, or a signal came; the next may be well. */
static bool is_passing(int err)
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
		if (fd < 0 && is_passing(fd))
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

/* ---- what clients are told about exports ---- */

/* The devices' answer, but for the number of connections. */
static int find_export(void *arg, const char *name, size_t len, struct rzs_nbd_export *out,
		       const char **out_why)
{
	struct rzs_front *f = arg;
	int err = f->devices.find(f->devices.arg, name, len, out, out_why);

	if (err < 0 || rzs_devices_connections(f->options.devices) < f->options.max_connections)
		return err;
	if (worth_telling(&f->crowds, f->loop->now))
		rzs_say_at(RZS_SAY_WARNING,
			   "refused a connection: all %u of --max-connections are in use",
			   f->options.max_connections);
	*out_why = "all connections that the server allows are in use";
	return -EBUSY;
}

static int export_at(void *arg, unsigned i, struct rzs_nbd_export *out)
{
	struct rzs_front *f = arg;

	return f->devices.at(f->devices.arg, i, out);
}

/* ---- connections that end ---- */

void rzs_front_closed(void *front, const struct rzs_nbd_session *session)
{
	struct rzs_front *f = front;

	rzs_devices_left(session);
	rzs_loop_call(f->loop, &f->closed);
}

static void on_closed(void *front)
{
	struct rzs_front *f = front;

	if (f->io)
		rzs_io_tidy(f->io);
	rzs_handshake_again(f);
	f->options.left(f->options.arg);
}

/* ---- life ---- */

static void on_deadline(void *front)
{
	rzs_handshake_expire(front);
}

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
	f->exports = (struct rzs_nbd_exports){.find = find_export, .at = export_at, .arg = f};
	rzs_loop_add_call(loop, &f->closed, on_closed, f);
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

void rzs_front_start_deadline(struct rzs_front *f, uint64_t ms)
{
	rzs_loop_set_timer(f->loop, &f->deadline, ms, on_deadline, f);
}

void rzs_front_shutdown(struct rzs_front *f)
{
	f->paused = false;
	rzs_loop_clear_timer(f->loop, &f->pause);
	for (unsigned i = 0; i < f->nr_doors; i++) {
		(void)rzs_loop_remove(f->loop, &f->doors[i].watched); /* closing it does, too */
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
