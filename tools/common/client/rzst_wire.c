/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rzst_wire.h.  Every conversation ends, whatever the other end does: each answer has a
 * deadline and a limit on its lines.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rzst_wire.h"

#define LINES_MAX 4096u /* of one answer */

void rzst_wire_init(struct rzst_wire *w, const char *path, unsigned timeout, char *why,
		    size_t why_size)
{
	memset(w, 0, sizeof(*w));
	w->path = path;
	w->timeout = timeout;
	w->why = why;
	w->why_size = why_size;
	w->fd = -1;
}

void rzst_wire_close(struct rzst_wire *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

/* Ends the conversation with a message; returns err. */
static int __attribute__((format(printf, 3, 4)))
broken(struct rzst_wire *w, int err, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(w->why, w->why_size, "%s: ", w->path);

	if (n >= 0 && (size_t)n < w->why_size) {
		va_start(ap, fmt);
		vsnprintf(w->why + n, w->why_size - (size_t)n, fmt, ap);
		va_end(ap);
	}
	rzst_tame(w->why);
	rzst_wire_close(w);
	return err;
}

static int no_answer(struct rzst_wire *w)
{
	return broken(w, -ETIMEDOUT,
		      "no answer within %u s; the server is stuck or very busy: try again with a "
		      "longer --timeout, and see 'rzscontrol check'",
		      w->timeout);
}

static int cannot_connect(struct rzst_wire *w, int err)
{
	switch (err) {
	case -ENOENT:
		return broken(w, err,
			      "there is no such socket; start the server, or name the socket it "
			      "listens at with --socket");
	case -ECONNREFUSED:
		return broken(w, err, "nobody listens there any more; start the server again");
	case -EACCES:
	case -EPERM:
		return broken(w, -EACCES, "only root and the server's own user may use it");
	case -EAGAIN:
		return no_answer(w);
	case -EPROTOTYPE:
	case -ENOTSOCK:
		return broken(w, -EPROTOTYPE, "this is not a control socket");
	default:
		return broken(w, err, "%s", strerror(-err));
	}
}

static int open_socket(struct rzst_wire *w)
{
	/* It also limits how long connect() waits while the backlog is full. */
	struct timeval patience = {.tv_sec = w->timeout};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(w->path) >= sizeof(addr.sun_path))
		return broken(w, -ENAMETOOLONG,
			      "a socket's path has at most %zu bytes; reach it by a shorter one, "
			      "such as a symbolic link",
			      sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, w->path, strlen(w->path) + 1);
	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return broken(w, -errno, "socket: %s", strerror(errno));
	if (setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return broken(w, -errno, "SO_SNDTIMEO: %s", strerror(errno));
	if (connect(w->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return cannot_connect(w, -errno);
	return 0;
}

/* Wait for more bytes. */
static int receive(struct rzst_wire *w, uint64_t deadline)
{
	struct pollfd p = {.fd = w->fd, .events = POLLIN};
	ssize_t n;

	for (;;) {
		uint64_t now = rzst_now();
		int ready = poll(&p, 1, now < deadline ? (int)((deadline - now) / 1000000) + 1 : 0);

		if (ready == 0)
			return no_answer(w);
		if (ready < 0 && errno != EINTR)
			return broken(w, -errno, "poll: %s", strerror(errno));
		if (ready < 0)
			continue;
		n = recv(w->fd, w->in, sizeof(w->in), MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0 && errno != ECONNRESET)
			return broken(w, -errno, "%s", strerror(errno));
		if (n <= 0)
			return broken(w, -ECONNRESET,
				      "the server hung up in the middle of an answer; is it still "
				      "running?");
		w->in_at = 0;
		w->in_len = (size_t)n;
		return 0;
	}
}

/* The next event but WAIT: an enum rzs_ctl_output, or a negative errno. */
static int next_event(struct rzst_wire *w, uint64_t deadline)
{
	for (;;) {
		enum rzs_ctl_output event;
		size_t used;
		int err;

		event = rzs_ctl_reply_feed(&w->reply, w->in + w->in_at, w->in_len - w->in_at,
					   &used);
		w->in_at += used;
		if (event != RZS_CTL_WAIT)
			return (int)event;
		err = receive(w, deadline);
		if (err < 0)
			return err;
	}
}

static int server_error(struct rzst_wire *w)
{
	snprintf(w->why, w->why_size, "%s",
		 *w->reply.message ? w->reply.message : strerror(-w->reply.error));
	rzst_tame(w->why);
	return w->reply.error;
}

/* An NBD socket sends a greeting too, but no newline: do not wait for one. */
static bool begins_as_greeting(const struct rzst_wire *w)
{
	static const char *const begins[] = {RZS_CTL_NAME " ", "error "};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		size_t len = strlen(begins[i]);

		if (strncmp(w->in, begins[i], w->in_len < len ? w->in_len : len) == 0)
			return true;
	}
	return false;
}

static int take_greeting(struct rzst_wire *w, uint64_t deadline)
{
	int event = receive(w, deadline);

	if (event < 0)
		return event;
	if (!begins_as_greeting(w))
		return broken(w, -EPROTOTYPE,
			      "this is not a control socket: it sends '%.*s'; rzsd's is "
			      "/run/rzs/control.sock, nbdkit's is what control= names",
			      (int)(w->in_len < 8 ? w->in_len : 8), w->in);
	event = next_event(w, deadline);
	switch (event) {
	case RZS_CTL_GREETING:
		break;
	case RZS_CTL_ERROR:
		event = server_error(w);
		rzst_wire_close(w);
		return event;
	default:
		return event < 0 ? event : broken(w, -EPROTOTYPE, "%s", w->reply.why);
	}
	if (w->reply.protocol != RZS_CTL_PROTOCOL)
		return broken(w, -EPROTONOSUPPORT,
			      "it speaks protocol %u, this rzscontrol %u: use the rzscontrol that "
			      "came with the server",
			      w->reply.protocol, RZS_CTL_PROTOCOL);
	snprintf(w->program, sizeof(w->program), "%s", w->reply.words.word[2]);
	snprintf(w->version, sizeof(w->version), "%s", w->reply.words.word[3]);
	rzst_tame(w->program);
	rzst_tame(w->version);
	return 0;
}

static uint64_t deadline_of(const struct rzst_wire *w)
{
	return rzst_now() + w->timeout * UINT64_C(1000000000);
}

int rzst_wire_connect(struct rzst_wire *w)
{
	int err;

	if (w->fd >= 0)
		return 0;
	memset(&w->reply, 0, sizeof(w->reply));
	w->in_at = w->in_len = 0;
	err = open_socket(w);
	return err < 0 ? err : take_greeting(w, deadline_of(w));
}

static int send_request(struct rzst_wire *w, const char *const *words, unsigned nr)
{
	char line[RZS_CTL_REQUEST_MAX];
	size_t len = rzs_ctl_put_request(line, sizeof(line), words, nr), done = 0;

	if (len == 0) {
		snprintf(w->why, w->why_size,
			 "%s: more than a request may have, %u words and %u bytes; give the "
			 "settings one after the other with 'rzscontrol set'",
			 words[0], RZS_CTL_WORDS_MAX, RZS_CTL_REQUEST_MAX);
		return -EINVAL;
	}
	while (done < len) {
		ssize_t n = send(w->fd, line + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return no_answer(w);
		if (n < 0)
			return broken(w, -errno, "the server hung up: %s", strerror(errno));
		done += (size_t)n;
	}
	return 0;
}

int rzst_wire_ask(struct rzst_wire *w, const char *const *words, unsigned nr,
		  int (*line)(void *arg, const struct rzs_ctl_words *words), void *arg)
{
	uint64_t deadline;
	unsigned lines = 0;
	int err = rzst_wire_connect(w);

	if (err == 0)
		err = send_request(w, words, nr);
	deadline = deadline_of(w);
	while (err == 0) {
		int event = next_event(w, deadline);

		switch (event) {
		case RZS_CTL_OK:
			return 0;
		case RZS_CTL_ERROR:
			return server_error(w);
		case RZS_CTL_DATA:
			err = line(arg, &w->reply.words);
			if (err < 0 || ++lines > LINES_MAX)
				err = broken(w, -EPROTO,
					     "its answer to '%s' makes no sense; are server and "
					     "rzscontrol of the same version?",
					     words[0]);
			break;
		case RZS_CTL_BROKEN:
			err = broken(w, -EPROTO, "its answer to '%s' makes no sense: %s", words[0],
				     w->reply.why);
			break;
		default:
			err = event;
		}
	}
	return err;
}
