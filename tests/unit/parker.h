/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A back end that parks requests (server/request.h), for the tests' devices.  A test says for which
 * pages, and completes them in the order that it wants.  It sees whether the connection keeps its
 * side of the contract: the same call again, once for each completion, and none too early.
 *
 * Threading: any.
 */
#ifndef RZS_TEST_PARKER_H
#define RZS_TEST_PARKER_H

#include "request.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARKER_MAX    1024u  /* requests at once */
#define PARKER_PAGES  16384u /* of all devices */
#define PARKER_ALWAYS 255u

struct parker_ticket {
	struct rzs_request *rq;
	uint64_t offset, len;
	int err; /* for the call that is made again */
	bool completed;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* more wait, or `ended` is set */
	bool ended;
	uint8_t pages[PARKER_PAGES]; /* as often calls for a page are parked */
	struct parker_ticket *tickets[PARKER_MAX];
	unsigned nr;	  /* requests that are parked, or whose call was not made again */
	unsigned waiting; /* of these, not completed; they come first in the array */
	uint64_t all;
} parker = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void parker_reset(void)
{
	memset(parker.pages, 0, sizeof(parker.pages));
	parker.nr = parker.waiting = 0;
	parker.ended = false;
	parker.all = 0;
}

static inline void parker_broken(const char *what)
{
	(void)!write(STDERR_FILENO, what, strlen(what));
	_exit(99);
}

static inline void parker_swap(unsigned a, unsigned b)
{
	struct parker_ticket *t = parker.tickets[a];

	parker.tickets[a] = parker.tickets[b];
	parker.tickets[b] = t;
}

/* The call is made again: its answer. */
static inline int parker_again(struct parker_ticket *t, struct rzs_request *rq, uint64_t offset,
			       uint64_t len)
{
	unsigned i = parker.waiting;
	int err = t->err;

	if (!t->completed)
		parker_broken("# called again before it was completed\n");
	if (t->rq != rq || t->offset != offset || t->len != len)
		parker_broken("# another call than the one that was parked\n");
	while (parker.tickets[i] != t)
		i++;
	parker_swap(i, --parker.nr);
	free(t);
	rq->ticket = NULL;
	return err;
}

static inline int parker_park(struct rzs_request *rq, uint64_t offset, uint64_t len)
{
	struct parker_ticket *t = calloc(1, sizeof(*t));

	if (!t || parker.nr == PARKER_MAX)
		parker_broken("# the parker is full\n");
	*t = (struct parker_ticket){.rq = rq, .offset = offset, .len = len};
	parker.tickets[parker.nr] = t;
	parker_swap(parker.nr++, parker.waiting++);
	parker.all++;
	pthread_cond_broadcast(&parker.changed);
	rq->ticket = t;
	return -EINPROGRESS;
}

/* What a device does first: 0, -EINPROGRESS, or the error that a test has chosen. */
static inline int parker_call(struct rzs_request *rq, uint64_t offset, uint64_t len)
{
	uint8_t *times = &parker.pages[offset / 4096 % PARKER_PAGES];
	int err = 0;

	if (!rq)
		return 0;
	pthread_mutex_lock(&parker.lock);
	if (rq->ticket) {
		err = parker_again(rq->ticket, rq, offset, len);
	} else if (*times) {
		*times -= *times != PARKER_ALWAYS;
		err = parker_park(rq, offset, len);
	}
	pthread_mutex_unlock(&parker.lock);
	return err;
}

/* Complete the i-th of those that wait; false: there is none. */
static inline bool parker_complete(unsigned i, int err)
{
	struct rzs_request *rq = NULL;

	pthread_mutex_lock(&parker.lock);
	if (i < parker.waiting) {
		struct parker_ticket *t = parker.tickets[i];

		rq = t->rq;
		t->err = err;
		t->completed = true;
		parker_swap(i, --parker.waiting);
	}
	pthread_mutex_unlock(&parker.lock);
	if (rq)
		rzs_request_complete(rq);
	return rq != NULL;
}

/* Sleep until so many wait, or parker_end().  How many do. */
static inline unsigned parker_wait(unsigned nr)
{
	unsigned n;

	pthread_mutex_lock(&parker.lock);
	while (parker.waiting < nr && !parker.ended)
		pthread_cond_wait(&parker.changed, &parker.lock);
	n = parker.waiting;
	pthread_mutex_unlock(&parker.lock);
	return n;
}

/* Nobody is to sleep in parker_wait() any more. */
static inline void parker_end(void)
{
	pthread_mutex_lock(&parker.lock);
	parker.ended = true;
	pthread_cond_broadcast(&parker.changed);
	pthread_mutex_unlock(&parker.lock);
}

#endif
