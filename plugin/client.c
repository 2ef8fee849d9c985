/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbdkit's clients.  See client.h.
 *
 * nbdkit opens a handle for a client that only asks what there is (NBD_OPT_INFO) as well, and does
 * not say which it is, nor whether the client takes structured replies.  So nobody holds the device
 * from the moment of opening; whoever writes does, and a client whose process has gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "client.h"

#define PATIENCE_S 10 /* for one that has hung up to have left */

struct client {
	struct rzs_holder *holder; /* NULL: it may only read, or all may write */
	bool may_write;
	bool known; /* its other connections are known to be its */
};

static struct {
	bool shared;
	struct rzs_hold hold;
	pthread_mutex_t lock;
	pthread_cond_t left; /* a client has */
	unsigned departures;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

void rzs_client_start(bool shared, const char *control)
{
	pthread_condattr_t attr;

	all.shared = shared;
	rzs_hold_init(&all.hold);
	rzs_hold_set_control(control);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&all.left, &attr);
	pthread_condattr_destroy(&attr);
}

static void identify(struct rzs_peer_id *out)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(address);

	if (nbdkit_peer_name((struct sockaddr *)&address, &len) < 0)
		len = 0;
	if (address.ss_family == AF_UNIX)
		rzs_peer_set_pid(out, (pid_t)nbdkit_peer_pid());
	else
		rzs_peer_set_address(out, &address, len);
}

/* Ask until nobody is about to leave.  One that does not leave at all is one that stays. */
static bool ask(const struct rzs_peer_id *id)
{
	enum rzs_hold_answer answer;
	struct timespec until;
	unsigned before;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&all.lock);
	for (;;) {
		before = all.departures;
		answer = rzs_hold_ask(&all.hold, id);
		if (answer != RZS_HOLD_WAIT || err)
			break;
		while (!err && before == all.departures)
			err = pthread_cond_timedwait(&all.left, &all.lock, &until);
	}
	pthread_mutex_unlock(&all.lock);
	return answer == RZS_HOLD_WRITE;
}

/* Negative errno; it may only read, which is fine, or c->holder is set. */
static int enter(struct client *c)
{
	struct rzs_peer_id id;

	identify(&id);
	c->known = rzs_peer_is_known(&id);
	c->may_write = ask(&id);
	return c->may_write ? rzs_hold_enter(&all.hold, &id, &c->holder) : 0;
}

void *rzs_client_open(int readonly)
{
	struct client *c = calloc(1, sizeof(*c));
	int err = c ? 0 : -ENOMEM;

	if (c && (readonly || all.shared))
		c->may_write = all.shared && !readonly;
	else if (c)
		err = enter(c);
	if (err == 0)
		return c;
	free(c);
	nbdkit_error("no memory for another client");
	return NULL;
}

void rzs_client_close(void *handle)
{
	struct client *c = handle;

	pthread_mutex_lock(&all.lock);
	rzs_hold_leave(&all.hold, c->holder);
	all.departures++;
	pthread_cond_broadcast(&all.left);
	pthread_mutex_unlock(&all.lock);
	free(c);
}

int rzs_client_can_write(void *handle)
{
	const struct client *c = handle;

	return c->may_write;
}

/* Where each of its connections would be another client's it had better have only one. */
int rzs_client_can_multi_conn(void *handle)
{
	const struct client *c = handle;

	return all.shared || !c->may_write || c->known;
}

bool rzs_client_may_change(void *handle)
{
	const struct client *c = handle;

	return rzs_hold_take(&all.hold, c->holder);
}

bool rzs_client_holder(pid_t *out_pid)
{
	return rzs_hold_holder(&all.hold, out_pid);
}
