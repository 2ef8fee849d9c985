/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes that are killed (kill_rig.h), with the user port: the store is in a segment.  This
 * process stays attached to it, so that it outlives those that are killed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "blocks.h"
#include "segment.h"

#define KILL_PORT_INHERITS false

struct kill_port {
	struct rzs_blocks_share share;
	struct rzs_segment kept;
};

#include "kill_rig.h"

/* A process without the right to make a segment can say so only before the store fails. */
static void kill_port_open(struct kill_port *port)
{
	const char *why;

	if (rzs_segment_create(&port->kept, RZS_SEGMENT_GRAIN, RZS_SEGMENT_GRAIN, &why))
		T_SKIP("%s", why);
	rzs_segment_detach(&port->kept);
	rzs_blocks_share_next(&port->share);
}

static void kill_port_opened(struct kill_port *port)
{
	const char *why;

	T_EQ(rzs_segment_attach(&port->kept, port->share.id, &why), 0);
}

static struct rzs_blocks *kill_port_attach(struct kill_port *port)
{
	struct rzs_blocks *b;
	const char *why;

	return rzs_blocks_attach(port->share.id, &b, &why) ? NULL : b;
}

static void kill_port_close(struct kill_port *port)
{
	rzs_segment_detach(&port->kept);
}

/*
 * Red when a slide is made in place, or a page is written over the one that it replaces; when a
 * lock, a bit or a list of the killed process stays, or what it had taken is not given back.
 */
T_TEST_TIMEOUT(a_kill_leaves_every_page_that_was_not_being_written, 300)
{
	kill_and_adopt(false, false, kills(15));
}

/* Red when an object that was about to be shared is not the page's any more. */
T_TEST_TIMEOUT(a_kill_leaves_pages_that_share, 300)
{
	kill_and_adopt(true, false, kills(8));
}

/* Red when a page that was compressed again cannot be read, or is one of two objects. */
T_TEST_TIMEOUT(a_kill_leaves_pages_that_were_recompressed, 300)
{
	kill_and_adopt(true, true, kills(7));
}
