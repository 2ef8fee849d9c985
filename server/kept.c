/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server that has a keeper; see kept.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kept.h"
#include "say.h"
#include "signals.h"

static struct rzs_loop *loop;
static struct rzs_loop_fd keeper = {.fd = -1};
static struct rzs_loop_call usr2;
static struct rzs_predecessor *predecessor;
static unsigned nr_refused; /* how often this process was not replaced, and why the last time */
static char refused_why[RZS_WHY_MAX];

static void note_refusal(const char *why)
{
	nr_refused++;
	snprintf(refused_why, sizeof(refused_why), "%s", why);
}

static void on_handed(void *unused, const char *why)
{
	(void)unused;
	if (!why) {
		(void)rzs_keeper_send(keeper.fd, RZS_KEEPER_HANDED, NULL, -1);
		/*
		 * First of all, since the memory of a process goes before its descriptors: as long
		 * as a socket is open here, too, it seems to have another server behind it.
		 */
		(void)close_range(0, UINT_MAX, 0);
		_exit(0); /* the stores are the successor's: nothing of them is touched */
	}
	note_refusal(why);
	rzs_say_at(RZS_SAY_WARNING, "not replaced: %s", why);
	(void)rzs_keeper_send(keeper.fd, RZS_KEEPER_REFUSED, why, -1);
}

static void on_keeper(void *unused, uint32_t events)
{
	struct rzs_keeper_packet packet;
	int fd, got = rzs_keeper_receive(keeper.fd, &packet, &fd);

	(void)unused;
	(void)events;
	if (got > 0 && packet.say == RZS_KEEPER_HAND_OVER && fd >= 0)
		rzs_predecessor_begin(predecessor, fd);
	else if (fd >= 0)
		close(fd);
	if (got > 0 && packet.say == RZS_KEEPER_REFUSED)
		note_refusal(packet.text);
	if (got >= 0)
		return;
	rzs_say_at(RZS_SAY_ERROR, "the keeper has ended: this server goes on, and cannot be "
				  "replaced any more");
	(void)rzs_loop_remove(loop, &keeper);
	close(keeper.fd);
	keeper.fd = -1;
}

int rzs_kept_ask(void *unused, char why[RZS_WHY_MAX])
{
	int err;

	(void)unused;
	if (rzs_predecessor_is_busy(predecessor))
		return rzs_value_fail(why, -EBUSY, "the server is being replaced already");
	err = rzs_keeper_send(keeper.fd, RZS_KEEPER_UPGRADE, NULL, -1);
	if (err < 0)
		rzs_value_fail(why, err, "the keeper does not answer: %s", strerror(-err));
	return err;
}

const char *rzs_kept_not_replaced(void *unused, unsigned *nr)
{
	(void)unused;
	*nr = nr_refused;
	return nr_refused ? refused_why : NULL;
}

static void on_usr2(void *unused)
{
	char why[RZS_WHY_MAX];

	(void)unused;
	if (rzs_kept_ask(NULL, why) < 0)
		rzs_say_at(RZS_SAY_WARNING, "not replaced: %s", why);
}

int rzs_kept_open(struct rzs_loop *l, int fd, const struct rzs_predecessor_options *options)
{
	struct rzs_predecessor_options o = *options;
	int err;

	loop = l;
	o.done = on_handed;
	keeper = (struct rzs_loop_fd){fd, on_keeper, NULL};
	rzs_loop_add_call(loop, &usr2, on_usr2, NULL);
	err = rzs_predecessor_open(loop, &o, &predecessor);
	if (err == 0)
		err = rzs_signals_take(SIGUSR2, loop, &usr2);
	if (err == 0)
		err = rzs_loop_add(loop, &keeper, EPOLLIN);
	return err;
}

int rzs_kept_serves(void)
{
	return rzs_keeper_send(keeper.fd, RZS_KEEPER_SERVING, NULL, -1);
}

void rzs_kept_close(void)
{
	rzs_predecessor_close(predecessor);
	predecessor = NULL;
}
