/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clients of nbdkit.  See client.h.
 *
 * nbdkit also opens a handle for a client that only asks for information (NBD_OPT_INFO), and does
 * not say so; nor does it say whether the client takes structured replies.  So only nbd-client
 * holds the device from the moment of opening.  Other clients hold it when they write, or when
 * their process has ended.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "client.h"

#define PATIENCE_S 10 /* how long to wait for a client that has disconnected */

struct client {
	struct rzs_holder *holder; /* NULL: it may only read, or all clients may write */
	bool may_write;
	bool known; /* its other connections can be recognised */
};

static struct {
	bool shared;
	struct rzs_hold hold;
	pthread_mutex_t lock;
	pthread_cond_t left; /* signalled when a connection is closed */
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

/* Whether the client may write.  Waits PATIENCE_S at most for a client that is about to leave. */
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

/*
 * Decide whether the client may write, and add it to the holders then.  A kernel holds the device
 * at once.  0 or a negative errno; -EBUSY: it is a kernel's, and another client holds the device.
 */
static int enter(struct client *c)
{
	struct rzs_peer_id id;
	int err;

	identify(&id);
	c->known = rzs_peer_is_known(&id);
	c->may_write = ask(&id);
	if (!c->may_write)
		return id.attaches ? -EBUSY : 0;
	err = rzs_hold_enter(&all.hold, &id, &c->holder);
	if (err == 0 && id.attaches)
		(void)rzs_hold_take(&all.hold, c->holder);
	return err;
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
	nbdkit_error("%s", err == -EBUSY ? RZS_HOLD_REFUSAL : "no memory for another client");
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

/* A client whose connections count as different clients should use only one. */
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
