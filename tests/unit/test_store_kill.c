/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that are killed (kill_rig.h), with the test port: its arenas are fast to adopt. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "port_test.h"

#define ARENA		   ((size_t)4 << 20)
#define KILL_PORT_INHERITS true

struct kill_port {
	struct rzs_test_arena arena[2]; /* the same memory at two addresses */
	unsigned at;			/* which one the store is in */
};

#include "kill_rig.h"

static void kill_port_open(struct kill_port *port)
{
	rzs_test_arena_open(&port->arena[0], ARENA);
	rzs_test_use_arena(&port->arena[0]);
}

static void kill_port_opened(struct kill_port *port)
{
	rzs_test_arena_map(&port->arena[1], &port->arena[0]);
}

static struct rzs_blocks *kill_port_attach(struct kill_port *port)
{
	port->at = !port->at;
	return rzs_test_adopt(&port->arena[port->at], UINT64_MAX);
}

static void kill_port_close(struct kill_port *port)
{
	rzs_test_arena_close(&port->arena[0]);
	rzs_test_arena_close(&port->arena[1]);
}

/*
 * Red when a slide is made in place, or a page is written over the one that it replaces; when a
 * lock, a bit or a list of the killed process stays, or what it had taken is not given back.
 */
T_TEST_TIMEOUT(a_kill_leaves_every_page_that_was_not_being_written, 300)
{
	kill_and_adopt(false, false, kills(45));
}

/* Red when an object that was about to be shared is not the page's any more. */
T_TEST_TIMEOUT(a_kill_leaves_pages_that_share, 300)
{
	kill_and_adopt(true, false, kills(15));
}

/* Red when a page that was compressed again cannot be read, or is one of two objects. */
T_TEST_TIMEOUT(a_kill_leaves_pages_that_were_recompressed, 300)
{
	kill_and_adopt(true, true, kills(10));
}
