/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client during its handshake: carries bytes between its socket and the codec (nbd.h), then
 * passes the socket on to an I/O thread.
 *
 * While answers to a client cannot be sent, nothing is received from it.  So it can make the server
 * keep one step's output and no more.  As soon as an export is agreed on, the client counts as one
 * of the device's connections, even if its last answers are not sent yet; so the device stays.
 *
 * Threading: the front thread.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front_private.h"
#include "say.h"

/* The most bytes received at once, and passed to the I/O thread beyond the handshake. */
#define IN_MAX 512u

enum phase {
	NEGOTIATING,
	AGREED, /* it is one of the device's connections; requests follow in the input */
	ENDING, /* send what is left, then hang up */
};

struct rzs_handshake {
	struct rzs_loop_fd watched;
	uint32_t events; /* that the socket is watched for */
	struct rzs_front *front;
	struct rzs_handshake *older, *newer;
	uint64_t begun; /* ms of the loop */
	int fd;
	struct rzs_peer peer;
	enum phase phase;
	struct rzs_nbd_exports exports; /* the front's, as this client may use them */
	struct rzs_nbd_session session; /* when AGREED */
	bool waiting; /* for another client to leave the export that it asked for */

	uint8_t *unsent; /* NULL: all is sent */
	size_t unsent_len, unsent_done;

	size_t in_len;
	uint8_t in[IN_MAX];

	_Alignas(max_align_t) uint8_t codec[]; /* a struct rzs_nbd_handshake */
};

static struct rzs_nbd_handshake *codec_of(struct rzs_handshake *h)
{
	return (struct rzs_nbd_handshake *)h->codec;
}

/* ---- the list ---- */

static void enlist(struct rzs_handshake *h)
{
	struct rzs_front *f = h->front;

	h->older = f->newest;
	h->newer = NULL;
	if (f->newest)
		f->newest->newer = h;
	else
		f->oldest = h;
	f->newest = h;
	f->nr_handshakes++;
}

static void delist(struct rzs_handshake *h)
{
	struct rzs_front *f = h->front;

	if (h->older)
		h->older->newer = h->newer;
	else
		f->oldest = h->newer;
	if (h->newer)
		h->newer->older = h->older;
	else
		f->newest = h->older;
	f->nr_handshakes--;
	f->resume(f);
}

/* How long until h is ms old; 0: it is. */
static uint64_t until(const struct rzs_handshake *h, uint64_t ms)
{
	uint64_t age = h->front->loop->now - h->begun;

	return age < ms ? ms - age : 0;
}

static void on_deadline(void *front);

static void set_deadline(struct rzs_front *f)
{
	if (f->oldest)
		rzs_loop_set_timer(f->loop, &f->deadline, until(f->oldest, f->options.handshake_ms),
				   on_deadline, f);
}

/* ---- ends ---- */

/*
 * Take h out of the list and the loop.  The caller still owns h and h->fd.  A negative errno: the
 * loop may still watch the descriptor, so close it.
 */
static int leave(struct rzs_handshake *h)
{
	delist(h);
	free(h->unsent);
	h->unsent = NULL;
	return rzs_loop_remove(h->front->loop, &h->watched);
}

/* The input may contain requests with data: wipe it. */
static void forget(struct rzs_handshake *h)
{
	rzs_port_wipe(h->in, sizeof(h->in));
	free(h);
}

static void hang_up(struct rzs_handshake *h)
{
	if (h->phase == AGREED)
		h->front->closed(h->front, &h->session);
	(void)leave(h);
	close(h->fd);
	forget(h);
}

static void hand_over(struct rzs_handshake *h)
{
	const struct rzs_nbd_session *session = &h->session;
	struct rzs_device *device = session->tag;
	char name[sizeof(device->name)];
	int err;

	/* The I/O thread then owns the descriptor, and the device may be removed: copy its name. */
	err = leave(h);
	strcpy(name, device->name);
	if (err == 0)
		err = rzs_io_adopt(h->front->io, h->fd, session, h->in, h->in_len);
	if (err < 0) {
		close(h->fd);
		h->front->closed(h->front, session);
		rzs_say_at(RZS_SAY_WARNING, "%s: cannot serve another connection: %s", name,
			   strerror(-err));
	} else if (h->peer.known) {
		rzs_say_at(RZS_SAY_INFO, "%s: user %u, process %d has connected", name,
			   (unsigned)h->peer.uid, (int)h->peer.pid);
	} else {
		rzs_say_at(RZS_SAY_INFO, "%s: a client has connected over TCP", name);
	}
	forget(h);
}

/* ---- bytes ---- */

