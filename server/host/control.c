/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: its connections, and a limit on what each costs.  Parsing lines is in ctl.c,
 * the verbs are in ctl_commands.c.
 *
 * A client has a buffer for one line, and replies that wait to be sent.  While these are OUT_HIGH
 * bytes or more, no request is answered and nothing is received.  So a client costs at most
 * OUT_HIGH bytes and one reply.  A timer disconnects a client that makes no progress.  A complete
 * request is progress, and so are bytes of a reply that the client takes; a byte of an incomplete
 * request is not.
 *
 * send() and recv() are used so that a reply raises no SIGPIPE, and so that the number of waiting
 * bytes is always known.
 *
 * Threading: the thread that has the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "ctl.h"
#include "ctl_commands.h"
#include "listen_unix.h"

#define DEFAULT_CLIENTS	     16
#define DEFAULT_IDLE_SECONDS 60
#define STUCK_SECONDS	     10 /* if replies wait to be sent */
#define OUT_HIGH	     (64u << 10)
#define ACCEPT_PAUSE_MS	     1000

struct client {
	struct rzs_control *control;
	struct client *next;
	int fd;
	struct rzs_loop_fd watched;
	uint32_t events; /* that watched is watched for */
	struct rzs_loop_timer timer;
	struct rzs_ctl_out out; /* replies that wait to be sent */
	bool ended;		/* receive no more; disconnect when all is sent */
	bool progressed;	/* since the timer was set */
	struct rzs_ctl_request request;
	size_t in_at, in_len; /* the bytes of in that are not parsed yet */
	char in[RZS_CTL_REQUEST_MAX];
};

struct rzs_control {
	struct rzs_loop *loop;
	const struct rzs_target *target;
	struct client *clients;
	unsigned nr_clients, max_clients, idle_seconds;
	uid_t uid;
	int fd;
	char *path; /* removed at the end; NULL: not ours */
	struct rzs_loop_fd listener;
	struct rzs_loop_timer pause;
};

static void drop(struct client *c)
{
	struct client **link = &c->control->clients;

	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	c->control->nr_clients--;
	(void)rzs_loop_remove(c->control->loop, &c->watched); /* if it fails, close() does that */
	rzs_loop_clear_timer(c->control->loop, &c->timer);
	close(c->fd);
	rzs_ctl_out_free(&c->out);
	free(c);
}

/* ---- a client */

static void answer(struct client *c)
{
	const struct rzs_target *target = c->control->target;

	while (c->in_at < c->in_len && c->out.len < OUT_HIGH) {
		size_t used;

		switch (rzs_ctl_request_feed(&c->request, c->in + c->in_at, c->in_len - c->in_at,
					     &used)) {
		case RZS_CTL_MORE:
			break;
		case RZS_CTL_REQUEST:
			rzs_ctl_run(target, &c->request.words, &c->out);
			c->progressed = true;
			break;
		case RZS_CTL_BAD:
			rzs_ctl_out_error(&c->out, -EINVAL, c->request.why);
			c->progressed = true;
			break;
		case RZS_CTL_TOO_LONG:
			rzs_ctl_out_error(&c->out, -EINVAL, c->request.why);
			c->progressed = true;
			c->ended = true;
			used = c->in_len - c->in_at;
			break;
		}
		c->in_at += used;
	}
}

/* Send as much as the socket takes.  false: the client has left. */
static bool send_some(struct client *c)
{
	size_t sent = 0;

	if (c->out.broken)
		return false;
	while (sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + sent, c->out.len - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return false;
		sent += (size_t)n;
		c->progressed = true;
	}
	if (sent == c->out.len) {
		rzs_ctl_out_free(&c->out);
	} else if (sent) {
		c->out.len -= sent;
		memmove(c->out.data, c->out.data + sent, c->out.len);
	}
	return true;
}

