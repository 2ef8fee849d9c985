/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handing over; see predecessor.h.  The steps:
 *
 *   1. Send devices and listeners.  From now on refuse changes of devices.  Clients are served.
 *   2. The successor has loaded, locked and checked everything.  Accept no more clients, and wait
 *      until those in their handshake are through it, or have left.
 *   3. When the reserve is ample, hold the threads that change the memory of stores, upkeep and
 *      refill; each of these may wait for memory before.  The reserve is all that there is for
 *      clients now.  The successor finds the memory that the stores have.
 *   4. Hold the I/O threads: all that was begun is answered.
 *   5. Send the connections with what was received and not served.  The successor takes them.
 *   6. This process says GO: no thread of it uses a store any more.  How long the kernel takes to
 *      end it then, nobody waits for.
 *
 * Up to 5 each error leads back to where it began.
 *
 * From 4 on nobody serves swap until the successor does.  What the kernel still needs memory for
 * (messages on sockets, entries of epoll sets) is asked for by threads of I/O priority in both
 * processes: a real-time thread gets it from what the kernel keeps below its low mark.
 * So while the machine swaps it is refused without all protections, of this process or the other.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocks.h"
#include "clock.h"
#include "conn.h"
#include "hand.h"
#include "predecessor.h"
#include "protect_server.h"
#include "takeovers.h"
#include "upkeep.h"

#define HOLD_MS	      2000 /* for clients that do not take their replies */
#define HANDSHAKES_MS 5	   /* between two looks whether there are some left */
#define FIND_MS	      20   /* between two looks at the reserve, while the successor finds memory */
#define PATIENCE_MS   10000 /* for a reserve that lasts, and for the successor to find memory */

struct rzs_predecessor {
	struct rzs_predecessor_options options;
	struct rzs_loop *loop;
	struct rzs_loop_fd watched; /* fd -1: no successor is there */
	struct rzs_loop_timer timer;
	bool held;   /* the front */
	bool still;  /* upkeep and refill are held */
	bool raised; /* this thread's priority */
	bool owners;
	uint64_t until_ms; /* how long is waited in 3, by rzs_clock_ms(); 0: not yet */
	uint64_t held_ns;  /* when clients were held */
	int err; /* of the connections so far */
	struct rzs_hand_message m;
};

/* Hold what changes the memory of stores beside clients' requests, or let it go on. */
static void set_still(struct rzs_predecessor *p, bool still)
{
	if (p->still == still)
		return;
	p->still = still;
	rzs_upkeep_hold(still);
	rzs_blocks_hold_all(still);
}

static void give_up(struct rzs_predecessor *p, const char *why)
{
	char text[RZS_WHY_MAX];

	snprintf(text, sizeof(text), "%s", why);
	rzs_loop_clear_timer(p->loop, &p->timer);
	(void)rzs_loop_remove(p->loop, &p->watched);
	close(p->watched.fd);
	p->watched.fd = -1;
	set_still(p, false);
	if (p->held)
		rzs_front_release(p->options.front);
	p->held = false;
	if (p->raised)
		rzs_threads_lower(rzs_protect_server_front());
	p->raised = false;
	rzs_devices_freeze(p->options.devices, false);
	p->options.done(p->options.arg, text);
}

static void give_up_errno(struct rzs_predecessor *p, const char *what, int err)
{
	char text[RZS_WHY_MAX];

	snprintf(text, sizeof(text), "%s: %s", what,
		 err == -EPIPE ? "the new server has ended" : strerror(-err));
	give_up(p, text);
}

/* ---- 5: connections ---- */

static void send_connection(void *arg, const struct rzs_conn *c)
{
	struct rzs_predecessor *p = arg;
	struct rzs_hand_connection *h = &p->m.connection;
	struct rzs_device *d = c->session.tag;
	struct rzs_holder *client = c->session.client;
	bool owner = client && atomic_load(&d->hold.owner) == client;

	/* Owners first: a client that is alone when it comes may hold the device by that. */
	if (p->err < 0 || owner != p->owners)
		return;
	memset(h, 0, sizeof(*h));
	strcpy(h->device, d->name);
	h->size = c->session.size;
	h->max_payload = c->session.max_payload;
	h->context = c->session.context;
	h->flags = c->session.flags;
	h->structured = c->session.structured;
	h->block_status = c->session.block_status;
	h->owner = owner;
	if (client) {
		const struct rzs_peer_id *id = rzs_hold_peer(client);

		h->attaches = id->attaches;
		h->pid = id->pid;
		h->start = id->start;
		h->address_len = (uint8_t)id->address_len;
		memcpy(h->address, id->address, sizeof(h->address));
	}
	p->m.kind = RZS_HAND_CONNECTION;
	p->m.fd = c->fd;
	p->m.len = rzs_conn_unserved(c, p->m.rest);
	p->err = rzs_hand_send(p->watched.fd, &p->m);
}

