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
	if (!peer->known) /* TCP: the listener's address is what decides */
		return true;
	if (peer->uid == 0 || peer->uid == geteuid())
		return true;
	for (unsigned i = 0; i < f->options.nr_users; i++)
		if (f->options.users[i] == peer->uid)
			return true;
	return false;
}

static void refuse_peer(struct rzs_front *f, const struct rzs_peer *peer)
{
	if (worth_telling(&f->strangers, uv_now(f->loop)))
		rzs_say_at(RZS_SAY_WARNING,
			   "refused a connection from user %u, process %d (%llu such so far): only "
			   "root and the server's own user may connect; --allow-user adds others",
			   (unsigned)peer->uid, (int)peer->pid,
			   (unsigned long long)f->strangers.count);
}

static void poll_listeners(struct rzs_front *f, uv_poll_cb fn)
{
	for (unsigned i = 0; i < f->nr_listeners; i++) {
		if (fn)
			(void)uv_poll_start(&f->polls[i], UV_READABLE, fn);
		else
			(void)uv_poll_stop(&f->polls[i]);
	}
}

static void on_connect(uv_poll_t *poll, int status, int events);

static void resume(struct rzs_front *f)
{
	f->paused = false;
	(void)uv_timer_stop(&f->pause);
	poll_listeners(f, on_connect);
}

static void on_pause_over(uv_timer_t *timer)
{
	resume(timer->data);
}

static void pause_accepting(struct rzs_front *f, uint64_t ms)
{
	f->paused = true;
	poll_listeners(f, NULL);
	(void)uv_timer_start(&f->pause, on_pause_over, ms, 0);
}

void rzs_front_room(struct rzs_front *f)
{
	if (f->paused)
		resume(f);
}

static void tell_shortage(struct rzs_front *f, int err)
{
	if (worth_telling(&f->shortages, uv_now(f->loop)))
		rzs_say_at(RZS_SAY_WARNING, "cannot accept connections at the moment: %s",
			   strerror(-err));
}

/* Of accept(): the client is gone already, or a signal came; the next may be well. */
static bool is_passing(int err)
{
	return err == -EINTR || err == -ECONNABORTED || err == -EPROTO || err == -EPERM;
}

static void on_connect(uv_poll_t *poll, int status, int events)
{
	struct rzs_front *f = poll->data;
	const struct rzs_listener *l = &f->listeners[poll - f->polls];

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		uint64_t wait = rzs_handshake_room_in(f);
		struct rzs_peer peer;
		int fd;

		if (wait) {
			pause_accepting(f, wait);
			return;
		}
		fd = rzs_listen_accept(l, &peer);
		if (fd == -EAGAIN)
			return;
		if (fd < 0 && is_passing(fd))
			continue;
		if (fd < 0) {
			tell_shortage(f, fd);
			pause_accepting(f, PAUSE_MS);
			return;
		}
		if (!may_connect(f, &peer)) {
			close(fd);
			refuse_peer(f, &peer);
			continue;
		}
		rzs_handshake_begin(f, fd, &peer);
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
	if (worth_telling(&f->crowds, uv_now(f->loop)))
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
	(void)uv_async_send(&f->async);
}

static void on_async(uv_async_t *async)
{
	struct rzs_front *f = async->data;

	if (f->io)
		rzs_io_tidy(f->io);
	rzs_handshake_again(f);
	f->options.left(f->options.arg);
}

/* ---- life ---- */

static void on_deadline(uv_timer_t *timer)
{
	rzs_handshake_expire(timer->data);
}

static void init_handle(struct rzs_front *f, uv_handle_t *h)
{
	h->data = f;
	f->open_handles++;
}

int rzs_front_open(uv_loop_t *loop, const struct rzs_front_options *options, struct rzs_front **out)
{
	struct rzs_front *f = calloc(1, sizeof(*f));
	int err;

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
	err = uv_async_init(loop, &f->async, on_async);
	if (err < 0) {
		free(f);
		return err;
	}
	init_handle(f, (uv_handle_t *)&f->async);
	(void)uv_timer_init(loop, &f->deadline);
	init_handle(f, (uv_handle_t *)&f->deadline);
	(void)uv_timer_init(loop, &f->pause);
	init_handle(f, (uv_handle_t *)&f->pause);
	*out = f;
	return 0;
}

int rzs_front_serve(struct rzs_front *f, struct rzs_io *io, struct rzs_listener *listeners,
		    unsigned nr_listeners)
{
	f->io = io;
	f->listeners = listeners;
	for (unsigned i = 0; i < nr_listeners; i++) {
		int err = uv_poll_init(f->loop, &f->polls[i], listeners[i].fd);

		if (err < 0)
			return err;
		init_handle(f, (uv_handle_t *)&f->polls[i]);
		f->nr_listeners++;
	}
	poll_listeners(f, on_connect);
	return 0;
}

void rzs_front_start_deadline(struct rzs_front *f, uint64_t ms)
{
	(void)uv_timer_start(&f->deadline, on_deadline, ms, 0);
}

void rzs_front_release(struct rzs_front *f)
{
	if (--f->open_handles == 0)
		free(f);
}

static void on_closed(uv_handle_t *h)
{
	rzs_front_release(h->data);
}

void rzs_front_drain(struct rzs_front *f)
{
	f->paused = false;
	(void)uv_timer_stop(&f->pause);
	/* The descriptor's number may be somebody else's as soon as it is closed. */
	for (unsigned i = 0; i < f->nr_listeners; i++) {
		uv_close((uv_handle_t *)&f->polls[i], on_closed);
		rzs_listen_close(&f->listeners[i]);
	}
	f->nr_listeners = 0;
	rzs_handshake_shutdown_all(f);
}

void rzs_front_close(struct rzs_front *f)
{
	if (!f)
		return;
	rzs_front_drain(f);
	rzs_handshake_drop_all(f);
	uv_close((uv_handle_t *)&f->pause, on_closed);
	uv_close((uv_handle_t *)&f->deadline, on_closed);
	uv_close((uv_handle_t *)&f->async, on_closed);
}