/* Send what the socket takes, from *done on, which is advanced.  Another errno than 0: hang up. */
static int send_some(int fd, const uint8_t *data, size_t len, size_t *done)
{
	while (*done < len) {
		ssize_t n = send(fd, data + *done, len - *done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			*done += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int send_unsent(struct rzs_handshake *h)
{
	int err = send_some(h->fd, h->unsent, h->unsent_len, &h->unsent_done);

	if (err == 0 && h->unsent_done == h->unsent_len) {
		free(h->unsent);
		h->unsent = NULL;
	}
	return err;
}

/* Send a step's output, or keep what cannot be sent yet. */
static int send_output(struct rzs_handshake *h, size_t len)
{
	const uint8_t *out = h->front->out;
	size_t done = 0;
	int err = send_some(h->fd, out, len, &done);

	if (err < 0 || done == len)
		return err;
	h->unsent_len = len - done;
	h->unsent_done = 0;
	h->unsent = malloc(h->unsent_len);
	if (!h->unsent)
		return -ENOMEM;
	memcpy(h->unsent, out + done, h->unsent_len);
	return 0;
}

/* ---- exports, as this client may use them ---- */

static int find_export(void *arg, const char *name, size_t len, struct rzs_nbd_export *out,
		       const char **out_why)
{
	struct rzs_handshake *h = arg;
	const struct rzs_nbd_session *session = rzs_nbd_handshake_session(codec_of(h));
	int err = h->front->find(h->front, name, len, out, out_why);

	if (err == 0)
		err = rzs_devices_offer(&h->peer.id, session->structured, out, out_why);
	h->waiting = err == -EAGAIN;
	return err;
}

static int export_at(void *arg, unsigned i, struct rzs_nbd_export *out)
{
	struct rzs_handshake *h = arg;

	return h->front->devices.at(h->front->devices.arg, i, out);
}

/* One step of the codec.  *more: another may make progress now.  A negative errno: hang up. */
static int step(struct rzs_handshake *h, bool *more)
{
	struct rzs_front *f = h->front;
	size_t used, put;
	int err;

	h->waiting = false;
	switch (rzs_nbd_handshake_step(codec_of(h), h->in, h->in_len, &used, f->out, sizeof(f->out),
				       &put)) {
	case RZS_NBD_MORE:
		break;
	case RZS_NBD_TRANSMISSION:
		h->session = *rzs_nbd_handshake_session(codec_of(h));
		err = rzs_devices_enter(&h->peer.id, &h->session);
		if (err < 0)
			return err;
		h->phase = AGREED;
		break;
	case RZS_NBD_CLOSE:
		h->phase = ENDING;
		break;
	}
	h->in_len -= used;
	memmove(h->in, h->in + used, h->in_len);
	*more = !h->waiting && (used > 0 || put > 0);
	return send_output(h, put);
}

/* Have the loop watch the socket for these events. */
static int watch(struct rzs_handshake *h, uint32_t events)
{
	if (events == h->events)
		return 0;
	h->events = events;
	return rzs_loop_change(h->front->loop, &h->watched, events);
}

/*
 * Do all that is possible now.  Afterwards h waits for its socket or another client, or is freed.
 */
static void advance(struct rzs_handshake *h)
{
	bool more = true;
	int err = h->unsent ? send_unsent(h) : 0;

	while (err == 0 && more && !h->unsent && h->phase == NEGOTIATING)
		err = step(h, &more);
	/* The buffer is full and the codec takes nothing from it: it never will. */
	if (err == 0 && !h->unsent && h->phase == NEGOTIATING && !h->waiting &&
	    h->in_len == sizeof(h->in))
		err = -EPROTO;
	if (err < 0 || (!h->unsent && h->phase == ENDING)) {
		hang_up(h);
		return;
	}
	if (!h->unsent && h->phase == AGREED) {
		hand_over(h);
		return;
	}
	/* Until rzs_handshake_retry() nothing is received from a client that waits for another. */
	if (watch(h, h->unsent ? EPOLLOUT : h->waiting ? 0 : EPOLLIN) < 0)
		hang_up(h);
}

static void on_events(void *arg, uint32_t events)
{
	struct rzs_handshake *h = arg;
	ssize_t n;

	if (events & EPOLLERR) {
		hang_up(h);
		return;
	}
	if (!h->unsent) {
		n = recv(h->fd, h->in + h->in_len, sizeof(h->in) - h->in_len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			hang_up(h);
			return;
		}
		h->in_len += (size_t)n;
	}
	advance(h);
}

/* ---- all of them ---- */

static bool is_full(const struct rzs_front *f)
{
	return f->nr_handshakes >= f->options.max_handshakes;
}

uint64_t rzs_handshake_wait_ms(const struct rzs_front *f)
{
	return is_full(f) ? until(f->oldest, f->options.grace_ms) : 0;
}

int rzs_handshake_begin(struct rzs_front *f, int fd, const struct rzs_peer *peer)
{
	struct rzs_handshake *h;
	int err = -ENOMEM;

	if (is_full(f))
		hang_up(f->oldest);
	h = calloc(1, sizeof(*h) + rzs_nbd_handshake_size());
	if (h) {
		h->watched = (struct rzs_loop_fd){fd, on_events, h};
		h->events = EPOLLIN;
		err = rzs_loop_add(f->loop, &h->watched, h->events);
	}
	if (err < 0) {
		free(h);
		close(fd);
		return err;
	}
	h->front = f;
	h->fd = fd;
	h->peer = *peer;
	h->begun = f->loop->now;
	h->exports = (struct rzs_nbd_exports){.find = find_export, .at = export_at, .arg = h};
	rzs_nbd_handshake_init(codec_of(h), &h->exports);
	enlist(h);
	if (f->oldest == h)
		set_deadline(f);
	advance(h);
	return 0;
}

void rzs_handshake_retry(struct rzs_front *f)
{
	struct rzs_handshake *h, *newer;

	for (h = f->oldest; h; h = newer) {
		newer = h->newer;
		if (h->waiting && !h->unsent)
			advance(h);
	}
}

static void on_deadline(void *front)
{
	struct rzs_front *f = front;

	while (f->oldest && until(f->oldest, f->options.handshake_ms) == 0) {
		rzs_say_at(RZS_SAY_DEBUG, "a client did not finish its handshake in time");
		hang_up(f->oldest);
	}
	set_deadline(f);
}

size_t rzs_handshake_unsent(const struct rzs_handshake *h)
{
	return h->unsent ? h->unsent_len - h->unsent_done : 0;
}

void rzs_handshake_shutdown_all(struct rzs_front *f)
{
	for (struct rzs_handshake *h = f->oldest; h; h = h->newer)
		rzs_nbd_handshake_shutdown(codec_of(h));
}

void rzs_handshake_drop_all(struct rzs_front *f)
{
	while (f->oldest)
		hang_up(f->oldest);
}