static int send_go(struct rzs_predecessor *p)
{
	struct rzs_takeovers t;

	rzs_takeovers_get(&t);
	p->m.kind = RZS_HAND_GO;
	p->m.len = 0;
	p->m.fd = -1;
	p->m.go = (struct rzs_hand_go){
		.held_ns = p->held_ns, .takeovers = t.nr, .worst_ns = t.worst_ns};
	return rzs_hand_send(p->watched.fd, &p->m);
}

static void send_connections(struct rzs_predecessor *p)
{
	int fd = p->watched.fd;

	p->err = 0;
	p->owners = true;
	rzs_io_each_held(p->options.io, send_connection, p);
	p->owners = false;
	rzs_io_each_held(p->options.io, send_connection, p);
	if (p->err == 0)
		p->err = rzs_hand_say(fd, RZS_HAND_BYE, NULL);
	if (p->err == 0)
		p->err = rzs_hand_receive(fd, &p->m);
	if (p->err == 0 && p->m.kind != RZS_HAND_TAKEN)
		p->err = -EPROTO;
	/* Again, as swap may have come on meanwhile. */
	if (p->err == 0 && !rzs_protect_server_may_replace())
		p->err = -EBUSY;
	if (p->err == 0)
		p->err = send_go(p);
	if (p->err == 0)
		p->options.done(p->options.arg, NULL); /* and does not return */
	rzs_io_release(p->options.io);
	if (p->err == -EPROTO && p->m.kind == RZS_HAND_REFUSED)
		give_up(p, (const char *)p->m.rest);
	else if (p->err == -EBUSY)
		give_up(p, RZS_PROTECT_SERVER_NOT_NOW);
	else
		give_up_errno(p, "handing over connections", p->err);
}

/* ---- 2, 3, 4 ---- */

static void hand_over_clients(struct rzs_predecessor *p)
{
	int err;

	p->raised = rzs_threads_raise(rzs_protect_server_front());
	p->held_ns = rzs_clock_ns();
	err = rzs_io_hold(p->options.io, HOLD_MS);
	if (err < 0)
		give_up(p, "a client does not take its replies");
	else
		send_connections(p);
}

/* Whether at least 1/share of the reserve is there. */
static bool reserve_has(unsigned share)
{
	struct rzs_blocks_info info;

	rzs_blocks_info(&info);
	return info.ready >= info.reserve / share;
}

/* While the successor finds the stores' memory. */
static void on_finding(void *arg)
{
	struct rzs_predecessor *p = arg;

	if (!reserve_has(4))
		give_up(p, "the reserve is nearly empty, and is not refilled meanwhile");
	else if (rzs_clock_ms() >= p->until_ms)
		give_up(p, "the new server takes too long to find the stores' memory");
	else
		rzs_loop_set_timer(p->loop, &p->timer, FIND_MS, on_finding, p);
}

static void begin_finding(struct rzs_predecessor *p)
{
	int err;

	set_still(p, true);
	p->until_ms = rzs_clock_ms() + PATIENCE_MS;
	err = rzs_hand_say(p->watched.fd, RZS_HAND_STILL, NULL);
	if (err < 0)
		give_up_errno(p, "finding memory", err);
	else
		rzs_loop_set_timer(p->loop, &p->timer, FIND_MS, on_finding, p);
}

static void on_handshakes(void *arg)
{
	struct rzs_predecessor *p = arg;

	bool all = !rzs_front_handshakes(p->options.front);

	if (!all || !p->until_ms)
		p->until_ms = rzs_clock_ms() + PATIENCE_MS;
	if (all && reserve_has(2))
		begin_finding(p);
	else if (rzs_clock_ms() >= p->until_ms)
		give_up(p, "the reserve stays below its half");
	else
		rzs_loop_set_timer(p->loop, &p->timer, HANDSHAKES_MS, on_handshakes, p);
}