/* Receive, after all of in is parsed.  false: the client has left. */
static bool receive(struct client *c)
{
	ssize_t n = recv(c->fd, c->in, sizeof(c->in), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->in_at = 0;
	c->in_len = (size_t)n;
	if (n == 0)
		c->ended = true;
	return true;
}

static bool has_input(const struct client *c)
{
	return c->in_at < c->in_len;
}

static void on_no_progress(void *client)
{
	drop(client);
}

/* Set the events and the timer that this client needs now. */
static void watch(struct client *c)
{
	unsigned idle = c->control->idle_seconds;
	unsigned patience = c->out.len && idle > STUCK_SECONDS ? STUCK_SECONDS : idle;
	uint32_t events = 0;

	if (!c->ended && !has_input(c))
		events |= EPOLLIN;
	if (c->out.len)
		events |= EPOLLOUT;
	if (events != c->events && rzs_loop_change(c->control->loop, &c->watched, events) < 0) {
		drop(c);
		return;
	}
	c->events = events;
	if (c->progressed)
		rzs_loop_set_timer(c->control->loop, &c->timer, patience * 1000ull, on_no_progress,
				   c);
	c->progressed = false;
}

/* Answer what was received, as long as fewer than OUT_HIGH bytes of replies wait. */
static void serve(struct client *c)
{
	bool there;

	do {
		answer(c);
		there = send_some(c);
	} while (there && has_input(c) && c->out.len < OUT_HIGH);
	if (!there || (c->ended && !has_input(c) && c->out.len == 0))
		drop(c);
	else
		watch(c);
}

static void on_event(void *client, uint32_t events)
{
	struct client *c = client;

	if ((events & EPOLLERR) || ((events & EPOLLIN) && !receive(c)))
		drop(c);
	else
		serve(c);
}

/* Make a client for fd.  After an error the caller closes fd. */
static int admit(struct rzs_control *control, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->watched = (struct rzs_loop_fd){fd, on_event, c};
	c->events = EPOLLIN;
	err = rzs_loop_add(control->loop, &c->watched, c->events);
	if (err < 0) {
		free(c);
		return err;
	}
	c->control = control;
	c->fd = fd;
	c->next = control->clients;
	control->clients = c;
	control->nr_clients++;
	c->progressed = true;
	rzs_ctl_out_greeting(&c->out, control->target->program);
	serve(c);
	return 0;
}

/* ---- the listening socket */

/* Send an error instead of the greeting: so few bytes fit into the buffer of a new socket. */
static void reject(int fd, int err, const char *text)
{
	char line[RZS_CTL_REQUEST_MAX];
	size_t len = rzs_ctl_put_error(line, sizeof(line), err, text);

	(void)!send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void pause_accepting(struct rzs_control *control);

static void on_pause_over(void *arg)
{
	struct rzs_control *control = arg;

	if (rzs_loop_change(control->loop, &control->listener, EPOLLIN) < 0)
		pause_accepting(control);
}

static void pause_accepting(struct rzs_control *control)
{
	(void)rzs_loop_change(control->loop, &control->listener, 0);
	rzs_loop_set_timer(control->loop, &control->pause, ACCEPT_PAUSE_MS, on_pause_over, control);
}

/*
 * Accept one connection; the loop has others to serve.  If there is no free descriptor, stop
 * watching for a while: the connection keeps waiting, and the loop would call this again at once.
 */
static void on_connection(void *arg, uint32_t events)
{
	struct rzs_control *control = arg;
	int fd, err;

	(void)events;
	fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		pause_accepting(control);
		return;
	}
	if (!rzs_peer_allowed(fd, control->uid)) {
		reject(fd, -EACCES, "only root and the user the server runs as are served");
		return;
	}
	if (control->nr_clients >= control->max_clients) {
		reject(fd, -EAGAIN, "too many clients at once; try again when one has left");
		return;
	}
	err = admit(control, fd);
	if (err < 0)
		reject(fd, err, "no memory for another client");
}

/* accept() must not wait: the client may have left, or another process may have accepted it. */
static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_listener(const struct rzs_control_options *options, struct rzs_control *control,
			 char why[RZS_WHY_MAX])
{
	int err = 0;

	if (options->path) {
		control->path = strdup(options->path);
		if (!control->path) {
			snprintf(why, RZS_WHY_MAX, "no memory for a control socket");
			return -ENOMEM;
		}
		control->fd = rzs_listen_unix(options->path, 0600, why);
		if (control->fd < 0)
			return control->fd;
	} else {
		control->fd = options->fd;
		control->path = options->remove ? strdup(options->remove) : NULL;
		err = set_nonblocking(control->fd);
	}
	control->listener = (struct rzs_loop_fd){control->fd, on_connection, control};
	if (err == 0)
		err = rzs_loop_add(control->loop, &control->listener, EPOLLIN);
	if (err < 0) {
		snprintf(why, RZS_WHY_MAX, "cannot watch the control socket: %s", strerror(-err));
		if (options->path) {
			close(control->fd);
			rzs_listen_unix_remove(options->path);
		}
	}
	return err;
}

int rzs_control_start(struct rzs_loop *loop, const struct rzs_control_options *options,
		      const struct rzs_target *target, struct rzs_control **out,
		      char why[RZS_WHY_MAX])
{
	struct rzs_control *control = calloc(1, sizeof(*control));
	int err;

	*out = NULL;
	why[0] = '\0';
	if (!control) {
		snprintf(why, RZS_WHY_MAX, "no memory for a control socket");
		return -ENOMEM;
	}
	control->loop = loop;
	control->target = target;
	control->uid = geteuid();
	control->max_clients = options->max_clients ? options->max_clients : DEFAULT_CLIENTS;
	control->idle_seconds =
		options->idle_seconds ? options->idle_seconds : DEFAULT_IDLE_SECONDS;
	err = open_listener(options, control, why);
	if (err < 0) {
		free(control->path);
		free(control);
		return err;
	}
	*out = control;
	return 0;
}

int rzs_control_socket(const struct rzs_control *c, const char **out_path)
{
	*out_path = c->path;
	return c->fd;
}

void rzs_control_stop(struct rzs_control *c)
{
	while (c->clients)
		drop(c->clients);
	(void)rzs_loop_remove(c->loop, &c->listener);
	rzs_loop_clear_timer(c->loop, &c->pause);
	close(c->fd);
	if (c->path)
		rzs_listen_unix_remove(c->path);
	free(c->path);
	free(c);
}