static void on_answer(void *arg, uint32_t events)
{
	struct rzs_predecessor *p = arg;
	int err = rzs_hand_receive(p->watched.fd, &p->m);

	(void)events;
	if (err < 0) {
		give_up_errno(p, "preparing", err);
	} else if (p->m.kind == RZS_HAND_REFUSED) {
		give_up(p, (const char *)p->m.rest);
	} else if (p->m.kind == RZS_HAND_FOUND && p->still) {
		rzs_loop_clear_timer(p->loop, &p->timer);
		hand_over_clients(p);
	} else if (p->m.kind != RZS_HAND_READY || p->held) {
		give_up(p, "an answer that nobody asked for");
	} else {
		p->held = true;
		rzs_front_hold(p->options.front);
		p->until_ms = 0;
		rzs_loop_set_timer(p->loop, &p->timer, HANDSHAKES_MS, on_handshakes, p);
	}
}

/* ---- 1 ---- */

static int send_listener(struct rzs_predecessor *p, const struct rzs_listener *l)
{
	struct rzs_hand_message *m = &p->m;

	m->kind = RZS_HAND_LISTENER;
	m->len = 0;
	m->fd = l->fd;
	memset(&m->listener, 0, sizeof(m->listener));
	strcpy(m->listener.name, l->name);
	m->listener.local = l->local;
	m->listener.remove = l->remove;
	return rzs_hand_send(p->watched.fd, m);
}

static int send_control(struct rzs_predecessor *p)
{
	struct rzs_hand_message *m = &p->m;
	const char *path;

	if (!p->options.control)
		return 0;
	m->kind = RZS_HAND_CONTROL;
	m->len = 0;
	m->fd = rzs_control_socket(p->options.control, &path);
	memset(&m->control, 0, sizeof(m->control));
	m->control.remove = path != NULL;
	if (path)
		snprintf(m->control.path, sizeof(m->control.path), "%s", path);
	return rzs_hand_send(p->watched.fd, m);
}

static int send_all(struct rzs_predecessor *p)
{
	int fd = p->watched.fd, err = rzs_hand_init(fd);

	p->m.kind = RZS_HAND_HELLO;
	p->m.len = 0;
	p->m.fd = -1;
	p->m.hello.protocol = RZS_HAND_PROTOCOL;
	p->m.hello.connections = rzs_devices_connections(p->options.devices);
	if (err == 0)
		err = rzs_hand_send(fd, &p->m);
	if (err == 0)
		err = rzs_devices_hand(p->options.devices, fd, &p->m);
	for (unsigned i = 0; err == 0 && i < p->options.nr_listeners; i++)
		err = send_listener(p, &p->options.listeners[i]);
	if (err == 0)
		err = send_control(p);
	if (err == 0)
		err = rzs_hand_say(fd, RZS_HAND_PREPARE, NULL);
	if (err == 0)
		err = rzs_loop_add(p->loop, &p->watched, EPOLLIN);
	return err;
}

bool rzs_predecessor_is_busy(const struct rzs_predecessor *p)
{
	return p->watched.fd >= 0;
}

void rzs_predecessor_begin(struct rzs_predecessor *p, int fd)
{
	int err;

	if (p->watched.fd >= 0) {
		close(fd);
		p->options.done(p->options.arg, "the server is being replaced already");
		return;
	}
	if (!rzs_protect_server_may_replace()) {
		close(fd);
		p->options.done(p->options.arg, RZS_PROTECT_SERVER_NOT_NOW);
		return;
	}
	p->watched = (struct rzs_loop_fd){fd, on_answer, p};
	rzs_devices_freeze(p->options.devices, true);
	err = send_all(p);
	if (err < 0)
		give_up_errno(p, "handing over devices", err);
}

int rzs_predecessor_open(struct rzs_loop *loop, const struct rzs_predecessor_options *options,
			 struct rzs_predecessor **out)
{
	struct rzs_predecessor *p = calloc(1, sizeof(*p));

	*out = p;
	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->options = *options;
	p->watched.fd = -1;
	return 0;
}

void rzs_predecessor_close(struct rzs_predecessor *p)
{
	if (!p)
		return;
	rzs_loop_clear_timer(p->loop, &p->timer);
	if (p->watched.fd >= 0)
		close(p->watched.fd);
	free(p);
}
